# SPDX-License-Identifier: Apache-2.0
"""Data sets in another encoding than declared, and group 0002 where it does not belong."""

from __future__ import annotations

import json
import struct
import zlib

import pytest

from pons.header import Correction, scan

IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
BIG, DEFLATED = "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"
JPEG, J2K = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.90"
GE_PRIVATE = "1.2.840.113619.5.2"
PAPYRUS = "1.2.840.10008.1.20"
UNDEFINED = 0xFFFFFFFF
ELEMENTS = {
    0x00080005: ("CS", b"ISO_IR 100"),
    0x00080008: ("CS", b"ORIGINAL\\PRIMARY"),
    0x00080016: ("UI", b"1.2.840.10008.5.1.4.1.1.7\0"),
    0x00080018: ("UI", b"1.2.3\0"),
    0x00100010: ("PN", b"A^B "),
    0x0020000D: ("UI", b"1.2\0"),
    0x0020000E: ("UI", b"1.2.5\0"),
}


def element(tag: int, vr: str, value: bytes, syntax: str, length: int | None = None) -> bytes:
    order = ">" if syntax == BIG else "<"
    size = len(value) if length is None else length
    if syntax == IMPLICIT:
        return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, size) + value
    head = struct.pack(order + "HH2s", tag >> 16, tag & 0xFFFF, vr.encode())
    return head + struct.pack(order + ("2xI" if vr in ("OB", "OW", "SQ") else "H"), size) + value


def dataset(syntax: str, pixels: bytes | None = bytes(64), *, after: int = 0) -> bytes:
    data = b"".join(
        element(tag, vr, value, syntax) for tag, (vr, value) in ELEMENTS.items() if tag > after
    )
    rows = struct.pack(">H" if syntax == BIG else "<H", 8)
    data += element(0x00280010, "US", rows, syntax)
    return data if pixels is None else data + element(0x7FE00010, "OW", pixels, syntax)


def fragments(syntax: str) -> bytes:
    item = struct.pack("<HHI", 0xFFFE, 0xE000, 4)
    content = item + b"\0\0\0\0" + item + b"\xff\xd8\xff\xd9" + b"\xfe\xff\xdd\xe0\0\0\0\0"
    return element(0x7FE00010, "OB", content, syntax, UNDEFINED)


def meta(*elements: tuple[int, str], group_length: bool = True, syntax: str = EXPLICIT) -> bytes:
    content = b"".join(
        element(0x00020000 | number, "UI", text.encode() + b"\0" * (len(text) % 2), syntax)
        for number, text in elements
    )
    length = element(0x00020000, "UL", struct.pack("<I", len(content)), syntax)
    return length + content if group_length else content


def start(transfer_syntax: str, *, group_length: bool = True) -> bytes:
    elements = ((0x02, "1.2.840.10008.5.1.4.1.1.7"), (0x10, transfer_syntax), (0x12, "1.2.3.4"))
    return bytes(128) + b"DICM" + meta(*elements, group_length=group_length)


@pytest.mark.parametrize("declared", [IMPLICIT, EXPLICIT, BIG, DEFLATED])
@pytest.mark.parametrize("real", [IMPLICIT, EXPLICIT, BIG])
@pytest.mark.parametrize("after", [0, 0x00080008])
@pytest.mark.parametrize("pixels", [None, bytes(64), bytes(1_000_000)])
def test_the_real_encoding_is_told(
    declared: str, real: str, after: int, pixels: bytes | None
) -> None:
    """The transfer syntax is that of the bytes, whatever the meta header says."""
    if declared == DEFLATED and real != EXPLICIT:
        return  # see below
    file = start(declared) + dataset(real, pixels, after=after)

    header = scan(file)

    assert header.transfer_syntax == real
    members = json.loads(header.json)
    assert members["00100010"]["Value"] == [{"Alphabetic": "A^B"}]
    assert members["00280010"] == {"vr": "US", "Value": [8]}
    if declared == real:
        assert header.correction is None
    else:
        assert header.correction == Correction(len(start(declared)), real, ())
    if pixels is not None:
        assert header.pixel_data is not None
        assert file[header.pixel_data.offset :] == pixels


@pytest.mark.parametrize(
    ("declared", "data"),
    [
        (EXPLICIT, dataset(IMPLICIT, None) + fragments(IMPLICIT)),
        (IMPLICIT, dataset(EXPLICIT, None) + fragments(EXPLICIT)),
        (DEFLATED, zlib.compress(dataset(IMPLICIT), wbits=-15)),
    ],
)
def test_what_no_transfer_syntax_names_is_told(declared: str, data: bytes) -> None:
    """Nobody knows how such pixel data is compressed, or such a data set called."""
    header = scan(start(declared) + data)

    assert header.transfer_syntax == declared
    assert header.correction is not None
    assert "is encoded as" in header.correction.impossible


