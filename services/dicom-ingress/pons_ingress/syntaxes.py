# SPDX-License-Identifier: Apache-2.0
"""What may be negotiated: SOP classes by service."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from pynetdicom import (
    AllStoragePresentationContexts,
    ColorPalettePresentationContexts,
    DefinedProcedureProtocolPresentationContexts,
    HangingProtocolPresentationContexts,
    ImplantTemplatePresentationContexts,
    NonPatientObjectPresentationContexts,
    ProtocolApprovalPresentationContexts,
)

from pons.dicom.vocabulary import UIDS

STORAGE_BY_NAME_ONLY = frozenset(
    {
        "1.2.840.10008.1.3.10",  # Media Storage Directory: a DICOMDIR, never sent
        "1.2.840.10008.1.20.1",  # Storage Commitment Push Model
        "1.2.840.10008.1.20.2",  # Storage Commitment Pull Model (retired)
    }
)

NON_PATIENT_OBJECTS = frozenset(
    str(context.abstract_syntax)
    for contexts in (
        ColorPalettePresentationContexts,
        DefinedProcedureProtocolPresentationContexts,
        HangingProtocolPresentationContexts,
        ImplantTemplatePresentationContexts,
        NonPatientObjectPresentationContexts,
        ProtocolApprovalPresentationContexts,
    )
    for context in contexts
)
"""Objects of no patient, study or series (PS3.4 annex GG), which the store could not file."""

STORAGE_SOP_CLASSES = (
    frozenset(str(context.abstract_syntax) for context in AllStoragePresentationContexts)
    | {uid for uid, (name, kind, *_) in UIDS.items() if kind == "SOP Class" and "Storage" in name}
) - (NON_PATIENT_OBJECTS | STORAGE_BY_NAME_ONLY)
"""Every standard storage SOP class, the retired ones too."""


def is_storage(sop_class_uid: str, accept_unknown: bool) -> bool:
    """Whether instances of a SOP class may be stored.

    With `accept_unknown` that is every class that the standard does not give to another service.
    """
    if sop_class_uid in STORAGE_SOP_CLASSES:
        return True
    return accept_unknown and (sop_class_uid not in UIDS or sop_class_uid in NON_PATIENT_OBJECTS)


@dataclass(frozen=True, slots=True)
class StorageClasses:
    """Of which SOP classes instances are received."""

    accept_unknown: bool = False
    """Also of those that the standard does not list."""
    accepted: Sequence[str] = ("*",)
    """UIDs, or patterns with `*` and `?`; what is in `rejected` too is not received."""
    rejected: Sequence[str] = ()

    def has(self, sop_class_uid: str) -> bool:
        """Whether an instance of this class is received."""
        return (
            is_storage(sop_class_uid, self.accept_unknown)
            and _names(self.accepted, sop_class_uid)
            and not _names(self.rejected, sop_class_uid)
        )


def _names(patterns: Sequence[str], uid: str) -> bool:
    return any(fnmatchcase(uid, pattern) for pattern in patterns)
