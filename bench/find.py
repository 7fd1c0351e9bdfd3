# SPDX-License-Identifier: Apache-2.0
"""C-FIND over an archive of generated rows: milliseconds to the first and to the last answer.

./pons bench find [--studies 1000000] [--repeat 20] [--data FOLDER]

Each question is asked for its own key and the Study Instance UID, and again with the keys that
workstations usually want. "cold" is the first time after PostgreSQL was started again.
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import zstandard

from association import STUDY_ROOT_FIND, Association, find_message
from pons.catalog.sql import load_statements
from stores import RunningStore, fresh_pons, work_folder

ROWS = load_statements(Path(__file__).with_name("find.sql"))
FILL_SECONDS = 7200
HEADER = {
    "00080016": {"vr": "UI", "Value": ["1.2.840.10008.5.1.4.1.1.2"]},
    "00101010": {"vr": "AS", "Value": ["054Y"]},
    "00180015": {"vr": "CS", "Value": ["CHEST"]},
}
USUAL = (
    *("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyInstanceUID"),
    *("StudyDate", "StudyTime", "StudyID", "AccessionNumber", "StudyDescription"),
    *("ReferringPhysicianName", "ModalitiesInStudy", "NumberOfStudyRelatedSeries"),
    "NumberOfStudyRelatedInstances",
)
UID = "1.2.826.0.1.3680043.10.9999.1"
PAGE = 200
"""Answers after which a workstation cancels a query that has too many."""


@dataclass(frozen=True)
class Question:
    name: str
    keys: dict[str, str]
    level: str = "STUDY"
    most: int = 0
    """Answers after which the query is cancelled; 0: never."""


def questions(studies: int) -> Iterator[Question]:
    some = [studies * part // 12 for part in range(1, 12)]
    patient, accession = f"ID{some[4] // 2:08}", f"ACC{some[6]:08}"
    yield Question("PatientID", {"PatientID": patient})
    yield Question("PatientID, its start", {"PatientID": patient[:-1] + "*"})
    yield Question("AccessionNumber", {"AccessionNumber": accession})
    yield Question("AccessionNumber, a piece", {"AccessionNumber": f"*{accession[5:]}"})
    yield Question("StudyDate of one day", {"StudyDate": "20200315"})
    yield Question("StudyDate of a week", {"StudyDate": "20231201-20231207"})
    yield Question("StudyDate, the latest", {"StudyDate": "20231215-"})
    yield Question("StudyDate, until", {"StudyDate": "-20140105"})
    yield Question("StudyDate, since, cancelled", {"StudyDate": "20160101-"}, most=PAGE)
    yield Question("StudyDate and StudyTime", {"StudyDate": "20200315", "StudyTime": "0900-0959"})
    day, year = {"StudyDate": "20231220"}, {"StudyDate": "20230101-20231231"}
    yield Question("modality of a day", day | {"ModalitiesInStudy": "MR"})
    yield Question("rare modality of a day", day | {"ModalitiesInStudy": "XA"})
    yield Question("rare modality", {"ModalitiesInStudy": "XA"})
    yield Question("rare modality of a year", year | {"ModalitiesInStudy": "XA"})
    yield Question("modality, cancelled", {"ModalitiesInStudy": "MR"}, most=PAGE)
    yield Question("SMITH*, cancelled", {"PatientName": "SMITH*"}, most=PAGE)
    yield Question("SMITH*, all", {"PatientName": "SMITH*"})
    yield Question("SMITH^AN*", {"PatientName": "SMITH^AN*"})
    yield Question("Smith^Anna", {"PatientName": "Smith^Anna"})
    yield Question("müller^eva", {"PatientName": "müller^eva"})
    yield Question("GARCÍA*", {"PatientName": "GARCÍA*"})
    yield Question("*SMITH*, cancelled", {"PatientName": "*SMITH*"}, most=PAGE)
    yield Question("*LÓPEZ*", {"PatientName": "*LÓPEZ*"})
    yield Question("S?ITH^EVA", {"PatientName": "S?ITH^EVA"})
    yield Question("SM?TH*, cancelled", {"PatientName": "SM?TH*"}, most=PAGE)
    yield Question("?MITH*, cancelled", {"PatientName": "?MITH*"}, most=PAGE)
    yield Question("*^EVA of a day", day | {"PatientName": "*^EVA"})
    yield Question("SMITH* of a week", {"PatientName": "SMITH*", "StudyDate": "20231201-20231207"})
    yield Question("StudyDescription", day | {"StudyDescription": "*head*"})
    yield Question("ReferringPhysician of a day", day | {"ReferringPhysicianName": "Referrer7*"})
    yield Question("ReferringPhysician", {"ReferringPhysicianName": "Referrer77^Dr"}, most=PAGE)
    yield Question("StudyID", {"StudyID": str(some[3])})
    yield Question("PatientBirthDate", {"PatientBirthDate": "19750505"})
    yield Question("one StudyInstanceUID", {"StudyInstanceUID": f"{UID}.{some[1]}"})
    listed = "\\".join(f"{UID}.{some[1] + 997 * n % 9000}" for n in range(500))
    yield Question("500 StudyInstanceUIDs", {"StudyInstanceUID": listed})
    yield Question("everything, cancelled", {}, most=PAGE)
    yield Question("nothing: PatientID", {"PatientID": "NOBODY"})
    yield Question("nothing: name*", {"PatientName": "NOBODY*"})
    yield Question("nothing: *name*", {"PatientName": "*NOBODY*"})
    yield Question("nothing: StudyDate", {"StudyDate": "20500101-"})
    yield Question("nothing: StudyID", {"StudyID": "NONE"})
    yield Question("patients SMITH*", {"PatientName": "SMITH*", "PatientID": ""}, "PATIENT", PAGE)
    series = {"StudyInstanceUID": f"{UID}.{some[1]}", "SeriesInstanceUID": "", "Modality": ""}
    yield Question("series of a study", series, "SERIES")
    images = series | {"SeriesInstanceUID": f"{UID}.{some[1]}.1", "SOPInstanceUID": ""}
    yield Question("images of a series", images, "IMAGE")


async def fill(data: Path, studies: int) -> None:
    """Write the rows of so many studies into the database of a running Pons."""
    url = json.loads((data / "tools.json").read_bytes())["PONS_DATABASE_URL"]
    connection = await asyncpg.connect(url, server_settings={"synchronous_commit": "off"})
    for name, statement in ROWS.items():
        started = time.perf_counter()
        values: dict[str, tuple[object, ...]] = {
            "patients": (studies,),
            "studies": (studies,),
            "headers": (zstandard.compress(json.dumps(HEADER).encode()),),
        }
        await connection.execute(statement, *values.get(name, ()), timeout=FILL_SECONDS)
        print(f"{name}: {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
    await connection.close()


@dataclass(frozen=True)
class Times:
    answers: int
    first_ms: float
    last_ms: float


class Finder:
    """Asks one store over one association."""

    def __init__(self, store: RunningStore) -> None:
        self._association = Association("127.0.0.1", store.dicom_port, store.aet, STUDY_ROOT_FIND)

    def ask(self, question: Question, more: tuple[str, ...]) -> Times:
        """One query; the first answer of one that finds nothing is that there is none."""
        association = self._association
        keys = dict.fromkeys(("StudyInstanceUID", *more), "") | question.keys
        message = find_message(question.level, keys, association.maximum_pdu_length)
        started, first, answers = time.perf_counter(), 0.0, -1
        status, comment = 0, ""
        for response in association.ask(message):
            first = first or time.perf_counter()
            answers, status, comment = answers + 1, response.status, response.comment
            if question.most and answers + 1 == question.most:
                association.cancel()
        if status not in (0x0000, 0xFE00):
            raise SystemExit(f"{question.name}: 0x{status:04X} {comment}")
        return Times(answers, (first - started) * 1000, (time.perf_counter() - started) * 1000)

    def close(self) -> None:
        self._association.release()


def print_row(name: str, cold: Times, warm: list[Times]) -> None:
    first, last = ([getattr(one, kind) for one in warm] for kind in ("first_ms", "last_ms"))
    print(
        f"{name:32}{warm[-1].answers:9}{cold.first_ms:12.1f}{statistics.median(first):12.1f}"
        f"{max(first):12.1f}{cold.last_ms:12.1f}{statistics.median(last):12.1f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=20, help="of each question, once warm")
    parser.add_argument("--data", type=Path, help="keep the archive here, and measure it again")
    arguments = parser.parse_args()
    environment = {"PONS_DICOM_ALWAYS_ALLOW_FIND": "true"}
    with nullcontext(arguments.data) if arguments.data else work_folder() as folder:
        if not (folder / "pons").exists():
            folder.mkdir(exist_ok=True)
            with fresh_pons(folder, environment):
                asyncio.run(fill(folder / "pons", arguments.studies))
        kinds = (("its key", ()), ("usual keys", USUAL))
        print(
            f"{'ms':32}{'answers':>9}{'first:cold':>12}{'median':>12}{'worst':>12}"
            f"{'last:cold':>12}{'median':>12}"
        )
        for kind, more in kinds:
            with fresh_pons(folder, environment) as store:
                print(kind)
                for question in questions(arguments.studies):
                    finder = Finder(store)
                    cold = finder.ask(question, more)
                    warm = [finder.ask(question, more) for _ in range(arguments.repeat)]
                    print_row(f"  {question.name}", cold, warm)
                    finder.close()


if __name__ == "__main__":
    main()
