# SPDX-License-Identifier: Apache-2.0
"""Metadata as SQL: what ingest knows is in the columns of a resource, the rest in a table.

The expressions use the aliases of `catalog.sql`: p, s, r and i for the four levels.
"""

import json
from pathlib import Path

from pons.catalog.resources import KEY
from pons.catalog.sql import load_statements
from pons.dicom.attributes import MAIN_SEQUENCES, MAIN_TAGS
from pons.dicom.levels import LEVELS, Level
from pons.dicom.metadata import SYSTEM_METADATA
from pons.dicom.tag_names import display_tag

ALIAS: dict[Level, str] = {"Patient": "p", "Study": "s", "Series": "r", "Instance": "i"}
TABLE: dict[Level, str] = {
    "Patient": "patients",
    "Study": "studies",
    "Series": "series",
    "Instance": "instances",
}

_SQL = load_statements(Path(__file__).with_name("metadata.sql"))


def _filled(name: str, level: Level, **parts: str) -> str:
    """A statement or expression of `metadata.sql` for a level."""
    text = _SQL[name]
    known = {"level": level, "key": KEY[level], "alias": ALIAS[level], "table": TABLE[level]}
    for part, value in {**known, **parts}.items():
        text = text.replace(f"{{{part}}}", value)
    return text


def _timestamp(column: str) -> str:
    return f"to_char({column} AT TIME ZONE 'UTC', 'YYYYMMDD\"T\"HH24MISS')"


def _signature(level: Level) -> str:
    sequences = list(MAIN_SEQUENCES[level])
    built_in = ";".join(display_tag(tag) for tag in sorted([*MAIN_TAGS[level], *sequences]))
    return _filled("signature", level, built_in=built_in, sequences=json.dumps(sequences))


def _origin(name: str, *kinds: str) -> str:
    """A field of an instance's origin; with kinds, only for those of them."""
    field = f"i.origin ->> '{name}'"
    if not kinds:
        return field
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    return f"CASE WHEN i.origin ->> 'kind' IN ({listed}) THEN {field} END"


def _sequences(level: Level) -> str:
    """As Orthanc has it: of each series, and of another resource that has main sequences."""
    column = f"{ALIAS[level]}.sequences"
    kept = f"jsonb_build_object('Sequences', coalesce({column}, '{{}}'), 'Version', 1)::text"
    return kept if level == "Series" else f"CASE WHEN {column} IS NOT NULL THEN {kept} END"


COLUMNS: dict[Level, dict[str, str]] = {
    "Patient": {
        "LastUpdate": _timestamp("p.last_update"),
        "MainDicomTagsSignature": _signature("Patient"),
        "MainDicomSequences": _sequences("Patient"),
    },
    "Study": {
        "LastUpdate": _timestamp("s.last_update"),
        "MainDicomTagsSignature": _signature("Study"),
        "MainDicomSequences": _sequences("Study"),
    },
    "Series": {
        "RemoteAET": "r.remote_aet",
        "ExpectedNumberOfInstances": "r.expected_instances::text",
        "LastUpdate": _timestamp("r.last_update"),
        "MainDicomTagsSignature": _signature("Series"),
        "MainDicomSequences": _sequences("Series"),
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
        "PixelDataOffset": _SQL["pixel_data_offset"],
        "PixelDataVR": "CASE WHEN i.odd_pixel_vr THEN i.pixel_vr END",
        "MainDicomTagsSignature": _signature("Instance"),
        "MainDicomSequences": _sequences("Instance"),
    },
}
"""Level to name to the expression of its text; NULL where the resource has none."""


def metadata_column(level: Level, number: int) -> str | None:
    """The expression of a metadata that lies in the columns of its resource."""
    for name, expression in COLUMNS[level].items():
        if SYSTEM_METADATA[name] == number:
            return expression
    return None


def metadata_text(level: Level, number: int) -> str:
    """The expression of any metadata of a resource, as text; NULL where it is not set.

    What is not in a column takes a look-up for each resource: a condition that is to find
    resources by it compares `left(upper(text_value), 200)`, as the index `metadata_by_text` does.
    """
    return metadata_column(level, number) or _filled("written_text", level, number=str(number))


def _all_metadata(level: Level) -> str:
    columns = (
        f"'{SYSTEM_METADATA[name]}', {expression}" for name, expression in COLUMNS[level].items()
    )
    return _filled("all_metadata", level, columns=", ".join(columns))


def _attachments(level: Level) -> str:
    attached = _filled("attachments", level)
    return f"{_SQL['dicom_file']} || {attached}" if level == "Instance" else attached


METADATA: dict[Level, str] = {level: _all_metadata(level) for level in LEVELS}
"""Level to the expression of all its metadata: a JSON object of numbers to text."""

LABELS: dict[Level, str] = {level: _filled("labels", level) for level in LEVELS}
"""Level to the expression of its labels: a sorted array."""

ATTACHMENTS: dict[Level, str] = {level: _attachments(level) for level in LEVELS}
"""Level to the expression of its attachments: Orthanc's JSON."""


ATTACHMENT_NUMBERS: dict[Level, str] = {
    level: _filled("attachment_numbers", level) for level in LEVELS
}
"""Level to the expression of the numbers of what clients attached."""


def read_value(level: Level, expression: str) -> str:
    """The statement that gives the value of `expression` for the resource with the id $1."""
    return _filled("read_value", level, expression=expression)


def read_written(level: Level) -> str:
    """The statement that gives metadata $2 of the resource with the id $1."""
    return _filled("read_written", level)


def read_attachment(level: Level) -> str:
    """The statement that gives attachment $2 of the resource with the id $1."""
    return _filled("read_attachment", level)


READ_DICOM_FILE = _SQL["read_dicom_file"]
