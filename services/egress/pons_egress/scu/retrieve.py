# SPDX-License-Identifier: Apache-2.0
"""C-MOVE and C-GET as SCU: one request on an association, and how it ended (PS3.4 C.4.2, C.4.3)."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from pydicom import Dataset
from pydicom.uid import UID
from pynetdicom.status import QR_GET_SERVICE_CLASS_STATUS, QR_MOVE_SERVICE_CLASS_STATUS

from pons.jobs.retrieve import LEVEL_TAG, LEVEL_WORDS, Identifier, Method
from pons_egress.scu.association import Association
from pons_egress.scu.identifier import identifier
from pons_egress.scu.silence import watched

SUCCESS = 0x0000
PENDING = (0xFF00, 0xFF01)
SOME_OF_MANY_FAILED = 0xB000
"""Of sub-operations; also where none failed and some ended with a warning, which is to say that
the instance has arrived (PS3.4 C.4.2.3.1, C.4.3.3.1)."""
ALL_FAILED = 0xA702
CANCELLED = 0xFE00
MAYBE_LATER = (0xA700, 0xA701, 0xA702, 0xB000, 0xFE00)
"""Statuses after which the same request may go better: out of resources, some sub-operations that
failed, and cancelled by the peer."""

PATIENT_ROOT: dict[Method, str] = {
    "C-MOVE": "1.2.840.10008.5.1.4.1.2.1.2",
    "C-GET": "1.2.840.10008.5.1.4.1.2.1.3",
}
STUDY_ROOT: dict[Method, str] = {
    "C-MOVE": "1.2.840.10008.5.1.4.1.2.2.2",
    "C-GET": "1.2.840.10008.5.1.4.1.2.2.3",
}
"""Information models (PS3.4 C.6)."""
STATUSES: dict[Method, Mapping[int, tuple[str, str]]] = {
    "C-MOVE": QR_MOVE_SERVICE_CLASS_STATUS,
    "C-GET": QR_GET_SERVICE_CLASS_STATUS,
}


@dataclass(frozen=True, slots=True)
class Counts:
    """Sub-operations, each of which is one instance (PS3.7 9.1.3)."""

    remaining: int = 0
    completed: int = 0
    failed: int = 0
    warning: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a request ended, as the peer says."""

    status: int | None
    """None where the association ended before the peer said so."""
    counts: Counts = Counts()
    failed_uids: frozenset[str] = frozenset()
    """SOP instances that did not arrive, where the peer names them."""
    comment: str = ""

    @property
    def whole(self) -> bool:
        """Whether everything has arrived."""
        counts = self.counts
        warned = self.status == SOME_OF_MANY_FAILED and counts.warning > 0
        warned = warned and not (counts.remaining or self.failed_uids)
        return not counts.failed and (self.status == SUCCESS or warned)

    @property
    def may_have_rest(self) -> bool:
        """Whether another association, with other contexts, may bring what lacks."""
        tried = self.counts.failed > 0 or self.status in (SOME_OF_MANY_FAILED, ALL_FAILED)
        return tried and not self.whole and self.status not in (CANCELLED, None)

    def with_rest(self, rest: "Outcome", fresh: int) -> "Outcome":
        """Of this and of the same request on an association with other contexts, both together.

        That has brought `fresh` instances which had not come here. Most fail there: their contexts
        are not offered again.
        """
        uids, failed = self.failed_uids & rest.failed_uids, self.counts.failed
        if self.failed_uids and rest.failed_uids:
            failed, whole = len(uids), not uids
        else:
            # A peer that does not count never tells that nothing lacks.
            failed, whole = max(failed - fresh, 0), 0 < failed <= fresh
        counts = Counts(0, self.counts.completed + fresh, failed, self.counts.warning)
        status = SUCCESS if whole else self.status or SOME_OF_MANY_FAILED
        return Outcome(status, counts, uids or self.failed_uids, self.comment)

    def told(self, method: Method) -> tuple[str, str]:
        """What to say of one that is not whole, and what the peer says of it."""
        counts, status = self.counts, self.status or SUCCESS
        words = STATUSES[method].get(status, ("", "unknown"))[1] or "success"
        comment = f" ({self.comment})" if self.comment else ""
        total = counts.remaining + counts.completed + counts.failed + counts.warning
        lost = f"; {counts.failed} of {total} instances failed" if counts.failed else ""
        return f"answered {method} with status 0x{status:04X}: {words}{lost}", comment


def model_of(method: Method, keys: Identifier) -> str:
    """The information model that has the level of an identifier: patients have their own."""
    is_patient = keys[LEVEL_TAG] == LEVEL_WORDS["Patient"]
    return (PATIENT_ROOT if is_patient else STUDY_ROOT)[method]


def retrieve(
    association: Association,
    method: Method,
    keys: Identifier,
    hear: Callable[[Counts], None],
    *,
    number: int = 1,
    target_aet: str = "",
    busy: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Ask for what the keys name, and wait for the end; `hear` gets the counts as they grow.

    `number` is the message ID, another one for each request of an association; `busy` as of
    `watched`. Raises `RemoteFailure` when the association ends before.
    """
    requestor, model = association.requestor, model_of(method, keys)

    def cancel() -> None:
        requestor.send_c_cancel(number, query_model=model)

    with watched(association, cancel, busy):
        for status, failed in _responses(association, method, keys, target_aet, number):
            if "Status" not in status:
                raise association.failure()
            counts = _counts(status)
            if status.Status not in PENDING:
                comment = str(status.get("ErrorComment") or "")
                return Outcome(status.Status, counts, _failed_uids(failed), comment)
            hear(counts)
    raise association.failure()


def _responses(
    association: Association, method: Method, keys: Identifier, target_aet: str, number: int
) -> Iterator[tuple[Dataset, Dataset | None]]:
    requestor, model = association.requestor, model_of(method, keys)
    syntaxes = [
        context.transfer_syntax[0]
        for context in requestor.accepted_contexts
        if context.abstract_syntax == model and context.transfer_syntax
    ]
    if not syntaxes:
        raise association.peer.failure(f"does not accept {UID(model).name}")
    dataset = identifier(keys, "utf-8", implicit=syntaxes[0].is_implicit_VR)
    if all(value.isascii() for value in keys.values()):
        del dataset.SpecificCharacterSet  # which is no key, and not needed
    try:
        if method == "C-GET":
            return requestor.send_c_get(dataset, model, msg_id=number)
        return requestor.send_c_move(dataset, target_aet, model, msg_id=number)
    except RuntimeError:  # it is not established any more
        raise association.failure() from None


def _counts(status: Dataset) -> Counts:
    names = ("Remaining", "Completed", "Failed", "Warning")
    return Counts(*(int(status.get(f"NumberOf{name}Suboperations") or 0) for name in names))


def _failed_uids(identifier: Dataset | None) -> frozenset[str]:
    found = identifier.get("FailedSOPInstanceUIDList") if identifier is not None else None
    if not found:
        return frozenset()
    return frozenset([found] if isinstance(found, str) else map(str, found))
