# SPDX-License-Identifier: Apache-2.0
"""Whether scripts let an instance in, wherever it comes from."""

from collections.abc import Sequence
from typing import Any

import structlog

from pons.errors import Forbidden, ScriptUnavailable
from pons.header.packed import unpack_header
from pons.lua.frames import Wanted
from pons.lua.functions import RECEIVED_C_STORE, RECEIVED_INSTANCE
from pons.lua.scripts import ScriptFailed, Scripts
from pons.lua.values import told_origin, told_tags
from pons.messages.events import InstanceReceived

log = structlog.get_logger()

SUCCESS = 0x0000
LARGEST_STATUS = 0xFFFF
FAILURES = (0xA, 0xC)
"""First digits of failures; others are success, warnings, cancel and pending (PS3.7 annex C)."""
GENERAL_FAILURES = (0x01, 0x02)
GENERAL_WARNINGS = (0x0107, 0x0116)


class StatusWanted(Forbidden):
    """A script wants the C-STORE of an instance to be answered with `status`; it is not kept."""

    def __init__(self, status: int) -> None:
        super().__init__(f"A Lua script refuses the instance with status 0x{status:04X}")
        self.status = status


class FilterFailed(ScriptUnavailable):
    """A script could not tell whether to keep an instance, as it is wrong or raised an error."""


class InstanceFilter:
    """Asks the functions that scripts define; where they define none, it costs nothing."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    def applies(self, kind: str) -> bool:
        """Whether there is something to ask of an instance that came in such a way."""
        defines = self._scripts.defines
        return defines(RECEIVED_INSTANCE) or (kind == "DicomProtocol" and defines(RECEIVED_C_STORE))

    async def lets_in(self, received: InstanceReceived) -> bool:
        """Whether the instance is to be kept.

        Raises `StatusWanted`, and `Unavailable` when a script fails (`FilterFailed`) or does not
        answer: then the sender is to keep it, and to try again once scripts are mended.
        """
        info = {
            "HasPixelData": received.pixel_offset is not None,
            "TransferSyntaxUID": received.transfer_syntax,
        }
        told = (told_tags(unpack_header(received.header)), told_origin(received.origin), info)
        defines = self._scripts.defines
        if defines(RECEIVED_INSTANCE) and not await self._ask(RECEIVED_INSTANCE, told, "boolean"):
            return False
        if received.origin.kind == "DicomProtocol" and defines(RECEIVED_C_STORE):
            status = await self._ask(RECEIVED_C_STORE, told, "number")
            if not SUCCESS <= status <= LARGEST_STATUS or status != int(status):
                raise _no_status(f"returned no status: {status}")
            if status != SUCCESS:
                if not is_failure(int(status)):
                    raise _no_status(f"returned 0x{int(status):04X}, which is no failure's status")
                raise StatusWanted(int(status))
        return True

    async def _ask(self, function: str, told: Sequence[Any], wanted: Wanted) -> Any:
        try:
            return (await self._scripts.call(function, *told, wanted=wanted)).value
        except ScriptFailed as error:
            log.error("lua filter failed", function=function, error=str(error))
            raise FilterFailed(
                "A Lua script could not tell whether to keep the instance", str(error)
            ) from error


def is_failure(status: int) -> bool:
    """Whether a sender that hears it keeps its instance: warnings say that this store has it, and
    behind pending it would wait for more."""
    if status >> 8 in GENERAL_FAILURES:
        return status not in GENERAL_WARNINGS
    return status >> 12 in FAILURES


def _no_status(what: str) -> FilterFailed:
    log.error("lua filter failed", function=RECEIVED_C_STORE, error=what)
    return FilterFailed(f"Lua function {RECEIVED_C_STORE} {what}")
