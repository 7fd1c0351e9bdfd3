# SPDX-License-Identifier: Apache-2.0
"""Whether scripts let an instance go to a modality."""

from typing import Any

import structlog

from pons.catalog import Headers, InstanceToSend, StoredHeader
from pons.errors import InvalidInstance, NotFound, TooLarge, Unavailable
from pons.lua.functions import OUTGOING_C_STORE
from pons.lua.scripts import ScriptFailed, Scripts
from pons.lua.values import told_tags
from pons_egress.peer import Peer

log = structlog.get_logger()


class OutgoingFilter:
    """Asks `OutgoingCStoreInstanceFilter`; where no script defines it, it costs nothing."""

    def __init__(self, scripts: Scripts, headers: Headers) -> None:
        self._scripts = scripts
        self._headers = headers

    async def lets_go(self, instance: InstanceToSend, peer: Peer) -> bool:
        """Whether the peer is to get the instance.

        Raises `Unavailable` when the function fails or does not answer: what was not filtered is
        not sent. Raises `NotFound` for an instance that was deleted, and `InvalidInstance` for one
        with more tags than a script can be told.
        """
        if not self._scripts.defines(OUTGOING_C_STORE):
            return True
        try:
            tags = await self._headers.read(instance.instance_id, _tags)
        except TooLarge as error:
            raise InvalidInstance(error.message, "no script can be asked about it") from error
        if tags is None:
            raise NotFound(f"Instance {instance.instance_id} was deleted since the job began")
        destination = {"RemoteAet": peer.aet, "Modality": peer.modality}
        try:
            outcome = await self._scripts.call(
                OUTGOING_C_STORE, tags, destination, wanted="boolean"
            )
        except ScriptFailed as error:
            log.error("lua filter failed", function=OUTGOING_C_STORE, error=str(error))
            what = "A Lua script could not tell whether to send the instance"
            raise Unavailable(what, str(error)) from error
        return bool(outcome.value)


def _tags(header: StoredHeader) -> dict[str, Any]:
    return told_tags(header.json)
