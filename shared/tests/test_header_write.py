# SPDX-License-Identifier: Apache-2.0
"""Data sets that are written from DICOM JSON, read again by the scan and by pydicom."""

from io import BytesIO
from typing import Any

import msgspec
import pytest
from pydicom import dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.filewriter import write_file_meta_info

from pons.errors import BadRequest
from pons.header import read_identifier
from pons.header.repertoire import Repertoire, term_of
from pons.header.write import write_dataset

SYNTAXES = (
    "1.2.840.10008.1.2",
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2.1.99",
    "1.2.840.10008.1.2.2",
)
NAMES = {
    "ISO_IR 100": "Åström^Zoë",
    "ISO_IR 101": "Łukasz^Żółć",
    "ISO_IR 126": "Διονυσιος",
    "ISO_IR 144": "Люкceмбypг",
    "ISO_IR 192": "Åström^Łukasz=王^小東",
    "GB18030": "Wang^XiaoDong=王^小东",
    "\\ISO 2022 IR 87": "Yamada^Tarou=山田^太郎=やまだ^たろう",
    "ISO 2022 IR 13\\ISO 2022 IR 87": "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
    "\\ISO 2022 IR 149": "Hong^Gildong=洪^吉洞=홍^길동",
    "\\ISO 2022 IR 58": "Zhang^XiaoDong=张^小东",
    "ISO 2022 IR 100\\ISO 2022 IR 144": "Åström^Люкс Å",
}


def read(content: bytes, syntax: str) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(read_identifier(content, syntax).json)
    return found


def read_by_pydicom(content: bytes, syntax: str) -> Any:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    file = BytesIO()
    file.write(bytes(128) + b"DICM")
    write_file_meta_info(file, meta, enforce_standard=False)
    return dcmread(BytesIO(file.getvalue() + content))


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_what_is_written_is_read_again(syntax: str) -> None:
    """In every transfer syntax the header scan finds each value as it was, and pydicom too."""
    elements: dict[str, Any] = {
        "00080005": {"vr": "CS", "Value": ["ISO_IR 100"]},
        "00080060": {"vr": "CS", "Value": ["CT"]},
        "00080090": {"vr": "PN"},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jané"}]},
        "001021C0": {"vr": "US", "Value": [4]},
        "00101030": {"vr": "DS", "Value": ["70.5"]},
        "0020000D": {"vr": "UI", "Value": ["1.2.3"]},
        "00280009": {"vr": "AT", "Value": ["00181063"]},
        "00400100": {
            "vr": "SQ",
            "Value": [
                {
                    "00080060": {"vr": "CS", "Value": ["CT"]},
                    "00400001": {"vr": "AE", "Value": ["AA32", "AA33"]},
                    "00400008": {"vr": "SQ"},
                    "00400400": {"vr": "LT", "Value": ["é\nb"]},
                },
                {},
            ],
        },
        "00420011": {"vr": "OB", "InlineBinary": "AQID"},
    }
    content = write_dataset(elements, syntax, Repertoire("ISO_IR 100"))
    assert len(content) % 2 == 0
    found = read(content, syntax)
    assert found.pop("00420011")["InlineBinary"] == "AQIDAA=="
    assert found == {tag: one for tag, one in elements.items() if tag != "00420011"}
    theirs = read_by_pydicom(content, syntax)
    assert theirs.PatientName == "Doe^Jané"
    assert theirs.PregnancyStatus == 4
    assert list(theirs.ScheduledProcedureStepSequence[0].ScheduledStationAETitle) == [
        "AA32",
        "AA33",
    ]


@pytest.mark.parametrize(("term", "name"), NAMES.items())
def test_text_is_read_again_in_each_character_set(term: str, name: str) -> None:
    """Escape sequences are where readers look for them; pydicom and the scan read the same name."""
    syntax = "1.2.840.10008.1.2.1"
    groups = dict(zip(("Alphabetic", "Ideographic", "Phonetic"), name.split("="), strict=False))
    elements = {"00100010": {"vr": "PN", "Value": [groups]}}
    repertoire = Repertoire(term)
    assert repertoire.has(name)
    content = write_dataset(elements, syntax, repertoire)
    assert read(content, syntax)["00100010"]["Value"] == [groups]
    theirs = str(read_by_pydicom(content, syntax).PatientName)
    # pydicom leaves the escape sequences of ISO 2022 IR 58 in the text.
    assert theirs.replace("\x1b$)A", "") == name


