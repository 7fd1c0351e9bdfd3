# SPDX-License-Identifier: Apache-2.0
"""Where the index keeps the attributes that searches compare and sort by.

The tables are `patients p`, `studies s`, `series r`, `instances i`, in every statement.
"""

from dataclasses import dataclass, field

from pons.dicom.attributes import MAIN_SEQUENCES, Tags
from pons.dicom.levels import LEVELS, Level

ALIAS: dict[Level, str] = {"Patient": "p", "Study": "s", "Series": "r", "Instance": "i"}
TABLE: dict[Level, str] = {
    "Patient": "patients p",
    "Study": "studies s",
    "Series": "series r",
    "Instance": "instances i",
}
TO_PARENT: dict[Level, str] = {
    "Study": "patient_key",
    "Series": "study_key",
    "Instance": "series_key",
}
"""Level to the column that names its parent."""

SOP_CLASS_UID = "00080016"
MODALITY = "00080060"
MODALITIES_IN_STUDY = "00080061"
SOP_CLASSES_IN_STUDY = "00080062"

OWN_COLUMNS: dict[tuple[Level, str], str] = {
    ("Patient", "00100020"): "p.patient_id",
    ("Study", "0020000D"): "s.study_uid",
    ("Series", "0020000E"): "r.series_uid",
    ("Instance", "00080018"): "i.sop_instance_uid",
    ("Instance", SOP_CLASS_UID): "i.sop_class_uid",
}

TELLING = frozenset(
    (
        "00080018",
        "00080050",
        "00081030",
        "00100010",
        "00100020",
        "0020000D",
        "0020000E",
    )
)
"""Attributes with an index whose values or pieces of values belong to few resources."""

COMPUTED: dict[Level, tuple[str, ...]] = {
    "Patient": ("00201200", "00201202", "00201204"),
    "Study": (MODALITIES_IN_STUDY, SOP_CLASSES_IN_STUDY, "00201206", "00201208"),
    "Series": ("00201209",),
    "Instance": ("00080056",),
}
"""Level to attributes that no file has: computed from what is below (PS3.4 C.3.4)."""

ALL_COMPUTED = frozenset(tag for tags in COMPUTED.values() for tag in tags)


@dataclass(frozen=True, slots=True)
class Column:
    """A text of a resource, and the level whose row has it."""

    level: Level
    sql: str


def above(level: Level) -> tuple[Level, ...]:
    """The level and those above it, from itself to the patient."""
    return LEVELS[LEVELS.index(level) :: -1]


@dataclass(frozen=True, slots=True)
class Columns:
    """Where a store's index has which attribute."""

    main: Tags
    """The main tags in force that hold text."""
    sequences: Tags = field(default_factory=lambda: MAIN_SEQUENCES)
    """Those that are sequences."""

    def of(self, level: Level, tag: str) -> Column | None:
        """Where a resource of `level` finds a main tag of its own, or of what it belongs to.

        Tags of patients come from the study's own copy, so that no search joins patients.
        """
        if (level, tag) in OWN_COLUMNS:
            return Column(level, OWN_COLUMNS[level, tag])
        owner = self.owner(level, tag)
        if owner is None:
            return None
        if owner == "Patient" and level != "Patient":
            return Column("Study", f"s.patient_tags ->> '{tag}'")
        own = OWN_COLUMNS.get((owner, tag), f"{ALIAS[owner]}.tags ->> '{tag}'")
        return Column(owner, own)

    def owner(self, level: Level, tag: str) -> Level | None:
        """The nearest level, from `level` upwards, of which a tag is a main one."""
        return next((owner for owner in above(level) if tag in self.main[owner]), None)

    def is_below(self, level: Level, tag: str) -> bool:
        """Whether a tag is a main one of levels below."""
        below = LEVELS[LEVELS.index(level) + 1 :]
        return any(tag in self.main[other] for other in below)

    def in_header(self, level: Level, tag: str) -> bool:
        """Whether only the header of an instance tells a resource's value of a tag."""
        return (
            tag not in ALL_COMPUTED
            and self.owner(level, tag) is None
            and not any(tag in self.sequences[owner] for owner in above(level))
        )
