# SPDX-License-Identifier: Apache-2.0
"""Queries and retrieval over DICOM: answers and instances per second, beside Orthanc.

./pons bench network [--studies 2000] [--queries 200] [--repeat 3] [--no-orthanc]

The requests come from DCMTK's findscu, getscu and movescu (Debian: apt-get install dcmtk), one
association at a time; the target of C-MOVE is its storescp, which writes nothing.
"""

import argparse
import json
import shutil
import socket
import statistics
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from load import UID_ROOT, c_store_message, ct_instance, maximum_pdu_length, send_dicom
from pons_embedded.ports import free_port
from read import small_studies
from stores import (
    RunningStore,
    fresh_orthanc,
    fresh_pons,
    orthanc_is_installed,
    work_folder,
)

OPEN_TO_ALL = {
    "PONS_DICOM_ALWAYS_ALLOW_FIND": "true",
    "PONS_DICOM_ALWAYS_ALLOW_GET": "true",
    "PONS_DICOM_ALWAYS_ALLOW_MOVE": "true",
}
RETRIEVED = 100
"""Instances of the study that is retrieved: 52 MB."""
BATCH = 1
STUDY_UID = f"{UID_ROOT}.1.{100000 + BATCH}"
SINK = "SINK"
STUDY = ("-S", "-k", "QueryRetrieveLevel=STUDY")
QUERIES = {
    "find by patient": ("-k", "PatientID=S000123", "-k", "StudyInstanceUID"),
    "find by date": ("-k", "StudyDate=20010203-20010204", "-k", "StudyInstanceUID"),
    "find by name*": ("-k", "PatientName=NAME00012*", "-k", "StudyInstanceUID"),
}
RETRIEVALS = ("C-GET", "C-MOVE")


@dataclass(frozen=True)
class Target:
    """A store, and where C-MOVE sends to."""

    store: RunningStore
    folder: Path

    def call(self, tool: str, *words: str) -> float:
        """Seconds of one call of a tool of DCMTK."""
        place = ("-aec", self.store.aet, "127.0.0.1", str(self.store.dicom_port))
        began = time.perf_counter()
        done = subprocess.run(
            [tool, *words, *place], cwd=self.folder, capture_output=True, text=True, check=False
        )
        seconds = time.perf_counter() - began
        if done.returncode:
            raise SystemExit(f"{self.store.name} refused {tool} {words}:\n{done.stderr}")
        return seconds


def fill(store: RunningStore, studies: int) -> None:
    room = maximum_pdu_length("127.0.0.1", store.dicom_port, store.aet)
    large = [c_store_message(ct_instance(BATCH, n), 1, room) for n in range(RETRIEVED)]
    send_dicom("127.0.0.1", store.dicom_port, store.aet, large, 4)
    send_dicom("127.0.0.1", store.dicom_port, store.aet, small_studies(studies, room), 16)
    store.wait_for_instances(RETRIEVED + studies)


@contextmanager
def sink(store: RunningStore, folder: Path) -> Iterator[None]:
    """A modality of the store that takes whatever it is sent."""
    port = free_port()
    process = subprocess.Popen(["storescp", "--ignore", "-aet", SINK, str(port)], cwd=folder)
    try:
        deadline = time.monotonic() + 10
        while not _listens(port):
            if time.monotonic() > deadline:
                raise SystemExit("storescp does not listen after 10 s")
            time.sleep(0.05)
        described = json.dumps({"AET": SINK, "Host": "127.0.0.1", "Port": port}).encode()
        url = f"http://127.0.0.1:{store.http_port}/modalities/sink"
        urllib.request.urlopen(urllib.request.Request(url, described, method="PUT"), timeout=30)
        yield
    finally:
        process.terminate()
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def measure(store: RunningStore, folder: Path, queries: int, repeat: int) -> dict[str, float]:
    """Queries per second, and instances per second of a retrieved study; the median of `repeat`."""
    target, found = Target(store, folder), {}
    empty = target.call("findscu", *STUDY, "-k", "PatientID=NOBODY")  # what starting a tool takes
    for name, keys in QUERIES.items():
        seconds = [
            target.call("findscu", *STUDY, "--repeat", str(queries), *keys) - empty
            for _ in range(repeat)
        ]
        found[name] = queries / statistics.median(seconds)
    wanted = (*STUDY, "-k", f"StudyInstanceUID={STUDY_UID}")
    with sink(store, folder):
        calls = {
            "C-GET": ("getscu", "--ignore", *wanted),
            "C-MOVE": ("movescu", "-aem", SINK, *wanted),
        }
        for name in RETRIEVALS:
            seconds = [target.call(*calls[name]) for _ in range(repeat)]
            found[name] = RETRIEVED / statistics.median(seconds)
    return found


def print_table(found: dict[str, dict[str, float]]) -> None:
    names = list(found)
    ratio = "   ratio" if len(names) > 1 else ""
    print("\n" + " " * 18 + "".join(f"{name:>12}/s" for name in names) + ratio)
    for row in (*QUERIES, *RETRIEVALS):
        figures = [found[name][row] for name in names]
        cells = "".join(f"{figure:14.1f}" for figure in figures)
        print(f"{row:18}{cells}" + (f"{figures[0] / figures[1]:8.2f}" if ratio else ""))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=2000, help="small studies beside the large")
    parser.add_argument("--queries", type=int, default=200, help="over one association")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--no-orthanc", action="store_true")
    arguments = parser.parse_args()
    if shutil.which("findscu") is None:
        raise SystemExit("this bench needs DCMTK (Debian: apt-get install dcmtk)")

    def open_pons(folder: Path) -> AbstractContextManager[RunningStore]:
        return fresh_pons(folder, OPEN_TO_ALL)

    peers: dict[str, Callable[[Path], AbstractContextManager[RunningStore]]] = {"Pons": open_pons}
    if not arguments.no_orthanc and orthanc_is_installed():
        peers["Orthanc"] = fresh_orthanc
    found: dict[str, dict[str, float]] = {}
    with work_folder() as folder:
        for name, fresh in peers.items():
            place = folder / name
            place.mkdir(mode=0o755)
            with fresh(place) as store:
                fill(store, arguments.studies)
                found[name] = measure(store, place, arguments.queries, arguments.repeat)
    print(f"{arguments.studies} small studies; queries, and instances of a study of 52 MB")
    print_table(found)


if __name__ == "__main__":
    main()
