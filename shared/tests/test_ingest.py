# SPDX-License-Identifier: Apache-2.0
"""The one way in: a real folder, a real nats-server, and an index that answers as it is told."""

import asyncio
import gc
import os
import shutil
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import pytest
import xxhash
import zstandard
from pydicom.dataset import Dataset

from pons.bus import Bus
from pons.dicom.identity import resource_ids
from pons.errors import InvalidInstance, NotFound, OutOfResources, ReadOnly, Unavailable
from pons.ingest import LARGE_HEADER, Ingest, Stored, WrongDataset, open_ingest
from pons.messages.events import Indexed, IndexedBatch, Origin
from pons.objects import SHARDS, Body, FileObjects, Spool, new_key
from pons.settings import IngestSettings, Settings, StorageSettings, StoreSettings
from pons_testing.indexing import FakeIndex, open_fake_index
from pons_testing.nats import NatsServer
from pons_testing.waiting import until

pytestmark = pytest.mark.anyio

MakeFile = Callable[..., bytes]

ORIGIN = Origin("DicomProtocol", "192.0.2.7", "CT1", "PONS")
IDS = resource_ids("P1", "1.2.3", "1.2.3.4", "1.2.3.4.5")


@pytest.fixture(scope="module")
def anyio_backend(uvloop_backend: Any) -> Any:
    return uvloop_backend


@pytest.fixture
async def ingest(objects: FileObjects, bus: Bus) -> AsyncIterator[Ingest]:
    async with open_ingest(objects, bus, Settings()) as ingest:
        yield ingest


def patient(answer_timeout: float = 30) -> Settings:
    return Settings(
        ingest=IngestSettings(answer_timeout=answer_timeout),
    )


async def keys(objects: FileObjects) -> list[UUID]:
    """Every object there is."""
    return [entry.key for shard in SHARDS async for entry in objects.list(shard)]


class Usage(NamedTuple):
    """What `shutil.disk_usage` tells."""

    total: int
    used: int
    free: int


async def kept(bus: Bus) -> int:
    """Announcements that wait for an index."""
    return int((await bus.stream.stream_info(bus.names.ingest_stream)).state.messages)


def spooled(objects: FileObjects, content: bytes) -> Spool:
    spool = objects.spool()
    spool.write(content)
    return spool


class FailingObjects(FileObjects):
    """A folder that cannot be written as it should."""

    def __init__(self, root: Path, failure: Exception | None = None, delay: float = 0) -> None:
        super().__init__(root, "main", fsync=False)
        self._failure = failure
        self._delay = delay
        self.putting = asyncio.Event()
        self.crowded: list[bool] = []

    async def put(self, key: UUID, body: Body, *, crowded: bool = False) -> None:
        self.putting.set()
        self.crowded.append(crowded)
        await asyncio.sleep(self._delay)
        if self._failure is not None:
            if isinstance(body, Spool):
                body.close()
            raise self._failure
        await super().put(key, body)


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
    async with open_ingest(objects, bus, patient().model_copy(update={"storage": storage})) as one:
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
    spool: bool, items: int, ingest: Ingest, objects: FileObjects, bus: Bus, make_file: MakeFile
) -> None:
    """Who announces SOP class and instance has no other one stored, nor a large header of one."""
    capture, mr = "1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.5.1.4.1.1.4"
    content = make_file(ContentSequence=large_items(items))
    for announced in ((capture, "1.2.3.4.6"), (mr, "1.2.3.4.5")):
        body = spooled(objects, content) if spool else content
        with pytest.raises(WrongDataset, match="differs between request and dataset"):
            await ingest.keep(body, ORIGIN, awaited=True, announced=announced)
    assert await keys(objects) == []
    assert await kept(bus) == 0
    right = await ingest.keep(content, ORIGIN, awaited=True, announced=(capture, "1.2.3.4.5"))
    assert (await right.stored()).ids == IDS
    assert len(await keys(objects)) == (2 if items else 1)


