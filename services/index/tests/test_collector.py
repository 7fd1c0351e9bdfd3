# SPDX-License-Identifier: Apache-2.0
"""Garbage and orphans: what is deleted from the object store, and what never is."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import msgspec
import pytest

from pons.attributes import MAIN_TAGS
from pons.bus import Bus
from pons.commands import Collected
from pons.errors import Unavailable
from pons.events import Announcement, InstanceReceived
from pons.jobs import JobRequest, Jobs, Output
from pons.objects import SHARDS, FileObjects, new_key
from pons.partial_uploads import PartialUploads
from pons.settings import JobsSettings
from pons.testing.events import ids, received
from pons.testing.nats import NatsServer
from pons_index.arrival import arrivals
from pons_index.changelog import Growth, log_changes
from pons_index.collector import Collector
from pons_index.consumer import DURABLE
from pons_index.database import Database
from pons_index.faults import Raced
from pons_index.orphans import Sweep
from pons_index.refusals import Refusals
from pons_index.rows import columns, describe
from pons_index.statements import SQL
from pons_index.tags import TagReader

pytestmark = pytest.mark.anyio
Index = Any
OpenIndex = Any
GRACE = 0.05


@pytest.fixture
async def bus(broker: NatsServer) -> AsyncIterator[Bus]:
    async with broker.bus() as bus:
        yield bus


@pytest.fixture
def sweep(database: Database, objects: FileObjects, bus: Bus) -> Sweep:
    sweep = Sweep(database, objects, bus, GRACE)
    sweep.allowed.set()
    return sweep


@pytest.fixture
def collector(database: Database, objects: FileObjects, sweep: Sweep) -> Collector:
    return Collector(database, objects, sweep, 60)


async def put(objects: FileObjects, *keys: UUID) -> None:
    for key in keys:
        await objects.put(key, b"bytes")


async def kept(objects: FileObjects) -> set[UUID]:
    return {entry.key for shard in SHARDS async for entry in objects.list(shard)}


async def outlive_grace() -> None:
    await asyncio.sleep(GRACE * 1.5)


async def test_the_objects_of_deleted_instances_are_deleted(
    index: Index, objects: FileObjects, collector: Collector
) -> None:
    """Collecting removes exactly the garbage, says how much, and has nothing left to do."""
    events = [received(f"1.{number}") for number in range(3)]
    await put(objects, *(event.object_key for event in events))
    await index.write(*events)
    await index.delete("Instance", ids(events[0]).instance)
    assert await collector.collect() == Collected(1, 0, 0, True)
    assert await kept(objects) == {events[1].object_key, events[2].object_key}
    assert await collector.collect() == Collected(0, 0, 0, True)
    assert await index.value("SELECT count(*) FROM garbage WHERE collected IS NOT NULL") == 1


async def test_garbage_whose_object_is_gone_already_is_collected(
    index: Index, collector: Collector
) -> None:
    """A collector that died between deleting and saying so does not stumble over it."""
    await index.database.pool.execute(
        "INSERT INTO garbage (object_key, reason) VALUES ($1, 'deleted')", new_key()
    )
    assert (await collector.collect()).deleted == 1


async def test_collected_garbage_is_forgotten_after_a_day(
    index: Index, collector: Collector
) -> None:
    """The table does not grow for ever, but remembers while an announcement may come again."""
    await index.database.pool.executemany(
        "INSERT INTO garbage (object_key, reason, collected) VALUES ($1, 'deleted', now() - $2 *"
        " interval '1 hour')",
        [(new_key(), 23), (new_key(), 25)],
    )
    await collector.collect()
    assert await index.value("SELECT count(*) FROM garbage") == 1


async def test_an_object_that_was_never_announced_is_removed(
    index: Index, objects: FileObjects, collector: Collector
) -> None:
    """What a crash left between object and announcement goes, once it is old enough."""
    event, orphan = received("1.1"), new_key()
    header_key = new_key()
    await put(objects, event.object_key, orphan, header_key)
    await index.write(event)
    await index.database.pool.execute("UPDATE headers SET header_key = $1", header_key)
    await outlive_grace()
    young = new_key()
    await put(objects, young)
    assert await collector.collect() == Collected(1, 1, 0, True)
    assert await kept(objects) == {event.object_key, header_key, young}
    assert await index.garbage() == {orphan: "orphan"}


async def test_an_attachment_is_no_orphan_until_it_is_removed(
    index: Index, objects: FileObjects, collector: Collector
) -> None:
    """The objects of attachments stay as long as their rows; one without a row goes."""
    attached, orphan = new_key(announced=False), new_key(announced=False)
    await put(objects, attached, orphan)
    await index.database.pool.execute(
        "INSERT INTO attachments VALUES (1, 1024, $1, 5, 5, '', '', '')", attached
    )
    await outlive_grace()
    assert await collector.collect() == Collected(1, 1, 0, True)
    assert await kept(objects) == {attached}


async def test_a_late_announcement_of_a_collected_object_is_refused(
    index: Index, objects: FileObjects, collector: Collector
) -> None:
    """An instance whose object is gone does not enter the index."""
    event = received("1.1")
    await put(objects, event.object_key)
    await outlive_grace()
    await collector.collect()
    assert await index.write(event) == [""]
    assert await index.totals() == (0, 0, 0, 0, 0)


async def announce(bus: Bus, event: InstanceReceived) -> None:
    await bus.publish(bus.names.received, msgspec.msgpack.encode(Announcement("tests", [event])))


async def test_nothing_is_swept_while_announcements_are_on_their_way(
    objects: FileObjects, collector: Collector, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Objects whose announcement the index has not taken yet are no orphans."""
    monkeypatch.setattr("pons_index.orphans.DRAIN_PATIENCE", 0.1)
    event = received("1.1")
    await put(objects, event.object_key)
    await announce(bus, event)
    await outlive_grace()
    assert await collector.collect() == Collected(0, 0, 0, False)
    assert await kept(objects) == {event.object_key}


