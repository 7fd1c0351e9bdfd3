# SPDX-License-Identifier: Apache-2.0
"""docs/conformance.md says what the DICOM port serves; what differs is shown as it should be."""

from pydicom.uid import UID

from pons.dicom.network.dimse import (
    C_ECHO_RQ,
    C_FIND_RQ,
    C_GET_RQ,
    C_MOVE_RQ,
    N_ACTION_RQ,
    N_EVENT_REPORT_RQ,
)
from pons.dicom.transfer_syntaxes import TRANSFER_SYNTAXES
from pons.dicom.vocabulary import UIDS
from pons_ingress import status
from pons_ingress.service_classes import SERVICE_CLASSES, UNCOMPRESSED
from pons_ingress.status import (
    ACTION_STATUS,
    FIND_STATUS,
    INTERNAL_ERROR,
    REPORT_STATUS,
    RETRIEVE_STATUS,
    STORE_STATUS,
)
from pons_ingress.syntaxes import STORAGE_SOP_CLASSES
from pons_testing.documents import table, written

COMMANDS = {
    C_ECHO_RQ: "C-ECHO",
    C_FIND_RQ: "C-FIND",
    C_GET_RQ: "C-GET",
    C_MOVE_RQ: "C-MOVE",
    N_ACTION_RQ: "N-ACTION",
    N_EVENT_REPORT_RQ: "N-EVENT-REPORT",
}


def name(uid: str) -> str:
    """What the standard calls it."""
    return UIDS[uid][0] if uid in UIDS else UID(uid).name


def test_services_of_the_port() -> None:
    rows = [
        [name(uid), f"`{uid}`", COMMANDS[one.command_field], "SCU" if one.of_scp else "SCP"]
        for one in SERVICE_CLASSES.values()
        for uid in sorted(one.sop_classes)
    ]
    head = ["SOP class", "UID", "DIMSE service", "Role of Pons"]
    assert table("services of the port") == written(head, rows)


def test_storage_classes() -> None:
    rows = [[name(uid), f"`{uid}`"] for uid in sorted(STORAGE_SOP_CLASSES)]
    assert table("storage classes") == written(["SOP class", "UID"], rows)


def test_transfer_syntaxes() -> None:
    rows = [
        [name(uid), f"`{uid}`", "yes" if uid in UNCOMPRESSED else "no"]
        for uid in sorted(TRANSFER_SYNTAXES)
    ]
    head = ["Transfer syntax", "UID", "Also for queries"]
    assert table("transfer syntaxes") == written(head, rows)


def test_statuses() -> None:
    """Each status of the tables of errors, and those of a service that goes well."""
    given = {
        "C-STORE": {*STORE_STATUS.values(), INTERNAL_ERROR},
        "C-FIND": {*FIND_STATUS.values(), status.PENDING, status.PENDING_UNMATCHED}
        | {status.CANCELLED, status.UNABLE_TO_PROCESS},
        "C-MOVE, C-GET": {*RETRIEVE_STATUS.values(), status.PENDING, status.CANCELLED}
        | {status.SOME_FAILED, status.DESTINATION_UNKNOWN, status.UNABLE_TO_PROCESS},
        "N-ACTION": {*ACTION_STATUS.values(), status.PROCESSING_FAILURE}
        | {status.NO_SUCH_CLASS, status.NO_SUCH_INSTANCE, status.NO_SUCH_ACTION},
        "N-EVENT-REPORT": {*REPORT_STATUS.values(), status.PROCESSING_FAILURE}
        | {status.NO_SUCH_EVENT},
    }
    rows = [
        [service, ", ".join(f"0x{one:04X}" for one in sorted({status.SUCCESS, *ones}))]
        for service, ones in given.items()
    ]
    assert table("statuses") == written(["Service", "Statuses"], rows)