async def test_a_meta_header_too_large_for_a_message_is_invalid(
    ingest: Ingest, objects: FileObjects
) -> None:
    """Group 0002 travels in each event, so it has a bound of its own."""
    private = b"\x02\x00\x02\x01OB\x00\x00" + (48).to_bytes(4, "little") + bytes(48)
    uid = b"\x02\x00\x10\x00UI\x14\x001.2.840.10008.1.2.1\x00"
    elements = b"".join(
        b"\x02\x00" + (0x0102 + n).to_bytes(2, "little") + private[4:] for n in range(900)
    )
    with pytest.raises(InvalidInstance, match="The file meta information is too large"):
        await ingest.store(bytes(128) + b"DICM" + uid + elements + MINIMAL_DATASET, ORIGIN)
    assert await keys(objects) == []


def element(group: int, number: int, vr: bytes, value: bytes) -> bytes:
    value += b" " * (len(value) % 2) if vr != b"UI" else b"\0" * (len(value) % 2)
    head = group.to_bytes(2, "little") + number.to_bytes(2, "little") + vr
    return head + len(value).to_bytes(2, "little") + value


MINIMAL_DATASET = b"".join(
    (
        element(8, 0x16, b"UI", b"1.2.840.10008.5.1.4.1.1.7"),
        element(8, 0x18, b"UI", b"1.2.3.4.5"),
        element(0x10, 0x20, b"LO", b"P1"),
        element(0x20, 0x0D, b"UI", b"1.2.3"),
        element(0x20, 0x0E, b"UI", b"1.2.3.4"),
    )
)


def large_items(count: int) -> list[Dataset]:
    """Items that do not compress; 4000 make a header that no message can carry."""
    items = [Dataset() for _ in range(count)]
    for item in items:
        item.TextValue = os.urandom(150).hex()
    return items


async def test_a_large_header_becomes_an_object_of_its_own(
    ingest: Ingest, objects: FileObjects, index: FakeIndex, make_file: MakeFile
) -> None:
    """An instance whose header no message could carry is stored and indexed all the same."""
    items = large_items(4000)
    content = make_file(ContentSequence=items)
    assert (await ingest.store(content, ORIGIN)).status == "Success"
    [event] = index.instances
    assert event.header == b""
    assert event.header_key is not None
    header = await objects.read(event.header_key)
    assert len(header) > LARGE_HEADER
    assert items[-1].TextValue in zstandard.decompress(header).decode()
    assert await objects.read(event.object_key) == content
    assert sorted(await keys(objects)) == sorted((event.object_key, event.header_key))


@pytest.mark.parametrize("size", [3 << 20, 20 << 20])
@pytest.mark.parametrize("spool", [False, True])
async def test_a_large_body_is_stored_like_a_small_one(
    size: int,
    spool: bool,
    ingest: Ingest,
    objects: FileObjects,
    index: FakeIndex,
    make_file: MakeFile,
) -> None:
    """In memory or spooled, examined in a thread: the same identifiers, checksum and bytes."""
    content = make_file(BitsAllocated=8, PixelData=os.urandom(size))
    body: Body = spooled(objects, content) if spool else memoryview(content)
    assert await ingest.store(body, ORIGIN) == Stored("Success", IDS, indexed=True)
    [event] = index.instances
    assert event.checksum == xxhash.xxh3_128_digest(content)
    assert (event.size, event.pixel_length) == (len(content), size)
    assert await objects.read(event.object_key) == content


def consumed(spool: Spool) -> bool:
    """Whether neither the spool's file nor its descriptor is left."""
    try:
        spool.write(b"")
    except ValueError:
        return not spool.path.exists()
    return False


@pytest.mark.parametrize("outcome", ["stored", "no DICOM", "refused", "put fails"])
async def test_a_spool_is_consumed_whatever_happens(
    outcome: str, tmp_path: Path, index: FakeIndex, bus: Bus, make_file: MakeFile
) -> None:
    """No outcome leaves a temporary file that somebody would have to find."""
    objects = FailingObjects(
        tmp_path,
        OutOfResources("The disk is full") if outcome == "put fails" else None,
    )
    index.answer = ("", "no") if outcome == "refused" else ("Success", "")
    spool = spooled(objects, b"no DICOM" if outcome == "no DICOM" else make_file())
    async with open_ingest(objects, bus, patient()) as ingest:
        result = (await asyncio.gather(ingest.store(spool, ORIGIN), return_exceptions=True))[0]
    assert type(result) is {
        "stored": Stored,
        "no DICOM": InvalidInstance,
        "refused": InvalidInstance,
        "put fails": OutOfResources,
    }.get(outcome)
    assert consumed(spool)


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


