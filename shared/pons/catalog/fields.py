# SPDX-License-Identifier: Apache-2.0
"""What is read of resources, as SQL: the parts of a resource's object, its metadata, its tags.

What ingest knows as metadata lies in columns of the resource, the rest in a table.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from pons.catalog.schema import COMPUTED, HEADERS, TABLES, Columns, above, at, below, path
from pons.catalog.search import Fields, Part
from pons.catalog.sql import load_statements
from pons.dicom.attributes import MAIN_SEQUENCES, MAIN_TAGS
from pons.dicom.levels import LEVELS, Level
from pons.dicom.metadata import SYSTEM_METADATA
from pons.dicom.tag_names import display_tag

PIECES = load_statements(Path(__file__).with_name("fields.sql"))
READ_DICOM_FILE = PIECES["read_dicom_file"]

PARTS: dict[Part, tuple[tuple[str, ...], tuple[Level, ...]]] = {
    Part.MAIN_TAGS: (("tags",), LEVELS),
    Part.PARENT: (("parent",), LEVELS[1:]),
    Part.CHILDREN: (("children",), LEVELS[:3]),
    Part.STATUS: (("status",), ("Series",)),
    Part.STABLE: (("stable",), LEVELS[:3]),
    Part.PROTECTED: (("protected",), ("Patient",)),
    Part.DETAILS: (("details", "sources"), LEVELS),
}
"""A part to its pieces, and to the levels that have it."""


def select_fields(level: Level, fields: Fields, columns: Columns, *, header: bool = False) -> str:
    """What to select of a resource, each expression of its own row alone.

    With `header`, that of one of its instances, whether or not a requested tag needs it.
    """
    parts, tags = fields.parts, fields.tags
    words = ["row"]
    for part, (pieces, levels) in PARTS.items():
        if part in parts and level in levels:
            words += pieces
    own = {*columns.main[level], *(columns.main["Patient"] if level == "Study" else ())}
    if "tags" not in words and own.intersection(tags):
        words.append("tags")
    selected = [_piece(level, word) for word in words]
    for part, column, expressions in (
        (Part.LABELS, "labels", LABELS),
        (Part.METADATA, "metadata", METADATA),
        (Part.ATTACHMENTS, "attachments", ATTACHMENTS),
    ):
        if part in parts:
            selected.append(f"{expressions[level]} AS {column}")
    selected += _of_owners(level, fields, columns)
    selected += [f"{PIECES[f'tag_{tag}']} AS tag_{tag}" for tag in COMPUTED[level] if tag in tags]
    if header or needs_header(level, fields, columns):
        selected.append(_header(level))
    return ", ".join(selected)


def _of_owners(level: Level, fields: Fields, columns: Columns) -> Iterator[str]:
    """Requested main tags of what a resource belongs to, and main sequences, its own as well."""
    for owner in above(level):
        name, row = owner.lower(), TABLES[owner].row
        sequences = columns.sequences[owner]
        asked = not set(sequences).isdisjoint(fields.tags)
        if owner == level:
            if asked or (sequences and Part.MAIN_TAGS in fields.parts):
                yield f"{row}.sequences"
            continue
        has_tags = not set(columns.main[owner]).isdisjoint(fields.tags)
        if has_tags and owner != "Patient":
            yield f"{_owned(level, owner, f'{row}.tags')} AS {name}_tags"
        elif has_tags and level != "Study":  # whose tags come with its copy of the patient's
            yield f"{_owned(level, 'Study', 's.patient_tags')} AS {name}_tags"
        if asked:
            yield f"{_owned(level, owner, f'{row}.sequences')} AS {name}_sequences"


def needs_header(level: Level, fields: Fields, columns: Columns) -> bool:
    """Whether one of the requested tags is in no column."""
    return any(columns.in_header(level, tag) for tag in fields.tags)


def _piece(level: Level, name: str, **parts: str) -> str:
    """A piece of `fields.sql` for a level, which may have one of its own."""
    return at(level, PIECES.get(f"{level.lower()}_{name}", PIECES[name]), **parts)


def _owned(level: Level, owner: Level, value: str) -> str:
    return _piece(level, "owned", value=value, path=path(above(level)[1], owner))


def _header(level: Level) -> str:
    child = below(level)
    tables = f"{path(child, 'Instance')} JOIN {HEADERS} USING (instance_key)" if child else HEADERS
    return _piece(level, "header", path=str(tables))


def _timestamp(column: str) -> str:
    return f"to_char({column} AT TIME ZONE 'UTC', 'YYYYMMDD\"T\"HH24MISS')"


def _origin(name: str, *kinds: str) -> str:
    """A field of an instance's origin; with kinds, only for those of them."""
    field = f"i.origin ->> '{name}'"
    if not kinds:
        return field
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    return f"CASE WHEN i.origin ->> 'kind' IN ({listed}) THEN {field} END"


