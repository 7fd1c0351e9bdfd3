# SPDX-License-Identifier: Apache-2.0
"""What becomes of speed as an index grows: rows written, queries and lists answered, bytes.

./pons bench growth [--sizes 10000 1000000 10000000] [--measured 10000] [--repeat 20] [--data F]

Instances are those of CTs with 120 elements in the header, 100 in a series, two series in a study.
The writer of the index takes them as it takes announcements: nothing is written around it. At each
size it writes `--measured` more, of which the rate is; then it is asked. Milliseconds are medians.
"""

import argparse
import asyncio
import itertools
import json
import statistics
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zstandard

from find import Finder, Question
from lists import post
from load import UID_ROOT, ct_instance, part10
from pons.header import scan
from pons.messages.events import Announcement, InstanceReceived, Origin
from pons.objects import FileObjects, new_key
from pons.settings import DatabaseSettings, IndexSettings, Settings
from pons_index.arrival import Arrival, arrivals
from pons_index.database import Database, open_pool
from pons_index.writer import Writer
from stores import RunningStore, fresh_pons, measured_usage, work_folder

SIZES = (10_000, 1_000_000, 10_000_000)
IN_SERIES, IN_STUDY = 100, 200
BATCH = IndexSettings().batch_size
FAMILIES = ("SMITH", "Müller", "KOWALSKI", "PETROV", "LINDBERG", "NGUYEN", "TANAKA", "GRUBER")
GIVEN = ("ANNA", "BORIS", "CHRIS", "DAVID", "EVA", "GINA", "HUGO", "IDA", "JAN", "KIM", "LEO")
FIRST_DAY = 20 * 365
"""Days since the epoch of the oldest study; ten years of them follow."""


@dataclass(frozen=True)
class Grown:
    """What was measured at one size."""

    instances: int
    per_second: float
    cpu: tuple[float, float]
    """Milliseconds that writing an instance took the writer, and PostgreSQL."""
    milliseconds: dict[str, float]
    bytes_each: float
    """Of the database, without PostgreSQL's log."""


class Generator:
    """Announcements of instances, number after number, as if a CT had been received."""

    def __init__(self) -> None:
        ds = ct_instance(0, 0)
        file = part10(ds)
        header = scan(file)
        self._template = header.json.decode()
        self._meta = header.meta_json
        self._size = len(file)
        if header.pixel_data is None:
            raise SystemExit("the image has no pixel data")
        self._pixels = header.pixel_data
        self._known = (
            *(str(ds[word].value) for word in ("SOPInstanceUID", "StudyInstanceUID")),
            *(str(ds[word].value) for word in ("SeriesInstanceUID", "PatientName", "PatientID")),
            *(str(ds[word].value) for word in ("AccessionNumber", "StudyDate")),
        )
        for value in self._known:
            if f'"{value}"' not in self._template:
                raise SystemExit(f"{value} is not in the header that is made to many")
        self._zstd = zstandard.ZstdCompressor(level=1)

    def announcement(self, numbers: range, awaited: bool = True) -> Announcement:
        return Announcement("bench", [self._instance(number) for number in numbers], awaited)

    def _instance(self, number: int) -> InstanceReceived:
        series, study = number // IN_SERIES, number // IN_STUDY
        name = f"{FAMILIES[study % 8]}^{GIVEN[study // 8 % 11]}"
        day = time.strftime("%Y%m%d", time.gmtime((FIRST_DAY + study % 3650) * 86400))
        own = (
            *(f"{UID_ROOT}.8.{number}", study_uid(study), f"{UID_ROOT}.7.{series}"),
            *(name, patient_id(study), f"ACC{study:08}", day),
        )
        text = self._template
        for known, value in zip(self._known, own, strict=True):
            text = text.replace(f'"{known}"', f'"{value}"')
        instance_uid, in_study, in_series, _, patient, *_ = own
        return InstanceReceived(
            token=number,
            object_key=new_key(),
            patient_id=patient,
            study_uid=in_study,
            series_uid=in_series,
            sop_instance_uid=instance_uid,
            sop_class_uid="1.2.840.10008.5.1.4.1.1.2",
            transfer_syntax="1.2.840.10008.1.2.1",
            size=self._size,
            stored_size=self._size,
            compression="",
            checksum=number.to_bytes(16, "big"),
            received_at=time.time(),
            origin=Origin("DicomProtocol", "127.0.0.1", "CT1", "PONS"),
            header=self._zstd.compress(text.encode()),
            header_key=None,
            meta=self._meta,
            pixel_offset=self._pixels.offset,
            pixel_length=self._pixels.length,
            pixel_vr=self._pixels.vr,
        )


def study_uid(study: int) -> str:
    return f"{UID_ROOT}.6.{study}"


def patient_id(study: int) -> str:
    """Each patient has two studies."""
    return f"ID{study // 2:08}"


def questions(instances: int) -> Iterator[Question]:
    """As workstations ask, of a study in the middle."""
    study = instances // IN_STUDY // 2
    one = {"StudyInstanceUID": study_uid(study)}
    yield Question("C-FIND PatientID", {"PatientID": patient_id(study)})
    yield Question("C-FIND AccessionNumber", {"AccessionNumber": f"ACC{study:08}"})
    yield Question("C-FIND StudyInstanceUID", one)
    yield Question("C-FIND SMITH^A*, 20 answers", {"PatientName": "SMITH^A*"}, most=20)
    yield Question("C-FIND series of a study", one | {"SeriesInstanceUID": ""}, "SERIES")
    series = f"{UID_ROOT}.7.{study * 2}"
    images = one | {"SeriesInstanceUID": series, "SOPInstanceUID": ""}
    yield Question("C-FIND 100 images of a series", images, "IMAGE")


