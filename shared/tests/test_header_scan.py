# SPDX-License-Identifier: Apache-2.0
"""What the header scan gives for elements written out byte by byte."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest

from pons.header import scan_dataset

from .elements import (
    BIG,
    EXPLICIT,
    IMPLICIT,
    UNDEFINED,
    element_of,
    explicit,
    identified,
    implicit,
    implicit_identified,
)


@pytest.mark.parametrize(
    ("vr", "value", "expected"),
    [
        ("AE", b" PONS ", ["PONS"]),
        ("AS", b"034Y", ["034Y"]),
        ("AT", b"\x28\x00\x10\x00\x28\x00\x11\x00", ["00280010", "00280011"]),
        ("CS", b"ORIGINAL\\PRIMARY ", ["ORIGINAL", "PRIMARY"]),
        ("DA", b"20260131", ["20260131"]),
        ("DS", b"1.50\\-2 ", ["1.50", "-2"]),
        ("DS", b"1.50 \\ -2\\", ["1.50", "-2", None]),
        ("DT", b"20260131120000", ["20260131120000"]),
        ("FD", struct.pack("<d", 1.25), [1.25]),
        ("FL", struct.pack("<2f", 0.5, -8.0), [0.5, -8.0]),
        ("FL", struct.pack("<3f", float("nan"), float("inf"), -float("inf")), None),
        ("IS", b"007 ", ["007"]),
        ("LO", b'say "hi"', ['say "hi"']),
        ("LT", b"  a\\b\r\n", ["  a\\b\r\n"]),
        ("SH", b"one\0two\0", ["one"]),
        ("SL", struct.pack("<i", -70000), [-70000]),
        ("SS", struct.pack("<3h", -1, 2, 3), [-1, 2, 3]),
        ("ST", b"  text  ", ["  text"]),
        ("SV", struct.pack("<q", -(2**60)), ["-1152921504606846976"]),
        ("TM", b"101010.5", ["101010.5"]),
        ("UC", b" a\\b ", [" a", "b"]),
        ("UI", b"1.2\\1.3\0", ["1.2", "1.3"]),
        ("UL", struct.pack("<I", 4000000000), [4000000000]),
        ("UR", b"http://pons/a\\b ", ["http://pons/a\\b"]),
        ("US", struct.pack("<H", 65535), [65535]),
        ("UT", b"x" * 70000, ["x" * 70000]),
        ("UV", struct.pack("<2Q", 2**63, 1), ["9223372036854775808", "1"]),
    ],
)
def test_values_become_dicom_json(vr: str, value: bytes, expected: list[Any] | None) -> None:
    """Each VR has its form in JSON, and DS and IS keep the file's own text."""
    element = element_of(identified(explicit(0x00091001, vr, value)), "00091001")

    expected = ["NaN", "Infinity", "-Infinity"] if expected is None else expected
    assert element == {"vr": vr, "Value": expected}


@pytest.mark.parametrize("vr", ["LO", "PN", "US", "FD", "AT", "OB", "SQ", "UT", "SV", "DS"])
def test_an_empty_value_has_only_its_vr(vr: str) -> None:
    """An attribute without value is shown without Value."""
    assert element_of(identified(explicit(0x00091001, vr, b"")), "00091001") == {"vr": vr}


def test_a_person_name_has_its_groups() -> None:
    """Alphabetic, ideographic and phonetic groups are told apart, and decoded."""
    names = b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=Ya\\\\Doe"
    data = explicit(0x00080005, "CS", b"\\ISO 2022 IR 87 ") + identified(
        explicit(0x00100010, "PN", names)
    )

    assert element_of(data, "00100010")["Value"] == [
        {"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎", "Phonetic": "Ya"},
        None,
        {"Alphabetic": "Doe"},
    ]


