# SPDX-License-Identifier: Apache-2.0
import struct
from io import BytesIO
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.filebase import DicomIO
from pydicom.filewriter import write_dataset
from pydicom.uid import UID

from pons_ingress.dataset_uids import HEAD_BYTES, dataset_uids

CT = "1.2.840.10008.5.1.4.1.1.2"
ENCODINGS = {
    "1.2.840.10008.1.2": (True, True),
    "1.2.840.10008.1.2.1": (False, True),
    "1.2.840.10008.1.2.2": (False, False),
}


def encoded(ds: Dataset, implicit_vr: bool, little_endian: bool) -> bytes:
    buffer = BytesIO()
    stream = DicomIO(buffer)
    stream.is_implicit_VR, stream.is_little_endian = implicit_vr, little_endian
    write_dataset(stream, ds)
    return buffer.getvalue()


@pytest.mark.parametrize("transfer_syntax", ENCODINGS)
@pytest.mark.parametrize("undefined_length", [False, True])
def test_uncompressed_encodings(transfer_syntax: str, undefined_length: bool) -> None:
    """Both UIDs are found in each encoding, also behind a sequence within a sequence."""
    code = Dataset()
    code.SOPInstanceUID = "9.9.9"
    language = Dataset()
    language.CodeValue = "en"
    language.EquivalentCodeSequence = [code]
    language.EquivalentCodeSequence.is_undefined_length = undefined_length
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.LanguageCodeSequence = [language]
    ds["LanguageCodeSequence"].is_undefined_length = undefined_length
    language.is_undefined_length_sequence_item = undefined_length
    ds.ImageType = ["ORIGINAL", "PRIMARY"]
    ds.SOPClassUID = CT
    ds.SOPInstanceUID = "1.2.3"
    ds.PatientID = "X"
    head = encoded(ds, *ENCODINGS[transfer_syntax])
    assert dataset_uids(head, transfer_syntax) == (CT, "1.2.3")


@pytest.mark.parametrize(
    "name",
    ["CT_small.dcm", "MR_small_bigendian.dcm", "image_dfl.dcm", "JPEG2000.dcm", "rtplan.dcm"],
)
def test_real_files(name: str) -> None:
    """What it finds is what pydicom finds."""
    path = Path(str(get_testdata_file(name)))
    ds = dcmread(path)
    content = path.read_bytes()
    meta_end = 144 + int(ds.file_meta.FileMetaInformationGroupLength)
    head = content[meta_end : meta_end + HEAD_BYTES]
    found = dataset_uids(head, str(ds.file_meta.TransferSyntaxUID))
    assert found == (str(ds.SOPClassUID), str(ds.SOPInstanceUID))


def test_missing_or_cut(wire: ModuleType) -> None:
    """Without both UIDs in sight there is nothing to compare."""
    whole = wire.dataset("1.2.3")
    assert dataset_uids(whole, "1.2.840.10008.1.2.1") == (CT, "1.2.3")
    for end in range(len(whole)):
        assert dataset_uids(whole[:end], "1.2.840.10008.1.2.1") is None
    only_instance = struct.pack("<HH2sH", 8, 0x18, b"UI", 4) + b"1.2\0"
    assert dataset_uids(only_instance, "1.2.840.10008.1.2.1") is None


@given(
    st.binary(max_size=300),
    st.sampled_from([*ENCODINGS, "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.6.2"]),
)
def test_any_bytes(head: bytes, transfer_syntax: str) -> None:
    """Whatever the bytes are, there is an answer."""
    found = dataset_uids(head, UID(transfer_syntax))
    assert found is None or len(found) == 2
