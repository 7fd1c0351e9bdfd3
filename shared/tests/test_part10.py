# SPDX-License-Identifier: Apache-2.0
from io import BytesIO
from uuid import UUID

from pydicom import dcmread
from pydicom.uid import UID

from pons import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from pons.dicom.part10 import file_start
from pons_testing import wire


def test_file_meta() -> None:
    """pydicom reads the meta information, strictly, and the dataset behind it."""
    start = file_start("1.2.840.10008.5.1.4.1.1.2", "1.2.3", "1.2.840.10008.1.2.1")
    ds = dcmread(BytesIO(start + wire.dataset("1.2.3")))
    assert ds.preamble == bytes(128)
    assert ds.file_meta.FileMetaInformationGroupLength == len(start) - 132 - 12
    assert ds.file_meta.FileMetaInformationVersion == b"\0\1"
    assert ds.file_meta.MediaStorageSOPClassUID == "1.2.840.10008.5.1.4.1.1.2"
    assert ds.file_meta.MediaStorageSOPInstanceUID == "1.2.3"
    assert ds.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    assert ds.file_meta.ImplementationClassUID == IMPLEMENTATION_CLASS_UID
    assert ds.file_meta.ImplementationVersionName == IMPLEMENTATION_VERSION_NAME
    assert len(ds.file_meta) == 7
    assert ds.SOPInstanceUID == "1.2.3"


def test_implementation_names() -> None:
    """What identifies Pons to peers is a valid UID and fits into SH of 16 characters."""
    assert UID(IMPLEMENTATION_CLASS_UID).is_valid
    assert UUID(int=int(IMPLEMENTATION_CLASS_UID.removeprefix("2.25."))).version == 1
    assert len(IMPLEMENTATION_VERSION_NAME) <= 16


def test_size_of_file_meta() -> None:
    """A received file is as long as one of Orthanc, whose clients compare sizes and offsets."""
    start = file_start("1.2.840.10008.5.1.4.1.1.7", "1.2.3.4", "1.2.840.10008.1.2.1")
    fixed = 128 + 4 + 12 + 14  # preamble, DICM, group length, version
    texts = (8 + 26) + (8 + 8) + (8 + 20)  # class, instance, transfer syntax
    # DCMTK's class UID has 27 or 28 characters, its version name 15 or 16.
    assert len(start) == fixed + texts + (8 + 28) + (8 + 16)
