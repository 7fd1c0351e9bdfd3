# SPDX-License-Identifier: Apache-2.0
"""What scripts do with `orthanc-api-client`: it works against Pons unchanged."""

import zipfile
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest
from orthanc_api_client import OrthancApiClient
from orthanc_api_client.exceptions import BadFileFormat, ResourceNotFound
from pydicom import dcmread, dcmwrite

from outside import Store, image

PATIENT = "API-CLIENT"


@pytest.fixture
def client(store: Store) -> Iterator[OrthancApiClient]:
    """The client of a store in which this file's patient does not exist, before and after."""
    opened = OrthancApiClient(f"http://127.0.0.1:{store.http_port}")
    yield opened
    for identifier in opened.patients.get_all_ids():
        if opened.patients.get(identifier).main_dicom_tags.get("PatientID") == PATIENT:
            opened.patients.delete(identifier)
    opened.close()


@pytest.fixture
def study(client: OrthancApiClient, tmp_path: Path) -> str:
    """A study of three images, uploaded from a folder."""
    first = image(PATIENT)
    first.StudyDescription = "Whole body"
    for number in range(1, 4):
        ds = image(PATIENT, first.StudyInstanceUID, number)
        ds.StudyDescription = "Whole body"
        dcmwrite(tmp_path / f"{number}.dcm", ds, enforce_file_format=True)
    identifiers = client.upload_folder(str(tmp_path))
    assert len(identifiers) == 3
    return str(client.instances.get_parent_study_id(identifiers[0]))


def test_browse(client: OrthancApiClient, study: str) -> None:
    """Levels, tags, statistics and changes are read as attributes."""
    assert client.is_alive()
    assert client.is_orthanc_version_at_least(1, 12, 0)
    one = client.studies.get(study)
    assert one.main_dicom_tags.get("StudyDescription") == "Whole body"
    assert one.patient_main_dicom_tags.get("PatientID") == PATIENT
    assert one.statistics.instances_count == 3
    assert [series.main_dicom_tags.get("Modality") for series in one.series] == ["CT"]
    assert client.studies.get_modalities(study) == {"CT"}
    instances = client.studies.get_instances_ids(study)
    assert client.instances.get_tags(instances[0])["PatientID"] == PATIENT
    assert study in client.studies.get_all_ids()
    changes, last, _done = client.get_changes(since=0, limit=100)
    assert changes
    assert last > 0


def test_download(client: OrthancApiClient, study: str, tmp_path: Path) -> None:
    """Files come back as they were sent."""
    target = tmp_path / "out"
    target.mkdir()
    found = client.studies.download_instances(study, str(target))
    assert len(found) == 3
    for one in found:
        assert dcmread(one.path).PatientID == PATIENT
    instance = client.studies.get_first_instance_id(study)
    assert dcmread(BytesIO(client.instances.get_file(instance))).PatientID == PATIENT


def test_upload_of_what_is_no_dicom(client: OrthancApiClient) -> None:
    """The client's own exception, or silence where that was asked for."""
    with pytest.raises(BadFileFormat):
        client.upload(b"no DICOM")
    assert client.upload(b"no DICOM", ignore_errors=True) == []


def test_metadata_labels_and_attachments(client: OrthancApiClient, study: str) -> None:
    """What hangs on a study is written, read with its revision, and deleted."""
    client.studies.set_string_metadata(study, "1024", "first")
    assert client.studies.get_string_metadata(study, "1024") == "first"
    assert client.studies.has_metadata(study, "1024")
    assert not client.studies.has_metadata(study, "1025")
    assert client.studies.get_string_metadata(study, "1025", default_value="none") == "none"
    client.studies.add_labels(study, ["checked", "research"])
    assert client.studies.get_labels(study) == ["checked", "research"]
    assert client.studies.get(study).labels == ["checked", "research"]
    assert "research" in client.get_all_labels()
    client.studies.delete_label(study, "research")
    assert client.studies.get_labels(study) == ["checked"]
    client.studies.set_attachment(study, "1030", content=b"a report")
    content, revision = client.studies.get_attachment_with_revision(study, "1030")
    assert content == b"a report"
    client.studies.set_attachment(study, "1030", content=b"another", match_revision=revision)
    assert client.studies.get_attachment(study, "1030") == b"another"


def test_find_and_lookup(client: OrthancApiClient, study: str) -> None:
    """By what DICOM says of it, and by its UID."""
    for query in ({"PatientID": PATIENT}, {"PatientID": "API-*", "StudyDescription": "Whole*"}):
        found = client.studies.find(query)
        assert [one.orthanc_id for one in found] == [study]
        assert found[0].main_dicom_tags.get("StudyDescription") == "Whole body"
    assert client.studies.find({"PatientID": "api-client"}) == []
    found = client.studies.find({"PatientID": "api-client"}, case_sensitive=False)
    assert [one.orthanc_id for one in found] == [study]
    assert client.studies.lookup(found[0].dicom_id) == study
    assert client.studies.lookup("1.2.3.4.5.6.7.8.9") is None
    assert client.patients.lookup(PATIENT) == client.studies.get_parent_patient_id(study)


def test_archive(client: OrthancApiClient, study: str, tmp_path: Path) -> None:
    """A study as a ZIP of its files, and as a medium with a DICOMDIR."""
    client.studies.download_archive(study, str(tmp_path / "archive.zip"))
    client.studies.download_media(study, str(tmp_path / "media.zip"))
    with zipfile.ZipFile(tmp_path / "archive.zip") as archive:
        files = [dcmread(archive.open(name)) for name in archive.namelist()]
    assert sorted(one.InstanceNumber for one in files) == [1, 2, 3]
    with zipfile.ZipFile(tmp_path / "media.zip") as media:
        assert "DICOMDIR" in media.namelist()
        assert len(media.namelist()) == 4


def test_delete(client: OrthancApiClient, study: str) -> None:
    """A deleted study is gone, and its absence is the client's own exception."""
    client.studies.delete(study)
    with pytest.raises(ResourceNotFound):
        client.studies.get_json(study)
    client.studies.delete(study, ignore_errors=True)
    with pytest.raises(ResourceNotFound):
        client.studies.delete(study)


def test_modalities(
    client: OrthancApiClient, study: str, fresh_store: Callable[..., Store]
) -> None:
    """Another store is made known, asked for an echo, and receives the study."""
    other = fresh_store("apiclient")
    client.modalities.configure(
        "other", {"AET": "PONS", "Host": "127.0.0.1", "Port": other.dicom_port}
    )
    assert "other" in client.modalities.get_all_ids()
    assert client.modalities.get_configuration("other")["Port"] == other.dicom_port
    client.modalities.send("other", study)
    assert other.get("/statistics")["CountInstances"] == 3
    client.modalities.delete("other")
    assert "other" not in client.modalities.get_all_ids()
