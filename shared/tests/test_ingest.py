# SPDX-License-Identifier: Apache-2.0
"""The one way in: a real folder, a real nats-server, and an index that answers as it is told."""

import asyncio
import gc
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
import xxhash
import zstandard

from pons.bus import Bus
from pons.dicom.identity import resource_ids
from pons.errors import InvalidInstance, OutOfResources, ReadOnly, Unavailable
from pons.ingest import Ingest, Stored, WrongDataset, open_ingest
from pons.messages.events import Indexed, IndexedBatch
from pons.objects import FileObjects
from pons.settings import Settings, StorageSettings, StoreSettings
from pons_testing.indexing import FakeIndex, open_fake_index
from pons_testing.nats import NatsServer
from pons_testing.waiting import until

from .storing import (
    IDS,
    ORIGIN,
    FailingObjects,
    consumed,
    kept,
    keys,
    large_items,
    patient,
    spooled,
)

pytestmark = pytest.mark.anyio
MakeFile = Callable[..., bytes]


class Usage(NamedTuple):
    """What `shutil.disk_usage` tells."""

    total: int
    used: int
    free: int


async def test_a_file_is_examined(
    ingest: Ingest, objects: FileObjects, index: FakeIndex, make_file: MakeFile
) -> None:
    """What is in a file is told without keeping it, and what is none is refused."""
    content = make_file()
    found = await ingest.examine(content)
    assert (found.size, found.checksum) == (len(content), xxhash.xxh3_128_digest(content))
    assert found.sop_instance_uid == "1.2.3.4.5"
    with pytest.raises(InvalidInstance):
        await ingest.examine(b"nope" * 100)
    assert (await keys(objects), index.instances) == ([], [])


async def test_a_file_is_stored_announced_and_indexed(
    ingest: Ingest, objects: FileObjects, index: FakeIndex, bus: Bus, make_file: MakeFile
) -> None:
    """Success means: the very bytes are in the object store, and the event is kept."""
    content = make_file(PatientName="Müller^Jörg", SpecificCharacterSet="ISO_IR 100")
    before = time.time()
    assert await ingest.store(content, ORIGIN) == Stored("Success", IDS, indexed=True)
    [event] = index.instances
    assert await keys(objects) == [event.object_key]
    assert await objects.read(event.object_key) == content
    assert await kept(bus) == 1
    assert event.checksum == xxhash.xxh3_128_digest(content)
    assert (event.size, event.stored_size, event.compression) == (len(content),) * 2 + ("",)
    assert event.origin == ORIGIN
    assert before <= event.received_at <= time.time()
    assert (event.patient_id, event.study_uid, event.series_uid, event.sop_instance_uid) == (
        "P1",
        "1.2.3",
        "1.2.3.4",
        "1.2.3.4.5",
    )
    assert event.sop_class_uid == "1.2.840.10008.5.1.4.1.1.7"
    assert event.transfer_syntax == "1.2.840.10008.1.2.1"
    assert '"Müller^Jörg"' in zstandard.decompress(event.header).decode()
    assert b"00020010" in event.meta
    assert event.header_key is None
    assert (event.pixel_offset, event.pixel_length, event.pixel_vr) == (None, None, "")


async def test_a_store_that_is_read_only_takes_nothing(
    objects: FileObjects, index: FakeIndex, bus: Bus, make_file: MakeFile
) -> None:
    """Whoever brings it: neither an object nor an announcement comes of it, no spool stays."""
    settings = Settings(store=StoreSettings(read_only=True))
    spool = spooled(objects, make_file())
    async with open_ingest(objects, bus, settings) as ingest:
        for body in (make_file(), spool):
            with pytest.raises(ReadOnly):
                await ingest.store(body, ORIGIN)
    assert await keys(objects) == []
    assert await kept(bus) == 0
    assert index.instances == []
    assert not spool.path.exists()


