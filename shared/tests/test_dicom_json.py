# SPDX-License-Identifier: Apache-2.0
"""Headers in Orthanc's formats; the literal values are what Orthanc showed for the same file."""

import json
from base64 import b64encode
from math import inf
from struct import pack
from typing import Any

import pytest

from pons.dicom.orthanc_json import Style, format_tags
from pons.dicom.tag_names import UnknownTag, parse_tag, parse_tags, private_name, tag_name
from pons_testing.orthanc_json import format_header


def shown(elements: dict[str, Any], style: Style = Style.SHORT, **options: Any) -> dict[str, Any]:
    return format_header(json.dumps(elements).encode(), style, **options)


def value(vr: str, *values: Any) -> Any:
    """What the short format shows for an attribute of this representation."""
    element = {"vr": vr, "Value": list(values)} if values else {"vr": vr}
    return shown({"00189999": element})["0018,9999"]


@pytest.mark.parametrize(
    ("vr", "values", "expected"),
    [
        ("LO", ["a"], "a"),
        ("LO", ["a", None, "b"], "a\\\\b"),
        ("DS", ["1.50"], "1.50"),
        ("IS", ["1", "2"], "1\\2"),
        ("US", [1, 2, 3], "1\\2\\3"),
        ("SL", [-7], "-7"),
        ("UL", [4000000000], "4000000000"),
        ("FL", [0.10000000149011612], "0.10000000149011612"),
        ("FL", [9.699999809265137], "9.6999998092651367"),
        ("FD", [0.1, 1e-7, 1e22, -5.0], "0.10000000000000001\\9.9999999999999995e-08\\1e+22\\-5"),
        ("FD", ["NaN"], "nan"),
        ("FD", ["-Infinity"], "-inf"),
        ("LO", ["NaN"], "NaN"),
        ("AT", ["00181063", "0018ABCD"], "0018,1063\\0018,abcd"),
        ("PN", [{"Alphabetic": "Müller^Jörg", "Ideographic": "X^Y"}], "Müller^Jörg=X^Y"),
        ("PN", [{"Alphabetic": "A", "Phonetic": "C"}], "A==C"),
        ("PN", [{"Alphabetic": "A"}, None], "A\\"),
        ("SV", ["-5"], "-5"),
    ],
)
def test_values(vr: str, values: list[Any], expected: str) -> None:
    """Every value is a text; several are joined by a backslash."""
    assert value(vr, *values) == expected


def test_empty_values() -> None:
    """An empty text is a text; an empty number or bulk is null."""
    for vr in ("LO", "DT", "DS", "IS", "PN", "UI", "UT"):
        assert value(vr) == "", vr
    for vr in ("US", "SS", "UL", "SL", "FL", "FD", "OW", "OB", "UN"):
        assert value(vr) is None, vr


def test_full() -> None:
    """The full format names each tag and says what kind of value it has."""
    elements = {
        "00100020": {"vr": "LO", "Value": ["X"]},
        "00280106": {"vr": "US"},
        "00281201": {"vr": "OW", "InlineBinary": "AQI="},
        "00324000": {"vr": "LT", "Value": ["x"]},
        "00401101": {"vr": "SQ", "Value": [{}, {"00080100": {"vr": "SH", "Value": ["c"]}}]},
    }
    assert shown(elements, Style.FULL, pixel_vr="OW") == {
        "0010,0020": {"Name": "PatientID", "Type": "String", "Value": "X"},
        "0028,0106": {"Name": "SmallestImagePixelValue", "Type": "Null", "Value": None},
        "0028,1201": {"Name": "RedPaletteColorLookupTableData", "Type": "Null", "Value": None},
        "0032,4000": {"Name": "RETIRED_StudyComments", "Type": "String", "Value": "x"},
        "0040,1101": {
            "Name": "PersonIdentificationCodeSequence",
            "Type": "Sequence",
            "Value": [
                {},
                {"0008,0100": {"Name": "CodeValue", "Type": "String", "Value": "c"}},
            ],
        },
        "7fe0,0010": {"Name": "PixelData", "Type": "Null", "Value": None},
    }