@pytest.mark.parametrize(
    ("charset", "value", "text"),
    [
        (b"", b"M\xfcller", "Müller"),
        (b"ISO_IR 100", b"M\xfcller", "Müller"),
        (b"ISO_IR 192", "Müller".encode(), "Müller"),
        (b"ISO_IR 192", b"M\xfcller", "M\ufffdller"),
        (b"ISO_IR 144", "Люкс".encode("iso8859_5"), "Люкс"),
        (b"GB18030 ", "王\\小".encode("gb18030"), "王"),
        (b"ISO IR 101", "Łódź".encode("iso8859_2"), "Łódź"),
        (b"\\ISO 2022 IR 149", b"\x1b$)C\xb1\xe8", "김"),
        (b"ISO 2022 IR 13\\ISO 2022 IR 87", b"\xd4\xcf\xc0\xde", "ﾔﾏﾀﾞ"),
        (b"zip ", b"M\xfcller", "Müller"),
        (b"NO_SUCH ", b"M\xfcller", "Müller"),
    ],
)
def test_text_is_decoded(charset: bytes, value: bytes, text: str) -> None:
    """SpecificCharacterSet decides how text reads; what is wrong never fails."""
    data = explicit(0x00080005, "CS", charset) + identified(explicit(0x00091001, "LO", value))

    assert element_of(data, "00091001")["Value"][0] == text


def test_the_default_charset_is_for_files_that_name_none() -> None:
    """A site whose old files are Cyrillic can say so."""
    data = identified(explicit(0x00100020, "LO", "Люкс".encode("iso8859_5")))

    assert scan_dataset(data, EXPLICIT, default_charset="ISO_IR 144").patient_id == "Люкс"
    assert scan_dataset(data, EXPLICIT, default_charset="iso8859_5").patient_id == "Люкс"
    assert scan_dataset(data, EXPLICIT).patient_id == "»îÚá"


def test_an_item_may_have_its_own_charset() -> None:
    """An item's SpecificCharacterSet holds in that item only."""
    item = explicit(0x00080005, "CS", b"ISO_IR 192") + explicit(0x00080104, "LO", "ü".encode())
    sequence = explicit(0x00081140, "SQ", b"\xfe\xff\x00\xe0" + struct.pack("<I", len(item)) + item)
    data = explicit(0x00080005, "CS", b"ISO_IR 100") + identified(
        sequence + explicit(0x00100020, "LO", b"\xfc")
    )

    members = json.loads(scan_dataset(data, EXPLICIT).json)

    assert members["00081140"]["Value"][0]["00080104"]["Value"] == ["ü"]
    assert members["00100020"]["Value"] == ["ü"]


def test_binary_values_are_inline_up_to_64_bytes() -> None:
    """Longer ones are named by offset and length in the file."""
    short = identified(explicit(0x00091001, "OB", b"\1" * 64))
    long = identified(explicit(0x00091001, "OW", b"\1" * 66))

    assert element_of(short, "00091001")["InlineBinary"].startswith("AQEBAQ")
    assert element_of(long, "00091001") == {"vr": "OW", "BulkDataURI": "26/66"}
    json_with_offset = json.loads(scan_dataset(long, EXPLICIT, base_offset=1000).json)
    assert json_with_offset["00091001"] == {"vr": "OW", "BulkDataURI": "1026/66"}


def test_text_above_a_megabyte_stays_in_the_file() -> None:
    """A header's JSON does not grow with one enormous text."""
    data = identified(explicit(0x00091001, "UT", b"x" * 1_048_578))

    assert element_of(data, "00091001") == {"vr": "UT", "BulkDataURI": "26/1048578"}


def test_big_endian_numbers_and_words_are_turned() -> None:
    """JSON has values, and inline words in little endian, whatever the file's order is."""
    elements = explicit(0x00091001, "US", b"\x01\x02", order=">") + explicit(
        0x00091002, "OW", b"\x01\x02\x03\x04", order=">"
    )
    data = identified(elements, order=">")

    assert element_of(data, "00091001", BIG) == {"vr": "US", "Value": [0x0102]}
    assert element_of(data, "00091002", BIG) == {"vr": "OW", "InlineBinary": "AgEEAw=="}