async def test_a_store_without_room_takes_nothing(
    objects: FileObjects, bus: Bus, make_file: MakeFile, tmp_path: Path
) -> None:
    """While its disk is full, and again as soon as it is not."""
    storage = StorageSettings(reserve=str(tmp_path / "reserve"), minimum_free_mb=1, reserve_mb=1)
    spool = spooled(objects, make_file())
    settings = patient(answer_timeout=0.1).model_copy(update={"storage": storage})
    async with open_ingest(objects, bus, settings) as one:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(shutil, "disk_usage", lambda _: Usage(1 << 40, 1 << 40, 0))
            for body in (make_file(), spool):
                with pytest.raises(OutOfResources, match=r"There is no room: .* has 0 MB free, "):
                    await one.store(body, ORIGIN)
        assert await keys(objects) == []
        assert await kept(bus) == 0
        assert not spool.path.exists()
        await one.store(make_file(), ORIGIN)
    assert await kept(bus) == 1


async def test_the_event_says_where_the_pixel_data_is(
    ingest: Ingest, index: FakeIndex, make_file: MakeFile
) -> None:
    """Frames are read from the object by offset and length, without its header."""
    pixels = bytes(range(256)) * 2
    content = make_file(Rows=16, Columns=16, BitsAllocated=16, SamplesPerPixel=1, PixelData=pixels)
    await ingest.store(content, ORIGIN)
    [event] = index.instances
    assert event.pixel_offset is not None
    assert content[event.pixel_offset : event.pixel_offset + 512] == pixels
    assert (event.pixel_length, event.pixel_vr) == (512, "OW")


async def test_the_answer_of_the_index_is_the_answer(
    ingest: Ingest, objects: FileObjects, index: FakeIndex, make_file: MakeFile
) -> None:
    """What is stored already gets its own status; the new object is the collector's."""
    index.answer = ("AlreadyStored", "")
    stored = await ingest.store(make_file(), ORIGIN)
    assert stored == Stored("AlreadyStored", IDS, indexed=True)
    assert len(await keys(objects)) == 1


async def test_an_index_that_does_not_answer_is_no_reason_to_fail(
    objects: FileObjects, index: FakeIndex, bus: Bus, make_file: MakeFile
) -> None:
    """What is durable is a Success, though not yet to be found; a database outage stops nobody."""
    index.answer = None
    async with open_ingest(objects, bus, patient(answer_timeout=0.1)) as ingest:
        stored = await ingest.store(make_file(), ORIGIN)
    assert stored == Stored("Success", IDS, indexed=False)
    assert await kept(bus) == 1
    assert len(await keys(objects)) == 1


async def test_what_is_kept_is_durable_before_the_index_answers(
    ingest: Ingest, bus: Bus, objects: FileObjects, index: FakeIndex, make_file: MakeFile
) -> None:
    """Who does not wait hears of it all the same, later; the index may take its time."""
    index.answer = None
    instance = await ingest.keep(make_file(), ORIGIN, awaited=False)
    assert (await kept(bus), len(await keys(objects))) == (1, 1)
    await until(lambda: index.announcements)
    [announced] = index.announcements
    assert not announced.awaited
    answers = [Indexed(announced.instances[0].token, "AlreadyStored")]
    await bus.send(
        bus.names.reply(announced.process), msgspec.msgpack.encode(IndexedBatch(answers))
    )
    assert await instance.stored() == Stored("AlreadyStored", IDS, indexed=True)


async def test_a_store_that_can_be_full_refuses_before_it_acknowledges(
    objects: FileObjects, bus: Bus, index: FakeIndex, make_file: MakeFile
) -> None:
    """With a limit that refuses, nobody hears of success before the index has found room."""
    index.answer = ("StorageFull", "")
    limit = {"maximum_patients": 1, "maximum_mode": "Reject"}
    settings = Settings(storage=limit)  # type: ignore[arg-type]
    async with open_ingest(objects, bus, settings) as ingest:
        with pytest.raises(OutOfResources, match="The store is full"):
            await ingest.keep(make_file(), ORIGIN, awaited=False)
    assert index.announcements[0].awaited


async def test_an_instance_that_the_index_refuses_is_invalid(
    ingest: Ingest, index: FakeIndex, make_file: MakeFile
) -> None:
    """The sender hears why the store can never show it."""
    index.answer = ("", "the PatientID contains NUL")
    with pytest.raises(InvalidInstance, match="refused the instance"):
        await ingest.store(make_file(), ORIGIN)