def test_long_values() -> None:
    """More than 256 bytes of UTF-8 are not shown, unless asked for; 256 are."""
    elements = {
        "00081030": {"vr": "LO", "Value": ["e" * 256]},
        "0008103E": {"vr": "LO", "Value": ["e" * 257]},
        "00104000": {"vr": "LT", "Value": ["é" * 200]},
        "00189110": {"vr": "FD", "Value": [float(i) for i in range(100)]},
        "00720070": {"vr": "UT", "BulkDataURI": "100/2000000"},
    }
    full = shown(elements, Style.FULL)
    kinds = {tag: (entry["Type"], entry["Value"] is None) for tag, entry in full.items()}
    assert kinds == {
        "0008,1030": ("String", False),
        "0008,103e": ("TooLong", True),
        "0010,4000": ("TooLong", True),
        "0018,9110": ("TooLong", True),
        "0072,0070": ("TooLong", True),
    }
    asked = shown(elements, Style.SIMPLIFIED, ignore_length=frozenset(("0008103E",)))
    assert asked["SeriesDescription"] == "e" * 257
    assert asked["PatientComments"] is None


def test_ignore_length_reaches_into_sequences() -> None:
    """A tag that may be long may be so inside sequences too."""
    elements = {
        "00401101": {"vr": "SQ", "Value": [{"00080104": {"vr": "LO", "Value": ["x" * 300]}}]}
    }
    assert shown(elements)["0040,1101"] == [{"0008,0104": None}]
    asked = shown(elements, ignore_length=frozenset(("00080104",)))
    assert asked["0040,1101"] == [{"0008,0104": "x" * 300}]


def test_private_tags() -> None:
    """Private tags have their creator's name for them, or the one for what nobody knows."""
    elements = {
        "00090010": {"vr": "LO", "Value": ["GEMS_IDEN_01"]},
        "00091001": {"vr": "UN", "InlineBinary": b64encode(b"GE text ").decode()},
        "00091002": {"vr": "UN", "InlineBinary": b64encode(b"\x80\xff").decode()},
        "00110010": {"vr": "LO", "Value": ["MYCREATOR"]},
        "00111001": {"vr": "LO", "Value": ["private text"]},
        "00111002": {"vr": "UN", "InlineBinary": b64encode(b"ascii un").decode()},
        "00111004": {"vr": "SQ", "Value": [{}]},
        "00119901": {"vr": "US", "Value": [7]},
    }
    unknown = "Unknown Tag & Data"
    assert shown(elements, Style.FULL) == {
        "0009,0010": {"Name": "PrivateCreator", "Type": "String", "Value": "GEMS_IDEN_01"},
        "0009,1001": {
            "Name": "FullFidelity",
            "Type": "String",
            "Value": "GE text ",
            "PrivateCreator": "GEMS_IDEN_01",
        },
        "0009,1002": {
            "Name": "SuiteId",
            "Type": "Null",
            "Value": None,
            "PrivateCreator": "GEMS_IDEN_01",
        },
        "0011,0010": {"Name": "PrivateCreator", "Type": "String", "Value": "MYCREATOR"},
        "0011,1001": {
            "Name": unknown,
            "Type": "String",
            "Value": "private text",
            "PrivateCreator": "MYCREATOR",
        },
        "0011,1002": {
            "Name": unknown,
            "Type": "Null",
            "Value": None,
            "PrivateCreator": "MYCREATOR",
        },
        "0011,1004": {"Name": unknown, "Type": "Sequence", "Value": [{}]},
        "0011,9901": {"Name": unknown, "Type": "String", "Value": "7"},
    }


def test_simplified_collisions() -> None:
    """Private tags without a name share one key; the last one stays."""
    elements = {
        "00111001": {"vr": "LO", "Value": ["first"]},
        "00111002": {"vr": "LO", "Value": ["last"]},
    }
    assert shown(elements, Style.SIMPLIFIED) == {"Unknown Tag & Data": "last"}


@pytest.mark.parametrize(
    ("vr", "tag"), [("OW", "7fe0,0010"), ("OF", "7fe0,0008"), ("OD", "7fe0,0009")]
)
def test_pixel_data(vr: str, tag: str) -> None:
    """Pixel data is listed in its place, by its own tag, without its value."""
    elements = {
        "00280010": {"vr": "US", "Value": [1]},
        "FFFCFFFC": {"vr": "OB", "InlineBinary": "AAA="},
    }
    assert list(shown(elements, pixel_vr=vr)) == ["0028,0010", tag, "fffc,fffc"]
    assert shown(elements, pixel_vr=vr)[tag] is None


