# SPDX-License-Identifier: Apache-2.0
"""Elements without a VR, delimiters with a length, identifiers behind the pixel data."""

from __future__ import annotations

import asyncio
import json
import struct
import zlib
from typing import Any

import pytest

from pons.errors import InvalidInstance
from pons.header import scan, scan_dataset
from pons.header.file import syntax_of
from pons.header.walk import Element, Walk

IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
BIG, DEFLATED = "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"
JPEG = "1.2.840.10008.1.2.4.50"
LONG_VRS = {"OB", "OW", "SQ", "UN", "UT"}
UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD


def explicit(tag: int, vr: str, value: bytes, length: int | None = None, order: str = "<") -> bytes:
    size = len(value) if length is None else length
    head = struct.pack(order + "HH2s", tag >> 16, tag & 0xFFFF, vr.encode())
    return head + struct.pack(order + ("2xI" if vr in LONG_VRS else "H"), size) + value


def implicit(tag: int, value: bytes, length: int | None = None, order: str = "<") -> bytes:
    size = len(value) if length is None else length
    return struct.pack(order + "HHI", tag >> 16, tag & 0xFFFF, size) + value


def short(tag: int, vr: bytes, value: bytes, order: str = "<") -> bytes:
    return struct.pack(order + "HH2sH", tag >> 16, tag & 0xFFFF, vr, len(value)) + value


def long(tag: int, vr: bytes, value: bytes, length: int | None = None) -> bytes:
    size = len(value) if length is None else length
    return struct.pack("<HH2s2xI", tag >> 16, tag & 0xFFFF, vr, size) + value


def identified(elements: bytes, order: str = "<", after: bytes = b"") -> bytes:
    before = explicit(0x00080016, "UI", b"1.2.8\0", order=order)
    before += explicit(0x00080018, "UI", b"1.2.3\0", order=order)
    study = explicit(0x0020000D, "UI", b"1.2\0", order=order)
    return before + elements + study + explicit(0x0020000E, "UI", b"1.2.5 ", order=order) + after


def members(data: bytes, transfer_syntax: str = EXPLICIT) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(scan_dataset(data, transfer_syntax).json)
    return decoded


NO_VRS = [b"--", b"??", b"  ", b"\0\0", b"xs", b"ZZ", b"\xff\xff", b"lo", b"1A"]
PIXELS = explicit(0x7FE00010, "OW", bytes(range(256)) * 4000)
"""More bytes than most wrong lengths ask for."""


@pytest.mark.parametrize("vr", NO_VRS)
@pytest.mark.parametrize("pixels", [b"", PIXELS])
def test_what_is_no_vr_has_a_length_of_two_bytes(vr: bytes, pixels: bytes) -> None:
    """The element is shown with the VR of the dictionary, and what follows is right."""
    odd = short(0x00081030, vr, b"ABCD") + short(0x0008103E, vr, b"EF")
    data = identified(odd + explicit(0x00100020, "LO", b"P1"), after=pixels)

    found = members(data)

    assert found["00081030"] == {"vr": "LO", "Value": ["ABCD"]}
    assert found["0008103E"] == {"vr": "LO", "Value": ["EF"]}
    assert found["00100020"] == {"vr": "LO", "Value": ["P1"]}
    assert list(found) == sorted(found)


@pytest.mark.parametrize("vr", [b"ZZ", b"ow", b"??", b"--"])
@pytest.mark.parametrize("pixels", [b"", PIXELS])
def test_what_is_no_vr_may_have_a_length_of_four_bytes(vr: bytes, pixels: bytes) -> None:
    """As VRs of the future do (PS3.5 6.2)."""
    data = identified(long(0x00081030, vr, b"ABCDEF"), after=pixels)

    assert members(data)["00081030"] == {"vr": "LO", "Value": ["ABCDEF"]}


@pytest.mark.parametrize("value", [b"", b"AB", b"A" * 300, b"A" * 70000])
def test_an_element_without_vr_may_be_implicit(value: bytes) -> None:
    data = identified(implicit(0x00081030, value), after=PIXELS)

    assert members(data)["00081030"].get("Value", [""])[0] == value.decode()


@pytest.mark.parametrize(
    ("transfer_syntax", "order"), [(EXPLICIT, "<"), (BIG, ">"), (DEFLATED, "<")]
)
def test_elements_without_vr_in_other_encodings(transfer_syntax: str, order: str) -> None:
    odd = short(0x00081030, b"??", b"ABCD", order) + short(0x00280103, b"??", b"\1\1", order)
    data = identified(odd, order=order)
    if transfer_syntax == DEFLATED:
        data = zlib.compress(data, wbits=-15)

    found = members(data, transfer_syntax)

    assert found["00081030"] == {"vr": "LO", "Value": ["ABCD"]}
    assert found["00280103"] == {"vr": "US", "Value": [257]}


