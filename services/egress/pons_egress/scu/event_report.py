# SPDX-License-Identifier: Apache-2.0
"""N-EVENT-REPORT of storage commitment, on an association that the SCP opens (PS3.4 J.3.3)."""

from pydicom import Dataset
from pydicom.config import IGNORE
from pydicom.dataelem import DataElement
from pydicom.uid import UID
from pynetdicom import build_context, build_role
from pynetdicom.status import GENERAL_STATUS, code_to_category

from pons.remotes.commitments import Reported
from pons_egress.scu.association import Association, Offer
from pons_egress.scu.commitment import PUSH_MODEL, PUSH_MODEL_INSTANCE, reference_item

COMPLETE, WITH_FAILURES = 1, 2
"""Event Type ID (PS3.4 J.3.3.1)."""
TRANSACTION_UID = 0x00081195
MAYBE_LATER = frozenset({0x0110, 0x0213})
"""Statuses of a modality that may take the report another time: processing failure, resource
limitation. Others would come again."""


def report_offer() -> Offer:
    """To report as the SCP that calls, which has to select its role (PS3.7 D.3.3.4)."""
    return Offer([build_context(PUSH_MODEL)], [build_role(PUSH_MODEL, scp_role=True)])


def send_report(association: Association, uid: str, reported: Reported) -> None:
    """Tell what is kept of transaction `uid`; returns once the modality has taken it.

    A modality that says nothing of roles is told all the same, as Orthanc does: it has asked for
    the report. Raises `RemoteFailure`.
    """
    role = association.requestor.acceptor.role_selection.get(UID(PUSH_MODEL))
    if role is not None and not role.scp_role:
        raise association.peer.failure("does not let this store report storage commitment (role)")
    try:
        status, _ = association.requestor.send_n_event_report(
            _information(uid, reported),
            WITH_FAILURES if reported.failures else COMPLETE,
            PUSH_MODEL,
            PUSH_MODEL_INSTANCE,
        )
    except RuntimeError:  # it is not established any more
        raise association.failure() from None
    if "Status" not in status:
        raise association.failure()
    if code_to_category(status.Status) not in ("Success", "Warning"):
        words = GENERAL_STATUS.get(status.Status, ("", "unknown"))[1]
        comment = f" ({status.ErrorComment})" if status.get("ErrorComment") else ""
        failure = association.peer.failure(
            f"answered N-EVENT-REPORT with status 0x{status.Status:04X}: {words}", comment
        )
        failure.final = status.Status not in MAYBE_LATER
        raise failure


def _information(uid: str, reported: Reported) -> Dataset:
    dataset = Dataset()
    dataset.add(DataElement(TRANSACTION_UID, "UI", uid, validation_mode=IGNORE))
    if reported.success:
        dataset.ReferencedSOPSequence = [reference_item(one) for one in reported.success]
    if reported.failures:
        dataset.FailedSOPSequence = [
            reference_item(failed.reference, failed.reason) for failed in reported.failures
        ]
    return dataset
