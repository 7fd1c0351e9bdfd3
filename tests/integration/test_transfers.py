# SPDX-License-Identifier: Apache-2.0
"""Accelerated transfers between two stores: pushed, pulled, and asked to be pulled."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from pydicom.uid import generate_uid

from outside import TAKEN_OVER, Store, eventually, image, running


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with running(Store("partner", tmp_path_factory.mktemp("partner") / "data")) as started:
        yield started


def upload(store: Store, count: int, rows: int = 16) -> tuple[str, dict[str, bytes]]:
    """A new study of so many instances: its identifier, and the files by theirs."""
    study_uid, files = generate_uid(), {}
    study = ""
    for number in range(1, count + 1):
        buffer = BytesIO()
        image("TRANSFERS", study_uid, number, rows).save_as(buffer, enforce_file_format=True)
        answer = store.http.post("/instances", content=buffer.getvalue())
        assert answer.status_code == 200, answer.text
        files[answer.json()["ID"]] = buffer.getvalue()
        study = answer.json()["ParentStudy"]
    return study, files


def peer(store: Store, name: str, of: Store, **notes: str) -> None:
    url = {"Url": f"http://127.0.0.1:{of.http_port}/", **notes}
    assert store.http.put(f"/peers/{name}", json=url).status_code == 200


def transfer(store: Store, verb: str, study: str, name: str, compression: str) -> dict[str, Any]:
    resources = [{"Level": "Study", "ID": study}]
    body = {"Resources": resources, "Peer": name, "Compression": compression, "Priority": 3}
    answer = store.http.post(f"/transfers/{verb}", json=body)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def ended(store: Store, job_id: str) -> dict[str, Any]:
    def finished() -> Any:
        job = store.get(f"/jobs/{job_id}")
        return job if job["State"] in ("Success", "Failure") else None

    job: dict[str, Any] = eventually("the job has ended", finished, TAKEN_OVER)
    assert job["State"] == "Success", job
    return job


def holds(store: Store, files: dict[str, bytes]) -> None:
    for identifier, file in files.items():
        assert store.http.get(f"/instances/{identifier}/file").content == file


@pytest.mark.parametrize("compression", ["gzip", "none"])
def test_push_and_pull(store: Store, other: Store, compression: str) -> None:
    """Small and large files arrive byte for byte, either way."""
    peer(store, "partner", other)
    assert store.get("/transfers/peers")["partner"] == "installed"
    for verb, source, kind in (("send", store, "PushTransfer"), ("pull", other, "PullTransfer")):
        study, files = upload(source, 60)
        large_study, large = upload(source, 2, rows=2200)  # 9 MB each
        target = other if verb == "send" else store
        for one, those in ((study, files), (large_study, large)):
            job = ended(store, transfer(store, verb, one, "partner", compression)["ID"])
            assert (job["Type"], job["Priority"]) == (kind, 3)
            assert job["Content"]["TotalInstances"] == len(those)
            holds(target, those)
    origin = store.http.get(f"/instances/{next(iter(large))}/metadata/Origin").text
    assert origin == "Plugins"


def test_a_peer_that_pulls(store: Store, other: Store) -> None:
    """With `RemoteSelf` the other side pulls, if it is us that its peer of that name is."""
    peer(store, "pulls", other, RemoteSelf="sender")
    peer(other, "sender", store)
    study, files = upload(store, 5)
    told = transfer(store, "send", study, "pulls", "gzip")
    assert told["Peer"] == "pulls"
    assert told["URL"] == f"http://127.0.0.1:{other.http_port}/jobs/{told['RemoteJob']}"
    job = ended(other, told["RemoteJob"])
    assert (job["Type"], job["Content"]["Peer"]) == ("PullTransfer", "sender")
    holds(other, files)
    peer(other, "sender", other)
    told = transfer(store, "send", study, "pulls", "gzip")

    def failed() -> bool:
        job = other.get(f"/jobs/{told['RemoteJob']}")
        return bool(job["State"] == "Failure" and "RemoteSelf" in job["ErrorDetails"])

    eventually("another one than the sender is refused", failed)


@pytest.mark.parametrize("verb", ["send", "pull"])
def test_egress_dies(store: Store, other: Store, verb: str) -> None:
    """Kill -9 of egress in the middle of a transfer: it goes on, and all arrives once."""
    peer(store, "partner", other)
    source, target = (store, other) if verb == "send" else (other, store)
    study, files = upload(source, 120, rows=500)
    before = target.get("/statistics")["CountInstances"]
    job_id = transfer(store, verb, study, "partner", "none")["ID"]
    eventually("some has gone", lambda: store.get(f"/jobs/{job_id}")["Progress"] >= 5)
    store.kill("egress")
    job = ended(store, job_id)
    assert job["Content"]["TotalInstances"] == 120
    assert target.get("/statistics")["CountInstances"] == before + 120
    holds(target, files)
