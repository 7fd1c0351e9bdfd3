# SPDX-License-Identifier: Apache-2.0
"""Where tags are not Orthanc's (1.10.1 was asked), each with the reason why it stays so.

Whoever changes one of these makes scripts see other values: it is to be done on purpose.
"""

import struct

import pytest

from pons.dicom.orthanc_json import Style
from pons.dicom.tag_names import private_name
from pons.header import scan
from pons_testing.orthanc_json import format_header


def element(tag: int, vr: bytes, value: bytes) -> bytes:
    length = struct.pack("<HI" if vr == b"UT" else "<H", *([0] if vr == b"UT" else []), len(value))
    return struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr + length + value


def shown(tag: int, vr: bytes, value: bytes) -> object:
    """The value of one element between those that identify an instance."""
    elements = {
        0x00080005: (b"CS", b"ISO_IR 192"),
        0x00080018: (b"UI", b"1.2.3.4\0"),
        0x0020000D: (b"UI", b"1.2.3\0"),
        0x0020000E: (b"UI", b"1.2.5\0"),
        tag: (vr, value),
    }
    syntax = element(0x00020010, b"UI", b"1.2.840.10008.1.2.1\0")
    parts = [element(tag, *value) for tag, value in sorted(elements.items())]
    file = bytes(128) + b"DICM" + syntax + b"".join(parts)
    name = f"{tag >> 16:04x},{tag & 0xFFFF:04x}"
    return format_header(scan(file).json, Style.SHORT)[name]


@pytest.mark.parametrize(
    ("tag", "vr", "value", "ours", "orthancs"),
    [
        (0x00080050, b"SH", b" A1 ", "A1", " A1"),
        (0x00080070, b"LO", b" AB   ", "AB", " AB"),
        (0x0008103E, b"LO", b"a \\ b ", "a\\b", "a \\ b"),
        (0x00200013, b"IS", b" 7", "7", " 7"),
        (0x00280030, b"DS", b"1.50\\2 ", "1.50\\2", "1.50\\2 "),
        (0x0040A160, b"UT", b"  t  ", "  t", "  t  "),
    ],
)
def test_padding_is_trimmed(tag: int, vr: bytes, value: bytes, ours: str, orthancs: str) -> None:
    """Spaces that a VR calls padding (PS3.5 6.2) are gone from every value, not only the last.

    One value then has one text, in tags, in the index and in searches, whoever padded it how. The
    reader that wants the bytes has `/content`.
    """
    assert shown(tag, vr, value) == ours != orthancs


def test_bytes_that_are_no_text_show_as_such() -> None:
    """Orthanc drops the bytes that it cannot decode and what follows: it shows `gr`.

    U+FFFD keeps what can be read, and says that something is wrong.
    """
    assert shown(0x00081030, b"LO", b"gr\xfc\xdfe ") == "gr\ufffd\ufffde"


@pytest.mark.parametrize(
    ("tag", "creator", "ours", "orthancs"),
    [
        ("00191030", "CARDIO-D.R. 1.0", "MaximumFrameSize", "MaximumImageFrameSize"),
        ("00151001", "DLX_EXAMS_01", "StenosCalibrRatio", "StenosisCalibrationRatio"),
        ("00151002", "DLX_EXAMS_01", "StenosMagnification", "StenosisMagnification"),
        ("00891010", "DIDI TO PCR 1.1", "StampImageSequence", "Unknown"),
    ],
)
def test_some_private_names_are_pydicoms(tag: str, creator: str, ours: str, orthancs: str) -> None:
    """Of the vendors' attributes that Orthanc names, some are worded or spelled differently here.

    The names come from pydicom's dictionary, Orthanc's from DCMTK's: a copy of the latter would be
    a second home for each. `ingest.dictionary` gives an attribute the name that a site needs.
    """
    assert private_name(tag, creator) == ours != orthancs
