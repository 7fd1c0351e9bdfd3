# SPDX-License-Identifier: Apache-2.0
"""Two egress services share the jobs of one store, and one of them is killed at its work.

`PONS_TEST_REPLICA_INSTANCES=5000` has it killed in the middle of jobs of 5,000 instances.
"""

import os
import subprocess
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import psutil
from pydicom import dcmwrite
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE, evt

from outside import Store, eventually, free_ports, image
from pons_testing.scp import serving

INSTANCES = int(os.environ.get("PONS_TEST_REPLICA_INSTANCES", "400"))
AT_ONCE = 1000
"""Instances of one upload: a busy machine answers it in time."""
STUDIES = ("1.2.826.0.1.11", "1.2.826.0.1.12")


@contextmanager
def archive() -> Iterator[tuple[int, list[str]]]:
    """A storage SCP that takes its time: its port, and the instances that came, in their order."""
    received: list[str] = []

    def store(event: Any) -> int:
        time.sleep(0.005)
        received.append(str(event.request.AffectedSOPInstanceUID))
        return 0

    ae = AE("ARCHIVE")
    ae.add_supported_context(CTImageStorage, ExplicitVRLittleEndian)
    with serving(ae, (evt.EVT_C_STORE, store)) as port:
        yield port, received


@contextmanager
def replica(store: Store, log: Path) -> Iterator[psutil.Process]:
    """One more egress of a running store, of which its launcher knows nothing."""
    (first,) = store.processes("egress")
    (port,) = free_ports(1)
    own = {"PONS_HEALTH_PORT": str(port), "PONS_HEALTH_ENDS_WITH_INPUT": "false"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            first.cmdline(),
            cwd=first.cwd(),
            env={**first.environ(), **own},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        eventually(f"the second is ready:\n{log.read_text()[-2000:]}", lambda: is_ready(port))
        yield psutil.Process(process.pid)
    finally:
        process.kill()
        process.wait(60)


def is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health/ready").status_code == 200
    except httpx.HTTPError:
        return False


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


def test_two_share_the_jobs_and_one_is_killed(
    fresh_store: Callable[..., Store], tmp_path: Path
) -> None:
    """Both work at once; the one that is left finishes the job of the other behind the last
    instance that was sent. Every instance arrives, and the exports log has both studies."""
    store = fresh_store("shared", PONS_JOBS_CONCURRENT="1")
    uids = upload(store)
    (first,) = store.processes("egress")
    with archive() as (port, received), replica(store, tmp_path / "replica.log") as second:
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
        eventually("both send", lambda: is_sending(first, port) and is_sending(second, port))
        eventually("a part has arrived", lambda: len(received) > INSTANCES // 4, 300)
        second.kill()
        assert len(received) < 2 * INSTANCES, "it was killed too late to tell anything"
        for job in jobs:
            shown = eventually(
                "the job has ended", lambda one=job: finished(store, one), 120 + INSTANCES / 10
            )
            assert (shown["State"], shown["Content"]["InstancesCount"]) == ("Success", INSTANCES)
    counted = Counter(received)
    assert set(counted) == uids
    # A C-STORE whose answer nobody wrote down is sent again, which PS3.4 B.2.3 allows.
    repeated = [uid for uid, times in counted.items() if times > 1]
    assert set(counted.values()) <= {1, 2}
    assert len({uid.rpartition(".")[0] for uid in repeated}) <= 1
    assert len(repeated) <= 10, f"{len(repeated)} instances were sent twice"
    assert first.is_running()
    exports = store.get("/exports", limit=1000000)["Exports"]
    assert {one["ID"] for one in exports if one["ResourceType"] == "Study"} == set(studies)


def finished(store: Store, job: str) -> dict[str, Any] | None:
    document: dict[str, Any] = store.get(f"/jobs/{job}")
    return document if document["State"] in {"Success", "Failure"} else None
