# SPDX-License-Identifier: Apache-2.0
"""Objects in S3 beside objects in a folder: instances received a second, and times of reading.

./pons bench s3 [--latency 20] [--instances 200] [--bursts 3] [--before CHECKOUT]

All stores run at once and take turns, burst by burst; figures are medians. The S3 server is rclone,
on the same machine: what it costs is told apart. `--latency` adds a store whose S3 server is so
many milliseconds away, there and back; `--before` the same stores of another checkout, set up.
"""

import argparse
import http.client
import statistics
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil

from association import in_parallel
from load import c_store_message, ct_instance, maximum_pdu_length, send_dicom
from pons_testing.distance import distant
from pons_testing.s3 import Endpoint, run_rclone
from stores import RunningStore, fresh_pons, measured_usage, work_folder

ASSOCIATIONS = (1, 4, 16)
WARM_UP = 20
Figures = dict[str, list[float]]
"""Row to what each burst gave."""


@dataclass
class Measured:
    """A store under measurement, and what was found."""

    name: str
    store: RunningStore
    received: int = 0
    rates: Figures = field(default_factory=dict)
    cpu: Figures = field(default_factory=dict)
    server_cpu: Figures = field(default_factory=dict)
    times: Figures = field(default_factory=dict)


def server_seconds() -> float:
    """CPU that the S3 server has used."""
    servers = [one for one in psutil.Process().children() if "rclone" in one.name()]
    return sum(one.cpu_times().user + one.cpu_times().system for one in servers)


def receive(one: Measured, batch: int, instances: int, associations: int) -> None:
    """One burst over DICOM."""
    store = one.store
    room = maximum_pdu_length("127.0.0.1", store.dicom_port, store.aet)
    load = [c_store_message(ct_instance(batch, number), room) for number in range(instances)]
    server = server_seconds()
    with measured_usage(store) as usage:
        figures = send_dicom("127.0.0.1", store.dicom_port, store.aet, load, associations)
        one.received += instances
        store.wait_for_instances(one.received)
    row = f"C-STORE ×{associations}"
    one.rates.setdefault(row, []).append(figures.per_second)
    cpu = 1000 * sum(usage.cpu_seconds.values()) / instances
    one.cpu.setdefault(row, []).append(cpu)
    one.server_cpu.setdefault(row, []).append(1000 * (server_seconds() - server) / instances)


def read(one: Measured, batch: int) -> None:
    """One burst of everything that is read, from a study of its own."""
    wanted = str(ct_instance(batch, 0).PatientID)
    patients = one.store.get("/patients?expand&since=0&limit=1000")
    study = next(
        patient["Studies"][0]
        for patient in patients  # type: ignore[attr-defined]
        if patient["MainDicomTags"]["PatientID"] == wanted
    )
    series = one.store.get(f"/studies/{study}")["Series"][0]  # type: ignore[index]
    instances = one.store.get(f"/series/{series}")["Instances"]  # type: ignore[index]
    files = [f"/instances/{each}/file" for each in instances]
    raw = [f"/instances/{each}/frames/0/raw" for each in instances]
    for row, paths, clients in (
        ("file ×1", files, 1),
        ("file ×4", files, 4),
        ("raw frame ×4", raw, 4),
        ("frames of series", [f"/series/{series}/frames"], 1),
        ("archive", [f"/studies/{study}/archive"], 1),
    ):
        seconds = in_parallel(clients, getting(one.store, paths, clients))
        one.times.setdefault(row, []).append(1000 * seconds / len(instances))


def getting(store: RunningStore, paths: list[str], clients: int) -> Callable[[int], None]:
    """What asks for every so many-th of the paths, over one connection."""

    def get(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", store.http_port, timeout=120)
        for path in paths[number::clients]:
            connection.request("GET", path)
            answer = connection.getresponse()
            length = 0
            while piece := answer.read(1 << 20):
                length += len(piece)
            if answer.status != 200 or not length:
                raise SystemExit(f"{store.name} answered {path} with {answer.status}")
        connection.close()

    return get


@contextmanager
def stores(folder: Path, latency: float, before: Path | None) -> Iterator[list[Measured]]:
    """The stores, all running."""
    (folder / "buckets").mkdir()
    with ExitStack() as stack:
        beside = stack.enter_context(run_rclone(folder / "buckets"))
        kinds: list[tuple[str, Endpoint | None]] = [("folder", None), ("S3", beside)]
        if latency:
            away = stack.enter_context(distant(beside.address, latency))
            kinds.append((f"S3 {latency:g} ms", replace(beside, address=away)))
        found = []
        for checkout in filter(None, (before, Path())):
            for number, (kind, endpoint) in enumerate(kinds):
                is_before = checkout == before
                name = f"{kind}, before" if is_before else kind
                place = folder / f"{number}{'-before' if is_before else ''}"
                place.mkdir(mode=0o755)
                environment = s3_environment(endpoint, f"bench-{place.name}") if endpoint else {}
                running = fresh_pons(place, environment, before if is_before else None)
                found.append(Measured(name, stack.enter_context(running)))
        yield found


def s3_environment(endpoint: Endpoint, bucket: str) -> dict[str, str]:
    """The settings of a store with its objects in a bucket of that server."""
    settings = replace(endpoint, bucket=bucket).storage().model_dump(include=S3_SETTINGS)
    return {f"PONS_STORAGE_{name.upper()}": str(value) for name, value in settings.items()}


S3_SETTINGS = {"kind", "s3_endpoint", "s3_bucket", "s3_access_key", "s3_secret_key"} | {
    "s3_secure",
    "s3_region",
}


def print_figures(
    title: str, all_of: list[Measured], figures: Callable[[Measured], Figures]
) -> None:
    """Medians, and behind each how many times the folder's it is: median of the bursts' ratios."""
    print(f"\n{title}")
    print(f"{'':18}" + "".join(f"{one.name:>24}" for one in all_of))
    for row, folder in figures(all_of[0]).items():
        cells = ""
        for one in all_of:
            values = figures(one)[row]
            ratios = [
                value / base if base else 0.0 for value, base in zip(values, folder, strict=True)
            ]
            cells += f"{statistics.median(values):16.2f}{statistics.median(ratios):7.2f}x"
        print(f"{row:18}{cells}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=float, default=20, help="milliseconds; 0: only beside")
    parser.add_argument("--instances", type=int, default=200, help="in each burst")
    parser.add_argument("--bursts", type=int, default=3, help="for each row and store")
    parser.add_argument("--before", type=Path, help="another checkout, set up, to compare with")
    arguments = parser.parse_args()
    before = arguments.before.resolve() if arguments.before else None
    with work_folder() as folder, stores(folder, arguments.latency, before) as measured:
        for one in measured:
            receive(one, 999, WARM_UP, 2)
            for figures in (one.rates, one.cpu, one.server_cpu):
                figures.clear()
        batch = 0
        for burst in range(arguments.bursts):
            for associations in ASSOCIATIONS:
                batch += 1
                # The other way round each time: who comes first may find a warmer machine.
                for one in measured if burst % 2 else measured[::-1]:
                    receive(one, batch, arguments.instances, associations)
            for one in measured if burst % 2 else measured[::-1]:
                read(one, batch)
            print(f"burst {burst + 1} of {arguments.bursts}", flush=True)
    print_figures("instances received a second", measured, lambda one: one.rates)
    print_figures("CPU of the store, ms an instance", measured, lambda one: one.cpu)
    print_figures("CPU of the S3 server, ms an instance", measured, lambda one: one.server_cpu)
    print_figures("time of reading, ms an instance", measured, lambda one: one.times)


if __name__ == "__main__":
    main()
