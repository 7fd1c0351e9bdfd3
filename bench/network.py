# SPDX-License-Identifier: Apache-2.0
"""Queries and retrieval over DICOM, beside Orthanc: queries, answers and instances per second.

./pons bench network [--studies 2000] [--seconds 5] [--repeat 5] [--no-orthanc]

Queries come from one lean client, one after the other. The study is retrieved with DCMTK's getscu
and movescu (Debian: apt-get install dcmtk); the target of C-MOVE is its storescp, which writes
nothing. With 100,000 studies Orthanc takes half an hour to be filled.
"""

import argparse
import json
import shutil
import socket
import statistics
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
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


def measure_queries(store: RunningStore, seconds: float) -> dict[str, tuple[float, ...]]:
    """Queries per second; answers per second of those that have very many."""
    association = Association("127.0.0.1", store.dicom_port, store.aet, STUDY_ROOT_FIND)
    found = {}
    for name, keys in {**QUERIES, **EVERYTHING}.items():
        answers = queries = 0
        started = now = time.perf_counter()
        while now < started + seconds:
            answers += ask(association, keys)
            queries += 1
            now = time.perf_counter()
        counted = answers if name in EVERYTHING else queries
        found[name] = (counted / (now - started), answers / queries)
    association.release()
    return found


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


def measure_retrieval(
    store: RunningStore, folder: Path, repeat: int
) -> dict[str, tuple[float, ...]]:
    """Instances per second of a study, the start of the tool included; the median of `repeat`."""
    calls = {"C-GET": ("getscu", "--ignore"), "C-MOVE": ("movescu", "-aem", SINK)}
    found = {}
    with sink(store, folder):
        for name, (tool, *words) in calls.items():
            seconds = [_call(store, folder, tool, *words, *WANTED) for _ in range(repeat)]
            found[name] = (RETRIEVED / statistics.median(seconds), RETRIEVED)
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
    found: dict[str, dict[str, tuple[float, ...]]] = {}
    with work_folder() as folder:
        for store in fresh_stores(folder, OPEN_TO_ALL, orthanc=not arguments.no_orthanc):
            fill(store, arguments.studies)
            print(f"{store.name} is filled", flush=True)
            found[store.name] = measure_queries(store, arguments.seconds)
            found[store.name] |= measure_retrieval(store, folder / store.name, arguments.repeat)
    print(f"{arguments.studies} small studies; queries, answers, and instances of a study of 52 MB")
    print_table(("/s", "answers"), found)


if __name__ == "__main__":
    main()