def test_an_implicit_data_set_with_compressed_pixels_keeps_its_name() -> None:
    """pydicom's SC_rgb_jpeg.dcm is one: nothing else says how its fragments are compressed."""
    header = scan(start(J2K) + dataset(IMPLICIT, None) + fragments(IMPLICIT))

    assert (header.transfer_syntax, header.correction) == (J2K, None)
    assert header.pixel_data is not None
    assert header.pixel_data.encapsulated


@pytest.mark.parametrize("declared", [JPEG, J2K])
def test_a_compressed_object_without_pixels_can_be_named(declared: str) -> None:
    assert scan(start(declared) + dataset(IMPLICIT, None)).transfer_syntax == IMPLICIT


@pytest.mark.parametrize("declared", [GE_PRIVATE, PAPYRUS, "1.2.3.4", ""])
@pytest.mark.parametrize("real", [IMPLICIT, EXPLICIT])
def test_private_transfer_syntaxes_are_left_alone(declared: str, real: str) -> None:
    """GE's is implicit with pixels in big endian: nobody else knows what one means."""
    header = scan(start(declared) + dataset(real))

    assert header.transfer_syntax == (declared or real)
    assert header.correction is None


def test_an_odd_first_element_is_no_other_encoding() -> None:
    """A VR that is none, an implicit element, a large first value: the rest decides."""
    odd = b"\x08\x00\x01\x00??\x04\x00ABCD"
    implicit = element(0x00080001, "UL", b"\1\0\0\0", IMPLICIT)
    for first in (odd, implicit):
        header = scan(start(EXPLICIT) + first + dataset(EXPLICIT, bytes(1_000_000)))
        assert (header.transfer_syntax, header.correction) == (EXPLICIT, None)
    for length in (0x5343, 0x4955):  # "CS", "UI"
        long = element(0x00080001, "UT", b"x" * length, IMPLICIT)
        header = scan(start(IMPLICIT) + long + dataset(IMPLICIT))
        assert (header.transfer_syntax, header.correction) == (IMPLICIT, None)


SECOND = [
    meta((0x10, J2K), group_length=False),
    meta((0x02, "1.2.9"), (0x03, "1.2.8"), (0x10, J2K), (0x12, "1.2.7")),
    meta((0x02, "1.2.9"), (0x10, IMPLICIT), group_length=False),
    meta((0x13, "PACS"), group_length=False),
    meta((0x10, J2K), group_length=False) * 3,
    meta((0x10, J2K), group_length=False, syntax=IMPLICIT),
    meta((0x02, "1.2.9"), (0x10, J2K), syntax=IMPLICIT),
]


@pytest.mark.parametrize("second", SECOND)
@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
def test_the_first_meta_header_counts(second: bytes, syntax: str) -> None:
    """PS3.10 7.1 has one; PS3.5 7.1 has no group 0002 in a data set."""
    first = start(syntax)
    file = first + second + dataset(syntax)

    header = scan(file)

    assert header.transfer_syntax == syntax
    assert header.sop_class_uid == "1.2.840.10008.5.1.4.1.1.7"
    assert "0002" not in {tag[:4] for tag in json.loads(header.json)}
    assert json.loads(header.meta_json)["00020002"]["Value"] == ["1.2.840.10008.5.1.4.1.1.7"]
    assert json.loads(header.meta_json)["00020010"]["Value"] == [syntax]
    misplaced = ((len(first), len(first + second)),)
    assert header.correction == Correction(len(first), syntax, misplaced)
    assert header.pixel_data is not None
    assert header.pixel_data.offset == len(file) - 64


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
def test_group_0002_amid_a_data_set_is_ignored(syntax: str) -> None:
    """Wherever it is, and in the data set's own encoding."""
    name = element(0x00020010, "UI", J2K.encode(), syntax)
    other = element(0x00020102, "OB", b"\1\2" * 50, syntax)
    file = start(syntax) + dataset(syntax, None) + name + other + dataset(syntax)[-76:]
    if syntax == IMPLICIT:
        file = start(syntax) + dataset(syntax, None) + name + other + dataset(syntax)[-72:]

    header = scan(file)

    assert header.transfer_syntax == syntax
    assert "0002" not in {tag[:4] for tag in json.loads(header.json)}
    assert header.correction is not None
    assert b"".join(file[a:b] for a, b in header.correction.misplaced) == name + other
    assert header.pixel_data is not None


def test_group_0002_in_a_deflated_data_set_is_ignored() -> None:
    second = element(0x00020010, "UI", J2K.encode(), EXPLICIT)
    deflated = zlib.compress(second + dataset(EXPLICIT), wbits=-15)

    header = scan(start(DEFLATED) + deflated)

    assert header.transfer_syntax == DEFLATED
    assert next(iter(json.loads(header.json))) == "00080005"


def test_both_faults_at_once() -> None:
    """A second group that lies, before a data set in a third encoding."""
    second = meta((0x10, J2K), group_length=False)
    for real in (IMPLICIT, BIG):
        file = start(EXPLICIT) + second + dataset(real)

        header = scan(file)

        begin = len(start(EXPLICIT))
        assert header.transfer_syntax == real
        assert header.correction == Correction(begin, real, ((begin, begin + len(second)),))
