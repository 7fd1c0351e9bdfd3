# SPDX-License-Identifier: Apache-2.0
"""The header scan against pydicom, on every file that pydicom and pydicom-data ship."""

from __future__ import annotations

import base64
import io
import json
import logging
import re
import struct
import warnings
import zlib
from pathlib import Path
from typing import Any

import data_store  # type: ignore[import-untyped]  # pydicom-data; it has no type hints
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.charset import CODES_TO_ENCODINGS, python_encoding

from pons.dicom.transfer_syntaxes import DEFLATED
from pons.errors import InvalidInstance
from pons.header import scan
from pons.header.correct import corrected_meta
from pons.header.file import read_file, read_preface

REFUSED = {
    "MR_truncated.dcm": "Pixel Data (7FE0,0010) at offset 1500 has 8192 bytes, but the file has",
    "rtplan_truncated.dcm": "Beam Sequence (300A,00B0) at offset 1418 has 976 bytes, but the file",
    "DICOMDIR-nooffset": "Directory Record Sequence (0004,1220) at offset 10868 has 248 bytes",
    "emri_small_jpeg_2k_lossless_too_short.dcm": "The file is cut short",
    "no_meta.dcm": "Not a DICOM file",
    "README": "Not a DICOM file",
}
"""Files that pydicom reads in part or as nonsense, and that a store must not accept: the first four
are cut short (pydicom gives what it found, in the last case nothing), no_meta.dcm begins with a
stray byte and README is prose (forced, pydicom gives one senseless element each)."""

PYDICOM_FAILS = {"badVR.dcm": ("00280008", "1A")}
"""pydicom raises on an IS value that is no number; the scan gives the file's own text."""

