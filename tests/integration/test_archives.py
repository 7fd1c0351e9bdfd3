# SPDX-License-Identifier: Apache-2.0
"""Archives and media from outside: whole, the same as what came in, or visibly broken."""

import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pydicom
import pytest
from pydicom import Dataset, dcmwrite
from pydicom.fileset import FileSet

from outside import TAKEN_OVER, Store, eventually, image

FOLDER = Path(pydicom.__file__).parent / "data" / "test_files"
FILES = ("CT_small.dcm", "MR_small.dcm", "JPEG2000.dcm", "rtplan.dcm", "image_dfl.dcm")
"""Of five patients, and of several transfer syntaxes and SOP classes."""


def file_of(ds: Dataset) -> bytes:
    file = BytesIO()
    dcmwrite(file, ds, enforce_file_format=True)
    return file.getvalue()


def upload(store: Store, *files: bytes) -> list[dict[str, str]]:
    answers = [store.http.post("/instances", content=file) for file in files]
    assert [answer.status_code for answer in answers] == [200] * len(files)
    return [answer.json() for answer in answers]


def study_of(store: Store, patient_id: str, count: int, rows: int = 16) -> tuple[str, list[bytes]]:
    """A new study; its identifier and its files."""
    first = image(patient_id, rows=rows)
    images = [image(patient_id, first.StudyInstanceUID, n + 1, rows) for n in range(count)]
    files = [file_of(ds) for ds in images]
    return upload(store, *files)[0]["ParentStudy"], files


def contents(archive: bytes) -> list[bytes]:
    with zipfile.ZipFile(BytesIO(archive)) as opened:
        assert opened.testzip() is None
        return [opened.read(name) for name in opened.namelist()]


def finished(store: Store, job: dict[str, str]) -> dict[str, Any]:
    def done() -> Any:
        shown = store.get(job["Path"])
        return shown if shown["State"] in ("Success", "Failure") else None

    shown: dict[str, Any] = eventually("the job ends", done, TAKEN_OVER)
    return shown


def test_an_archive_moves_a_study_to_another_store(
    fresh_store: Callable[..., Store],
) -> None:
    """Files of many kinds, also compressed at rest, arrive byte by byte in a second store."""
    here = fresh_store("here", PONS_STORAGE_COMPRESSION="true")
    there = fresh_store("there")
    files = [(FOLDER / name).read_bytes() for name in FILES]
    patients = [stored["ParentPatient"] for stored in upload(here, *files)]
    archive = here.http.post("/tools/create-archive", json=patients)
    assert archive.headers["content-type"] == "application/zip"
    assert sorted(contents(archive.content)) == sorted(files)
    answers = there.http.post("/instances", content=archive.content).json()
    assert [answer["Status"] for answer in answers] == ["Success"] * len(files)
    assert sorted(there.get("/patients")) == sorted(patients)
    back = [there.http.get(f"{answer['Path']}/file").content for answer in answers]
    assert sorted(back) == sorted(files)


def test_a_medium_is_one(store: Store, tmp_path: Path) -> None:
    """pydicom finds each instance of the unpacked medium by its DICOMDIR, and we take it back."""
    study, files = study_of(store, "MEDIUM", 3)
    medium = store.http.get(f"/studies/{study}/media").content
    with zipfile.ZipFile(BytesIO(medium)) as opened:
        assert opened.namelist() == ["IMAGES/IM0", "IMAGES/IM1", "IMAGES/IM2", "DICOMDIR"]
        opened.extractall(tmp_path)
    found = FileSet(tmp_path / "DICOMDIR")
    found._stage["t"].cleanup()  # pydicom leaves that to the garbage collector
    assert found.find_values("PatientID") == ["MEDIUM"]
    assert [Path(instance.path).read_bytes() for instance in found] == files
    assert [instance.load().InstanceNumber for instance in found] == [1, 2, 3]
    back = store.http.post("/instances", content=medium)
    assert [one["Status"] for one in back.json()] == ["AlreadyStored"] * 3


