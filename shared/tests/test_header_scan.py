# SPDX-License-Identifier: Apache-2.0
"""What the header scan gives for elements written out byte by byte."""

from __future__ import annotations

import json
import mmap
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest

from pons.errors import InvalidInstance
from pons.header import PixelData, scan, scan_dataset

IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
BIG, DEFLATED = "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"
LONG_VRS = {"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"}
UNDEFINED = 0xFFFFFFFF


def explicit(tag: int, vr: str, value: bytes, length: int | None = None, order: str = "<") -> bytes:
    size = len(value) if length is None else length
    head = struct.pack(order + "HH2s", tag >> 16, tag & 0xFFFF, vr.encode())
    long = vr in LONG_VRS
    return head + struct.pack(order + ("2xI" if long else "H"), size) + value


def implicit(tag: int, value: bytes, length: int | None = None) -> bytes:
    size = len(value) if length is None else length
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, size) + value


def identified(elements: bytes, order: str = "<", after: bytes = b"") -> bytes:
    """Add the three identifiers, before and after elements of groups 0009 to 0019 or so."""
    before = explicit(0x00080018, "UI", b"1.2.3\0", order=order)
    study = explicit(0x0020000D, "UI", b"1.2\0", order=order)
    series = explicit(0x0020000E, "UI", b"1.2.5 ", order=order)
    return before + elements + study + series + after


def implicit_identified(elements: bytes) -> bytes:
    before = implicit(0x00080018, b"1.2.3\0")
    return before + elements + implicit(0x0020000D, b"1.2\0") + implicit(0x0020000E, b"1.4 ")


def element_of(data: bytes, tag: str, transfer_syntax: str = EXPLICIT) -> dict[str, Any]:
    member: dict[str, Any] = json.loads(scan_dataset(data, transfer_syntax).json)[tag]
    return member


def file_of(dataset: bytes, transfer_syntax: str) -> bytes:
    uid = transfer_syntax.encode() + b"\0" * (len(transfer_syntax) % 2)
    return bytes(128) + b"DICM" + explicit(0x00020010, "UI", uid) + dataset


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
