# SPDX-License-Identifier: Apache-2.0
"""The service classes of the DICOM port: what belongs to each kind of request (PS3.4)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pons.dicom.network.dimse import (
    C_ECHO_RQ,
    C_FIND_RQ,
    C_GET_RQ,
    C_MOVE_RQ,
    C_STORE_RQ,
    N_ACTION_RQ,
    N_EVENT_REPORT_RQ,
    VERIFICATION,
)
from pons.dicom.transfer_syntaxes import TRANSFER_SYNTAXES

PATIENT_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.1.1"
PATIENT_ROOT_MOVE = "1.2.840.10008.5.1.4.1.2.1.2"
PATIENT_ROOT_GET = "1.2.840.10008.5.1.4.1.2.1.3"
STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
STUDY_ROOT_MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
STUDY_ROOT_GET = "1.2.840.10008.5.1.4.1.2.2.3"
PATIENT_STUDY_ONLY_FIND = "1.2.840.10008.5.1.4.1.2.3.1"
PATIENT_STUDY_ONLY_MOVE = "1.2.840.10008.5.1.4.1.2.3.2"
PATIENT_STUDY_ONLY_GET = "1.2.840.10008.5.1.4.1.2.3.3"
MODALITY_WORKLIST_FIND = "1.2.840.10008.5.1.4.31"
STORAGE_COMMITMENT_PUSH = "1.2.840.10008.1.20.1"

UNCOMPRESSED = frozenset(
    {
        "1.2.840.10008.1.2",
        "1.2.840.10008.1.2.1",
        "1.2.840.10008.1.2.1.99",
        "1.2.840.10008.1.2.2",
    }
)
"""Transfer syntaxes of datasets without pixel data."""


class Permission(StrEnum):
    """What a peer may be allowed to do: one for each kind of request that is served."""

    ECHO = "echo"
    STORE = "store"
    FIND = "find"
    FIND_WORKLIST = "find_worklist"
    MOVE = "move"
    GET = "get"
    N_ACTION = "n_action"
    EVENT_REPORT = "event_report"


@dataclass(frozen=True, slots=True)
class ServiceClass:
    """What one kind of request goes with."""

    command_field: int
    sop_classes: frozenset[str] = frozenset()
    """Empty for storage: those classes are `pons_ingress.syntaxes.is_storage`."""
    transfer_syntaxes: frozenset[str] = UNCOMPRESSED
    of_scp: bool = False
    """Whether the peer has to be SCP to send this: what it reports of a service that it gives."""


SERVICE_CLASSES: Mapping[Permission, ServiceClass] = {
    Permission.ECHO: ServiceClass(C_ECHO_RQ, frozenset({VERIFICATION}), TRANSFER_SYNTAXES),
    Permission.STORE: ServiceClass(C_STORE_RQ),
    Permission.FIND: ServiceClass(
        C_FIND_RQ, frozenset({PATIENT_ROOT_FIND, STUDY_ROOT_FIND, PATIENT_STUDY_ONLY_FIND})
    ),
    Permission.FIND_WORKLIST: ServiceClass(C_FIND_RQ, frozenset({MODALITY_WORKLIST_FIND})),
    Permission.MOVE: ServiceClass(
        C_MOVE_RQ, frozenset({PATIENT_ROOT_MOVE, STUDY_ROOT_MOVE, PATIENT_STUDY_ONLY_MOVE})
    ),
    Permission.GET: ServiceClass(
        C_GET_RQ, frozenset({PATIENT_ROOT_GET, STUDY_ROOT_GET, PATIENT_STUDY_ONLY_GET})
    ),
    Permission.N_ACTION: ServiceClass(N_ACTION_RQ, frozenset({STORAGE_COMMITMENT_PUSH})),
    Permission.EVENT_REPORT: ServiceClass(
        N_EVENT_REPORT_RQ, frozenset({STORAGE_COMMITMENT_PUSH}), of_scp=True
    ),
}

BY_COMMAND: Mapping[int, tuple[Permission, ...]] = {
    field: tuple(p for p, one in SERVICE_CLASSES.items() if one.command_field == field)
    for field in {one.command_field for one in SERVICE_CLASSES.values()}
}
BY_SOP_CLASS: Mapping[str, tuple[Permission, ...]] = {
    uid: tuple(p for p, one in SERVICE_CLASSES.items() if uid in one.sop_classes)
    for uid in frozenset().union(*(one.sop_classes for one in SERVICE_CLASSES.values()))
}


def requested(command_field: int, abstract_syntax: str) -> Permission | None:
    """What a request asks for; None for one that no service class has in such a context.

    C-ECHO and C-STORE are what they are in any context: the services look themselves.
    """
    kinds = BY_COMMAND.get(command_field, ())
    if len(kinds) == 1 and command_field in (C_ECHO_RQ, C_STORE_RQ):
        return kinds[0]
    return next((p for p in kinds if abstract_syntax in SERVICE_CLASSES[p].sop_classes), None)