def test_elements_without_vr_first_last_private_and_nested() -> None:
    """First and last of a data set and of an item, private ones, and the last identifier."""
    item = short(0x00080100, b"??", b"CODE") + explicit(0x00080102, "SH", b"DCM ")
    item += short(0x00080104, b"??", b"ME")
    sequence = explicit(
        0x00081140, "SQ", implicit(ITEM, item + implicit(ITEM_END, b""), UNDEFINED), UNDEFINED
    ) + implicit(SEQUENCE_END, b"")
    data = short(0x00080005, b"??", b"ISO_IR 192") + explicit(0x00080018, "UI", b"1.2.3\0")
    data += sequence + short(0x00090010, b"--", b"GEMS_IDEN_01") + short(0x00091002, b"--", b"CT")
    data += short(0x00091099, b"--", b"\1\2")
    data += explicit(0x00100020, "LO", "ü".encode())
    data += explicit(0x0020000D, "UI", b"1.2\0") + short(0x0020000E, b"??", b"1.2.5\0")

    header = scan_dataset(data, EXPLICIT)
    found = json.loads(header.json)

    assert (header.series_uid, header.patient_id) == ("1.2.5", "ü")
    assert found["00081140"]["Value"] == [
        {
            "00080100": {"vr": "SH", "Value": ["CODE"]},
            "00080102": {"vr": "SH", "Value": ["DCM"]},
            "00080104": {"vr": "LO", "Value": ["ME"]},
        }
    ]
    assert found["00090010"] == {"vr": "LO", "Value": ["GEMS_IDEN_01"]}
    assert found["00091002"] == {"vr": "SH", "Value": ["CT"]}
    assert found["00091099"] == {"vr": "UN", "InlineBinary": "AQI="}


@pytest.mark.parametrize("more", [b"", explicit(0x00080102, "SH", b"DCM ")])
@pytest.mark.parametrize("behind", [0, 600_000])
def test_an_item_may_begin_with_an_element_without_vr(more: bytes, behind: int) -> None:
    """Of any length, also where its first bytes, taken for an implicit length, are in the file."""
    item = short(0x00080100, b"--", b"CODE") + more
    undefined = implicit(ITEM, item + implicit(ITEM_END, b""), UNDEFINED)
    sequences = explicit(0x00081140, "SQ", implicit(ITEM, item))
    sequences += explicit(0x00081199, "SQ", undefined, UNDEFINED) + implicit(SEQUENCE_END, b"")
    pixels = long(0x7FE00010, b"OW", bytes(behind))

    found = json.loads(scan_dataset(identified(sequences, after=pixels), EXPLICIT).json)

    for tag in ("00081140", "00081199"):
        assert found[tag]["Value"][0]["00080100"] == {"vr": "SH", "Value": ["CODE"]}


def test_pixel_data_without_vr_is_located() -> None:
    data = identified(b"", after=long(0x7FE00010, b"ow", b"\1\2" * 50))

    pixels = scan_dataset(data, EXPLICIT).pixel_data

    assert pixels is not None
    assert (pixels.offset, pixels.length, pixels.vr) == (len(data) - 100, 100, "OW")


def test_what_fits_in_no_way_is_refused() -> None:
    data = identified(b"") + b"\x28\x00\x10\x00??\xf0\xf0\xff\xff\xff\x7f"

    with pytest.raises(InvalidInstance, match=r"Rows \(0028,0010\) at offset \d+ has \d+ bytes"):
        scan_dataset(data, EXPLICIT)


def test_the_walk_reads_elements_without_vr_alike() -> None:
    """Raw content is found where the scan finds it."""
    odd = short(0x00081030, b"??", b"ABCD") + long(0x0008103E, b"ow", b"EFGH")
    content = identified(odd + implicit(0x00081048, b"IJ"), after=PIXELS)

    async def read_range(start: int, length: int) -> bytes:
        return content[start : start + length]

    async def all_elements() -> dict[int, Element]:
        walk = Walk(read_range, len(content))
        dataset = walk.dataset(syntax_of(EXPLICIT, content, len(content)), 0)
        return {one.tag: one async for one in walk.elements(dataset)}

    found = asyncio.run(all_elements())
    values = [content[e.start : e.start + (e.length or 0)] for e in found.values()]
    assert values[2:5] == [b"ABCD", b"EFGH", b"IJ"]
    assert [found[tag].vr for tag in (0x00081030, 0x0008103E, 0x00081048)] == ["LO", "LO", "PN"]


