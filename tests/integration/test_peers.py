# SPDX-License-Identifier: Apache-2.0
"""Sending to peers over HTTP: to an Orthanc, from an Orthanc, and to another Pons."""

from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import pytest
from pydicom import Dataset
from pydicom.uid import generate_uid

from gate import gate
from orthanc import Orthanc, needs_orthanc, running_orthanc
from outside import TAKEN_OVER, Store, eventually, image

USER, PASSWORD = "archive", "s3cret-words"


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    folder = tmp_path_factory.mktemp("peers") / "orthanc"
    users = {"AuthenticationEnabled": True, "RegisteredUsers": {USER: PASSWORD}}
    with running_orthanc(folder, **users) as started:
        yield started


def file_of(ds: Dataset) -> bytes:
    buffer = BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def upload(store: Store, count: int, rows: int = 16) -> tuple[str, dict[str, bytes]]:
    """A new study of so many instances: its identifier, and the files by theirs."""
    study_uid, files = generate_uid(), {}
    for number in range(1, count + 1):
        file = file_of(image("PEERS", study_uid, number, rows))
        answer = store.http.post("/instances", content=file)
        assert answer.status_code == 200, answer.text
        files[answer.json()["ID"]] = file
        study = answer.json()["ParentStudy"]
    return study, files


def exported(store: Store, peer: str) -> list[tuple[str, str]]:
    rows = store.get("/exports", limit=1000)["Exports"]
    return [(row["ResourceType"], row["ID"]) for row in rows if row["RemoteModality"] == peer]


def put_peer(store: Store, name: str, url: str, **more: Any) -> None:
    answer = store.http.put(f"/peers/{name}", json={"Url": url, **more})
    assert answer.status_code == 200, answer.text


@needs_orthanc
@pytest.mark.parametrize("compress", [False, True])
def test_to_orthanc(store: Store, orthanc: Orthanc, compress: bool) -> None:
    """It has every file byte for byte, as they are stored or through gzip."""
    name = f"orthanc-{compress}"
    put_peer(store, name, orthanc.url, Username=USER, Password=PASSWORD)
    assert store.get(f"/peers/{name}/system")["Version"].startswith("1.")
    study, files = upload(store, 20)
    answer = store.http.post(
        f"/peers/{name}/store", json={"Resources": [study], "Compress": compress}
    )
    assert answer.status_code == 200, answer.text
    content = answer.json()
    assert (content["InstancesCount"], content["FailedInstancesCount"]) == (20, 0)
    assert content["Peer"] == [orthanc.url, USER, ""]
    whole = sum(map(len, files.values()))
    assert (content["Size"] == str(whole)) is not compress
    for identifier, file in files.items():
        assert orthanc.http.get(f"/instances/{identifier}/file").content == file
    eventually("the export is logged", lambda: ("Study", study) in exported(store, name))


@needs_orthanc
def test_straight_to_orthanc(store: Store, orthanc: Orthanc) -> None:
    """A file goes there without being kept here, and its answer comes back."""
    put_peer(store, "straight", orthanc.url, Username=USER, Password=PASSWORD)
    file = file_of(image("PEERS", rows=2000))
    before = store.get("/statistics")["CountInstances"]
    answer = store.http.post("/peers/straight/store-straight", content=file)
    assert answer.status_code == 200, answer.text
    assert (len(answer.json()), answer.json()["Status"]) == (6, "Success")
    identifier = answer.json()["ID"]
    assert orthanc.http.get(f"/instances/{identifier}/file").content == file
    assert store.http.get(f"/instances/{identifier}").status_code == 404
    assert store.get("/statistics")["CountInstances"] == before
    answer = store.http.post("/peers/straight/store-straight", content=b"no DICOM file")
    assert (answer.status_code, answer.json()["OrthancStatus"]) == (500, 9)
    assert "answered 400 Bad Request: Bad file format" in answer.json()["Details"]


@needs_orthanc
def test_a_wrong_password(store: Store, orthanc: Orthanc) -> None:
    """The peer refuses, the answer and the log say so, and neither repeats the password."""
    wrong = "wr0ng-words"
    put_peer(store, "wrong", orthanc.url, Username=USER, Password=wrong)
    study, _ = upload(store, 2)
    for answer in (
        store.http.post("/peers/wrong/store", content=study),
        store.http.get("/peers/wrong/system"),
    ):
        assert (answer.status_code, answer.json()["OrthancStatus"]) == (500, 9)
        assert "does not know this name and password" in answer.json()["Details"]
        assert wrong not in answer.text
    assert wrong not in store.log.read_text(errors="replace")
    assert exported(store, "wrong") == []


@needs_orthanc
def test_from_orthanc(store: Store, orthanc: Orthanc) -> None:
    """An Orthanc sends to this store as to another Orthanc."""
    peer = {"Url": f"http://127.0.0.1:{store.http_port}/"}
    assert orthanc.http.put("/peers/pons", json=peer).status_code == 200
    assert orthanc.http.get("/peers/pons/system").json()["ApiVersion"]
    files = {}
    for number in range(1, 11):
        file = file_of(image("PEERS", number=number))
        answer = orthanc.http.post("/instances", content=file)
        files[answer.json()["ID"]] = file
    for compress in (False, True):
        body = {"Resources": list(files), "Compress": compress}
        answer = orthanc.http.post("/peers/pons/store", json=body)
        assert answer.json()["FailedInstancesCount"] == 0, answer.text
    for identifier, file in files.items():
        assert store.http.get(f"/instances/{identifier}/file").content == file
    file = file_of(image("PEERS"))
    answer = orthanc.http.post("/peers/pons/store-straight", content=file)
    assert answer.json()["Status"] == "Success"


def test_to_another_pons_while_egress_dies(store: Store, fresh_store: Callable[..., Store]) -> None:
    """Kill -9 of egress in the middle: the job goes on, and the other store has each once."""
    other = fresh_store("other")
    study, files = upload(store, 400)
    with gate(other.http_port, sum(map(len, files.values())) // 4) as way:
        put_peer(store, "other", f"http://127.0.0.1:{way.port}/")
        body = {"Resources": [study], "Asynchronous": True}
        job_id = store.http.post("/peers/other/store", json=body).json()["ID"]
        eventually("a part is sent", way.holds.is_set)
        assert ended(store, job_id) is None
        store.kill("egress")
        way.go_on.set()
        job = eventually("the job has ended", lambda: ended(store, job_id), TAKEN_OVER)
    assert (job["State"], job["Progress"]) == ("Success", 100), job
    assert job["Content"]["InstancesCount"] == 400
    assert job["Content"]["FailedInstancesCount"] == 0
    assert other.get("/statistics")["CountInstances"] == 400
    for identifier, file in list(files.items())[::10]:
        assert other.http.get(f"/instances/{identifier}/file").content == file
    assert set(other.get("/instances")) == set(files)
    eventually("the export is logged", lambda: ("Study", study) in exported(store, "other"))


def ended(store: Store, job_id: str) -> Any:
    job = store.get(f"/jobs/{job_id}")
    return job if job["State"] in ("Success", "Failure") else None
