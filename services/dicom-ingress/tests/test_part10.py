# SPDX-License-Identifier: Apache-2.0
from io import BytesIO
from types import ModuleType

from pydicom import dcmread
from pydicom.uid import UID

from pons import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from pons_ingress.part10 import file_start


def test_file_meta(wire: ModuleType) -> None:
    """pydicom reads the meta information, strictly, and the dataset behind it."""
    start = file_start("1.2.840.10008.5.1.4.1.1.2", "1.2.3", "1.2.840.10008.1.2.1", "MODALITY")
    ds = dcmread(BytesIO(start + wire.dataset("1.2.3")))
    assert ds.preamble == bytes(128)
    assert ds.file_meta.FileMetaInformationGroupLength == len(start) - 132 - 12
    assert ds.file_meta.FileMetaInformationVersion == b"\0\1"
    assert ds.file_meta.MediaStorageSOPClassUID == "1.2.840.10008.5.1.4.1.1.2"
    assert ds.file_meta.MediaStorageSOPInstanceUID == "1.2.3"
    assert ds.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    assert ds.file_meta.ImplementationClassUID == IMPLEMENTATION_CLASS_UID
    assert ds.file_meta.ImplementationVersionName == IMPLEMENTATION_VERSION_NAME
    assert ds.file_meta.SourceApplicationEntityTitle == "MODALITY"
    assert len(ds.file_meta) == 8
    assert ds.SOPInstanceUID == "1.2.3"


def test_implementation_names() -> None:
    """What identifies Pons to peers is a valid UID and fits into SH of 16 characters."""
    assert UID(IMPLEMENTATION_CLASS_UID).is_valid
    assert len(IMPLEMENTATION_VERSION_NAME) <= 16