def test_without_pixel_data() -> None:
    """Without pixel data, none is listed."""
    assert shown({"00100020": {"vr": "LO", "Value": ["X"]}}) == {"0010,0020": "X"}


def test_main_tags() -> None:
    """Main DICOM tags have the same three formats."""
    tags = {"00101000": "a\\b", "00080080": ""}
    assert format_tags(tags) == {"OtherPatientIDs": "a\\b", "InstitutionName": ""}
    assert format_tags(tags, Style.SHORT) == {"0010,1000": "a\\b", "0008,0080": ""}
    assert format_tags({"00101000": "a"}, Style.FULL) == {
        "0010,1000": {"Name": "OtherPatientIDs", "Type": "String", "Value": "a"}
    }


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        ("00100010", "PatientName"),
        ("00101000", "OtherPatientIDs"),
        ("00324000", "RETIRED_StudyComments"),
        ("60020010", "OverlayRows"),
        ("00280000", "GenericGroupLength"),
        ("00020000", "FileMetaInformationGroupLength"),
        ("00E10000", "PrivateGroupLength"),
        ("00189FFF", "Unknown Tag & Data"),
    ],
)
def test_names(tag: str, name: str) -> None:
    """Tags are called as Orthanc calls them."""
    assert tag_name(tag) == name


def test_private_names() -> None:
    """A private name is made of the words that describe the tag."""
    assert private_name("00091002", "GEMS_IDEN_01") == "SuiteId"
    assert private_name("0043104E", "GEMS_PARM_01") == "DurationOfXRayOn"
    assert private_name("70531000", "Philips PET Private Group") == "Unknown Tag & Data"
    assert private_name("00091002", "NOBODY") == "Unknown Tag & Data"


@pytest.mark.parametrize(
    "spelling", ["PatientName", "0010,0010", "0010-0010", "00100010", "RETIRED_PatientName"]
)
def test_spellings(spelling: str) -> None:
    """A tag may be spelled in each of Orthanc's ways."""
    assert parse_tag(spelling) == "00100010"


def test_unknown_spelling() -> None:
    """A word that is no tag is refused by name."""
    for word in ("Nonsense", "0010", "0010,001", "0010,00100", ""):
        with pytest.raises(UnknownTag):
            parse_tag(word)


def test_lists_of_tags() -> None:
    """Lists may mix separators and spellings."""
    assert parse_tags("PatientName;0008,103e,00104000, StudyID") == frozenset(
        ("00100010", "0008103E", "00104000", "00200010")
    )
    assert parse_tags(" ; ") == frozenset()


def test_numbers_in_binary_representations() -> None:
    """Floats and longs without a limit of length are numbers; those in the file are too long."""
    elements = {
        "00660016": {"vr": "OF", "InlineBinary": b64encode(pack("<2f", 10.5, -2)).decode()},
        "00660041": {"vr": "OL", "InlineBinary": b64encode(pack("<3I", 42, 0, 15)).decode()},
        "0070150D": {"vr": "OD", "InlineBinary": b64encode(pack("<2d", 1.1, inf)).decode()},
        "0066001E": {"vr": "OF", "BulkDataURI": "100/400"},
    }
    full = shown(elements, Style.FULL)
    assert {tag: (entry["Type"], entry["Value"]) for tag, entry in full.items()} == {
        "0066,0016": ("String", "10.5\\-2"),
        "0066,0041": ("String", "42\\0\\15"),
        "0070,150d": ("String", "1.1000000000000001\\inf"),
        "0066,001e": ("TooLong", None),
    }


def test_empty_groups_of_a_name() -> None:
    """Groups that a name has but leaves empty keep their sign."""
    assert value("PN", {"Alphabetic": "A", "Ideographic": "B", "Phonetic": ""}) == "A=B="


def test_simplified_names_ascend() -> None:
    """Simplified tags come in the order of their names, as Orthanc gives them, in items too."""
    item = {"00100020": {"vr": "LO"}, "00100010": {"vr": "PN"}}
    elements = {"00101002": {"vr": "SQ", "Value": [item]}, "00080060": {"vr": "CS"}}
    simplified = shown(elements, Style.SIMPLIFIED)
    assert list(simplified) == ["Modality", "OtherPatientIDsSequence"]
    assert list(simplified["OtherPatientIDsSequence"][0]) == ["PatientID", "PatientName"]
