# SPDX-License-Identifier: Apache-2.0
"""Reading over REST: answers per second and their times with 4 connections, beside Orthanc.

./pons bench read [--seconds 5] [--studies 2000] [--connections 4] [--no-orthanc]

The load comes from wrk (Debian: apt-get install wrk).
"""

import argparse
import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from load import UID_ROOT, c_store_message, ct_instance, maximum_pdu_length, send_dicom
from stores import RunningStore, fresh_stores, work_folder
from table import print_table

INSTANCES = 50
"""In each of the large studies, of 0.5 MB."""
LARGE_STUDIES = 4
ARCHIVED = 100
"""Instances of the study whose archive is read: 52 MB."""

NUMBER, DATE = "777777", "19070707"
"""What the small studies' template has in place of their number and date."""

POST_SCRIPT = """
wrk.method = "POST"
wrk.body = {body}
"""


@dataclass(frozen=True)
class Question:
    """One request, sent again and again; `{study}` and the like are identifiers."""

    name: str
    path: str
    find: object = None
    """Body for /tools/find."""
    seconds: int = 0
    """Asked for so long at least: one answer may take seconds."""


QUESTIONS = (
    Question("/system", "/system"),
    Question("/statistics", "/statistics"),
    Question("/instances/{id}", "/instances/{instance}"),
    Question("/studies/{id}", "/studies/{study}"),
    Question("/studies?expand (4)", "/studies?expand&since=0&limit=4"),
    Question("tags", "/instances/{instance}/tags"),
    Question("simplified-tags", "/instances/{instance}/simplified-tags"),
    Question("file (0.5 MB)", "/instances/{instance}/file"),
    Question("instances-tags (50)", "/series/{series}/instances-tags"),
    Question("archive (52 MB)", "/studies/{archived}/archive", seconds=15),
    Question(
        "find by patient",
        "/tools/find",
        {"Level": "Study", "Query": {"PatientID": "S000123"}, "Expand": True},
    ),
    Question(
        "find by name*",
        "/tools/find",
        {"Level": "Study", "Query": {"PatientName": "NAME0001*"}, "Limit": 50},
    ),
    Question(
        "find by date",
        "/tools/find",
        {"Level": "Study", "Query": {"StudyDate": "20010203-20010204"}, "Expand": True},
    ),
)


@dataclass(frozen=True)
class Answers:
    per_second: float
    p50_ms: float
    p99_ms: float


def small_studies(count: int, room: int) -> list[bytes]:
    """C-STORE messages of `count` studies with one small instance each, all of one length."""
    ds = ct_instance(0, 0)
    del ds.PixelData
    ds.PatientID, ds.PatientName = f"S{NUMBER}", f"NAME{NUMBER}^X"
    ds.StudyInstanceUID = f"{UID_ROOT}.7.1{NUMBER}"
    ds.SeriesInstanceUID = f"{UID_ROOT}.8.1{NUMBER}"
    ds.SOPInstanceUID = f"{UID_ROOT}.9.1{NUMBER}"
    ds.StudyDate = DATE
    template = c_store_message(ds, room)
    messages = []
    for number in range(count):
        date = f"{2000 + number // 336 % 20}{number // 28 % 12 + 1:02}{number % 28 + 1:02}"
        numbered = template.replace(NUMBER.encode(), b"%06d" % number)
        messages.append(numbered.replace(DATE.encode(), date.encode()))
    return messages


def fill(store: RunningStore, studies: int) -> dict[str, str]:
    """Send everything that is asked for; the identifiers in the questions' paths."""
    room = maximum_pdu_length("127.0.0.1", store.dicom_port, store.aet)
    for batch in range(1, LARGE_STUDIES + 1):
        count = ARCHIVED if batch == 1 else INSTANCES
        messages = [c_store_message(ct_instance(batch, n), room) for n in range(count)]
        send_dicom("127.0.0.1", store.dicom_port, store.aet, messages, 4)
    send_dicom("127.0.0.1", store.dicom_port, store.aet, small_studies(studies, room), 16)
    store.wait_for_instances(ARCHIVED + INSTANCES * (LARGE_STUDIES - 1) + studies)
    identifiers = {"archived": _study(store, 1), "study": _study(store, 2)}
    study = store.get(f"/studies/{identifiers['study']}")
    identifiers["series"] = study["Series"][0]  # type: ignore[index]
    series = store.get(f"/series/{identifiers['series']}")
    identifiers["instance"] = series["Instances"][0]  # type: ignore[index]
    return identifiers


def _study(store: RunningStore, batch: int) -> str:
    wanted = str(ct_instance(batch, 0).PatientID)
    for patient in store.get("/patients?expand&since=0&limit=10"):  # type: ignore[attr-defined]
        if patient["MainDicomTags"]["PatientID"] == wanted:
            return str(patient["Studies"][0])
    raise SystemExit(f"{store.name} does not list the patient {wanted}")


def ask(
    store: RunningStore, question: Question, identifiers: dict[str, str], run: "Run"
) -> Answers:
    """The rate and the times of the answers to one question."""
    url = f"http://127.0.0.1:{store.http_port}{question.path.format(**identifiers)}"
    seconds = max(run.seconds, question.seconds)
    command = ["wrk", "-t2", f"-c{run.connections}", f"-d{seconds}s", "--latency"]
    command += ["--timeout", "30s"]
    if question.find is not None:
        script = run.folder / "post.lua"
        script.write_text(POST_SCRIPT.format(body=json.dumps(json.dumps(question.find))))
        command += ["-s", str(script)]
    said = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said:
        raise SystemExit(f"{store.name} refused {question.name}:\n{said}")
    return Answers(
        float(_figure(r"Requests/sec:\s+([\d.]+)", said)),
        _milliseconds(_figure(r"^ +50% +(\S+)", said)),
        _milliseconds(_figure(r"^ +99% +(\S+)", said)),
    )


def _figure(pattern: str, text: str) -> str:
    found = re.search(pattern, text, re.MULTILINE)
    if found is None:
        raise SystemExit(f"wrk said something else than expected:\n{text}")
    return found[1]


def _milliseconds(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()  # type: ignore[union-attr]
    return float(number) * {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60000.0}[unit]


@dataclass(frozen=True)
class Run:
    seconds: int
    connections: int
    folder: Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=5, help="for each question")
    parser.add_argument("--studies", type=int, default=2000, help="small studies beside the large")
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--no-orthanc", action="store_true")
    arguments = parser.parse_args()
    if shutil.which("wrk") is None:
        raise SystemExit("this bench needs wrk (Debian: apt-get install wrk)")
    found: dict[str, dict[str, tuple[float, ...]]] = {}
    with work_folder() as folder:
        run = Run(arguments.seconds, arguments.connections, folder)
        for fresh in fresh_stores(folder, orthanc=not arguments.no_orthanc):
            with fresh as store:
                identifiers = fill(store, arguments.studies)
                rows = found[store.name] = {}
                for question in QUESTIONS:
                    answers = ask(store, question, identifiers, run)
                    rows[question.name] = (answers.per_second, answers.p50_ms, answers.p99_ms)
                    print(f"{store.name}: {question.name} {answers.per_second:.1f}/s", flush=True)
    print(f"{arguments.connections} connections, {arguments.studies} small studies")
    print_table(("/s", "p50 ms", "p99 ms"), found)


if __name__ == "__main__":
    main()
