# SPDX-License-Identifier: Apache-2.0
"""An index at work that compares itself with the objects, and what clients see of it."""

from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file

from pons.bus.requests import ask
from pons.errors import Unavailable
from pons.ingest import open_ingest
from pons.messages.index import ProtectPatient, PutAttachment, PutLabel, PutMetadata, Written
from pons.messages.services import Done, HealthReport, ReportHealth
from pons.objects import Kind, new_key
from pons_testing.waiting import until

SEEN = """
SELECT i.id, i.object_key, i.size, i.checksum, i.origin, i.received_at, s.id, st.id, st.tags,
    st.patient_tags, s.tags, p.protected
FROM instances i JOIN series s USING (series_key) JOIN studies st USING (study_key)
    JOIN patients p USING (patient_key)
ORDER BY i.id;
SELECT id, label FROM labels JOIN studies ON study_key = resource_key ORDER BY 2;
SELECT id, number, value, revision FROM metadata JOIN series ON series_key = resource_key
ORDER BY 1, 2;
SELECT id, number, a.object_key, a.size, md5
FROM attachments a JOIN instances ON instance_key = resource_key
ORDER BY 1;
SELECT patients, studies, series, instances, size, stored_size FROM totals
"""


@pytest.fixture
def files(tmp_path: Path) -> list[bytes]:
    """Three instances of a study, each in a series of its own."""
    made = []
    for number in range(3):
        ds = dcmread(str(get_testdata_file("CT_small.dcm")))
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{number}"
        ds.SeriesInstanceUID = f"1.2.{number}"
        path = tmp_path / f"{number}.dcm"
        ds.save_as(path)
        made.append(path.read_bytes())
    return made


@asynccontextmanager
async def working(store: Any) -> Any:
    """The index at work, and the way in."""
    async with (
        store.replica(),
        open_ingest(store.objects, store.bus, store.settings) as ingest,
    ):
        await until(lambda: answers(store))
        yield ingest


async def answers(store: Any) -> bool:
    """Whether commands reach the index, which takes a moment on a busy machine."""
    try:
        await ask(store.bus, "index", ReportHealth(), HealthReport)
    except Unavailable:
        return False
    return True


async def compared(store: Any) -> None:
    """Wait until no comparison is under way."""

    async def done() -> bool:
        row = await store.database.pool.fetchrow("SELECT beats, comparing FROM continuity")
        return row is not None and row["beats"] > 0 and not row["comparing"]

    await until(done)


async def seen(store: Any) -> list[tuple[Any, ...]]:
    """What clients see of instances, and what hangs on them and on their ancestors."""
    return [
        tuple(tuple(row) for row in await store.database.pool.fetch(statement))
        for statement in SEEN.split(";")
    ]


async def describe(store: Any, ids: Any) -> None:
    """Something hangs on each level, and some of it was taken away again."""
    bus = store.bus
    await ask(bus, "index", PutLabel("Study", ids.study, "seen"), Done)
    await ask(bus, "index", PutLabel("Study", ids.study, "phantom"), Done)
    await ask(bus, "index", PutMetadata("Series", ids.series, 2000, b"value"), Written)
    await ask(bus, "index", PutMetadata("Series", ids.series, 2000, b"newer"), Written)
    await ask(bus, "index", ProtectPatient(ids.patient, True), Done)
    key = new_key(Kind.REFERRED)
    await store.objects.put(key, b"hello")
    digest = "5d41402abc4b2a76b9719d911017c592"
    attachment = PutAttachment("Instance", ids.instance, 1024, key, 5, 5, "", digest, digest)
    await ask(bus, "index", attachment, Written)
