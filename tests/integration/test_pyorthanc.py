# SPDX-License-Identifier: Apache-2.0
"""What scripts do with `pyorthanc`: it works against Pons unchanged."""

import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmwrite
from pyorthanc import (
    Orthanc,
    Study,
    find,
    find_instances,
    find_patients,
    find_studies,
    upload,
)
from pyorthanc.util import get_pydicom, to_orthanc_study_id

from outside import Store, image

PATIENT = "PYORTHANC"


@pytest.fixture
def client(store: Store) -> Iterator[Orthanc]:
    """The client of a store in which this file's patient does not exist afterwards."""
    with Orthanc(f"http://127.0.0.1:{store.http_port}") as opened:
        yield opened
        for patient in opened.get_patients(params={"expand": ""}):
            if patient["MainDicomTags"]["PatientID"] == PATIENT:
                opened.delete_patients_id(patient["ID"])


@pytest.fixture
def study(client: Orthanc, tmp_path: Path) -> Study:
    """A study of three images, uploaded from a folder."""
    first = image(PATIENT)
    for number in range(1, 4):
        ds = image(PATIENT, first.StudyInstanceUID, number)
        dcmwrite(tmp_path / f"{number}.dcm", ds, enforce_file_format=True)
    assert len(upload(client, tmp_path)) == 3
    return Study(to_orthanc_study_id(PATIENT, first.StudyInstanceUID), client)


def test_browse(client: Orthanc, study: Study) -> None:
    """Levels and their attributes, down to a data set of pydicom's."""
    assert study.patient_information["PatientID"] == PATIENT
    assert study.date.year == 2024
    assert study.parent_patient.name == "Test^Patient"
    assert [series.modality for series in study.series] == ["CT"]
    instances = study.series[0].instances
    assert len(instances) == 3
    assert get_pydicom(client, instances[0].id_).PatientID == PATIENT
    assert instances[0].get_pydicom().Rows == 16
    assert instances[0].simplified_tags["PatientID"] == PATIENT
    assert instances[0].file_size > 0


@pytest.mark.filterwarnings("ignore:Use 'content=")  # of httpx about pyorthanc's own call
def test_labels_and_metadata(client: Orthanc, study: Study) -> None:
    """What hangs on a study is written, read, and deleted."""
    study.add_label("seen")
    assert study.labels == ["seen"]
    study.remove_label("seen")
    assert study.labels == []
    client.put_studies_id_metadata_name(study.id_, "1024", "mine")
    assert client.get_studies_id_metadata_name(study.id_, "1024") == "mine"
    client.delete_studies_id_metadata_name(study.id_, "1024")
    assert "1024" not in client.get_studies_id_metadata(study.id_)


def test_find(client: Orthanc, study: Study) -> None:
    """Resources of each level by what DICOM says of them."""
    assert find_studies(client, {"PatientID": PATIENT}) == [study]
    assert find_studies(client, {"PatientID": "PYORTH*", "StudyDate": "20240101-20240131"}) == [
        study
    ]
    assert find_studies(client, {"PatientID": "NOBODY"}) == []
    assert len(find_instances(client, {"PatientID": PATIENT})) == 3
    patients = find_patients(client, {"PatientID": PATIENT})
    assert [one.patient_id for one in patients] == [PATIENT]
    found = find(client, patient_filter=lambda one: one.patient_id == PATIENT)
    assert [one.id_ for one in found] == [study.parent_patient.id_]


def test_archive(study: Study, tmp_path: Path) -> None:
    """A study as a ZIP of its files, in memory or on the disk."""
    with zipfile.ZipFile(BytesIO(study.get_zip())) as archive:
        assert len(archive.namelist()) == 3
    study.download(str(tmp_path / "study.zip"))
    with zipfile.ZipFile(tmp_path / "study.zip") as archive:
        assert len(archive.namelist()) == 3


def test_delete(client: Orthanc, study: Study) -> None:
    """A deleted study is in no list."""
    assert study.id_ in client.get_studies()
    client.delete_studies_id(study.id_)
    assert study.id_ not in client.get_studies()