def test_implicit_elements_get_their_vr_from_the_dictionaries() -> None:
    """Standard attributes by PS3.6, private ones by their creator, the others UN."""
    private = implicit(0x00190010, b"SIEMENS MR HEADER ") + implicit(0x00190011, b"PONS")
    private += implicit(0x0019100C, b"1000") + implicit(0x00191101, b"\1\2")
    members = json.loads(scan_dataset(implicit_identified(private), IMPLICIT).json)

    assert members["00190010"] == {"vr": "LO", "Value": ["SIEMENS MR HEADER"]}
    assert members["0019100C"] == {"vr": "IS", "Value": ["1000"]}
    assert members["00191101"] == {"vr": "UN", "InlineBinary": "AQI="}


@pytest.mark.parametrize(("representation", "vr", "number"), [(0, "US", 65535), (1, "SS", -1)])
def test_pixel_representation_decides_us_or_ss(representation: int, vr: str, number: int) -> None:
    """Also for the attributes that come before it in the file."""
    before = implicit(0x00189810, b"\xff\xff")
    after = implicit(0x00280103, struct.pack("<H", representation)) + implicit(
        0x00280106, b"\xff\xff"
    )
    data = implicit_identified(before) + after

    assert element_of(data, "00189810", IMPLICIT) == {"vr": vr, "Value": [number]}
    assert element_of(data, "00280106", IMPLICIT) == {"vr": vr, "Value": [number]}


@pytest.mark.parametrize(("entries", "vr"), [(1, "US"), (2, "OW")])
def test_the_lut_descriptor_decides_the_vr_of_lut_data(entries: int, vr: str) -> None:
    """A table of one entry is a number, a longer one is words (PS3.3 C.11.1.1.1)."""
    data = implicit_identified(b"") + implicit(0x00283002, struct.pack("<3H", entries, 0, 8))

    data += implicit(0x00283006, b"\1\0" * entries)

    assert element_of(data, "00283006", IMPLICIT)["vr"] == vr


def test_un_is_read_as_what_the_dictionary_knows() -> None:
    """A gateway that wrote UN for everything does not hide the identifiers."""
    value = b"1.2.3\0"
    data = explicit(0x00080018, "UN", value) + explicit(0x0020000D, "UN", value)

    header = scan_dataset(data + explicit(0x0020000E, "UN", value), EXPLICIT)

    assert (header.sop_instance_uid, header.study_uid, header.series_uid) == ("1.2.3",) * 3


def test_un_of_undefined_length_is_an_implicit_sequence() -> None:
    """PS3.5 6.2.2 (CP-246): inside such a UN everything is implicit little endian."""
    item = implicit(0x00100020, b"ID") + b"\xfe\xff\x0d\xe0\0\0\0\0"
    content = b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + item + b"\xfe\xff\xdd\xe0\0\0\0\0"
    little = identified(explicit(0x00091001, "UN", content, UNDEFINED))
    big = identified(explicit(0x00091001, "UN", content, UNDEFINED, order=">"), order=">")
    expected = {"vr": "SQ", "Value": [{"00100020": {"vr": "LO", "Value": ["ID"]}}]}

    assert element_of(little, "00091001") == expected
    assert element_of(big, "00091001", BIG) == expected


def test_a_value_that_does_not_fit_its_vr_is_shown_as_un() -> None:
    """Three bytes are no US: they stay readable as bytes."""
    data = identified(explicit(0x00091001, "US", b"\1\2\3"))

    assert element_of(data, "00091001") == {"vr": "UN", "InlineBinary": "AQID"}


def test_elements_out_of_order_are_sorted_and_the_last_of_two_counts() -> None:
    """Keys ascend whatever the file does, as pydicom's last value wins."""
    elements = b"".join(
        explicit(tag, "SH", value)
        for tag, value in [(0x00091003, b"A "), (0x00091001, b"B "), (0x00091003, b"C ")]
    )
    members = json.loads(scan_dataset(identified(elements), EXPLICIT).json)

    assert list(members) == ["00080018", "00091001", "00091003", "0020000D", "0020000E"]
    assert members["00091003"]["Value"] == ["C"]
