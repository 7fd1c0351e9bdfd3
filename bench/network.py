# SPDX-License-Identifier: Apache-2.0
"""Queries and retrieval over DICOM, beside Orthanc: queries, answers and instances per second.

./pons bench network [--studies 2000] [--seconds 5] [--repeat 5] [--no-orthanc]

Both stores run, and are asked in turns, so that whatever else a machine does slows both alike.
Queries come from one lean client, one after the other. The study is retrieved with DCMTK's getscu
and movescu (Debian: apt-get install dcmtk); the target of C-MOVE is its storescp, which writes
nothing. To fill an Orthanc with 100,000 studies takes long.
"""

import argparse
import json
import shutil
import socket
import statistics
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from association import STUDY_ROOT_FIND, Association, find_message
from load import UID_ROOT, c_store_message, ct_instance, maximum_pdu_length, send_dicom
from pons_embedded.ports import free_port
from read import small_studies
from stores import RunningStore, fresh_stores, work_folder
from table import print_table

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
WANTED = ("-S", "-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={STUDY_UID}")
COMPUTED = {
    "ModalitiesInStudy": "",
    "NumberOfStudyRelatedSeries": "",
    "NumberOfStudyRelatedInstances": "",
}
QUERIES: dict[str, dict[str, str]] = {
    "by patient": {"PatientID": "S000123"},
    "by patient, computed": {"PatientID": "S000123", **COMPUTED},
    "by date": {"StudyDate": "20010203-20010204"},
    "by name*": {"PatientName": "NAME00012*"},
    "nothing": {"PatientID": "NOBODY"},
}
SHOWN = ("StudyInstanceUID", "PatientID", "PatientName", "StudyDate", "StudyDescription")
Found = dict[str, dict[str, tuple[float, ...]]]
"""Store to row to its figures."""
TURNS = 5
"""How often the stores take turns within the seconds of a query."""
EVERYTHING = {"answers of all studies": {}, "all, computed": COMPUTED}


def fill(store: RunningStore, studies: int) -> None:
    room = maximum_pdu_length("127.0.0.1", store.dicom_port, store.aet)
    large = [c_store_message(ct_instance(BATCH, n), room) for n in range(RETRIEVED)]
    send_dicom("127.0.0.1", store.dicom_port, store.aet, large, 4)
    send_dicom("127.0.0.1", store.dicom_port, store.aet, small_studies(studies, room), 16)
    store.wait_for_instances(RETRIEVED + studies)


def ask(association: Association, keys: dict[str, str]) -> int:
    """How many answers a query has."""
    keys = dict.fromkeys(SHOWN, "") | keys
    *pending, last = association.ask(find_message("STUDY", keys, association.maximum_pdu_length))
    if last.status:
        raise SystemExit(f"{keys}: 0x{last.status:04X} {last.comment}")
    return len(pending)


def measure_queries(stores: Sequence[RunningStore], seconds: float) -> Found:
    """Queries per second; answers per second of those that have very many."""
    found: Found = {store.name: {} for store in stores}
    for query, keys in {**QUERIES, **EVERYTHING}.items():
        turns: dict[str, list[tuple[int, int, float]]] = {store.name: [] for store in stores}
        for _ in range(TURNS):
            for store in stores:
                turns[store.name].append(ask_again(store, keys, seconds / TURNS))
        for name, taken in turns.items():
            queries, answers, lasted = map(sum, zip(*taken, strict=True))
            count = answers if query in EVERYTHING else queries
            found[name][query] = (count / lasted, answers / queries)
    return found


def ask_again(store: RunningStore, keys: dict[str, str], seconds: float) -> tuple[int, int, float]:
    """Queries and answers within so many seconds, or one query, over one association; how long."""
    association = Association("127.0.0.1", store.dicom_port, store.aet, STUDY_ROOT_FIND)
    queries = answers = 0
    started = now = time.perf_counter()
    while now < started + seconds:
        answers += ask(association, keys)
        queries += 1
        now = time.perf_counter()
    association.release()
    return queries, answers, now - started


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


def measure_retrieval(stores: Sequence[RunningStore], folder: Path, repeat: int) -> Found:
    """Instances per second of a study, the start of the tool included; the median of `repeat`."""
    calls = {"C-GET": ("getscu", "--ignore"), "C-MOVE": ("movescu", "-aem", SINK)}
    found: Found = {store.name: {} for store in stores}
    with ExitStack() as sinks:
        for store in stores:
            sinks.enter_context(sink(store, folder))
        for name, (tool, *words) in calls.items():
            seconds: dict[str, list[float]] = {store.name: [] for store in stores}
            for _ in range(repeat):
                for store in stores:
                    seconds[store.name].append(_call(store, folder, tool, *words, *WANTED))
            for store in stores:
                rate = RETRIEVED / statistics.median(seconds[store.name])
                found[store.name][name] = (rate, RETRIEVED)
    return found


def _call(store: RunningStore, folder: Path, tool: str, *words: str) -> float:
    """Seconds of one call of a tool of DCMTK."""
    place = ("-aec", store.aet, "127.0.0.1", str(store.dicom_port))
    began = time.perf_counter()
    done = subprocess.run(
        [tool, *words, *place], cwd=folder, capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - began
    if done.returncode or "Failure" in done.stdout + done.stderr:
        raise SystemExit(f"{store.name} refused {tool} {words}:\n{done.stdout}{done.stderr}")
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=2000, help="small studies beside the large")
    parser.add_argument("--seconds", type=float, default=5, help="for each query")
    parser.add_argument("--repeat", type=int, default=5, help="of each retrieval")
    parser.add_argument("--no-orthanc", action="store_true")
    arguments = parser.parse_args()
    if shutil.which("getscu") is None:
        raise SystemExit("this bench needs DCMTK (Debian: apt-get install dcmtk)")
    with work_folder() as folder, ExitStack() as running:
        stores = [
            running.enter_context(fresh)
            for fresh in fresh_stores(folder, OPEN_TO_ALL, orthanc=not arguments.no_orthanc)
        ]
        for store in stores:
            fill(store, arguments.studies)
            print(f"{store.name} is filled", flush=True)
        found = measure_queries(stores, arguments.seconds)
        for name, rows in measure_retrieval(stores, folder, arguments.repeat).items():
            found[name] |= rows
    print(f"{arguments.studies} small studies; queries, answers, and instances of a study of 52 MB")
    print_table(("/s", "answers"), found)


if __name__ == "__main__":
    main()
