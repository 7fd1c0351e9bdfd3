# SPDX-License-Identifier: Apache-2.0
"""How far the sub-operations of a C-MOVE or C-GET are, as responses tell it (PS3.4 C.4.2.1)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from pons.dicom.levels import Level
from pons.dicom.network.dimse import (
    COMPLETED_SUBOPERATIONS,
    FAILED_SUBOPERATIONS,
    REMAINING_SUBOPERATIONS,
    WARNING_SUBOPERATIONS,
    Response,
)
from pons.header.repertoire import ASCII, Repertoire
from pons.header.write import write_dataset
from pons_ingress.status import (
    CANCELLED,
    NOTHING_SENT,
    PENDING,
    SOME_FAILED,
    SUCCESS,
)

MOST = 0xFFFF
"""The largest number that a response can tell."""
FAILED_SOP_INSTANCE_UID_LIST = "00080058"


@dataclass(slots=True)
class SubOperations:
    """Counts them; `failed_uids` are instances that did not arrive, as far as they are known."""

    total: int
    completed: int = 0
    warning: int = 0
    failed: int = 0
    held_back: int = 0
    """Those that scripts do not let go: they are counted as none of these."""
    failed_uids: list[str] = field(default_factory=list)
    lacking: int = 0
    """Those that failed, in `failed`, because what was named is not there."""
    comment: str = ""
    """What the last response says where nothing worse happened."""

    @property
    def dealt_with(self) -> int:
        return self.completed + self.warning + self.failed + self.held_back

    @property
    def remaining(self) -> int:
        """Never less than none: what comes in meanwhile is moved, too, and was not in the total."""
        return max(self.total - self.dealt_with, 0)

    def follow(self, dealt_with: int, *, failed: int, warning: int, held_back: int) -> None:
        """Count as a job does that has dealt with so many; what is not there failed before it."""
        self.failed = self.lacking + failed
        self.warning, self.held_back = warning, held_back
        self.completed = max(dealt_with - failed - warning - held_back, 0)

    def lack(self, level: Level, named: Sequence[str]) -> None:
        """Count what was named at a level and is not there: each is a sub-operation that failed.

        Instances are listed by their UIDs; of the others nobody knows what would have been sent.
        """
        self.lacking = len(named)
        self.total += self.lacking
        self.failed += self.lacking
        if level == "Instance":
            self.failed_uids += named
        if named:
            self.comment = f"Not in this store: {len(named)} of those named"

    def fail(self, sop_instance_uid: str) -> None:
        """Count one that failed."""
        self.failed += 1
        self.failed_uids.append(sop_instance_uid)

    def pending(self) -> Response:
        """The response while there is more to do."""
        return Response(PENDING, elements=self._numbers(remaining=True))

    def final(self, *, cancelled: bool = False, comment: str = "") -> Response:
        """The last response: cancelled, all there, some failed or with a warning, or all failed."""
        comment = comment or self.comment
        if cancelled:
            return Response(CANCELLED, comment, self._numbers(remaining=True))
        status = SOME_FAILED if self.failed or self.warning else SUCCESS
        if self.failed and not (self.completed or self.warning):
            status = NOTHING_SENT
        return Response(status, comment, self._numbers(remaining=False))

    def broken_off(self, status: int, comment: str) -> Response:
        """The last response where the request itself failed; mostly it had come nowhere."""
        return Response(status, comment, self._numbers(remaining=False))

    def failures(self, transfer_syntax: str) -> bytes | None:
        """The identifier of the last response, which lists what failed; None where nothing did.

        It has as many as the number in the same response can count, 4.3 MB of the longest UIDs. A
        list of more than 64 KiB has the VR UN where that is explicit (PS3.5 6.2.2).
        """
        if not self.failed_uids:
            return None
        element = {"vr": "UI", "Value": self.failed_uids[:MOST]}
        elements = {FAILED_SOP_INSTANCE_UID_LIST: element}
        return write_dataset(elements, transfer_syntax, Repertoire(ASCII))

    def _numbers(self, *, remaining: bool) -> dict[int, int | str]:
        numbers: dict[int, int | str] = {
            COMPLETED_SUBOPERATIONS: min(self.completed, MOST),
            FAILED_SUBOPERATIONS: min(self.failed, MOST),
            WARNING_SUBOPERATIONS: min(self.warning, MOST),
        }
        return (
            {REMAINING_SUBOPERATIONS: min(self.remaining, MOST), **numbers}
            if remaining
            else numbers
        )
