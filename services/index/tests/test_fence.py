# SPDX-License-Identifier: Apache-2.0
"""Two databases, one a copy of the other, on the same objects: nothing of either is deleted."""

import asyncio
import io
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from prometheus_client import generate_latest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from pons.bus import Bus, open_bus
from pons.bus.requests import ask
from pons.dicom.identity import to_text
from pons.errors import OutOfResources, Unavailable
from pons.health.pulse import Pulse
from pons.health.readiness import Health
from pons.ingest import open_ingest
from pons.messages.events import Origin
from pons.messages.index import Collected, CollectNow, Deleted, DeleteResource
from pons.objects import SHARDS, FileObjects, Objects, open_objects
from pons.ownership import mark_streams, read_objects_mark
from pons.settings import DatabaseSettings, NatsSettings, Settings, StorageSettings, StoreSettings
from pons_index.database import Database, open_pool
from pons_index.fence import Fence
from pons_index.service import open_service
from pons_testing.nats import NatsServer, delete_streams, nats_server
from pons_testing.postgres import PostgresServer
from pons_testing.s3 import run_rclone
from pons_testing.waiting import until

pytestmark = pytest.mark.anyio
ORIGIN = Origin("RestApi")
NAME = "twice"


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look at the note every twentieth of a second."""
    monkeypatch.setattr("pons_index.fence.BEAT", 0.05)
    monkeypatch.setattr("pons_index.fence.QUIET", timedelta(seconds=1))


@pytest.fixture
def other_broker(tmp_path: Path) -> Iterator[NatsServer]:
    with nats_server(tmp_path / "other-nats") as server:
        yield server


@pytest.fixture(params=["folder", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StorageSettings]:
    short: dict[str, Any] = {"orphan_grace": 0.1, "collect_interval": 0.2, "fsync": False}
    path = tmp_path / "objects"
    if request.param == "folder":
        yield StorageSettings(path=path, **short)
        return
    (tmp_path / "buckets").mkdir()
    with run_rclone(tmp_path / "buckets") as endpoint:
        yield endpoint.storage(path).model_copy(update=short)


def dicom_file(sop_instance_uid: str) -> bytes:
    """A small file in explicit little endian."""
    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", sop_instance_uid
    ds.PatientID, ds.StudyInstanceUID, ds.SeriesInstanceUID = "P1", "1.2.3", "1.2.3.4"
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    written = io.BytesIO()
    ds.save_as(written, enforce_file_format=True)
    return written.getvalue()


class Copy:
    """One of the two: an index with its own database and streams, and a way in."""

    def __init__(self, settings: Settings, bus: Bus, objects: Objects) -> None:
        self.settings = settings
        self.bus = bus
        self.objects = objects
        self.health = Health("index")

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        self.health = Health("index")
        async with open_service(self.settings, self.health):
            self.health.started = True
            yield

    async def store(self, *files: bytes) -> None:
        async with open_ingest(self.objects, self.bus, self.settings) as ingest:
            for file in files:
                await ingest.store(file, ORIGIN)

    async def keys(self) -> dict[str, UUID]:
        """The object of each instance that is listed."""
        async with open_pool(self.settings) as database:
            rows = await database.pool.fetch("SELECT sop_instance_uid, object_key FROM instances")
            return dict(rows)

    async def delete(self, sop_instance_uid: str) -> None:
        async with open_pool(self.settings) as database:
            row = await database.pool.fetchrow(
                "SELECT id FROM instances WHERE sop_instance_uid = $1", sop_instance_uid
            )
        await ask(self.bus, "index", DeleteResource("Instance", to_text(row["id"])), Deleted)

    async def trouble(self) -> str:
        return (await self.health.failures()).get("objects", "")


@asynccontextmanager
async def opened(
    broker: NatsServer, database: DatabaseSettings, storage: StorageSettings
) -> AsyncIterator[Copy]:
    settings = Settings(
        store=StoreSettings(name=NAME),
        nats=NatsSettings(url=broker.embedded.url),
        database=database,
        storage=storage,
    )
    objects = open_objects(storage, NAME)
    try:
        async with open_bus(settings) as bus:
            try:
                yield Copy(settings, bus, objects)
            finally:
                await delete_streams(bus)
    finally:
        await objects.close()


async def kept(objects: Objects) -> set[UUID]:
    return {entry.key for shard in SHARDS async for entry in objects.list(shard)}


async def collected(copy: Copy) -> Collected | None:
    """What a round of the collector did; None where it did nothing."""
    try:
        return await ask(copy.bus, "index", CollectNow(), Collected, 20)
    except Unavailable:
        return None


async def test_copies_on_the_same_objects_delete_nothing_of_each_other(
    quickly: None,
    storage: StorageSettings,
    postgres: PostgresServer,
    broker: NatsServer,
    other_broker: NatsServer,
) -> None:
    """Each says so within a moment; what was deleted meanwhile goes once one of them has ended."""
    async with (
        postgres.database(schema=False) as database,
        opened(broker, database, storage) as first,
    ):
        async with first.working():
            await first.store(*(dicom_file(f"1.2.{number}") for number in range(4)))
        before = await first.keys()
        async with (
            postgres.database(copied=database) as copied,
            opened(other_broker, copied, storage) as second,
        ):
            mark = await read_objects_mark(second.objects)
            assert mark is not None
            await mark_streams(second.bus, mark)
            async with first.working():
                async with second.working():
                    await until(first.trouble)
                    await until(second.trouble)
                    await first.store(dicom_file("1.2.9"))
                    await second.store(dicom_file("1.2.9"))
                    ours, theirs = await first.keys(), await second.keys()
                    assert ours["1.2.9"] != theirs["1.2.9"]
                    await first.delete("1.2.0")
                    await second.delete("1.2.1")
                    for one in (first, second):
                        with pytest.raises(Unavailable, match="another copy of this store"):
                            await ask(one.bus, "index", CollectNow(), Collected, 20)
                    trouble = await first.trouble()
                    assert f"{urlsplit(copied.url).path} " in trouble
                    assert "stop one of the two" in trouble.lower()
                    await first.health.measure()
                    assert b"pons_index_other_copy 1.0" in generate_latest()
                    assert await kept(first.objects) == {
                        *before.values(),
                        ours["1.2.9"],
                        theirs["1.2.9"],
                    }
                await until(lambda: is_well(first))
                await until(lambda: has_gone(first, before["1.2.0"]))
                there = await first.keys()
                assert set(there) == {"1.2.1", "1.2.2", "1.2.3", "1.2.9"}
                for key in there.values():
                    assert await first.objects.read(key)


async def is_well(copy: Copy) -> bool:
    return not await copy.trouble()


async def has_gone(copy: Copy, key: UUID) -> bool:
    await collected(copy)
    return key not in await kept(copy.objects)


async def test_replicas_and_restarts_are_no_copies(
    quickly: None, tmp_path: Path, postgres: PostgresServer, broker: NatsServer
) -> None:
    """They share a database, so they have every token that was ever written."""
    storage = StorageSettings(path=tmp_path / "objects", orphan_grace=0.1, fsync=False)
    async with (
        postgres.database(schema=False) as database,
        opened(broker, database, storage) as one,
        opened(broker, database, storage) as other,
        one.working(),
    ):
        for _ in range(3):
            async with other.working():
                await asyncio.sleep(0.2)
                assert await collected(one) is not None
                assert not await one.trouble()
                assert not await other.trouble()


class Side(Fence):
    """A fence whose look at the note is taken by hand."""

    def __init__(self, database: Database, objects: Objects, by: str) -> None:
        super().__init__(database, objects, by, Pulse("objects"))
        self.database = database

    async def look(self) -> str:
        return await self.database.run(self._look)

    async def may_delete(self) -> bool:
        async with self.database.pool.acquire() as connection:
            try:
                await self.require(connection)
            except Unavailable:
                return False
        return True

    async def rested(self) -> None:
        """The quiet time is over."""
        await self.database.pool.execute(
            "UPDATE fence SET disputed_at = disputed_at - interval '1 day'"
        )
        await self.look()


@asynccontextmanager
async def side(settings: DatabaseSettings, objects: Objects, by: str) -> AsyncIterator[Side]:
    async with open_pool(Settings(database=settings)) as database:
        yield Side(database, objects, by)


async def test_each_of_two_copies_hears_who_the_other_is(
    postgres: PostgresServer, objects: FileObjects
) -> None:
    """None deletes once the second one has started; one that rests is forgotten."""
    async with postgres.database() as database:
        async with side(database, objects, "the first") as first:
            await first.begin()
            assert await first.may_delete()
        async with (
            postgres.database(copied=database) as copied,
            side(database, objects, "the first") as first,
            side(copied, objects, "the second") as second,
        ):
            await second.begin()
            assert not await first.may_delete()
            assert [await first.look(), await second.look()] == ["", ""]
            assert [await first.look(), await second.look()] == ["the second", "the first"]
            assert await first.look() == "the second"
            await second.rested()
            assert not await second.may_delete()
            assert not await first.may_delete()
            assert await first.look() == "the second"
            await first.rested()
            assert await first.look() == ""
            assert await first.may_delete()
            assert not await second.may_delete()


async def test_a_database_from_a_backup_waits_and_blames_nobody(
    postgres: PostgresServer, objects: FileObjects
) -> None:
    """The note is newer than it, as if another one had written it; nobody writes it again."""
    async with postgres.database() as older:
        async with side(older, objects, "it") as one:
            await one.begin()
        async with postgres.database(copied=older) as newer, side(newer, objects, "it") as one:
            await one.begin()
            await one.begin()
            assert await one.may_delete()
        async with side(older, objects, "it") as one:
            await one.begin()
            assert not await one.may_delete()
            assert await one.look() == ""
            await one.rested()
            assert await one.may_delete()


async def test_an_end_between_database_and_note_is_made_up_for(
    database: Database, objects: FileObjects, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The note still says what it said before, which this database knows: that is no other one."""
    one = Side(database, objects, "it")
    await one.begin()

    async def full(_name: str, _body: bytes) -> None:
        raise OutOfResources("No room left")

    with monkeypatch.context() as patched:
        patched.setattr(objects.notes, "put", full)
        for _ in range(3):
            await one.begin()
            assert await one.look() == ""
            assert await one.may_delete()  # which is what a full disk needs
    before = await objects.notes.read("fence")
    assert await one.look() == ""
    assert await objects.notes.read("fence") != before
    assert await one.may_delete()


async def test_a_note_that_is_lost_or_unreadable_stops_deletions(
    database: Database, objects: FileObjects
) -> None:
    """It is written again; one that cannot be read was not written by this version."""
    one = Side(database, objects, "it")
    await one.begin()
    await objects.notes.delete(["fence"])
    assert not await one.may_delete()
    assert await one.look() == ""
    assert await one.may_delete()
    await objects.notes.put("fence", b"?")
    assert not await one.may_delete()
    await one.look()
    assert not await one.may_delete()
    await one.look()
    await one.rested()
    assert await one.may_delete()


async def test_a_clock_that_is_set_back_ends_the_wait_all_the_same(
    database: Database, objects: FileObjects
) -> None:
    """A dispute of tomorrow is one of now."""
    one = Side(database, objects, "it")
    await objects.notes.put(
        "fence", b'{"token": "00000000-0000-0000-0000-000000000001", "by": "x"}'
    )
    await one.begin()
    await database.pool.execute("UPDATE fence SET disputed_at = now() + interval '1 day'")
    await one.look()
    assert await database.pool.fetchval("SELECT disputed_at <= now() FROM fence")