async def test_a_full_store_is_out_of_resources(
    ingest: Ingest, index: FakeIndex, make_file: MakeFile
) -> None:
    """The sender may try again later, when there is room."""
    index.answer = ("StorageFull", "")
    with pytest.raises(OutOfResources, match="The store is full"):
        await ingest.store(make_file(), ORIGIN)


@pytest.mark.parametrize("content", [b"", b"no DICOM", bytes(1000)])
@pytest.mark.parametrize("spool", [False, True])
async def test_what_is_no_dicom_file_leaves_nothing(
    content: bytes, spool: bool, ingest: Ingest, objects: FileObjects, bus: Bus
) -> None:
    """Refused before anything is written or announced."""
    with pytest.raises(InvalidInstance):
        await ingest.store(spooled(objects, content) if spool else content, ORIGIN)
    assert await keys(objects) == []
    assert await kept(bus) == 0


@pytest.mark.parametrize("spool", [False, True])
@pytest.mark.parametrize("items", [0, 4000])
async def test_another_instance_than_was_announced_leaves_nothing(
    spool: bool, items: int, objects: FileObjects, bus: Bus, make_file: MakeFile
) -> None:
    """Who announces SOP class and instance has no other one stored, nor a large header of one."""
    capture, mr = "1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.5.1.4.1.1.4"
    content = make_file(ContentSequence=large_items(items))
    async with open_ingest(objects, bus, patient(answer_timeout=0.1)) as ingest:  # no index answers
        for announced in ((capture, "1.2.3.4.6"), (mr, "1.2.3.4.5")):
            body = spooled(objects, content) if spool else content
            with pytest.raises(WrongDataset, match="differs between request and dataset"):
                await ingest.keep(body, ORIGIN, awaited=True, announced=announced)
        assert await keys(objects) == []
        assert await kept(bus) == 0
        right = await ingest.keep(content, ORIGIN, awaited=True, announced=(capture, "1.2.3.4.5"))
        assert (await right.stored()).ids == IDS
    assert len(await keys(objects)) == (2 if items else 1)


@pytest.mark.parametrize("failure", [Unavailable("S3 is away"), OutOfResources("no room")])
async def test_what_could_not_be_written_is_not_announced(
    failure: Exception, tmp_path: Path, bus: Bus, make_file: MakeFile
) -> None:
    """An event without its object would be an instance without bytes."""
    objects = FailingObjects(tmp_path, failure)
    async with open_ingest(objects, bus, patient()) as ingest:
        results = await asyncio.gather(ingest.store(make_file(), ORIGIN), return_exceptions=True)
    assert results[0] is failure
    assert await kept(bus) == 0