NATIVE = {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"}
PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
NOT_DICOM = {".py", ".pyc", ".json", ".txt", ".dump", ".gz", ".icc", ".html", ".md", ".ipynb"}
FOLDERS = [Path(pydicom.__file__).parent / "data", Path(data_store.__file__).parent / "data"]
FILES = sorted(
    path
    for folder in FOLDERS
    for path in folder.rglob("*")
    if path.is_file() and path.suffix not in NOT_DICOM
)


def read_with_pydicom(data: bytes) -> pydicom.FileDataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ds = pydicom.dcmread(io.BytesIO(data), force=True)
        for element in ds.iterall():
            element.value  # noqa: B018 - reads lazily, and warns while it does
    return ds


def json_of_pydicom(ds: Any) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        members: dict[str, Any] = ds.to_json_dict()
    return members


def normal(element: dict[str, Any], bulk: bytes) -> tuple[str, Any]:
    """Bring an element of either side to a form in which only real differences are left.

    The accepted differences, all by the contract of the scan:

    - DS, IS, SV and UV are text as in the file; pydicom gives numbers.
    - An empty value inside several is null (PS3.18 F.2.5); pydicom gives "".
    - An empty sequence has no Value (PS3.18 F.2.5); pydicom gives [].
    - Leading spaces are trimmed too; pydicom trims the trailing ones.
    - Long binary values are a BulkDataURI, here replaced by the bytes at that place.
    """
    vr, values = element["vr"], element.get("Value")
    if "InlineBinary" in element:
        return vr, base64.b64decode(element["InlineBinary"])
    if "BulkDataURI" in element:
        start, length = map(int, element["BulkDataURI"].lstrip("z").split("/"))
        return vr, bulk[start : start + length]
    if not values:
        return vr, None
    if vr == "SQ":
        return vr, [normal_dataset(item, bulk) for item in values]
    if vr in ("DS", "IS", "SV", "UV"):
        return vr, [None if value in (None, "") else float(value) for value in values]
    if vr == "PN":
        return vr, none_if_empty([normal_name(name) for name in values])
    if isinstance(values[0], str | None):
        return vr, none_if_empty([(value or "").strip(" ") or None for value in values])
    return vr, values


def normal_name(name: dict[str, str] | None) -> dict[str, str] | None:
    groups = {key: text.strip(" ") for key, text in (name or {}).items()}
    while groups and not list(groups.values())[-1]:
        groups.popitem()
    return groups or None


def none_if_empty(values: list[Any]) -> list[Any] | None:
    return None if values == [None] else values


def normal_dataset(members: dict[str, Any], bulk: bytes) -> dict[str, Any]:
    return {tag: normal(element, bulk) for tag, element in members.items()}


@pytest.fixture(autouse=True)
def quiet_pydicom() -> Any:
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    yield
    logging.getLogger("pydicom").setLevel(logging.NOTSET)


def test_the_test_data_is_there() -> None:
    """pydicom and pydicom-data ship the files that the comparison is about."""
    names = {path.name for path in FILES}

    assert len(FILES) == 261
    assert {"CT_small.dcm", "image_dfl.dcm", "chrH32.dcm", "explicit_VR-UN.dcm"} <= names
    assert set(REFUSED) | set(PYDICOM_FAILS) <= names


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_the_scan_gives_the_json_of_pydicom(path: Path) -> None:
    """The header of a real file, and its pixel data's place, are what pydicom says they are."""
    data = path.read_bytes()
    if path.name in REFUSED:
        with pytest.raises(InvalidInstance) as refused:
            read_file(data, default_charset="latin1", whole=True)
        assert str(refused.value).startswith(REFUSED[path.name])
        return

    parsed = read_file(data, default_charset="latin1", whole=True)

    assert parsed.correction is None
    ours = json.loads(parsed.json)
    assert list(ours) == sorted(ours)
    if path.name in PYDICOM_FAILS:
        tag, text = PYDICOM_FAILS[path.name]
        assert ours[tag]["Value"] == [text]
        return
    ds = read_with_pydicom(data)
    bulk = data
    if parsed.transfer_syntax in DEFLATED:
        meta_end = 132 + 12 + int(ds.file_meta.FileMetaInformationGroupLength)
        bulk = zlib.decompress(data[meta_end:], -zlib.MAX_WBITS)
    pixels = next((ds[keyword] for keyword in PIXELS if keyword in ds), None)
    assert (pixels is None) == (parsed.pixel_data is None)
    if pixels is not None and parsed.pixel_data is not None:
        assert parsed.pixel_data.offset == pixels.file_tell
    for keyword in PIXELS:
        if keyword in ds:
            del ds[keyword]
    assert normal_dataset(ours, bulk) == normal_dataset(json_of_pydicom(ds), bulk)
    meta = json_of_pydicom(ds.file_meta)
    assert normal_dataset(json.loads(parsed.meta_json), data) == normal_dataset(meta, data)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_file_under_another_transfer_syntax_is_read_alike(path: Path) -> None:
    """The encoding is told from the bytes, and the file made right is the file that it was."""
    data = path.read_bytes()
    if path.name in REFUSED:
        return
    parsed = read_file(data, default_charset="latin1", whole=False)
    preface = read_preface(data)
    declared = preface.transfer_syntax if b'"00020010"' in preface.json else ""
    encapsulated = parsed.pixel_data is not None and parsed.pixel_data.encapsulated
    if declared not in NATIVE or encapsulated:
        return

    for other in NATIVE - {declared}:
        renamed = corrected_meta(data[: preface.end], other) + data[preface.end :]
        found = read_file(renamed, default_charset="latin1", whole=False)

        assert found.transfer_syntax == declared
        assert found.correction is not None
        beginning = renamed[: found.correction.meta_end]
        right = corrected_meta(beginning, declared) + renamed[found.correction.meta_end :]
        again = read_file(right, default_charset="latin1", whole=False)
        assert (again.correction, again.json) == (None, parsed.json)


@pytest.mark.parametrize("vr", [b"??", b"--", b"  ", b"\0\0", b"ow", b"ZZ"])
@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small_bigendian.dcm", "JPEG2000.dcm"])
def test_an_element_without_vr_leaves_the_others_as_they_are(name: str, vr: bytes) -> None:
    """Whichever of a real file's elements it is."""
    (path,) = (path for path in FILES if path.name == name)
    data = path.read_bytes()
    expected = json.loads(scan(data).json)
    heads = [
        found.start()
        for tag in expected
        for found in re.finditer(re.escape(head_of(tag, expected[tag]["vr"], name)), data)
    ]
    assert len(heads) > 40

    for at in heads:
        members = json.loads(scan(data[: at + 4] + vr + data[at + 6 :]).json)

        assert list(members) == list(expected), f"offset {at}"


def head_of(tag: str, vr: str, name: str) -> bytes:
    order = ">" if "bigendian" in name else "<"
    group, number = int(tag[:4], 16), int(tag[4:], 16)
    return struct.pack(order + "HH", group, number) + vr.encode()


CHARSETS = ["", "ISO_IR 13", "ISO_IR 100", "ISO_IR 101", "ISO_IR 109", "ISO_IR 110", "ISO_IR 126"]
CHARSETS += ["ISO_IR 127", "ISO_IR 138", "ISO_IR 144", "ISO_IR 148", "ISO_IR 166", "ISO_IR 192"]
CHARSETS += ["GB18030", "GBK", "ISO-IR 100", "ISO 2022-IR 87", "latin_1", "utf-8", "nonsense"]
CHARSETS += ["ISO_IR 192\\ISO 2022 IR 87", "ISO_IR 100\\GB18030"]
CHARSETS += [f"\\{name}" for name in python_encoding if name.startswith("ISO 2022")]
CHARSETS += ["ISO 2022 IR 13\\ISO 2022 IR 87\\ISO 2022 IR 159", "\\ISO 2022 IR 149\\ISO 2022 IR 58"]
PIECES = [b"\\", b"=", b"^", b"\r\n", b"\t", b" ", b"ab"]
PIECES += [
    b"\xb1\xe8",
    b"\xc4\xa3",
    b"\xfc",
    b"\xd4\xcf\xc0\xde",
    b";3ED",
    b"B@O:",
    b"\xe5\xb1\xb1",
]
ESCAPES = [*CODES_TO_ENCODINGS, b"\x1b", b"\x1b("]
VRS = [(b"LO", b""), (b"SH", b""), (b"PN", b""), (b"LT", b""), (b"UT", b"\0\0")]


def file_with_text(charset: str, vr: tuple[bytes, bytes], value: bytes) -> bytes:
    name = charset.encode() + b" " * (len(charset) % 2)
    length = struct.pack("<I" if vr[1] else "<H", len(value))
    data = bytes(128) + b"DICM\x02\x00\x10\x00UI\x14\x001.2.840.10008.1.2.1\0"
    data += b"\x08\x00\x05\x00CS" + struct.pack("<H", len(name)) + name
    return data + b"\x10\x00\x10\x00" + b"".join(vr) + length + value


@settings(derandomize=True, database=None, deadline=None, max_examples=500)
@given(
    st.sampled_from(CHARSETS),
    st.sampled_from(VRS),
    st.lists(st.sampled_from(PIECES) | st.binary(min_size=1, max_size=3), max_size=8),
)
def test_text_is_decoded_as_pydicom_decodes_it(
    charset: str, vr: tuple[bytes, bytes], pieces: list[bytes]
) -> None:
    """In every character set, and with bytes that mean nothing.

    Not so with escape sequences: pydicom leaves those of ISO 2022 IR 58 in the text, and knows
    neither the reset at a name's delimiters nor that G0 and G1 are apart (PS3.5 6.1.2.5.3). And
    where the first value is empty, it takes bytes beyond ASCII for Latin-1.
    """
    mask = 0x7F if charset.startswith("\\") else 0xFF
    value = bytes(byte & mask for byte in b"".join(pieces)).translate(None, b"\0\x1b")
    data = file_with_text(charset, vr, value)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = json_of_pydicom(pydicom.dcmread(io.BytesIO(data)))
    except IndexError:
        return  # pydicom has no JSON for a name that is empty among others

    ours = json.loads(read_file(data, default_charset="latin1", whole=False).json)

    assert normal_dataset(ours, data) == normal_dataset(theirs, data)


@settings(derandomize=True, database=None, deadline=None, max_examples=500)
@given(
    st.sampled_from(CHARSETS),
    st.sampled_from([*VRS, (b"CS", b""), (b"UR", b"\0\0")]),
    st.lists(st.sampled_from(PIECES + ESCAPES) | st.binary(min_size=1, max_size=3), max_size=8),
)
def test_no_escape_sequence_is_left_in_text(
    charset: str, vr: tuple[bytes, bytes], pieces: list[bytes]
) -> None:
    """Right or wrong, known or not: what switches character sets is no character."""
    data = file_with_text(charset, vr, b"".join(pieces))

    parsed = read_file(data, default_charset="latin1", whole=False)

    assert "\\u001b" not in parsed.json.decode()


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_the_scan_names_an_instance_as_pydicom_does(path: Path) -> None:
    """A file is an instance exactly when it has the three identifiers, and they are pydicom's."""
    data = path.read_bytes()
    if path.name in REFUSED or path.name in PYDICOM_FAILS:
        return
    ds = read_with_pydicom(data)
    identifiers = [ds.get(k, "") for k in ("StudyInstanceUID", "SeriesInstanceUID")]
    identifiers.append(ds.get("SOPInstanceUID", ""))
    if not all(identifiers):
        with pytest.raises(InvalidInstance, match=r"is missing or empty|A DICOMDIR is"):
            scan(data)
        return

    header = scan(data)

    assert [header.study_uid, header.series_uid, header.sop_instance_uid] == identifiers
    assert header.sop_class_uid == ds.SOPClassUID
    assert header.patient_id == str(ds.get("PatientID") or "").strip()
    assert header.transfer_syntax == ds.file_meta.get("TransferSyntaxUID", header.transfer_syntax)
