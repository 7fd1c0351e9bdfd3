# SPDX-License-Identifier: Apache-2.0
"""The previous release and this one share a store, as they do while one replaces the other.

Both ways in: processes of this version come to a store of the previous release, and one of the
previous release that died starts again in a store that is of this version already.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from pydicom import Dataset, dcmwrite

from outside import ROOT, TIMEOUT, Store, eventually, image, running
from replicas import Replica, replica
from versions import path_of, previous_release, store_of

DOORS = ("gateway", "ingress", "egress")


@pytest.fixture(params=["this version comes to the previous one", "the previous one comes again"])
def shared(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[Store, dict[str, str]]]:
    """A store that runs, and the variable by which a process is of the other version."""
    previous = previous_release(tmp_path / "previous")
    base, other = (previous, ROOT) if request.param.startswith("this") else (ROOT, previous)
    (tmp_path / "store").mkdir()
    with running(store_of(base, "shared", tmp_path / "store" / "data")) as store:
        migrate(store, {"PYTHONPATH": path_of(ROOT)})
        yield store, {"PYTHONPATH": path_of(other)}


def migrate(store: Store, code: dict[str, str]) -> None:
    """Bring the database to the schema of this version, as whoever upgrades does first."""
    (index,) = store.processes("index")
    subprocess.run(
        [sys.executable, "-P", "-m", "pons_index.migrate"],
        cwd=index.cwd(),
        env={**index.environ(), **code},
        check=True,
        timeout=120,
    )


class Other:
    """The doors of the other version."""

    def __init__(self, http: httpx.Client, dicom: Replica) -> None:
        self.http = http
        self._dicom = dicom

    def c_store(self, store: Store, *datasets: Dataset) -> list[int | None]:
        """As `Store.c_store`, at this version's port."""
        own, store.dicom_port = store.dicom_port, self._dicom.port
        try:
            return store.c_store(*datasets)
        finally:
            store.dicom_port = own


def encoded(ds: Dataset) -> bytes:
    file = BytesIO()
    dcmwrite(file, ds, enforce_file_format=True)
    return file.getvalue()


def upload(http: httpx.Client, ds: Dataset) -> str:
    answer = http.post("/instances", content=encoded(ds))
    assert answer.status_code == 200, answer.text
    identifier: str = answer.json()["ID"]
    return identifier


def statistics(http: httpx.Client) -> dict[str, int]:
    counted: dict[str, int] = http.get("/statistics").json()
    return {name: counted[name] for name in ("CountInstances", "CountStudies", "CountPatients")}


def test_two_versions_are_one_store(shared: tuple[Store, dict[str, str]], tmp_path: Path) -> None:
    """What comes in by a door of either is seen through both; commands, pictures and jobs of
    either are done by whichever takes them; then both index what comes, each instance once."""
    store, code = shared
    with ExitStack() as opened:

        def start(kind: str) -> Replica:
            log = tmp_path / f"{kind}.log"
            return opened.enter_context(replica(store, kind, log, **code))

        gateway, ingress, _ = map(start, DOORS)
        address = f"http://127.0.0.1:{gateway.port}"
        http = opened.enter_context(httpx.Client(base_url=address, timeout=TIMEOUT))
        other = Other(http, ingress)
        work_together(store, other)
        before = statistics(http)["CountInstances"]
        start("index")
        for number in range(30):
            upload((store.http, http)[number % 2], image("INDEXED", number=number))
            assert other.c_store(store, image("INDEXED", number=number)) == [0]
        for one in (store.http, http):
            eventually("all are counted", lambda one=one: is_counted(one, before + 60))
        work_together(store, other)
        assert statistics(store.http) == statistics(http)
    numbers = [one["Seq"] for one in store.get("/changes", limit=1000)["Changes"]]
    assert numbers == sorted(set(numbers))


def is_counted(http: httpx.Client, instances: int) -> bool:
    return statistics(http)["CountInstances"] == instances


def work_together(store: Store, other: Other) -> None:
    """Each side shows, changes, draws and sends what the other has taken in."""
    ds = image("VERSIONS")
    for here, there in ((store.http, other.http), (other.http, store.http)):
        identifier = upload(here, image("VERSIONS"))
        shown = there.get(f"/instances/{identifier}/simplified-tags").json()
        assert shown["PatientID"] == "VERSIONS"
        assert here.put(f"/instances/{identifier}/labels/seen").status_code == 200
        assert there.get(f"/instances/{identifier}/labels").json() == ["seen"]
        assert there.get(f"/instances/{identifier}/preview").content.startswith(b"\x89PNG")
        assert there.delete(f"/instances/{identifier}").status_code == 200
        assert here.get(f"/instances/{identifier}").status_code == 404
    assert other.c_store(store, ds) == [0]
    asked = {"Level": "Instance", "Query": {"SOPInstanceUID": ds.SOPInstanceUID}}
    (found,) = store.http.post("/tools/find", json=asked).json()
    itself = {"AET": store.aet, "Host": "127.0.0.1", "Port": store.dicom_port}
    assert other.http.put("/modalities/itself", json=itself).status_code == 200
    jobs = []
    for number in range(6):
        body = {"Resources": [found], "Asynchronous": True}
        http = (store.http, other.http)[number % 2]
        answer = eventually(
            "the modality is known", lambda http=http, body=body: submitted(http, body)
        )
        jobs.append(answer)
    for job in jobs:
        eventually("the job succeeds", lambda job=job: state(store, job) == "Success")


def submitted(http: httpx.Client, body: dict[str, object]) -> str:
    """The job; empty while this side does not know the modality yet."""
    answer = http.post("/modalities/itself/store", json=body)
    if answer.status_code == 404:
        return ""
    assert answer.status_code == 200, answer.text
    job: str = answer.json()["ID"]
    return job


def state(store: Store, job: str) -> str:
    found: str = store.get(f"/jobs/{job}")["State"]
    return found
