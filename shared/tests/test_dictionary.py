# SPDX-License-Identifier: Apache-2.0
"""Attributes that the setting `ingest.dictionary` names. In a process of their own: it learns."""

import subprocess
import sys

import pytest

from pons.settings import Settings

LEARNING = """
import json, struct
from pons.dicom.dictionary import learn
from pons.dicom.added_attributes import attributes
learn(attributes({
    "00e1,10c2": ["UI", "Multi Modality Name", 1, 1, "PONS TEST"],
    "4321-1012": ["LO", "RadioButton3"],
    "00189ffe": ["DS", "OwnNumber", 1, 1],
    "00e1,0010": ["LO", "A creator", 1, 1, "PONS TEST"],
}), "DEFAULT")
from pons.dicom.orthanc_json import Style
from pons_testing.orthanc_json import format_header
from pons.header import scan
from pons.dicom.tag_names import parse_tag
def implicit(tag, value):
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(value)) + value
file = (implicit(0x00080018, b"1.2.3\\0") + implicit(0x00189FFE, b"1.50")
    + implicit(0x0020000D, b"1.23") + implicit(0x0020000E, b"1.24")
    + implicit(0x00E10000, struct.pack("<I", 64))
    + implicit(0x00E10011, b"PONS TEST ") + implicit(0x00E111C2, b"1.2\\0")
    + implicit(0x43210010, b"DEFAULT ") + implicit(0x43211012, b"yes "))
shown = format_header(scan(file).json, Style.FULL)
tags = [parse_tag("Multi Modality Name"), parse_tag("OwnNumber"), parse_tag("RadioButton3")]
print(json.dumps([shown["00e1,11c2"], shown["4321,1012"], shown["0018,9ffe"],
    shown["00e1,0011"], shown["00e1,0000"], tags]))
"""


def test_learned_attributes() -> None:
    """Names and representations hold in answers, for any block of the creator, and in questions."""
    result = subprocess.run([sys.executable, "-c", LEARNING], capture_output=True, check=True)
    private = '"PrivateCreator": "PONS TEST"'
    assert result.stdout.decode().strip() == (
        '[{"Name": "Multi Modality Name", "Type": "String", "Value": "1.2", ' + private + "}, "
        '{"Name": "RadioButton3", "Type": "String", "Value": "yes", "PrivateCreator": "DEFAULT"}, '
        '{"Name": "OwnNumber", "Type": "String", "Value": "1.50"}, '
        '{"Name": "PrivateCreator", "Type": "String", "Value": "PONS TEST"}, '
        '{"Name": "PrivateGroupLength", "Type": "String", "Value": "64"}, '
        '["00E110C2", "00189FFE", "43211012"]]'
    )


@pytest.mark.parametrize(
    "entry",
    [{"nope": ["LO", "x"]}, {"0009,1001": ["ZZ", "x"]}, {"0009,1001": ["LO"]},
     {"0009,1001": ["LO", ""]}, {"0009,1001": ["LO", "x", 1, 1, 5]}, {"0009,1001": "LO"}],
)  # fmt: skip
def test_refused(entry: dict[str, object]) -> None:
    """What is no entry of a dictionary is refused when the settings are read."""
    with pytest.raises(ValueError, match=r"ingest\.dictionary"):
        Settings.model_validate({"ingest": {"dictionary": entry}})