async def test_while_nats_is_away_a_store_fails_in_time_and_keeps_its_object(
    own_broker: NatsServer,
    objects: FileObjects,
    make_file: MakeFile,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Unavailable: send it again. The outcome is unknown, so the object stays."""
    monkeypatch.setattr("pons.ingest.announce.PUBLISH_DEADLINE", 1.0)
    async with own_broker.bus() as bus, open_ingest(objects, bus, patient()) as ingest:
        own_broker.embedded.stop()
        await until(lambda: not bus.client.is_connected)
        began = time.monotonic()
        with pytest.raises(Unavailable, match="The instance could not be announced"):
            await ingest.store(make_file(), ORIGIN)
        assert time.monotonic() - began < 9
        assert len(await keys(objects)) == 1
        await asyncio.to_thread(own_broker.embedded.start)
        await until(lambda: bus.client.is_connected)
        assert await kept(bus) == 0
        index = await open_fake_index(bus)
        assert (await ingest.store(make_file(), ORIGIN)).indexed
        assert len(index.instances) == 1


async def test_a_short_outage_of_nats_is_not_noticed(
    own_broker: NatsServer, objects: FileObjects, make_file: MakeFile
) -> None:
    """While NATS restarts, a store waits; it neither fails nor is announced twice for it."""
    async with own_broker.bus() as bus, open_ingest(objects, bus, patient()) as ingest:
        index = await open_fake_index(bus)
        own_broker.embedded.stop()
        await until(lambda: not bus.client.is_connected)
        storing = asyncio.create_task(ingest.store(make_file(), ORIGIN))
        await asyncio.wait((storing,), timeout=0.5)
        assert not storing.done()
        await asyncio.to_thread(own_broker.embedded.start)
        assert await storing == Stored("Success", IDS, indexed=True)
        assert len(index.instances) == 1


async def test_many_stores_at_once_share_messages(
    ingest: Ingest, objects: FileObjects, index: FakeIndex, bus: Bus, make_file: MakeFile
) -> None:
    """NATS' cost is shared among associations, and each hears what became of its own."""
    files = {f"1.2.3.4.{number}": make_file(f"1.2.3.4.{number}") for number in range(100)}
    results = await asyncio.gather(*(ingest.store(file, ORIGIN) for file in files.values()))
    expected = [resource_ids("P1", "1.2.3", "1.2.3.4", uid).instance for uid in files]
    assert [stored.ids.instance for stored in results] == expected
    assert {stored.indexed for stored in results} == {True}
    assert sorted(one.sop_instance_uid for one in index.instances) == sorted(files)
    assert await kept(bus) < 60
    for event in index.instances:
        assert await objects.read(event.object_key) == files[event.sop_instance_uid]


async def test_the_same_file_twice_is_two_objects(
    ingest: Ingest, objects: FileObjects, index: FakeIndex, make_file: MakeFile
) -> None:
    """Every upload has its own key: what is there is never written over."""
    await asyncio.gather(*(ingest.store(make_file(), ORIGIN) for _ in range(2)))
    assert len({event.object_key for event in index.instances}) == 2
    assert len(await keys(objects)) == 2


@pytest.mark.parametrize("waits_for", ["the object store", "the index"])
async def test_a_store_that_is_cancelled_leaves_no_task(
    waits_for: str, tmp_path: Path, bus: Bus, index: FakeIndex, make_file: MakeFile
) -> None:
    """A peer that goes away in the middle takes what worked for it along, its spool too."""
    index.answer = None
    objects = FailingObjects(tmp_path, delay=60 if waits_for == "the object store" else 0)
    await bus.publish(bus.names.changes, b"")  # from now on the bus hears what JetStream keeps
    async with open_ingest(objects, bus, patient(answer_timeout=60)) as ingest:
        before = asyncio.all_tasks()
        spool = spooled(objects, make_file())
        storing = asyncio.create_task(ingest.store(spool, ORIGIN))
        await objects.putting.wait()
        if waits_for == "the index":
            await until(lambda: index.instances)
        storing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await storing
        assert asyncio.all_tasks() <= before
        assert consumed(spool)
        index.answer = ("Success", "")
        objects = FailingObjects(tmp_path)
    async with open_ingest(objects, bus, patient()) as ingest:
        assert (await ingest.store(make_file(), ORIGIN)).indexed


async def test_a_crowd_is_told_to_the_object_store(
    tmp_path: Path, bus: Bus, index: FakeIndex, make_file: MakeFile
) -> None:
    """From the third instance under way on, also after some have ended."""
    objects = FailingObjects(tmp_path, delay=0.05)
    async with open_ingest(objects, bus, patient()) as ingest:
        await asyncio.gather(*(ingest.store(make_file(f"1.2.{n}"), ORIGIN) for n in range(4)))
        await ingest.store(make_file("1.2.9"), ORIGIN)
    assert objects.crowded == [False, False, True, True, False]


async def test_many_stores_leave_no_memory_behind(
    ingest: Ingest, index: FakeIndex, make_file: MakeFile
) -> None:
    """Nothing in the ingest grows with what it has stored, answered or refused."""

    def count() -> int:
        gc.collect()
        return len(gc.get_objects())

    async def many() -> None:
        for _ in range(100):
            await ingest.store(make_file(), ORIGIN)
            with pytest.raises(InvalidInstance):
                await ingest.store(b"no DICOM", ORIGIN)
        index.announcements.clear()

    await many()
    before = count()
    await many()
    assert count() - before < 100