LISTS = (("", "-date"), ("", "name"), ("smith", "-date"), ("acc:ACC00000007", "-date"))
"""What is typed on the page, and the order of the list."""


async def refuse(arrival: Arrival, reason: str) -> None:
    raise SystemExit(f"{arrival.event.sop_instance_uid} is refused: {reason}")


def batches(numbers: range) -> Iterator[range]:
    for start in range(numbers.start, numbers.stop, BATCH):
        yield range(start, min(start + BATCH, numbers.stop))


async def write_all(writer: Writer, announced: Iterable[Announcement]) -> float:
    """Write these instances; the seconds that writing them took, without making them up."""
    seconds = 0.0
    for announcement in announced:
        batch = arrivals(announcement)
        began = time.perf_counter()
        answers = await writer.write(batch)
        seconds += time.perf_counter() - began
        if not all(answer.status == "Success" for answer in answers):
            raise SystemExit("what was written has been there already: begin with an empty folder")
    return seconds


def ask(store: RunningStore, instances: int, repeat: int) -> dict[str, float]:
    """Milliseconds until the last answer of each query, and of each page of a list."""
    found: dict[str, float] = {}
    for question in questions(instances):
        finder = Finder(store)
        asked = [finder.ask(question, ()) for _ in range(repeat + 1)][1:]
        if min(one.answers for one in asked) == 0:
            raise SystemExit(f"{question.name} finds nothing")
        found[question.name] = statistics.median([one.last_ms for one in asked])
        finder.close()
    for text, order in LISTS:
        body: dict[str, object] = {"text": text, "sort": order}
        times = [post(store, "studies", body)[2] for _ in range(repeat + 1)][1:]
        found[f"list {text or 'of all'} by {order}"] = statistics.median(times)
    return found


async def grow(store: RunningStore, folder: Path, arguments: argparse.Namespace) -> None:
    """Fill the index of a running store; print what was measured up to each size."""
    url = json.loads((folder / "pons" / "tools.json").read_bytes())["PONS_DATABASE_URL"]
    settings = Settings(database=DatabaseSettings(url=url))
    generator, grown = Generator(), list[Grown]()
    async with open_pool(settings) as database:
        objects = FileObjects(folder / "none", "bench")
        writer = Writer(database, objects, settings.index, refuse)
        written = await database.pool.fetchval("SELECT instances FROM totals")
        for size in arguments.sizes:
            if written < size:
                wanted = range(written, size)
                await write_all(writer, map(generator.announcement, batches(wanted)))
                written = size
            await settle(database)
            more = range(written, written + arguments.measured)
            announced = [generator.announcement(one) for one in batches(more)]
            began = time.process_time()
            with measured_usage(store) as usage:
                seconds = await write_all(writer, announced)
            spent = time.process_time() - began, usage.cpu_seconds.get("postgres", 0.0)
            cpu = spent[0] * 1000 / len(more), spent[1] * 1000 / len(more)
            written = more.stop
            times = await asyncio.to_thread(ask, store, more.start, arguments.repeat)
            used = await database.pool.fetchval("SELECT pg_database_size(current_database())")
            grown.append(Grown(more.start, len(more) / seconds, cpu, times, used / written))
            print_table(grown)


async def settle(database: Database) -> None:
    """What the server does by itself after a while."""
    connection: Any
    async with database.pool.acquire() as connection:
        await connection.execute("SET statement_timeout = 0")
        await connection.execute("VACUUM ANALYZE", timeout=7200)


def print_table(grown: Sequence[Grown]) -> None:
    """A line for each figure; behind each size how many times the first one's it is."""
    heads = "".join(f"{one.instances:>12}{'':7}" for one in grown)
    print(f"\n{'':34}{heads}")
    rates = [one.per_second for one in grown]
    print(f"{'written a second':34}{''.join(cells(rates, '.0f'))}")
    for place, what in enumerate(("CPU ms of the writer, each", "CPU ms of PostgreSQL, each")):
        print(f"{what:34}{''.join(cells([one.cpu[place] for one in grown], '.2f'))}")
    for name in grown[0].milliseconds:
        times = [one.milliseconds[name] for one in grown]
        print(f"{name + ', ms':34}{''.join(cells(times, '.1f'))}")
    sizes = [one.bytes_each for one in grown]
    print(f"{'bytes of PostgreSQL each':34}{''.join(cells(sizes, '.0f'))}", flush=True)


def cells(values: Sequence[float], form: str) -> Iterator[str]:
    for value, first in zip(values, itertools.repeat(values[0])):
        yield f"{value:>12{form}} x{value / first:4.2f} "


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--measured", type=int, default=10_000, help="instances of each rate")
    parser.add_argument("--repeat", type=int, default=20, help="of each question")
    parser.add_argument("--data", type=Path, help="keep the archive here, and go on with it")
    arguments = parser.parse_args()
    environment = {"PONS_DICOM_ALWAYS_ALLOW_FIND": "true"}
    with nullcontext(arguments.data) if arguments.data else work_folder() as folder:
        folder.mkdir(exist_ok=True)
        with fresh_pons(folder, environment) as store:
            asyncio.run(grow(store, folder, arguments))


if __name__ == "__main__":
    main()
