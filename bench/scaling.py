# SPDX-License-Identifier: Apache-2.0
"""What one, two and four replicas of render and of egress do a second, and what each answer costs.

./pons bench scaling [--pictures 600] [--sent 400] [--replicas 1 2 4]
                     [--services render egress] [--at-once 8]

Pictures are asked of render itself, by twice as many clients as there are replicas, each of which
decodes one picture at a time. Instances leave in jobs, which the replicas of egress share by NATS,
to dcmtk's storescp (Debian: apt-get install dcmtk). Where all share a few cores, these limit what
they do a second; the CPU time of an answer tells whether more replicas cost more. What replicas
take while they only wait is told apart: the slower the machine, the more of it is in each answer.

Each replica of egress runs two jobs at once, so with their number that of associations grows. With
`--at-once` so many jobs are spread over the replicas, whatever their number is: what differs then
is their number alone. Each number has a fresh store of its own.
"""

import argparse
import http.client
import json
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from association import in_parallel
from load import c_store_message, ct_instance, maximum_pdu_length, send_dicom
from pons_embedded.ports import free_port
from replicas import Replica, replicas, used
from stores import RunningStore, fresh_pons, work_folder

STORED = 50
"""Instances of 0.5 MB that are shown and sent again and again."""
IN_JOB = 25
CLIENTS = 2
"""For each replica."""
DEADLINE = 600.0
IDLE = 10.0
"""Seconds in which replicas only wait, to know what that costs."""


class Render:
    """Previews of the stored instances, by connections of the clients' own."""

    def __init__(self, instances: list[str], pictures: int) -> None:
        self._instances, self.answers = instances, pictures

    def ask(self, asked: Sequence[Replica]) -> float:
        """Seconds for all pictures; client n asks replica n, n + replicas and so on."""
        clients = CLIENTS * len(asked)

        def show(client: int) -> None:
            variables = asked[client % len(asked)].variables
            connection = http.client.HTTPConnection(
                "127.0.0.1", int(variables["PONS_RENDER_PORT"]), timeout=120
            )
            headers = {"Authorization": f"Bearer {variables['PONS_RENDER_TOKEN']}"}
            for number in range(client, self.answers, clients):
                instance = self._instances[number % len(self._instances)]
                connection.request("GET", f"/instances/{instance}/preview", headers=headers)
                answer = connection.getresponse()
                if answer.status != 200 or not answer.read():
                    raise SystemExit(f"render answered {answer.status}")
            connection.close()

        return in_parallel(clients, show)


class Egress:
    """Jobs that send the stored instances to a modality, all at once."""

    def __init__(self, store: RunningStore, instances: list[str], sent: int) -> None:
        self._store, self._instances = store, instances
        self.answers = sent - sent % IN_JOB

    def ask(self, _asked: Sequence[Replica]) -> float:
        """Seconds until all jobs are done."""
        began = time.perf_counter()
        waiting = {
            self._post_job(start % len(self._instances)) for start in range(0, self.answers, IN_JOB)
        }
        while waiting:
            if time.perf_counter() - began > DEADLINE:
                raise SystemExit(f"{len(waiting)} jobs have not ended")
            told: Any = self._store.get("/jobs?expand")
            states = {job["ID"]: job["State"] for job in told}
            if failed := [one for one in waiting if states[one] in ("Failure", "Paused")]:
                raise SystemExit(f"failed jobs: {failed}")
            waiting = {one for one in waiting if states[one] != "Success"}
            time.sleep(0.05)
        return time.perf_counter() - began

    def _post_job(self, start: int) -> str:
        resources = self._instances[start : start + IN_JOB]
        body = {"Resources": resources, "Asynchronous": True}
        return str(asked(self._store, "POST", "/modalities/sink/store", body)["ID"])


def asked(store: RunningStore, method: str, path: str, body: object) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", store.http_port, timeout=60)
    connection.request(method, path, json.dumps(body))
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    if answer.status != 200:
        raise SystemExit(f"{method} {path} answered {answer.status}: {content[:200]!r}")
    return json.loads(content) if content else None


@contextmanager
def sink(folder: Path) -> Iterator[int]:
    """A storage SCP that keeps nothing; its port."""
    program = shutil.which("storescp")
    if program is None:
        raise SystemExit("storescp of dcmtk is needed: apt-get install dcmtk")
    port = free_port()
    with (folder / "storescp.log").open("wb") as log:
        process = subprocess.Popen(
            [program, "--ignore", "--fork", str(port)], stdout=log, stderr=subprocess.STDOUT
        )
    try:
        yield port
    finally:
        process.terminate()
        process.wait(60)


def measure(
    store: RunningStore,
    kind: str,
    numbers: list[int],
    folder: Path,
    work: Render | Egress,
) -> None:
    for number in numbers:
        with replicas(store, kind, number, folder) as running:
            work.ask(running)  # processes start, code is imported, files are in memory
            before = [one.cpu_seconds for one in running]
            time.sleep(IDLE)
            idle = used(running, before) / IDLE
            before = [one.cpu_seconds for one in running]
            seconds = work.ask(running)
            took = used(running, before)
            each, busy = (1000 * cpu / work.answers for cpu in (took, took - idle * seconds))
            print(
                f"{kind}, {number} replicas: {work.answers / seconds:7.1f} a second, CPU ms each: "
                f"{each:.2f}, {busy:.2f} without what waiting costs ({1000 * idle / number:.1f} "
                "in each second of each)",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=600)
    parser.add_argument("--sent", type=int, default=400)
    parser.add_argument("--replicas", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--services", nargs="+", default=["render", "egress"])
    parser.add_argument("--at-once", type=int, default=0)
    told = parser.parse_args()
    told_all = {"PONS_RENDER_WORKERS": "1", "PONS_JOBS_HISTORY": "10000"}
    if not told.at_once:
        measure_store(told, told.replicas, told_all)
        return
    for number in told.replicas:
        if told.at_once % number:
            raise SystemExit(f"{told.at_once} jobs cannot be spread evenly over {number} replicas")
        each = str(told.at_once // number)
        measure_store(told, [number], {**told_all, "PONS_JOBS_CONCURRENT": each})


@contextmanager
def store_with_instances(
    variables: dict[str, str],
) -> Iterator[tuple[RunningStore, Path, list[str]]]:
    """A fresh store that knows the modality `sink`; its folder, and the instances in it."""
    with (
        work_folder() as folder,
        fresh_pons(folder, variables) as store,
        sink(folder) as port,
    ):
        maximum = maximum_pdu_length("127.0.0.1", store.dicom_port, store.aet)
        messages = [c_store_message(ct_instance(0, number), maximum) for number in range(STORED)]
        send_dicom("127.0.0.1", store.dicom_port, store.aet, messages, 1)
        store.wait_for_instances(STORED)
        instances: Any = store.get("/instances")
        asked(store, "PUT", "/modalities/sink", ["SINK", "127.0.0.1", port])
        yield store, folder, instances


def measure_store(told: argparse.Namespace, numbers: list[int], variables: dict[str, str]) -> None:
    """Measure these numbers of replicas of a fresh store."""
    with store_with_instances(variables) as (store, folder, instances):
        works = {
            "render": Render(instances, told.pictures),
            "egress": Egress(store, instances, told.sent),
        }
        for service in told.services:
            measure(store, service, numbers, folder, works[service])


if __name__ == "__main__":
    main()
