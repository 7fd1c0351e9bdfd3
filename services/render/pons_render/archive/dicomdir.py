# SPDX-License-Identifier: Apache-2.0
"""The DICOMDIR of a medium (PS3.3 annex F, PS3.10 section 8), from headers alone.

Records of patients, studies, series and images, as Orthanc writes them: every instance has a record
of type IMAGE. What a type 1 attribute lacks is made up from the record's number.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec

from pons.catalog import StoredObject
from pons.dicom.orthanc_json import GROUPS
from pons.dicom.part10 import element, file_start
from pons.dicom.transfer_syntaxes import EXPLICIT_VR
from pons.header.charset import encodings_of

FILE_SET_ID = "MEDIA"
DIRECTORY_STORAGE = "1.2.840.10008.1.3.10"
UTF8 = "ISO_IR 192"
LONGEST = 256
"""Characters of a value that are copied; the standard allows 64 for most."""

ATTRIBUTES: dict[str, dict[str, str]] = {
    "PATIENT": {"00100010": "PN", "00100020": "LO"},
    "STUDY": {
        "00080020": "DA",
        "00080030": "TM",
        "00080050": "SH",
        "00081030": "LO",
        "0020000D": "UI",
        "00200010": "SH",
    },
    "SERIES": {"00080060": "CS", "0020000E": "UI", "00200011": "IS"},
    "IMAGE": {"00200013": "IS"},
}
"""Type of record to what it copies from the instance, tag to VR (PS3.3 F.5)."""

OPTIONAL: dict[str, dict[str, str]] = {
    "SERIES": {"0008103E": "LO"},
    "IMAGE": {"00280008": "IS"},
}
"""What a record has in an extended DICOMDIR, where the instance has it."""

SUBSTITUTES: dict[str, tuple[str, ...]] = {
    "00080020": ("00080021", "00080022", "00080023"),
    "00080030": ("00080031", "00080032", "00080033"),
}
"""Where the date and time of a study come from when it has none."""

NUMBERS = ("00200010", "00200011", "00200013")
"""Type 1 attributes for which the number of the record stands in."""

CHARSET = "00080005"
COPIED = frozenset(
    [
        CHARSET,
        *(tag for tags in (*ATTRIBUTES.values(), *OPTIONAL.values()) for tag in tags),
        *(tag for tags in SUBSTITUTES.values() for tag in tags),
    ]
)

Summary = dict[str, str]
"""Tag to text, values separated by backslashes, of the attributes in `COPIED`."""


class _Element(msgspec.Struct):
    values: list[Any] = msgspec.field(default_factory=list, name="Value")


_Copied = msgspec.defstruct(
    "_Copied",
    [(f"t{tag}", _Element | None, None) for tag in sorted(COPIED)],
    rename={f"t{tag}": tag for tag in COPIED},
)
_DECODER = msgspec.json.Decoder(_Copied)


def summarize(header: bytes) -> Summary:
    """What a DICOMDIR needs of a header in DICOM JSON."""
    found = _DECODER.decode(header)
    summary = {}
    for tag in COPIED:
        copied = getattr(found, f"t{tag}")
        if copied is not None:
            text = "\\".join(map(_text, copied.values))[:LONGEST]
            if text:
                summary[tag] = text
    return summary


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):  # a person's name
        groups = (str(value.get(key, "")) for key in GROUPS)
        return "=".join(groups).rstrip("=")
    return str(value)


@dataclass(slots=True)
class Record:
    """A directory record with those below it; `content` is what follows its type."""

    kind: str = ""
    content: bytes = b""
    below: list["Record"] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Bytes of the record alone, which do not depend on the offsets in it."""
        return len(self.encode(0, 0))

    def encode(self, following: int, lower: int) -> bytes:
        """The record as an item, with the offsets of the next one and of the first below it."""
        body = (
            element(0x00041400, "UL", struct.pack("<L", following))
            + element(0x00041410, "US", b"\xff\xff")
            + element(0x00041420, "UL", struct.pack("<L", lower))
            + element(0x00041430, "CS", self.kind.encode())
            + self.content
        )
        return struct.pack("<HHL", 0xFFFE, 0xE000, len(body)) + body