async def announced_again(ingest: Ingest, key: UUID) -> Stored | InvalidInstance:
    [answer] = await ingest.announce_again([await ingest.recognise(key)])
    return answer


async def test_what_is_known_of_a_lost_announcement_comes_back(
    ingest: Ingest, objects: FileObjects, index: FakeIndex, make_file: MakeFile
) -> None:
    """Where and when an instance came in is announced again as it was, where that was noted."""
    key = new_key()
    await objects.put(key, make_file())
    found = await ingest.recognise(key, ORIGIN, 1.7e9)
    assert await ingest.announce_again([found]) == [Stored("Success", IDS, indexed=True)]
    assert (index.instances[0].origin, index.instances[0].received_at) == (ORIGIN, 1.7e9)


async def test_an_object_whose_announcement_was_lost_is_announced_again(
    ingest: Ingest, objects: FileObjects, index: FakeIndex, make_file: MakeFile
) -> None:
    """After a power cut the object is what is left: its event is made from it, key and all."""
    content = make_file()
    key = new_key()
    await objects.put(key, content)
    for _ in range(2):
        assert await announced_again(ingest, key) == Stored("Success", IDS, indexed=True)
    assert [event.object_key for event in index.instances] == [key, key]
    assert index.instances[0].checksum == xxhash.xxh3_128_digest(content)
    assert index.instances[0].size == len(content)
    assert index.instances[0].origin == Origin("Unknown")
    assert await keys(objects) == [key]
    assert list(Path(str(objects.local_path(key))).parents[2].rglob("*.part")) == []


@pytest.mark.parametrize("size", [1000, 9 * 1024 * 1024])
async def test_compression_at_rest(
    objects: FileObjects, bus: Bus, index: FakeIndex, make_file: MakeFile, size: int
) -> None:
    """Objects are smaller than their files; sizes, checksum and offsets tell of both."""
    content = make_file(Rows=1, Columns=1, BitsAllocated=8, PixelData=bytes(size))
    settings = Settings(storage=StorageSettings(compression=True))
    async with open_ingest(objects, bus, settings) as ingest:
        for body in (content, spooled(objects, content)):
            assert await ingest.store(body, ORIGIN) == Stored("Success", IDS, indexed=True)
    for event in index.instances:
        stored = await objects.read(event.object_key)
        assert zstandard.decompress(stored) == content
        assert (event.size, event.stored_size) == (len(content), len(stored))
        assert event.compression == "zstd"
        assert event.checksum == xxhash.xxh3_128_digest(content)
        assert event.pixel_offset == len(content) - size
    assert list(Path(str(objects.local_path(new_key()))).parents[2].rglob("*.part")) == []


async def test_a_compressed_object_is_announced_again_as_one(
    ingest: Ingest, objects: FileObjects, index: FakeIndex, make_file: MakeFile
) -> None:
    """After a power cut an object tells by itself in which form its file is."""
    content = make_file(TextValue="x" * 1000)
    key, stored = new_key(), zstandard.compress(content)
    await objects.put(key, stored)
    assert await announced_again(ingest, key) == Stored("Success", IDS, indexed=True)
    [event] = index.instances
    assert (event.object_key, event.compression) == (key, "zstd")
    assert (event.size, event.stored_size) == (len(content), len(stored))
    assert event.checksum == xxhash.xxh3_128_digest(content)


async def test_an_object_that_is_no_file_is_not_announced_again(
    ingest: Ingest, objects: FileObjects, bus: Bus
) -> None:
    """A large header that lost its file, or an object that is gone, is told apart."""
    key = new_key()
    await objects.put(key, zstandard.compress(b"{}"))
    with pytest.raises(InvalidInstance):
        await ingest.recognise(key)
    with pytest.raises(NotFound):
        await ingest.recognise(new_key())
    assert await kept(bus) == 0
