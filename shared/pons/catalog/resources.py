# SPDX-License-Identifier: Apache-2.0
"""Resources of the four levels as values, made of the rows of `fields.select_fields`."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from pons.catalog.schema import ALL_COMPUTED
from pons.dicom.identity import to_text
from pons.dicom.levels import Level
from pons.dicom.metadata import SYSTEM_METADATA
from pons.dicom.orthanc_json import Style, format_elements

SeriesStatus = Literal["Complete", "Missing", "Inconsistent", "Unknown"]


class Resource(msgspec.Struct, frozen=True):
    """One patient, study, series or instance with what was asked of it."""

    level: Level
    id: str
    key: int
    parent: str = ""
    """Identifier one level up; empty for a patient."""
    tags: dict[str, str] = {}
    """Main DICOM tags, "GGGGEEEE" to text."""
    sequences: dict[str, dict[str, Any]] = {}
    """Main tags that are sequences, as DICOM JSON."""
    children: list[str] = []
    """Identifiers one level down, ascending; empty for an instance."""
    last_update: datetime | None = None
    stable: bool = True
    protected: bool = False
    patient_tags: dict[str, str] = {}
    """A study's own copy of its patient's tags."""
    expected: int | None = None
    status: SeriesStatus = "Unknown"
    size: int = 0
    object_key: UUID | None = None
    index_in_series: int | None = None
    labels: list[str] = []
    sources: dict[int, str] = {}
    """Identifiers of what it was made from: 5 by modification, 6 by anonymization."""
    metadata: dict[int, str] = {}
    attachments: list[dict[str, Any]] = []
    """As Orthanc shows them."""
    requested: dict[str, str] = {}
    """Requested tags that the index has or computes."""
    elements: dict[str, bytes] = {}
    """Requested tags from the header of one instance, as the text of DICOM JSON."""


def to_resource(level: Level, row: Any, requested: tuple[str, ...] = ()) -> Resource:
    """The value of one row of a statement of `select_fields`."""
    values: dict[str, Any] = {}
    for name, value in row.items():
        read = READ.get(name)
        if read is not None and value is not None:
            values[read[0]] = read[1](value)
    if "places" in row:
        values["status"] = series_status(row["expected"], *(row["places"] or (0, 0)))
    if requested:
        values["requested"] = _requested(row, values, requested)
    return Resource(level=level, **values)


def to_texts(joined: bytes) -> list[str]:
    """Identifiers from their bytes one after another: cheaper than decoding an array."""
    digits = joined.hex()
    return [
        f"{digits[i : i + 8]}-{digits[i + 8 : i + 16]}-{digits[i + 16 : i + 24]}"
        f"-{digits[i + 24 : i + 32]}-{digits[i + 32 : i + 40]}"
        for i in range(0, len(digits), 40)
    ]


def series_status(expected: int | None, inside: int, outside: int) -> SeriesStatus:
    """Orthanc's status of a series, from how many distinct indices lie inside 1..expected.

    An index that comes twice counts once, so that such a series is `Missing`, as over REST there.
    """
    if expected is None:
        return "Unknown"
    if outside:
        return "Inconsistent"
    return "Complete" if inside == expected else "Missing"


def _requested(row: Any, values: Mapping[str, Any], requested: tuple[str, ...]) -> dict[str, str]:
    """The requested tags that a row has: computed ones, and main tags of the nearest level."""
    found: dict[str, str] = {}
    sources = [values.get("tags", {})]
    sources += [
        values[name] if name in values else tags_of(row[name])
        for name in ("series_tags", "study_tags", "patient_tags")
        if name in row
    ]
    for tag in requested:
        if tag in ALL_COMPUTED and (computed := row.get(f"tag_{tag.lower()}")) is not None:
            found[tag] = computed
            continue
        for tags in sources:
            if tag in tags:
                found[tag] = tags[tag]
                break
    return found


_TAGS = msgspec.json.Decoder(dict[str, str])
_ELEMENTS = msgspec.json.Decoder(dict[str, msgspec.Raw])
SEQUENCES_METADATA = SYSTEM_METADATA["MainDicomSequences"]
_NUMBERED = msgspec.json.Decoder(dict[int, str | None])


def tags_of(text: str) -> dict[str, str]:
    return _TAGS.decode(text)


def _numbered(text: str) -> dict[int, str]:
    if text == "{}":
        return {}
    return {number: value for number, value in _NUMBERED.decode(text).items() if value is not None}


def metadata_of(text: str) -> dict[int, str]:
    """Metadata by number, as Orthanc shows them."""
    values = _numbered(text)
    if SEQUENCES_METADATA in values:
        values[SEQUENCES_METADATA] = sequences_text(values[SEQUENCES_METADATA])
    return values


def sequences_text(kept: str) -> str:
    """The metadata MainDicomSequences as Orthanc has it, in its full format; kept is DICOM JSON."""
    value = msgspec.json.decode(kept)
    value["Sequences"] = format_elements(value["Sequences"], Style.FULL)
    return msgspec.json.encode(value).decode()


def sequences_of(row: Any) -> dict[str, bytes]:
    """The main sequences that a row has, as the text of DICOM JSON; of the nearest level."""
    found: dict[str, bytes] = {}
    for column in ("patient_sequences", "study_sequences", "series_sequences", "sequences"):
        if (kept := row.get(column)) is not None:
            found |= {tag: bytes(one) for tag, one in _ELEMENTS.decode(kept).items()}
    return found


READ: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "key": ("key", int),
    "id": ("id", to_text),
    "parent": ("parent", to_text),
    "tags": ("tags", tags_of),
    "patient_tags": ("patient_tags", tags_of),
    "sequences": ("sequences", msgspec.json.decode),
    "children": ("children", to_texts),
    "last_update": ("last_update", lambda moment: moment),
    "unstable": ("stable", lambda unstable: not unstable),
    "protected": ("protected", bool),
    "expected": ("expected", int),
    "size": ("size", int),
    "object_key": ("object_key", lambda key: key),
    "index_in_series": ("index_in_series", int),
    "labels": ("labels", list),
    "sources": ("sources", _numbered),
    "metadata": ("metadata", metadata_of),
    "attachments": ("attachments", msgspec.json.decode),
}
"""A column to the attribute that it becomes, and how."""