class DicomDir:
    """Gathers records; those of one patient, study or series must come after each other."""

    def __init__(self, *, extended: bool) -> None:
        self._extended = extended
        self._root = Record()
        self._latest: dict[str, str] = {}
        """Type of the open records to what identifies them."""
        self._charset = ""
        """Of the first record that needs one; dcmtk wants it in the data set itself too."""
        self._now = datetime.now(UTC)

    def add(self, name: str, stored: StoredObject, summary: Summary) -> None:
        """An instance, whose file is called `name`."""
        patient = self._open("PATIENT", summary.get("00100020", ""), self._root, summary)
        study = self._open("STUDY", summary.get("0020000D", ""), patient, summary)
        series = self._open("SERIES", summary.get("0020000E", ""), study, summary)
        reference = (
            element(0x00041500, "CS", name.replace("/", "\\").encode())
            + element(0x00041510, "UI", stored.sop_class_uid.encode())
            + element(0x00041511, "UI", stored.sop_instance_uid.encode())
            + element(0x00041512, "UI", stored.transfer_syntax.encode())
        )
        content = reference + self._attributes("IMAGE", summary, len(series.below) + 1)
        series.below.append(Record("IMAGE", content))

    def encode(self) -> bytes:
        """The file."""
        start = file_start(DIRECTORY_STORAGE, f"2.25.{uuid4().int}", EXPLICIT_VR)
        head = len(start) + len(_head(0, 0))
        records = list(_encoded(self._root.below, head))
        last = head + sum(_tree_size(record) for record in self._root.below[:-1])
        offsets = (head, last) if self._root.below else (0, 0)
        end = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
        if self._charset:
            end += element(int(CHARSET, 16), "CS", self._charset.encode())
        return b"".join((start, _head(*offsets), *records, end))

    def _open(self, kind: str, identity: str, parent: Record, summary: Summary) -> Record:
        """The record that is open, or a new one when this one is another."""
        if parent.below and self._latest.get(kind) == identity:
            return parent.below[-1]
        self._latest[kind] = identity
        record = Record(kind, self._attributes(kind, summary, len(parent.below) + 1))
        parent.below.append(record)
        return record

    def _attributes(self, kind: str, summary: Summary, number: int) -> bytes:
        values = {
            tag: (vr, self._value(tag, summary, number)) for tag, vr in ATTRIBUTES[kind].items()
        }
        if self._extended:
            optional = OPTIONAL.get(kind, {}).items()
            values |= {tag: (vr, summary[tag]) for tag, vr in optional if tag in summary}
        charset, codec = _charset(summary, "".join(value for _, value in values.values()))
        if charset:
            self._charset = self._charset or charset
            values[CHARSET] = ("CS", charset)
        return b"".join(
            element(int(tag, 16), vr, value.encode(codec))
            for tag, (vr, value) in sorted(values.items())
        )

    def _value(self, tag: str, summary: Summary, number: int) -> str:
        for source in (tag, *SUBSTITUTES.get(tag, ())):
            if source in summary:
                return summary[source]
        if tag in SUBSTITUTES:
            return self._now.strftime("%Y%m%d" if tag == "00080020" else "%H%M%S")
        return str(number) if tag in NUMBERS else ""


def _charset(summary: Summary, text: str) -> tuple[str, str]:
    """SpecificCharacterSet and codec of `text`: the file's own where they can write it."""
    if text.isascii():
        return "", "ascii"
    declared = summary.get(CHARSET, "")
    if declared and "\\" not in declared:
        codec = encodings_of(declared.encode(), "ascii")[0]
        try:
            text.encode(codec)
        except UnicodeError:
            pass
        else:
            return declared, codec
    return UTF8, "utf-8"


def _tree_size(record: Record) -> int:
    return record.size + sum(map(_tree_size, record.below))


def _encoded(records: list[Record], start: int) -> Iterator[bytes]:
    """The records, each followed by those below it; the first begins at byte `start`."""
    for position, record in enumerate(records):
        lower = start + record.size
        following = lower + sum(map(_tree_size, record.below))
        is_last = position == len(records) - 1
        yield record.encode(0 if is_last else following, lower if record.below else 0)
        yield from _encoded(record.below, lower)
        start = following


def _head(first: int, last: int) -> bytes:
    """The data set up to its first record."""
    return (
        element(0x00041130, "CS", FILE_SET_ID.encode())
        + element(0x00041200, "UL", struct.pack("<L", first))
        + element(0x00041202, "UL", struct.pack("<L", last))
        + element(0x00041212, "US", b"\0\0")
        + struct.pack("<HH2sHL", 0x0004, 0x1220, b"SQ", 0, 0xFFFFFFFF)
    )
