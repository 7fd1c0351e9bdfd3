# SPDX-License-Identifier: Apache-2.0
"""Text with escape sequences, under terms of all spellings, and with a NUL in it."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest

from pons.header import scan_dataset
from pons.header.charset import encodings_of

EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
KOREAN, CHINESE, KANJI = b"\x1b$)C", b"\x1b$)A", b"\x1b$B"


def explicit(tag: int, vr: str, value: bytes) -> bytes:
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr.encode())
    long = vr in ("UT", "UC", "UR")
    return head + struct.pack("<2xI" if long else "<H", len(value)) + value


def implicit(tag: int, value: bytes) -> bytes:
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(value)) + value


def element_of(vr: str, value: bytes, charset: bytes = b"") -> dict[str, Any]:
    data = explicit(0x00080005, "CS", charset) + explicit(0x00080018, "UI", b"1.2.3\0")
    data += explicit(0x00091001, vr, value)
    data += explicit(0x0020000D, "UI", b"1.2\0") + explicit(0x0020000E, "UI", b"1.2.5 ")
    member: dict[str, Any] = json.loads(scan_dataset(data, EXPLICIT).json)["00091001"]
    return member


def name(*groups: str) -> dict[str, str]:
    return dict(zip(("Alphabetic", "Ideographic", "Phonetic"), groups, strict=False))


@pytest.mark.parametrize(
    ("charset", "value", "names"),
    [
        (  # PS3.5 annex K.2
            b"\\ISO 2022 IR 58",
            b"Zhang^XiaoDong=" + CHINESE + b"\xd5\xc5^" + CHINESE + b"\xd0\xa1\xb6\xab=",
            [name("Zhang^XiaoDong", "张^小东", "")],
        ),
        (b"\\ISO 2022 IR 58", CHINESE + b"\xd5\xc5^\xd0\xa1\xb6\xab", [name("张^小东")]),
        (  # PS3.5 annex I.2
            b"\\ISO 2022 IR 149",
            b"Hong^Gildong="
            + KOREAN
            + b"\xfb\xf3^"
            + KOREAN
            + b"\xd1\xce\xd4\xd7="
            + KOREAN
            + b"\xc8\xab^"
            + KOREAN
            + b"\xb1\xe6\xb5\xbf",
            [name("Hong^Gildong", "洪^吉洞", "홍^길동")],
        ),
        (  # PS3.5 annex H.3.1
            b"\\ISO 2022 IR 87",
            b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
            [name("Yamada^Tarou", "山田^太郎", "やまだ^たろう")],
        ),
        (  # PS3.5 annex H.3.2: the first set is katakana, in G1
            b"ISO 2022 IR 13\\ISO 2022 IR 87",
            b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J",
            [name("ﾔﾏﾀﾞ^ﾀﾛｳ", "山田^太郎")],
        ),
        # its second byte looks like the delimiter of groups, of components, of values
        (b"\\ISO 2022 IR 87", b"\x1b$B%=%^4\\\x1b(B^A", [name("ソマ舘^A")]),
        (b"\\ISO 2022 IR 159", b"\x1b$(D0!\x1b(B^A", [name("丂^A")]),
        (b"\\ISO 2022 IR 87", b"\x1b$B;3ED^\x1b$BB@O:", [name("山田^太郎")]),
        # ^ and = put the first set back (PS3.5 6.1.2.5.3)
        (
            b"ISO 2022 IR 100\\ISO 2022 IR 149",
            b"\xe7^" + KOREAN + b"\xa4\xba^\xe7",
            [name("ç^ㅊ^ç")],
        ),
        (
            b"ISO 2022 IR 100\\ISO 2022 IR 144",
            b"\xe7\x1b-L\xbb^\xe7=\x1b-L\xbb=\xe7",
            [name("çЛ^ç", "Л", "ç")],
        ),
        (
            b"ISO 2022 IR 100\\ISO 2022 IR 126",
            b"\xe7\\\x1b-F\xc1\\\xe7",
            [name("ç"), name("Α"), name("ç")],
        ),
        # G0 goes back to ASCII, G1 stays
        (b"ISO 2022 IR 100\\ISO 2022 IR 87", b"\xe7\x1b$B;3\x1b(B\xe7", [name("ç山ç")]),
        (b"\\ISO 2022 IR 13\\ISO 2022 IR 87", b"\x1b)I\xd4\x1b$B;3\xcf\x1b(J\xd4", [name("ﾔ山ﾏﾔ")]),
    ],
)
def test_names_switch_character_sets(
    charset: bytes, value: bytes, names: list[dict[str, str]]
) -> None:
    assert element_of("PN", value, charset)["Value"] == names


@pytest.mark.parametrize(
    ("vr", "charset", "value", "texts"),
    [
        ("LO", b"\\ISO 2022 IR 58", CHINESE + b"\xd0\xd8\xb2\xbf CT", ["胸部 CT"]),
        (
            "LT",
            b"\\ISO 2022 IR 58",
            b"1. "
            + CHINESE
            + b"\xb5\xda\xd2\xbb\xd0\xd0\r\n2. "
            + CHINESE
            + b"\xb5\xda\xb6\xfe\xd0\xd0\r\n",
            ["1. 第一行\r\n2. 第二行\r\n"],
        ),
        ("LT", b"ISO 2022 IR 100\\ISO 2022 IR 144", b"\x1b-L\xbb\\^\xbb\t\xe7", ["Л\\^Л\tç"]),
        ("LO", b"ISO 2022 IR 100\\ISO 2022 IR 144", b"\x1b-L\xbb^=\\\xe7", ["Л^=", "ç"]),
        ("UC", b"ISO 2022 IR 100\\ISO 2022 IR 144", b"\x1b-L\xbb\\\xe7", ["Л", "ç"]),
        ("LO", b"\\ISO 2022 IR 87", b"\x1b$B%=\r\n%=\x1b(B", ["ソ\r\n%="]),
        ("LO", b"\\ISO 2022 IR 87", b"\x1b$B;3 ED\x1b(B", ["山 田"]),
        # not announced, of no known set, or alone
        ("LO", b"ISO_IR 100", b"\x1b$B;3ED\x1b(B \xe7", ["山田 ç"]),
        ("LO", b"ISO_IR 192", "é".encode() + b"\x1b$)C" + "é".encode(), ["éé"]),
        ("LO", b"GB18030", b"\x1b$)C\xcd\xf5", ["王"]),
        ("LO", b"", b"a\x1b%Gb\x1b", ["ab"]),
        ("LO", b"ISO_IR 203", b"\xa4", ["€"]),
        ("LO", b"\\ISO 2022 IR 203", b"\x1b-b\xa4", ["€"]),
        ("CS", b"\\ISO 2022 IR 87", b"\x1b(BHEAD", ["HEAD"]),
        ("UR", b"\\ISO 2022 IR 87", b"\x1b(Bhttp://pons/", ["http://pons/"]),
    ],
)
def test_texts_switch_character_sets(
    vr: str, charset: bytes, value: bytes, texts: list[str]
) -> None:
    assert element_of(vr, value, charset)["Value"] == texts


@pytest.mark.parametrize(
    ("charset", "encoding"),
    [
        (b"\\GB18030", "GB18030"),
        (b"\\GBK", "GBK"),
        (b"\\ISO 2022 GBK", "GBK"),
        (b"\\ISO_IR 192", "UTF8"),
        (b"\\ISO_IR 144", "iso_ir_144"),
        (b"\\ISO 2022 IR 149", "euc_kr"),
        (b"ISO 2022 IR 6\\ISO 2022 IR 58", "iso_ir_58"),
        (b"\\ISO 2022 IR 87\\ISO 2022 IR 13", "shift_jis"),
        (b"\\ISO 2022 IR 87", "iso8859"),
        (b" \\\\gb18030", "GB18030"),
        (b"iso_ir 192", "UTF8"),
        (b"ISO_IR_192", "UTF8"),
        (b"ISO-IR192 ", "UTF8"),
        (b"Iso Ir 192", "UTF8"),
        (b"ISO 2022 IR 192", "UTF8"),
        (b"utf-8", "utf_8"),
        (b"gb 18030", "GB18030"),
        (b"iso2022 ir 149", "euc_kr"),
        (b"ISO_IR 149", "euc_kr"),
        (b"iso-8859-5", "iso8859_5"),
        (b"windows-1251", "cp1251"),
        (b"ISO_IR 192\0garbage", "UTF8"),
        (b"ISO_IR 100\\GB18030", "latin_1"),
    ],
)
def test_a_term_is_known_in_other_spellings_and_places(charset: bytes, encoding: str) -> None:
    """Where the first value is empty, the next one holds (as Orthanc 1.13 reads it)."""
    assert encodings_of(charset, "latin1")[0] == encoding


@pytest.mark.parametrize("charset", [b"\\GB18030", b"gb18030 ", b"\\gbk"])
def test_an_implicit_name_is_read_in_the_second_character_set(charset: bytes) -> None:
    data = implicit(0x00080005, charset) + implicit(0x00080018, b"1.2.3\0")
    data += implicit(0x00100010, b"\xcd\xf5^\xd0\xa1\xc3\xf7") + implicit(0x00100020, b"\xcd\xf5")
    data += implicit(0x0020000D, b"1.2\0") + implicit(0x0020000E, b"1.2.5 ")

    header = scan_dataset(data, IMPLICIT)

    assert json.loads(header.json)["00100010"]["Value"] == [{"Alphabetic": "王^小明"}]
    assert header.patient_id == "王"


@pytest.mark.parametrize(
    ("vr", "value", "texts"),
    [
        ("CS", b"ORIGINAL\0\x10\0\x000\x10\0", ["ORIGINAL"]),
        ("DA", b"20240102\0\x10\0\x000\x10", ["20240102"]),
        ("LO", b"CHEST\0GARBAGE", ["CHEST"]),
        ("LO", b"ONE\\TWO\0X\\Y", ["ONE", "TWO"]),
        ("LO", b"A\0\\B", ["A"]),
        ("LO", b"\0GARBAGE\0", None),
        ("LO", b"  \0\0", None),
        ("SH", b"\xe7 \0x", ["ç"]),
        ("UI", b"1.2.3\0\0\0", ["1.2.3"]),
        ("UI", b"1.2.3\x004.5", ["1.2.3"]),
        ("DS", b"1.5\0\\7", ["1.5"]),
        ("LT", b" A\0\\B", [" A"]),
        ("UC", b"A\\B\0C", ["A", "B"]),
        ("UT", b"\0A", None),
        ("UR", b"http://a\0b", ["http://a"]),
        ("PN", b"A^B\0=C", [name("A^B")]),
        ("PN", b"\0A^B", None),
    ],
)
def test_a_value_ends_at_its_nul(vr: str, value: bytes, texts: list[Any] | None) -> None:
    """What was in memory behind a string is no part of it."""
    assert element_of(vr, value).get("Value") == texts


@pytest.mark.parametrize(
    ("vr", "charset", "value", "text"),
    [
        ("CS", b"ISO_IR 144", "Таз".encode("iso8859_5"), "Таз"),
        ("CS", b"ISO_IR 192", "Таз".encode(), "Таз"),
        ("CS", b"GB18030 ", "王".encode("gb18030"), "王"),
        ("AE", b"", b"R\xd6NTGEN", "RÖNTGEN"),
        ("CS", b"\\ISO 2022 IR 149", b"A" + KOREAN + b"BC", "ABC"),
    ],
)
def test_codes_beyond_the_default_repertoire(
    vr: str, charset: bytes, value: bytes, text: str
) -> None:
    """Writers put words into codes; they are in the character set of the rest, as in Orthanc."""
    assert element_of(vr, value, charset)["Value"] == [text]


def test_codes_in_the_store_s_character_set() -> None:
    """A data set that names no character set has that of the store, in its codes too."""
    data = explicit(0x00080018, "UI", b"1.2.3\0") + explicit(
        0x00180015, "CS", "Таз ".encode("cp1251")
    )
    data += explicit(0x0020000D, "UI", b"1.2\0") + explicit(0x0020000E, "UI", b"1.2.5 ")
    header = scan_dataset(data, EXPLICIT, default_charset="cp1251")
    assert json.loads(header.json)["00180015"]["Value"] == ["Таз"]


def test_identifiers_end_at_their_nul() -> None:
    """They name the instance as GDCM, DCMTK and Orthanc name it."""
    data = explicit(0x00080016, "UI", b"1.2.9\0x") + explicit(0x00080018, "UI", b"1.2.3\0\x10")
    data += explicit(0x00100020, "LO", b"P1\0\\P2") + explicit(0x0020000D, "UI", b"1.2\0.7")
    data += explicit(0x0020000E, "UI", b"1.2.5\0\0\0")

    header = scan_dataset(data, EXPLICIT)

    assert (header.sop_class_uid, header.sop_instance_uid) == ("1.2.9", "1.2.3")
    assert (header.patient_id, header.study_uid, header.series_uid) == ("P1", "1.2", "1.2.5")