@pytest.mark.parametrize("length", [0, 4, 8, 0xFFFF, 0x7FFFFFFF, UNDEFINED])
@pytest.mark.parametrize("order", ["<", ">"])
def test_delimiters_may_have_any_length(length: int, order: str) -> None:
    """Of fragments, items and sequences; no value follows a delimiter."""
    end, close = (implicit(tag, b"", length, order) for tag in (SEQUENCE_END, ITEM_END))
    inner = explicit(0x00080100, "SH", b"CODE", order=order) + close
    item = implicit(ITEM, inner, UNDEFINED, order)
    sequence = explicit(0x00081140, "SQ", item + end, UNDEFINED, order)
    fragments = implicit(ITEM, b"", order=order) + implicit(ITEM, b"\xff\xd8ab", order=order) + end
    pixels = explicit(0x7FE00010, "OB", fragments, UNDEFINED, order)
    other = explicit(0x7FDF1010, "OB", fragments, UNDEFINED, order)
    data = identified(sequence, order, after=other + pixels)

    header = scan_dataset(data, JPEG if order == "<" else BIG, whole=True)

    found = json.loads(header.json)
    assert found["00081140"]["Value"][0]["00080100"]["Value"] == ["CODE"]
    assert found["7FDF1010"]["BulkDataURI"].endswith("/20")
    assert header.pixel_data is not None
    assert header.pixel_data.encapsulated


@pytest.mark.parametrize("kind", [bytes, bytearray])
@pytest.mark.parametrize("size", [64, 200_000])
def test_identifiers_behind_the_pixel_data_are_read(kind: Any, size: int) -> None:
    """A parser that ends at the pixel data would find no instance."""
    pixels = explicit(0x7FE00010, "OW", b"\1\2" * (size // 2))
    rows = explicit(0x00280010, "US", b"\x08\0")
    prefix = bytes(128) + b"DICM" + explicit(0x00020010, "UI", b"1.2.840.10008.1.2.1\0")

    header = scan(kind(prefix + pixels + identified(rows)))

    assert (header.study_uid, header.sop_instance_uid) == ("1.2", "1.2.3")
    assert json.loads(header.json)["00280010"]["Value"] == [8]
    assert header.pixel_data is not None
    assert (header.pixel_data.offset, header.pixel_data.length) == (len(prefix) + 12, size)


@pytest.mark.parametrize(
    ("transfer_syntax", "size"),
    [
        *((one, size) for one in (EXPLICIT, IMPLICIT, JPEG, BIG) for size in (64, 200000)),
        (DEFLATED, 64),
    ],
)
def test_tags_behind_the_pixel_data_are_shown(transfer_syntax: str, size: int) -> None:
    """With the identifiers before it too, and in each encoding."""
    order = ">" if transfer_syntax == BIG else "<"
    value = bytes(size)
    pixels = explicit(0x7FE00010, "OW", value, order=order)
    name = explicit(0x00100010, "PN", b"A^B ", order=order)
    data = identified(b"", order) + pixels + name
    if transfer_syntax == JPEG:
        fragments = implicit(ITEM, b"") + implicit(ITEM, value) + implicit(SEQUENCE_END, b"")
        data = identified(b"") + explicit(0x7FE00010, "OB", fragments, UNDEFINED) + name
    elif transfer_syntax == IMPLICIT:
        data = implicit(0x00080018, b"1.2.3\0") + implicit(0x0020000D, b"1.2\0")
        data += implicit(0x0020000E, b"1.2.5 ") + implicit(0x7FE00010, value)
        data += implicit(0x00100010, b"A^B ")
    elif transfer_syntax == DEFLATED:
        data = zlib.compress(data, wbits=-15)

    header = scan_dataset(data, transfer_syntax)

    assert json.loads(header.json)["00100010"]["Value"] == [{"Alphabetic": "A^B"}]
    assert header.series_uid == "1.2.5"


@pytest.mark.parametrize(
    "after",
    [
        b"\0" * 100,
        explicit(0xFFFCFFFC, "OB", b"\0" * 10),
        b"some more bytes that mean nothing",
        b"\x08\x00\x05\x00",
    ],
)
def test_what_else_is_behind_the_pixel_data_is_left_alone(after: bytes) -> None:
    header = scan_dataset(identified(b"") + explicit(0x7FE00010, "OW", b"\1\2") + after, EXPLICIT)

    assert list(json.loads(header.json)) == ["00080016", "00080018", "0020000D", "0020000E"]


def test_a_file_without_identifiers_anywhere_is_refused() -> None:
    pixels = explicit(0x7FE00010, "OW", bytes(100_000))
    data = explicit(0x00080018, "UI", b"1.2.3\0") + pixels

    for transfer_syntax, content in ((EXPLICIT, data), (DEFLATED, zlib.compress(data, wbits=-15))):
        with pytest.raises(InvalidInstance, match=r"\(0020,000D\) is missing or empty"):
            scan_dataset(content, transfer_syntax)
