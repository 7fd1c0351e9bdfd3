# SPDX-License-Identifier: Apache-2.0
"""What the scan refuses, bounds or leaves in the file."""

from __future__ import annotations

import json
import mmap
import zlib
from pathlib import Path
from typing import Any

import pytest

from pons.errors import InvalidInstance
from pons.header import PixelData, scan, scan_dataset

from .elements import (
    BIG,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    UNDEFINED,
    element_of,
    explicit,
    identified,
    implicit_identified,
)


def file_of(dataset: bytes, transfer_syntax: str) -> bytes:
    uid = transfer_syntax.encode() + b"\0" * (len(transfer_syntax) % 2)
    return bytes(128) + b"DICM" + explicit(0x00020010, "UI", uid) + dataset


def test_the_pixel_data_is_located_and_left_out() -> None:
    """Its offset is counted in the file, and elements after it are read when asked for."""
    pixels = explicit(0x7FE00010, "OW", b"\0" * 100)
    dataset = identified(b"", after=pixels + explicit(0xFFFCFFFC, "OB", b"\0\0"))
    data = file_of(dataset, EXPLICIT)

    header = scan(data)

    assert header.pixel_data == PixelData(0x7FE00010, data.index(pixels) + 12, 100, "OW")
    assert not header.pixel_data.encapsulated
    assert b"7FE00010" not in header.json
    assert b"FFFCFFFC" not in header.json
    assert b'"FFFCFFFC":{"vr":"OB","InlineBinary":"AAA="}' in scan(data, whole=True).json
    moved = scan_dataset(dataset, EXPLICIT, base_offset=len(data) - len(dataset))
    assert moved.pixel_data == header.pixel_data


def test_encapsulated_pixel_data_needs_its_delimiter() -> None:
    """Fragments are walked, so one that contains the delimiter's bytes does not end them."""
    end = b"\xfe\xff\xdd\xe0\0\0\0\0"
    fragments = b"\xfe\xff\x00\xe0\0\0\0\0" + b"\xfe\xff\x00\xe0\x08\0\0\0" + end
    data = identified(b"", after=explicit(0x7FE00010, "OB", fragments + end, UNDEFINED))

    pixel_data = scan_dataset(data, "1.2.840.10008.1.2.4.50").pixel_data

    assert pixel_data == PixelData(0x7FE00010, len(data) - 32, None, "OB")
    assert pixel_data.encapsulated
    with pytest.raises(InvalidInstance, match="cut short"):
        scan_dataset(data[:-8], "1.2.840.10008.1.2.4.50")


def test_a_deflated_data_set_counts_offsets_in_what_is_inflated() -> None:
    """Its bulk data and pixel data cannot be found in the file itself."""
    dataset = identified(
        explicit(0x00091001, "OB", b"\0" * 100), after=explicit(0x7FE00010, "OW", b"\0" * 500_000)
    )
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    data = file_of(deflater.compress(dataset) + deflater.flush(), DEFLATED)

    header = scan(data)

    start = len(dataset) - 500_000
    assert header.pixel_data == PixelData(0x7FE00010, start, 500_000, "OW", deflated=True)
    assert b'"00091001":{"vr":"OB","BulkDataURI":"z26/100"}' in header.json
    assert header.transfer_syntax == DEFLATED


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, "mmap"])
@pytest.mark.parametrize("size", [10, 70_000, 900_000])
def test_every_buffer_gives_the_same(kind: Any, size: int, tmp_path: Path) -> None:
    """Bytes, arrays, views and maps, with headers that fit one window or do not."""
    text = explicit(0x00091001, "UT", b"x" * size)
    dataset = identified(text, after=explicit(0x7FE00010, "OW", b"\0" * 200_000))
    data = file_of(dataset, EXPLICIT)
    path = tmp_path / "file.dcm"
    path.write_bytes(data)

    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert scan(mapped if kind == "mmap" else kind(data)) == scan(data)


def test_a_bare_data_set_is_recognised() -> None:
    """Without preamble and meta header, the first element shows how the rest is encoded."""
    little = identified(b"")
    implicit_data = implicit_identified(b"")

    assert scan(little).transfer_syntax == EXPLICIT
    assert scan(identified(b"", order=">")).transfer_syntax == BIG
    assert scan(implicit_data).transfer_syntax == IMPLICIT
    assert scan(little).meta_json == b"{}"


def test_the_meta_header_is_json_of_its_own() -> None:
    """Group 0002 is not mixed with the data set, and gives the SOP class that this lacks."""
    meta = explicit(0x00020002, "UI", b"1.2.840.10008.5.1.4.1.1.2\0")
    meta += explicit(0x00020010, "UI", b"1.2.840.10008.1.2.1\0")

    header = scan(bytes(128) + b"DICM" + meta + identified(b""))

    assert header.sop_class_uid == "1.2.840.10008.5.1.4.1.1.2"
    assert list(json.loads(header.meta_json)) == ["00020002", "00020010"]
    assert b'"0002' not in header.json


@pytest.mark.parametrize(
    ("without", "message"),
    [
        (0, "SOP Instance UID (0008,0018) is missing or empty"),
        (1, "Study Instance UID (0020,000D) is missing or empty"),
        (2, "Series Instance UID (0020,000E) is missing or empty"),
    ],
)
def test_an_identifier_that_is_missing_is_named(without: int, message: str) -> None:
    """The sender's engineer learns which attribute it is, in words and tag."""
    tags = [0x00080018, 0x0020000D, 0x0020000E]
    full = [explicit(tag, "UI", b"1.2\0") for tag in tags]
    empty = [explicit(tag, "UI", b"\0 ") for tag in tags]

    for replacement in (b"", empty[without]):
        parts = [*full[:without], replacement, *full[without + 1 :]]
        with pytest.raises(InvalidInstance) as refused:
            scan_dataset(b"".join(parts), EXPLICIT)
        assert refused.value.message == message


def test_identifiers_are_bounded() -> None:
    """An identifier that no index could hold is refused at the door."""
    with pytest.raises(InvalidInstance, match=r"Patient ID \(0010,0020\) is longer than 1024"):
        scan_dataset(identified(explicit(0x00100020, "LO", b"x" * 1026)), EXPLICIT)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "Not a DICOM file"),
        (b"PK\x03\x04 a zip archive, perhaps", "Not a DICOM file"),
        (b"<html><body>Not found</body></html>", "Not a DICOM file"),
        (bytes(128) + b"DICM", "SOP Class|is missing or empty"),
        (
            file_of(explicit(0x00080016, "UI", b"1.2.840.10008.1.3.10"), EXPLICIT),
            "A DICOMDIR is a directory of instances",
        ),
    ],
)
def test_what_is_no_instance_is_refused_in_words(data: bytes, message: str) -> None:
    """Common mistakes get an answer that says what the file is not."""
    with pytest.raises(InvalidInstance, match=message):
        scan(data)


def test_zeros_after_the_last_element_are_padding() -> None:
    """Files that a medium padded to its block size are whole all the same."""
    assert scan(file_of(identified(b""), EXPLICIT) + bytes(2047)).study_uid == "1.2"


def test_what_is_remembered_does_not_leak_between_files() -> None:
    """The same bytes read differently in another character set or after another creator."""
    name = explicit(0x00100010, "PN", b"M\xc3\xbc")
    utf8 = explicit(0x00080005, "CS", b"ISO_IR 192")

    for _ in range(2):
        assert element_of(utf8 + identified(name), "00100010")["Value"][0]["Alphabetic"] == "Mü"
        assert element_of(identified(name), "00100010")["Value"][0]["Alphabetic"] == "MÃ¼"
