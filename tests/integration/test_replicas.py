# SPDX-License-Identifier: Apache-2.0
"""Two egress services share the jobs of one store, and one of them ends at its work.

`PONS_TEST_REPLICA_INSTANCES=5000` has it killed in the middle of jobs of 5,000 instances.
"""

import os
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import psutil
import pytest
from pydicom import dcmwrite
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE, evt

from outside import TIMEOUT, Store, eventually, image, running
from pons_testing.scp import serving
from replicas import first_of, replica

INSTANCES = int(os.environ.get("PONS_TEST_REPLICA_INSTANCES", "400"))
AT_ONCE = 1000
"""Instances of one upload: a busy machine answers it in time."""
STUDIES = ("1.2.826.0.1.11", "1.2.826.0.1.12")


@contextmanager
def archive(go_on: threading.Event) -> Iterator[tuple[int, list[str]]]:
    """A storage SCP that takes its time: its port, and the instances that came, in their order.

    It stops at half of what a study has, so that no job ends before it may go on.
    """
    received: list[str] = []

    def store(event: Any) -> int:
        if len(received) >= INSTANCES // 2:
            go_on.wait(TIMEOUT)
        time.sleep(0.005)
        received.append(str(event.request.AffectedSOPInstanceUID))
        return 0

    ae = AE("ARCHIVE")
    ae.add_supported_context(CTImageStorage, ExplicitVRLittleEndian)
    with serving(ae, (evt.EVT_C_STORE, store)) as port:
        yield port, received


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, set[str]]]:
    """A store whose services do one job each at a time, and its SOP instance UIDs."""
    data = tmp_path_factory.mktemp("shared") / "data"
    with running(Store("shared", data, {"PONS_JOBS_CONCURRENT": "1"})) as store:
        yield store, upload(store)


def upload(store: Store) -> set[str]:
    """Fill the studies; all SOP instance UIDs."""
    uids = [f"{study}.{number}" for study in STUDIES for number in range(1, INSTANCES + 1)]
    for start in range(0, len(uids), AT_ONCE):
        content = BytesIO()
        with zipfile.ZipFile(content, "w") as archived:
            for uid in uids[start : start + AT_ONCE]:
                study, _, number = uid.rpartition(".")
                dataset = image("SHARED", study, int(number), rows=2)
                dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid
                file = BytesIO()
                dcmwrite(file, dataset, enforce_file_format=True)
                archived.writestr(f"{uid}.dcm", file.getvalue())
        answer = store.http.post("/instances", content=content.getvalue(), timeout=300)
        assert answer.status_code == 200, answer.text
    return set(uids)


def is_sending(process: psutil.Process, port: int) -> bool:
    """Whether a process has a connection to this port."""
    return any(
        one.raddr and one.raddr.port == port and one.status == psutil.CONN_ESTABLISHED
        for one in process.net_connections("tcp")
    )


@contextmanager
def both_sending(
    store: Store, log: Path, go_on: threading.Event
) -> Iterator[tuple[psutil.Process, psutil.Process, list[str], list[str]]]:
    """The launcher's egress and a second one, each in a job of its own; what arrives, the jobs."""
    with archive(go_on) as (port, received), replica(store, "egress", log) as second:
        first = first_of(store, "egress").process
        described = {"AET": "ARCHIVE", "Host": "127.0.0.1", "Port": port}
        assert store.http.put("/modalities/archive", json=described).status_code == 200
        studies = store.get("/studies")
        assert len(studies) == 2
        jobs = [
            store.http.post(
                "/modalities/archive/store", json={"Resources": [study], "Asynchronous": True}
            ).json()["ID"]
            for study in studies
        ]
        eventually(
            "both send", lambda: is_sending(first, port) and is_sending(second.process, port)
        )
        eventually("a part has arrived", lambda: len(received) > INSTANCES // 4, 300)
        yield first, second.process, received, jobs


def require_success(store: Store, jobs: list[str]) -> None:
    for job in jobs:
        shown = eventually(
            "the job has ended", lambda one=job: finished(store, one), 120 + INSTANCES / 10
        )
        assert (shown["State"], shown["Content"]["InstancesCount"]) == ("Success", INSTANCES)


def test_two_share_the_jobs_and_one_is_killed(
    filled: tuple[Store, set[str]], tmp_path: Path
) -> None:
    """Both work at once; the one that is left finishes the job of the other behind the last
    instance that was sent. Every instance arrives, and the exports log has both studies."""
    store, uids = filled
    log, go_on = tmp_path / "replica.log", threading.Event()
    with both_sending(store, log, go_on) as (first, second, received, jobs):
        second.kill()
        assert len(received) < 2 * INSTANCES, "it was killed too late to tell anything"
        go_on.set()
        require_success(store, jobs)
    counted = Counter(received)
    assert set(counted) == uids
    # A C-STORE whose answer nobody wrote down is sent again, which PS3.4 B.2.3 allows.
    repeated = [uid for uid, times in counted.items() if times > 1]
    assert set(counted.values()) <= {1, 2}
    assert len({uid.rpartition(".")[0] for uid in repeated}) <= 1
    assert len(repeated) <= 10, f"{len(repeated)} instances were sent twice"
    assert first.is_running()
    exports = store.get("/exports", limit=1000000)["Exports"]
    studies = {one["ID"] for one in exports if one["ResourceType"] == "Study"}
    assert studies == set(store.get("/studies"))


def test_one_that_is_told_to_end_gives_its_job_back(
    filled: tuple[Store, set[str]], tmp_path: Path
) -> None:
    """The other one goes on with it as soon as it has room, without waiting until the first seems
    to be dead."""
    store, uids = filled
    first_log = store.data / "log" / "egress.log"
    said_before = first_log.read_text()
    log, go_on = tmp_path / "replica.log", threading.Event()
    with both_sending(store, log, go_on) as (_, second, received, jobs):
        second.terminate()
        assert len(received) < 2 * INSTANCES, "it was told too late to tell anything"
        go_on.set()
        second.wait(60)
        require_success(store, jobs)
    assert set(received) == uids
    assert "job given back" in log.read_text()
    assert "job taken over" not in first_log.read_text()[len(said_before) :]


def finished(store: Store, job: str) -> dict[str, Any] | None:
    document: dict[str, Any] = store.get(f"/jobs/{job}")
    return document if document["State"] in {"Success", "Failure"} else None