def test_a_job_keeps_its_archive(store: Store) -> None:
    """The ZIP of a job is there until it is removed, a newer one is made, or its job goes."""
    study, files = study_of(store, "JOB", 2)

    def archived() -> dict[str, Any]:
        job = store.http.post(f"/studies/{study}/archive", json={"Asynchronous": True}).json()
        shown = finished(store, job)
        assert shown["State"] == "Success"
        assert shown["Content"]["InstancesCount"] == 2
        return shown

    def status(shown: dict[str, Any]) -> int:
        return store.http.get(f"/jobs/{shown['ID']}/archive").status_code

    before = set(store.objects())
    first = archived()
    answer = store.http.get(f"/jobs/{first['ID']}/archive")
    assert sorted(contents(answer.content)) == sorted(files)
    assert answer.headers["content-disposition"] == f'filename="{study}.zip"'
    assert len(answer.content) == int(first["Content"]["ArchiveSize"])
    second = archived()
    assert (status(first), status(second)) == (404, 200)
    assert store.http.delete(f"/jobs/{second['ID']}/archive").status_code == 200
    assert status(second) == 404
    third = archived()
    assert store.http.delete(f"/jobs/{third['ID']}").status_code == 200
    assert status(third) == 404
    assert set(store.objects()) <= before  # less, where garbage of other tests was collected


def test_a_job_survives_the_death_of_render(store: Store) -> None:
    """Killed in the midst of a ZIP, render finishes it after its restart."""
    study, files = study_of(store, "KILLED", 24, rows=1024)
    job = store.http.post(f"/studies/{study}/archive", json={"Asynchronous": True}).json()
    eventually("it runs", lambda: store.get(job["Path"])["State"] != "Pending")
    store.kill("render")
    assert finished(store, job)["State"] == "Success"
    archive = store.http.get(f"{job['Path']}/archive").content
    assert sorted(contents(archive)) == sorted(files)
    # The tests after this one have the same store.
    picture = f"/instances/{store.get(f'/studies/{study}/instances')[0]['ID']}/preview"
    eventually("render is back", lambda: store.http.get(picture).status_code == 200)


def test_a_lost_object_breaks_the_archive(store: Store) -> None:
    """When an object is gone in the midst, the answer breaks off, and a job fails; a permissive
    archive has the rest, and says what it lacks."""
    study, files = study_of(store, "LOST", 40, rows=256)
    lost = store.object_of(files[-1])
    lost.unlink()
    with pytest.raises(httpx.RemoteProtocolError):
        store.http.get(f"/studies/{study}/archive")
    job = store.http.post(f"/studies/{study}/archive", json={"Asynchronous": True}).json()
    shown = finished(store, job)
    assert (shown["State"], shown["ErrorCode"]) == ("Failure", 20)
    assert lost.name in shown["ErrorDetails"]
    assert store.http.get(f"{job['Path']}/archive").status_code == 404
    rest = contents(store.http.get(f"/studies/{study}/archive?permissive").content)
    assert rest[:-1] == files[:-1]
    assert lost.name in rest[-1].decode()
    options = {"Asynchronous": True, "Permissive": True}
    shown = finished(store, store.http.post(f"/studies/{study}/archive", json=options).json())
    assert (shown["State"], shown["Content"]["InstancesCount"]) == ("Success", 39)
    (left_out,) = shown["Content"]["FailedInstances"]
    assert lost.name in left_out["Reason"]
    assert left_out["ID"] in store.get(f"/studies/{study}/instances-tags")


def test_a_damaged_file_is_an_error(store: Store) -> None:
    """Neither the file nor its picture nor a part of it is answered as if it were whole."""
    (stored,) = upload(store, file_of(image("DAMAGED")))
    path = stored["Path"]
    whole = store.http.get(f"{path}/file").content
    kept = store.object_of(whole)
    for damage in (whole[:-1] + b"\xff", whole[:-7], whole + b"\0", b"", None):
        kept.unlink(missing_ok=True)
        if damage is not None:
            kept.write_bytes(damage)
        answer = store.http.get(f"{path}/file")
        assert (answer.status_code, answer.json()["OrthancStatus"]) == (500, 20)
        assert kept.name in answer.json()["Details"]
        assert store.http.get(f"{path}/preview").status_code == 500
        assert store.http.get(f"{path}/attachments/dicom/data").status_code == 500
        archive = store.http.get(f"/studies/{stored['ParentStudy']}/archive")
        assert (archive.status_code, archive.json()["OrthancStatus"]) == (500, 20)
    kept.write_bytes(whole)
    assert store.http.get(f"{path}/file").content == whole


def test_a_client_that_leaves_ends_the_work(store: Store) -> None:
    """Many clients that hang up early leave a store that answers, and no file behind."""
    study, _ = study_of(store, "LEFT", 40, rows=512)
    for _ in range(20):
        with store.http.stream("GET", f"/studies/{study}/archive") as answer:
            next(answer.iter_bytes())
    assert len(contents(store.http.get(f"/studies/{study}/archive").content)) == 40
