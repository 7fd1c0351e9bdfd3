# SPDX-License-Identifier: Apache-2.0
"""What an association has been promised, and reads do not show yet."""

from collections import deque
from typing import Protocol

import structlog

from pons.dicom.identity import ResourceIds
from pons.errors import PonsError
from pons.messages.events import StoreStatus

REMEMBERED = 1000
"""Instances that the end of an association waits for; earlier ones are only promised to be seen."""

log = structlog.get_logger()


class StoreOutcome(Protocol):
    """What is needed of `pons.ingest.Stored`."""

    @property
    def status(self) -> StoreStatus: ...


class Kept(Protocol):
    """What is needed of `pons.ingest.Kept`: an instance that is durable."""

    @property
    def ids(self) -> ResourceIds: ...

    async def stored(self) -> StoreOutcome:
        """Returns once reads see it, or the index was given its time. Raises `PonsError`."""


class Unseen:
    """The instances of one association that it was told are stored before reads show them."""

    def __init__(self) -> None:
        self.stored = 0
        """Instances of this association that were stored, seen or not."""
        self._kept: deque[tuple[str, Kept]] = deque(maxlen=REMEMBERED)

    def add(self, sop_instance_uid: str, kept: Kept) -> None:
        self._kept.append((sop_instance_uid, kept))

    async def settle(self) -> None:
        """Wait until reads show them all, but no longer than the index may take for one."""
        while self._kept:
            sop_instance_uid, kept = self._kept.popleft()
            try:
                await kept.stored()
            except PonsError as error:
                # Its bytes are kept, and the index keeps the reason, for people to look at.
                log.error(
                    "instance acknowledged, then refused",
                    sop_instance_uid=sop_instance_uid,
                    reason=str(error),
                )