async def test_a_busy_stream_does_not_keep_orphans_for_ever(
    index: Index, objects: FileObjects, collector: Collector, bus: Bus
) -> None:
    """What counts is that everything announced before was taken, not that nothing new comes."""
    orphan = new_key()
    await put(objects, orphan)
    await outlive_grace()
    pull = await bus.stream.pull_subscribe(bus.names.received, DURABLE)
    await announce(bus, received("1.1"))
    done = False

    async def flow() -> None:
        while not done:
            await announce(bus, received("1.2"))
            for message in await pull.fetch(1):
                await message.ack()

    async with asyncio.TaskGroup() as group:
        group.create_task(flow())
        assert (await collector.collect()).orphans == 1
        done = True


async def test_the_objects_of_refused_instances_are_kept(
    index: Index, objects: FileObjects, collector: Collector, bus: Bus
) -> None:
    """What was acknowledged but cannot be indexed stays for whoever repairs it."""
    header_key = new_key()
    event = msgspec.structs.replace(received("1.1"), header_key=header_key)
    await put(objects, event.object_key, header_key)
    [arrival] = arrivals(Announcement("tests", [event]))
    await Refusals(bus, index.database).refuse(arrival, "for the test")
    await outlive_grace()
    assert await collector.collect() == Collected(0, 0, 0, True)
    assert await kept(objects) == {event.object_key, header_key}


async def test_an_unreadable_announcement_spares_every_orphan(
    index: Index, objects: FileObjects, collector: Collector, bus: Bus
) -> None:
    """As long as nobody knows what an announcement meant, nothing can be called an orphan."""
    await put(objects, new_key())
    await Refusals(bus, index.database).refuse_unreadable(b"?", "for the test")
    await outlive_grace()
    assert await collector.collect() == Collected(0, 0, 0, False)


async def test_one_replica_sweeps_at_a_time(
    objects: FileObjects, sweep: Sweep, database: Database, bus: Bus
) -> None:
    """A second sweep does nothing on a timer, and waits when it was asked for."""
    await put(objects, new_key())
    await outlive_grace()
    other = Sweep(database, objects, bus, GRACE)
    other.allowed.set()
    async with sweep._turn(False) as ours:
        assert ours
        assert await other.sweep(SHARDS) is None
        waiting = asyncio.create_task(other.sweep(SHARDS, wait=True))
        await asyncio.sleep(0.05)
        assert not waiting.done()
    assert await waiting == 1


async def test_no_sweep_before_lost_announcements_are_dealt_with(
    objects: FileObjects, sweep: Sweep
) -> None:
    """After a power cut nothing is swept until the objects were compared with the index."""
    await put(objects, new_key())
    await outlive_grace()
    sweep.allowed.clear()
    assert await sweep.sweep(SHARDS) is None


