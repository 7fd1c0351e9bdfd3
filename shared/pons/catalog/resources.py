# SPDX-License-Identifier: Apache-2.0
"""Resources of the four levels as values, and the conditions that select them."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from pons.events import Level
from pons.identity import to_text

SeriesStatus = Literal["Complete", "Missing", "Inconsistent", "Unknown"]

KEY: dict[Level, str] = {
    "Patient": "p.patient_key",
    "Study": "s.study_key",
    "Series": "r.series_key",
    "Instance": "i.instance_key",
}
ID: dict[Level, str] = {"Patient": "p.id", "Study": "s.id", "Series": "r.id", "Instance": "i.id"}
EXPANDED: dict[Level, str] = {
    "Patient": "patients",
    "Study": "studies",
    "Series": "series",
    "Instance": "instances",
}
IDS: dict[Level, str] = {
    "Patient": "patient_ids",
    "Study": "study_ids",
    "Series": "series_ids",
    "Instance": "instance_ids",
}

RELATED: dict[tuple[Level, Level], str] = {
    ("Patient", "Study"): "p.patient_key = (SELECT patient_key FROM studies WHERE id = $1)",
    ("Patient", "Series"): "p.patient_key = (SELECT patient_key FROM studies "
    "JOIN series USING (study_key) WHERE series.id = $1)",
    ("Patient", "Instance"): "p.patient_key = (SELECT patient_key FROM studies "
    "JOIN series USING (study_key) JOIN instances USING (series_key) WHERE instances.id = $1)",
    ("Study", "Patient"): "s.patient_key = (SELECT patient_key FROM patients WHERE id = $1)",
    ("Study", "Series"): "s.study_key = (SELECT study_key FROM series WHERE id = $1)",
    ("Study", "Instance"): "s.study_key = (SELECT study_key FROM series "
    "JOIN instances USING (series_key) WHERE instances.id = $1)",
    ("Series", "Patient"): "r.study_key IN (SELECT study_key FROM studies "
    "JOIN patients USING (patient_key) WHERE patients.id = $1)",
    ("Series", "Study"): "r.study_key = (SELECT study_key FROM studies WHERE id = $1)",
    ("Series", "Instance"): "r.series_key = (SELECT series_key FROM instances WHERE id = $1)",
    ("Instance", "Patient"): "i.series_key IN (SELECT series_key FROM series "
    "JOIN studies USING (study_key) JOIN patients USING (patient_key) WHERE patients.id = $1)",
    ("Instance", "Study"): "i.series_key IN (SELECT series_key FROM series "
    "JOIN studies USING (study_key) WHERE studies.id = $1)",
    ("Instance", "Series"): "i.series_key = (SELECT series_key FROM series WHERE id = $1)",
}
"""(wanted level, level of the identifier $1) to the condition for those above or below it."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One patient, study, series or instance with what hangs directly on it."""

    level: Level
    id: str
    key: int
    parent: str
    """Identifier one level up; empty for a patient."""
    tags: dict[str, str]
    """Main DICOM tags, "GGGGEEEE" to text."""
    children: list[str] = field(default_factory=list)
    """Identifiers one level down, ascending; empty for an instance."""
    last_update: datetime | None = None
    stable: bool = True
    protected: bool = False
    patient_tags: dict[str, str] = field(default_factory=dict)
    """A study's own copy of its patient's tags."""
    expected: int | None = None
    status: SeriesStatus = "Unknown"
    size: int = 0
    object_key: UUID | None = None
    index_in_series: int | None = None


def to_resource(level: Level, row: Any) -> Resource:
    """The value of one row of the statements `patients`, `studies`, `series` or `instances`."""
    return BUILD[level](row)


def to_texts(joined: bytes) -> list[str]:
    """Identifiers from their bytes one after another: cheaper than decoding an array."""
    digits = joined.hex()
    return [
        f"{digits[i : i + 8]}-{digits[i + 8 : i + 16]}-{digits[i + 16 : i + 24]}"
        f"-{digits[i + 24 : i + 32]}-{digits[i + 32 : i + 40]}"
        for i in range(0, len(digits), 40)
    ]


def _patient(row: Any) -> Resource:
    return Resource(
        level="Patient",
        id=to_text(row["id"]),
        key=row["key"],
        parent="",
        tags=_tags(row["tags"]),
        children=to_texts(row["children"] or b""),
        last_update=row["last_update"],
        stable=not row["unstable"],
        protected=row["protected"],
    )


def _study(row: Any) -> Resource:
    return Resource(
        level="Study",
        id=to_text(row["id"]),
        key=row["key"],
        parent=to_text(row["parent"]),
        tags=_tags(row["tags"]),
        patient_tags=_tags(row["patient_tags"]),
        children=to_texts(row["children"] or b""),
        last_update=row["last_update"],
        stable=not row["unstable"],
    )


def _series(row: Any) -> Resource:
    return Resource(
        level="Series",
        id=to_text(row["id"]),
        key=row["key"],
        parent=to_text(row["parent"]),
        tags=_tags(row["tags"]),
        children=to_texts(row["children"] or b""),
        last_update=row["last_update"],
        stable=not row["unstable"],
        expected=row["expected"],
        status=series_status(row["expected"], row["inside"], row["outside"]),
    )


def _instance(row: Any) -> Resource:
    return Resource(
        level="Instance",
        id=to_text(row["id"]),
        key=row["key"],
        parent=to_text(row["parent"]),
        tags=_tags(row["tags"]),
        size=row["size"],
        object_key=row["object_key"],
        index_in_series=row["index_in_series"],
    )


def series_status(expected: int | None, inside: int, outside: int) -> SeriesStatus:
    """Orthanc's status of a series, from how many distinct indices lie inside 1..expected.

    An index that comes twice counts once, so that such a series is `Missing`, as over REST there.
    """
    if expected is None:
        return "Unknown"
    if outside:
        return "Inconsistent"
    return "Complete" if inside == expected else "Missing"


_TAGS = msgspec.json.Decoder(dict[str, str])


def _tags(text: str) -> dict[str, str]:
    return _TAGS.decode(text)


BUILD = {"Patient": _patient, "Study": _study, "Series": _series, "Instance": _instance}
