# SPDX-License-Identifier: Apache-2.0
"""What a modality is asked for, made of what a caller asks for (PS3.4 C.4.1)."""

from collections.abc import Mapping
from typing import Any

from pydicom.uid import UID
from pynetdicom.sop_class import (  # type: ignore[attr-defined] # made when it is imported
    ModalityWorklistInformationFind,
    PatientRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelFind,
)

from pons.dicom.levels import LEVELS
from pons.dicom.modules import attributes_of
from pons.dicom.vocabulary import attribute
from pons.header.write import CHARACTER_SET
from pons.jobs.retrieve import LEVEL_TAG, LEVEL_WORDS
from pons.messages.egress import FindLevel
from pons.messages.modality import Modality

MODELS: dict[FindLevel, UID] = {
    "Patient": PatientRootQueryRetrieveInformationModelFind,
    "Study": StudyRootQueryRetrieveInformationModelFind,
    "Series": StudyRootQueryRetrieveInformationModelFind,
    "Instance": StudyRootQueryRetrieveInformationModelFind,
    "Worklist": ModalityWorklistInformationFind,
}
"""Information models, by what is looked for."""
WORKLIST = MODELS["Worklist"]
COUNTERS: dict[FindLevel, frozenset[str]] = {
    "Patient": frozenset(("00201200", "00201202", "00201204")),
    "Study": frozenset(("00080061", "00080062", "00201206", "00201208")),
    "Series": frozenset(("00201209",)),
    "Instance": frozenset(),
}
"""What answers can count of each level: NumberOfPatientRelatedStudies and so on."""
IDENTIFIERS: dict[FindLevel, tuple[str, ...]] = {
    "Patient": ("00100020",),
    "Study": ("00080050", "0020000D"),
    "Series": ("0020000E",),
    "Instance": ("00080018",),
}
"""What tells an entity of each level: PatientID, AccessionNumber, StudyInstanceUID and so on."""


def keys_of(
    level: FindLevel, query: Mapping[str, Any], modality: Modality, *, normalize: bool
) -> dict[str, Any]:
    """The keys of the identifier, by tag, as the modality wants them.

    A worklist is asked for what the caller says. Else the level is there, and identifiers of it
    and of those above; normalized, what is of lower levels is not.
    """
    if level == "Worklist":
        return dict(query)
    upper = LEVELS[: LEVELS.index(level) + 1]
    keys = dict(query)
    if normalize:
        known = COUNTERS[level].union({CHARACTER_SET}, *(attributes_of(one) for one in upper))
        keys = {tag: _suited(tag, value, modality) for tag, value in query.items() if tag in known}
    universal = "*" if modality.manufacturer == "GE" else ""
    identifiers = (tag for one in upper for tag in IDENTIFIERS[one])
    return {
        **dict.fromkeys(identifiers, universal),
        **keys,
        LEVEL_TAG: LEVEL_WORDS[level],
    }


def _suited(tag: str, value: Any, modality: Modality) -> Any:
    """A universal key in the form that the modality understands."""
    if value != "*":
        return value
    if modality.manufacturer == "GenericNoUniversalWildcard":
        return ""
    known = attribute(int(tag, 16))
    is_date = known is not None and known.vr == "DA"
    return "" if is_date and modality.manufacturer == "GenericNoWildcardInDates" else value
