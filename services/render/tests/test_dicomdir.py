# SPDX-License-Identifier: Apache-2.0
"""DICOMDIRs made of headers alone, read back by pydicom and dcmtk."""

import io
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.fileset import FileSet

from pons.catalog import StoredObject
from pons.header import scan
from pons.objects import new_key
from pons_render.archive.dicomdir import DicomDir, summarize

MakeDicomDir = Callable[..., bytes]


def dicomdir_of(files: list[bytes], *, extended: bool = False) -> bytes:
    directory = DicomDir(extended=extended)
    for number, file in enumerate(files):
        header = scan(file, default_charset="latin1")
        stored = StoredObject(
            object_key=new_key(),
            size=len(file),
            stored_size=len(file),
            compression="",
            transfer_syntax=header.transfer_syntax,
            sop_class_uid=header.sop_class_uid,
            sop_instance_uid=header.sop_instance_uid,
            pixel_offset=None,
            pixel_length=None,
            pixel_vr="",
        )
        directory.add(f"IMAGES/IM{number}", stored, summarize(header.json))
    return directory.encode()


def records(content: bytes) -> list[Dataset]:
    return list(pydicom.dcmread(io.BytesIO(content)).DirectoryRecordSequence)


def test_tree(make_dicom: Callable[..., bytes], tmp_path: Path) -> None:
    """pydicom finds each patient, study, series and instance in its place, with its file."""
    files = [
        make_dicom("P1", "1.1", "1.1.1", "1.1.1.1"),
        make_dicom("P1", "1.1", "1.1.1", "1.1.1.2"),
        make_dicom("P1", "1.1", "1.1.2", "1.1.2.1"),
        make_dicom("P1", "1.2", "1.2.1", "1.2.1.1"),
        make_dicom("P2", "2.1", "2.1.1", "2.1.1.1"),
    ]
    (tmp_path / "IMAGES").mkdir()
    for number, file in enumerate(files):
        (tmp_path / "IMAGES" / f"IM{number}").write_bytes(file)
    (tmp_path / "DICOMDIR").write_bytes(dicomdir_of(files))
    found = FileSet(tmp_path / "DICOMDIR")
    found._stage["t"].cleanup()  # pydicom leaves that to the garbage collector
    assert len(found) == 5
    assert found.find_values("PatientID") == ["P1", "P2"]
    assert [i.path for i in found.find(PatientID="P2")] == [str(tmp_path / "IMAGES" / "IM4")]
    assert len(found.find(StudyInstanceUID="1.1")) == 3
    assert len(found.find(SeriesInstanceUID="1.1.1")) == 2
    assert found.find(SOPInstanceUID="1.2.1.1")[0].load().PatientID == "P1"


def test_what_lacks_is_made_up(make_dicom: Callable[..., bytes]) -> None:
    """A file without dates and numbers gets valid records; a series' date stands for a study's."""
    file = make_dicom("", "1.1", "1.1.1", "1.1.1.1", SeriesDate="20240102")
    patient, study, series, image = records(dicomdir_of([file]))
    assert (patient.PatientID, patient.PatientName) == ("", "")
    assert (study.StudyDate, study.StudyID, len(study.StudyTime)) == ("20240102", "1", 6)
    assert (series.SeriesNumber, image.InstanceNumber) == (1, 1)


def test_text_is_in_the_files_encoding(make_dicom: Callable[..., bytes]) -> None:
    """What the file's own character set can write is written in it, everything else in UTF-8."""
    latin = make_dicom("1", "1.1", "1.1.1", "1.1.1.1", "ISO_IR 100", StudyDescription="cérébrale")
    kanji = make_dicom(
        "2", "2.1", "2.1.1", "2.1.1.1", ["", "ISO 2022 IR 87"], PatientName="Yamada=山田"
    )
    content = dicomdir_of([latin, kanji])
    found = records(content)
    assert (found[1].StudyDescription, found[1].SpecificCharacterSet) == ("cérébrale", "ISO_IR 100")
    assert (str(found[4].PatientName), found[4].SpecificCharacterSet) == (
        "Yamada=山田",
        "ISO_IR 192",
    )
    assert "cérébrale".encode("latin1") in content
    assert "SpecificCharacterSet" not in found[0]


def test_extended(make_dicom: Callable[..., bytes]) -> None:
    """Optional attributes come when asked for, where the file has them."""
    file = make_dicom("1", "1.1", "1.1.1", "1.1.1.1", SeriesDescription="T1", NumberOfFrames="3")
    plain, extended = records(dicomdir_of([file])), records(dicomdir_of([file], extended=True))
    assert "SeriesDescription" not in plain[2]
    assert "NumberOfFrames" not in plain[3]
    assert (extended[2].SeriesDescription, extended[3].NumberOfFrames) == ("T1", 3)


def test_no_instance() -> None:
    """A DICOMDIR of nothing can be read."""
    assert records(dicomdir_of([])) == []


@pytest.mark.skipif(shutil.which("dcmdump") is None, reason="needs DCMTK (apt-get install dcmtk)")
def test_dcmtk_reads_it(make_dicom: Callable[..., bytes], tmp_path: Path) -> None:
    """dcmtk follows every offset and complains of none."""
    files = [
        make_dicom("P1", "1.1", "1.1.1", "1.1.1.1", PatientName="Roe^Richard"),
        make_dicom("P1", "1.1", "1.1.1", "1.1.1.2", PatientName="Roe^Richard"),
        make_dicom("P2", "2.1", "2.1.1", "2.1.1.1", PatientName="Doe^Jane"),
    ]
    (tmp_path / "DICOMDIR").write_bytes(dicomdir_of(files))
    read = subprocess.run(
        ["dcmdump", tmp_path / "DICOMDIR"], capture_output=True, text=True, check=True
    )
    assert read.stderr == ""
    assert read.stdout.count("refFileID=") == 3
    assert read.stdout.count('"Directory Record"') == 9