_OWN_METADATA: dict[Level, dict[str, str]] = {
    "Patient": {},
    "Study": {},
    "Series": {
        "RemoteAET": "r.remote_aet",
        "ExpectedNumberOfInstances": "r.expected_instances::text",
    },
    "Instance": {
        "IndexInSeries": "i.index_in_series::text",
        "ReceptionDate": _timestamp("i.received_at"),
        "RemoteAET": _origin("remote_aet"),
        "Origin": _origin("kind"),
        "TransferSyntax": "i.transfer_syntax",
        "SopClassUid": "i.sop_class_uid",
        "RemoteIP": _origin("remote_ip", "RestApi", "DicomProtocol"),
        "CalledAET": _origin("called_aet", "DicomProtocol"),
        "HttpUsername": _origin("username", "RestApi"),
        "PixelDataOffset": PIECES["pixel_data_offset"],
        "PixelDataVR": "CASE WHEN i.odd_pixel_vr THEN i.pixel_vr END",
    },
}


def _known_metadata(level: Level) -> dict[int, str]:
    row, sequences = TABLES[level].row, list(MAIN_SEQUENCES[level])
    kept = _piece(level, "main_sequences")
    names = dict(_OWN_METADATA[level])
    if level != "Instance":
        names["LastUpdate"] = _timestamp(f"{row}.last_update")
    names["MainDicomTagsSignature"] = _piece(
        level,
        "signature",
        built_in=";".join(display_tag(tag) for tag in sorted([*MAIN_TAGS[level], *sequences])),
        sequences=json.dumps(sequences),
    )
    # As Orthanc has it: of each series, and of another resource that has main sequences.
    names["MainDicomSequences"] = (
        kept if level == "Series" else f"CASE WHEN {row}.sequences IS NOT NULL THEN {kept} END"
    )
    return {SYSTEM_METADATA[name]: expression for name, expression in names.items()}


KNOWN_METADATA = {level: _known_metadata(level) for level in LEVELS}
"""Level to number to the expression of the text of what lies in columns; NULL where it is not set.
"""


def metadata_text(level: Level, number: int) -> str:
    """The expression of any metadata of a resource, as text; NULL where it is not set.

    What is not in a column takes a look-up for each resource: a condition that is to find
    resources by it compares `left(upper(text_value), 200)`, as the index `metadata_by_text` does.
    """
    known = KNOWN_METADATA[level].get(number)
    return known or _piece(level, "written_text", number=str(number))


def _all_metadata(level: Level) -> str:
    columns = ", ".join(f"'{number}', {text}" for number, text in KNOWN_METADATA[level].items())
    return _piece(level, "metadata", columns=columns)


def _attachments(level: Level) -> str:
    attached = _piece(level, "attachments")
    return f"{PIECES['dicom_file']} || {attached}" if level == "Instance" else attached


METADATA: dict[Level, str] = {level: _all_metadata(level) for level in LEVELS}
"""Level to the expression of all its metadata: a JSON object of numbers to text."""
LABELS: dict[Level, str] = {level: _piece(level, "labels") for level in LEVELS}
"""Level to the expression of its labels: a sorted array."""
ATTACHMENTS: dict[Level, str] = {level: _attachments(level) for level in LEVELS}
"""Level to the expression of its attachments: Orthanc's JSON."""
ATTACHMENT_NUMBERS = {level: _piece(level, "attachment_numbers") for level in LEVELS}
"""Level to the expression of the numbers of what clients attached."""


def read_value(level: Level, expression: str) -> str:
    """The statement that gives the value of `expression` for the resource with the id $1."""
    return _piece(level, "read_value", expression=expression)


def read_written(level: Level) -> str:
    """The statement that gives metadata $2 of the resource with the id $1."""
    return _piece(level, "read_written")


def read_attachment(level: Level) -> str:
    """The statement that gives attachment $2 of the resource with the id $1."""
    return _piece(level, "read_attachment")