async def test_sweeps_and_late_announcements_never_both_win(
    open_index: OpenIndex, objects: FileObjects, sweep: Sweep, collector: Collector
) -> None:
    """Objects announced just while they are swept are either indexed and kept, or refused."""
    index = open_index()
    events = [received(f"1.{number}") for number in range(120)]
    await put(objects, *(event.object_key for event in events))
    await outlive_grace()

    async def write() -> list[str]:
        statuses = []
        for event in events:
            statuses += await index.write(event)
        return statuses

    async def discard() -> None:
        for start in range(len(events) - 1, -1, -6):
            await sweep._discard([event.object_key for event in events[start : start + 6]])

    written, _ = await asyncio.gather(write(), discard())
    await collector.collect()
    indexed = {row["object_key"] for row in await index.fetch("SELECT object_key FROM instances")}
    assert await kept(objects) == indexed
    accepted = {event.object_key for event, status in zip(events, written, strict=True) if status}
    assert accepted == indexed
    assert 0 < len(indexed) < 120


async def test_a_sweep_waits_for_what_is_just_being_written(
    index: Index, objects: FileObjects, sweep: Sweep
) -> None:
    """An object whose instance is written but not yet committed is no orphan."""
    event = received("1.1")
    [arrival] = arrivals(Announcement("tests", [event]))
    async with index.database.pool.acquire() as connection:
        writing = connection.transaction()
        await writing.start()
        described = describe(TagReader(MAIN_TAGS), arrival, event.header, first=True)
        row = columns([described], 60, 0)
        await connection.fetch(SQL["insert_batch"], *row)
        discarding = asyncio.create_task(sweep._discard([event.object_key]))
        await asyncio.sleep(0.1)
        assert not discarding.done()
        await writing.commit()
    assert await discarding == 0
    assert await index.garbage() == {}


async def test_a_batch_whose_object_became_garbage_begins_again(index: Index) -> None:
    """What became garbage after it was looked up is noticed before the commit."""
    key = new_key()
    await index.database.pool.execute(
        "INSERT INTO garbage (object_key, reason) VALUES ($1, 'orphan')", key
    )
    async with index.database.pool.acquire() as connection:
        await log_changes(connection, Growth(), objects=[new_key()])
        with pytest.raises(Raced):
            await log_changes(connection, Growth(), objects=[new_key(), key])


class Broken(FileObjects):
    """An object store that is away."""

    async def delete(self, keys: Any) -> None:
        raise Unavailable("The object store does not answer")


async def test_garbage_waits_while_the_object_store_is_away(
    index: Index, sweep: Sweep, tmp_path: Any
) -> None:
    """Nothing counts as deleted that was not."""
    event = received("1.1")
    await index.write(event)
    await index.delete("Instance", ids(event).instance)
    broken = Broken(tmp_path / "objects", "main", fsync=False)
    with pytest.raises(Unavailable):
        await Collector(index.database, broken, sweep, 60).collect()
    assert await index.value("SELECT count(*) FROM garbage WHERE collected IS NULL") == 1


async def test_what_uploads_have_brought_is_no_orphan(
    index: Index, objects: FileObjects, sweep: Sweep, bus: Bus
) -> None:
    """The pieces of a file stay as long as more may come, and are orphans afterwards."""
    uploads = PartialUploads(bus, objects)
    upload = await uploads.append(await uploads.find("a"), b"first")
    upload = await uploads.append(upload, b"second")
    await outlive_grace()
    assert await sweep.sweep(SHARDS) == 0
    assert await kept(objects) == set(upload.arrived.pieces)
    bucket = await bus.bucket(bus.names.uploads_bucket)
    await bucket.purge("a")
    assert await sweep.sweep(SHARDS) == 2


async def test_what_jobs_have_made_is_no_orphan(
    index: Index, objects: FileObjects, sweep: Sweep, bus: Bus
) -> None:
    """The output of a job stays as long as its job names it, and is an orphan afterwards."""
    jobs = Jobs(bus, JobsSettings())
    job_id = await jobs.submit(JobRequest("Archive", "render"))
    document, revision = await jobs.read(job_id)
    key = new_key()
    await put(objects, key)
    output = Output(key, 5, "application/zip", "a.zip", 0.0)
    done = msgspec.structs.replace(document, state="Success", outputs={"archive": output})
    await jobs.replace(done, revision)
    await outlive_grace()
    assert await sweep.sweep(SHARDS) == 0
    assert await kept(objects) == {key}
    await jobs.delete(job_id)
    assert await sweep.sweep(SHARDS) == 1
