# SPDX-License-Identifier: Apache-2.0
"""What a new user does in the first minutes: send, list, look, forward, delete."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from pydicom import dcmread, dcmwrite

from outside import Store, eventually, image

needs_dcmtk = pytest.mark.skipif(
    shutil.which("storescu") is None, reason="needs DCMTK (Debian: apt-get install dcmtk)"
)


@pytest.fixture
def study(store: Store) -> Iterator[str]:
    """The identifier of a study of five images, sent by C-STORE, gone afterwards."""
    first = image("MINUTES")
    images = [image("MINUTES", first.StudyInstanceUID, number) for number in range(1, 6)]
    assert store.c_store(*images) == [0] * 5
    identifier = eventually("the study is whole", lambda: whole_study(store, 5))
    yield identifier
    store.http.delete(f"/studies/{identifier}")


def whole_study(store: Store, count: int) -> str | None:
    for one in store.get("/studies", expand=""):
        if one["PatientMainDicomTags"]["PatientID"] == "MINUTES":
            counted = store.get(f"/studies/{one['ID']}/statistics")["CountInstances"]
            return str(one["ID"]) if counted == count else None
    return None


@needs_dcmtk
def test_storescu_sends_a_folder(store: Store, tmp_path: Path) -> None:
    """DCMTK's storescu with a folder, as a user would: all of it is there."""
    first = image("FOLDER")
    for number in range(1, 8):
        ds = image("FOLDER", first.StudyInstanceUID, number)
        dcmwrite(tmp_path / f"{number}.dcm", ds, enforce_file_format=True)
    call = ["storescu", "-aec", "PONS", "127.0.0.1", str(store.dicom_port), "+sd", str(tmp_path)]
    subprocess.run(call, check=True, timeout=60, capture_output=True)
    patients = store.get("/patients", expand="")
    patient = next(one["ID"] for one in patients if one["MainDicomTags"]["PatientID"] == "FOLDER")
    assert store.get(f"/patients/{patient}/statistics")["CountInstances"] == 7
    assert store.http.delete(f"/patients/{patient}").json() == {"RemainingAncestor": None}


def test_the_levels_lead_to_each_other(store: Store, study: str) -> None:
    """From a study down to its instances and up again, every link holds."""
    series = store.get(f"/studies/{study}/series")
    assert [one["ParentStudy"] for one in series] == [study]
    instances = store.get(f"/series/{series[0]['ID']}/instances")
    assert sorted(one["IndexInSeries"] for one in instances) == [1, 2, 3, 4, 5]
    for one in instances:
        assert store.get(f"/instances/{one['ID']}/study")["ID"] == study
    assert store.get(f"/studies/{study}/patient")["MainDicomTags"]["PatientID"] == "MINUTES"


def test_a_preview_is_an_image_of_the_right_size(store: Store, study: str) -> None:
    """A preview opens as PNG, or as JPEG when asked, with the rows and columns of the frame."""
    instance = store.get(f"/studies/{study}/instances")[0]["ID"]
    for accept, kind in (("image/png", "PNG"), ("image/jpeg", "JPEG")):
        response = store.http.get(f"/instances/{instance}/preview", headers={"Accept": accept})
        assert response.status_code == 200
        with Image.open(BytesIO(response.content)) as picture:
            assert (picture.format, picture.size) == (kind, (16, 16))
    raw = store.http.get(f"/instances/{instance}/frames/0/raw").content
    file = store.http.get(f"/instances/{instance}/file").content
    assert raw == dcmread(BytesIO(file)).PixelData


def test_a_study_is_forwarded_to_a_second_store(
    store: Store, study: str, fresh_store: Callable[..., Store]
) -> None:
    """Add a modality, echo it, send a study: it is there, and the exports log says so."""
    other = fresh_store("second")
    modality = {"AET": "PONS", "Host": "127.0.0.1", "Port": other.dicom_port}
    assert store.http.put("/modalities/second", json=modality).status_code == 200
    assert store.http.post("/modalities/second/echo").status_code == 200
    answer = store.http.post("/modalities/second/store", content=study)
    assert answer.status_code == 200, answer.text
    assert answer.json()["InstancesCount"] == 5
    assert other.get("/statistics")["CountInstances"] == 5
    (logged,) = exported(store, "second")
    assert (logged["ResourceType"], logged["ID"]) == ("Study", study)
    job = store.http.post(
        "/modalities/second/store", json={"Resources": [study], "Asynchronous": True}
    ).json()["ID"]
    eventually("the job ends", lambda: store.get(f"/jobs/{job}")["State"] == "Success")
    assert store.http.delete("/modalities/second").status_code == 200


def exported(store: Store, modality: str) -> list[dict[str, str]]:
    """The exports to `modality`; other tests send elsewhere."""
    exports: list[dict[str, str]] = store.get("/exports", limit=1000)["Exports"]
    return [one for one in exports if one["RemoteModality"] == modality]


def test_a_peer_that_is_down_is_a_clear_error(store: Store, study: str) -> None:
    """The answer and the job say which modality could not be reached."""
    modality = ["NOBODY", "127.0.0.1", 9]
    assert store.http.put("/modalities/nobody", json=modality).status_code == 200
    assert store.http.post("/modalities/nobody/echo").status_code == 500
    answer = store.http.post("/modalities/nobody/store", content=study)
    assert answer.status_code == 500
    job = store.http.post(
        "/modalities/nobody/store", json={"Resources": [study], "Asynchronous": True}
    ).json()["ID"]
    failed = eventually("the job fails", lambda: finished(store, job))
    assert failed["State"] == "Failure"
    assert "nobody" in failed["ErrorDetails"]
    assert "127.0.0.1:9" in failed["ErrorDetails"]
    store.http.delete("/modalities/nobody")


def finished(store: Store, job: str) -> dict[str, str] | None:
    document: dict[str, str] = store.get(f"/jobs/{job}")
    return document if document["State"] in {"Success", "Failure"} else None


def test_the_change_log_tells_what_happened(store: Store, study: str) -> None:
    """A new study shows in /changes at each level, numbers ascending."""
    last = store.get("/changes", last="")["Last"]
    changes = store.get("/changes", since=max(0, last - 50), limit=100)["Changes"]
    numbers = [change["Seq"] for change in changes]
    assert numbers == sorted(set(numbers))
    kinds = [change["ChangeType"] for change in changes if change["ID"] == study]
    assert kinds[0] == "NewStudy"


def test_an_unknown_file_gets_a_reason(store: Store) -> None:
    """Junk, and nothing at all, are refused with a sentence."""
    junk = store.http.post("/instances", content=b"this is no DICOM file" * 20)
    assert junk.status_code == 400
    assert junk.json()["OrthancStatus"] == 15
    assert store.http.post("/instances", content=b"").status_code == 400