def test_bytes_are_those_of_the_standard() -> None:
    """The examples of PS3.5 H.3 and I.2, byte for byte."""
    japanese = Repertoire("\\ISO 2022 IR 87").encode("PN", "Yamada^Tarou=山田^太郎=やまだ^たろう")
    assert japanese == (
        b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B"
    )
    katakana = Repertoire("ISO 2022 IR 13\\ISO 2022 IR 87").encode("PN", "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=表")
    assert katakana == (  # PS3.5 H.3.2; no Shift JIS, of which bytes are backslashes
        b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$BI=\x1b(B"
    )
    assert not Repertoire("ISO_IR 13").has("山")
    assert Repertoire("ISO_IR 13").has("ﾔﾏﾀﾞ")
    korean = Repertoire("\\ISO 2022 IR 149").encode("PN", "Hong^Gildong=洪^吉洞=홍^길동")
    assert korean == (
        b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7"
        b"=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf"
    )


def test_characters_that_a_set_lacks_are_told_and_lost() -> None:
    """A caller can look before a letter of a name is lost."""
    latin = Repertoire("ISO_IR 100")
    assert latin.has("Zoë")
    assert not latin.has("Łukasz")
    assert latin.encode("LO", "Łukasz") == b"ukasz"
    assert Repertoire("ISO_IR 6").encode("PN", "Zoë") == b"Zo"


@pytest.mark.parametrize(
    ("term", "code"), [("ISO_IR 192", "ГОЛОВА"), ("ISO_IR 144", "ГОЛОВА"), ("ISO_IR 100", "?" * 6)]
)
def test_a_code_beyond_ascii_is_read_again(term: str, code: str) -> None:
    """As files of some makers have it; where the set lacks it, nobody takes it for another code."""
    elements = {"00180015": {"vr": "CS", "Value": ["ГОЛОВА"]}}
    content = write_dataset(elements, "1.2.840.10008.1.2.1", Repertoire(term))
    assert read(content, "1.2.840.10008.1.2.1")["00180015"]["Value"] == [code]


def test_codecs_have_terms() -> None:
    """What the store's default encoding is called in an answer."""
    names = ("ascii", "utf8", "latin1", "iso8859_5", "tis_620", "shift_jis", "gb18030", "cp1251")
    assert [term_of(name) for name in names] == [
        "ISO_IR 6",
        "ISO_IR 192",
        "ISO_IR 100",
        "ISO_IR 144",
        "ISO_IR 166",
        "ISO_IR 13",
        "GB18030",
        "ISO_IR 192",
    ]
    assert term_of("euc_kr") == "\\ISO 2022 IR 149"


def test_what_cannot_be_written_is_named() -> None:
    """Neither a wrong number nor half a value is written."""
    one = Repertoire("ISO_IR 6")
    with pytest.raises(BadRequest, match="0028,0010"):
        write_dataset({"00280010": {"vr": "US", "Value": [70000]}}, "1.2.840.10008.1.2", one)
    bulk = {"00091001": {"vr": "OB", "BulkDataURI": "0/9"}}
    with pytest.raises(BadRequest, match="0009,1001"):
        write_dataset(bulk, "1.2.840.10008.1.2", one)
    with pytest.raises(BadRequest, match="ISO_IR 999"):
        Repertoire("ISO_IR 999")


@pytest.mark.parametrize("syntax", [SYNTAXES[1], SYNTAXES[3]])
def test_a_lut_of_many_entries_is_written(syntax: str) -> None:
    """Its first value is unsigned also as SS (PS3.3 C.11.1.1.1): a query that asks for it is
    answered, also within a sequence."""
    entries: dict[str, Any] = {"00283002": {"vr": "SS", "Value": [40000, -1024, 16]}}
    elements = {"00281101": {"vr": "SS", "Value": [40000, -5, 16]}}
    elements["00283000"] = {"vr": "SQ", "Value": [entries]}
    found = read(write_dataset(elements, syntax, Repertoire("ISO_IR 6")), syntax)
    assert found["00281101"] == elements["00281101"]
    assert found["00283000"] == elements["00283000"]


def test_a_long_value_is_un() -> None:
    """A text of 70000 bytes keeps all of them (PS3.5 6.2.2)."""
    content = write_dataset(
        {"00321060": {"vr": "LO", "Value": ["x" * 70000]}},
        "1.2.840.10008.1.2.1",
        Repertoire("ISO_IR 6"),
    )
    assert b"UN\0\0" in content
    assert content.count(b"x") == 70000
