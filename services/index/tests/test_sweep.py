# SPDX-License-Identifier: Apache-2.0
"""Objects that the index does not know: what comes back, what is kept, and what may go."""

import asyncio
import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from pydicom.data import get_testdata_file

from pons.bus import Bus
from pons.dicom.attributes import MAIN_TAGS
from pons.ingest.partial_uploads import PartialUploads
from pons.jobs import JobRequest, Jobs, Output
from pons.messages.events import Announcement, InstanceReceived
from pons.messages.index import Collected
from pons.objects import SHARDS, FileObjects, Kind, new_key
from pons.settings import JobsSettings
from pons_index.arrival import arrivals
from pons_index.changelog import Growth
from pons_index.consumer import DURABLE
from pons_index.refusals import Refusals
from pons_index.rows import columns, describe
from pons_index.statements import SQL
from pons_index.sweep import Sweep, discard_unused
from pons_index.tags import TagReader
from pons_testing.events import received
from pons_testing.waiting import until

pytestmark = pytest.mark.anyio
Index = Any
OpenCollector = Any
GRACE = 0.05


@pytest.fixture
def sweep(index: Index, objects: FileObjects, bus: Bus) -> Sweep:
    return Sweep(index.database, objects, bus, GRACE)


@pytest.fixture
def ct_small() -> bytes:
    return Path(str(get_testdata_file("CT_small.dcm"))).read_bytes()


async def put(objects: FileObjects, *keys: UUID, content: bytes = b"bytes") -> None:
    for key in keys:
        await objects.put(key, content)


async def kept(objects: FileObjects) -> set[UUID]:
    return {entry.key for shard in SHARDS async for entry in objects.list(shard)}


async def outlive_grace() -> None:
    await asyncio.sleep(GRACE * 1.5)


async def findings(index: Index) -> dict[UUID, str]:
    rows = await index.fetch("SELECT object_key, kind FROM findings")
    return {row["object_key"]: row["kind"] for row in rows}


async def test_what_nobody_knows_is_filed_and_stays(
    index: Index, objects: FileObjects, sweep: Sweep, bus: Bus
) -> None:
    """An object without a row is filed once it is old enough; nothing is deleted for that."""
    event, unknown, header_key = received("1.1"), new_key(), new_key()
    await put(objects, event.object_key, unknown, header_key)
    await index.write(event)
    await index.database.pool.execute("UPDATE headers SET header_key = $1", header_key)
    await outlive_grace()
    assert await Sweep(index.database, objects, bus, 3600).sweep(SHARDS) == 0
    assert await sweep.sweep(SHARDS) == 1
    assert await sweep.sweep(SHARDS) == 0
    assert await findings(index) == {unknown: "unannounced"}
    assert await index.garbage() == {}


async def test_a_key_of_the_future_is_found_all_the_same(
    index: Index, objects: FileObjects, sweep: Sweep, bus: Bus
) -> None:
    """A clock that was a year ahead when it came does not hide it for a year. What may go by itself
    waits: perhaps it is our clock that is wrong."""
    year = 365 * 86400 * 1000 << 80
    in_a_year = [UUID(int=new_key().int + year) for _ in range(2)]
    piece = UUID(int=new_key(Kind.TEMPORARY).int + year)
    await put(objects, in_a_year[0], piece)
    assert await sweep.sweep(SHARDS) == 1
    assert await findings(index) == {in_a_year[0]: "unannounced"}
    await put(objects, in_a_year[1])
    assert await sweep.compare(SHARDS, datetime.fromtimestamp(0, UTC)) == 1
    assert set(await findings(index)) == set(in_a_year)
    assert await index.garbage() == {}


async def test_a_lost_file_comes_back_and_the_rest_is_quarantined(
    open_store: Any, ct_small: bytes
) -> None:
    """With a grace of nothing: a DICOM file is indexed, a damaged one and a leftover are kept."""
    digest = hashlib.sha256(ct_small).digest()
    lost, damaged, left = new_key(), new_key(), new_key(Kind.REFERRED)
    async with open_store(grace=GRACE, limits={"collect_interval": 0.05}) as store:
        async with store.replica():
            pass
        await store.objects.put(lost, ct_small)
        await store.objects.put(damaged, ct_small[:300])
        await store.objects.put(left, b"a piece of something")

        async def all_found() -> bool:
            found = "SELECT count(*) FROM findings WHERE kind <> 'unannounced'"
            return bool(await store.value(found) == 3)

        async with store.replica():
            await until(all_found)
        assert await store.value("SELECT object_key FROM instances") == lost
        rows = await store.database.pool.fetch("SELECT object_key, kind FROM findings")
        assert {row["object_key"]: row["kind"] for row in rows} == {
            lost: "returned",
            damaged: "damaged",
            left: "leftover",
        }
        assert await kept(store.objects) == {lost, damaged, left}
        assert hashlib.sha256(await store.objects.read(lost)).digest() == digest


async def test_temporary_objects_go_by_themselves(
    index: Index, objects: FileObjects, sweep: Sweep
) -> None:
    """A key can say that its object may go once nobody names it."""
    piece = new_key(Kind.TEMPORARY)
    await put(objects, piece)
    await outlive_grace()
    assert await sweep.sweep(SHARDS) == 1
    assert await index.garbage() == {piece: "temporary"}


async def quarantined(index: Index, count: int) -> list[UUID]:
    keys = [new_key(Kind.REFERRED) for _ in range(count)]
    await index.database.pool.executemany(
        "INSERT INTO findings (object_key, kind, size, since) VALUES ($1, 'leftover', 5, now() -"
        " interval '15 days')",
        [(key,) for key in keys],
    )
    return keys


async def test_the_quarantine_ends_after_days(
    index: Index, objects: FileObjects, open_collector: OpenCollector
) -> None:
    """What was in it long enough is deleted; what came later, or is damaged, is not."""
    [old] = await quarantined(index, 1)
    young, damaged = new_key(), new_key()
    await put(objects, old, young, damaged)
    await index.database.pool.executemany(
        "INSERT INTO findings (object_key, kind, size, since) VALUES ($1, $2, 5, now() - $3 *"
        " interval '1 day')",
        [(young, "leftover", 13), (damaged, "damaged", 400)],
    )
    await open_collector().collect()
    assert await index.garbage() == {old: "leftover"}
    assert await kept(objects) == {young, damaged}


async def test_a_sweep_of_much_stops_and_says_so(
    index: Index, objects: FileObjects, open_collector: OpenCollector
) -> None:
    """More than a small share of the store never leaves at once without somebody's word."""
    keys = await quarantined(index, 11)
    await put(objects, *keys)
    collector = open_collector()
    assert (await collector.collect()).deleted == 0
    assert collector.stopped.startswith("11 objects that nobody knows would be deleted at once")
    assert await kept(objects) == set(keys)
    assert await open_collector(share=1.0).collect() == Collected(11, 0, 0, True)


async def test_an_attachment_is_known_until_it_is_removed(
    index: Index, objects: FileObjects, sweep: Sweep
) -> None:
    """The objects of attachments stay as long as their rows; one without a row is filed."""
    attached, unknown = new_key(Kind.REFERRED), new_key(Kind.REFERRED)
    await put(objects, attached, unknown)
    await index.database.pool.execute(
        "INSERT INTO attachments VALUES (1, 1024, $1, 5, 5, '', '', '')", attached
    )
    await outlive_grace()
    assert await sweep.sweep(SHARDS) == 1
    assert list(await findings(index)) == [unknown]


async def announce(bus: Bus, event: InstanceReceived) -> None:
    await bus.publish(bus.names.received, msgspec.msgpack.encode(Announcement("tests", [event])))


async def test_nothing_is_filed_while_announcements_are_on_their_way(
    index: Index, objects: FileObjects, sweep: Sweep, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Objects whose announcement the index has not taken yet are not unknown."""
    monkeypatch.setattr("pons_index.sweep.DRAIN_PATIENCE", 0.1)
    event = received("1.1")
    await put(objects, event.object_key)
    await announce(bus, event)
    await outlive_grace()
    assert await sweep.sweep(SHARDS) is None
    assert await findings(index) == {}


async def test_a_busy_stream_does_not_keep_the_sweep_waiting(
    objects: FileObjects, sweep: Sweep, bus: Bus
) -> None:
    """What counts is that everything announced before was taken, not that nothing new comes."""
    await put(objects, new_key())
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
        assert await sweep.sweep(SHARDS) == 1
        done = True


async def test_the_objects_of_refused_instances_are_known(
    index: Index, objects: FileObjects, sweep: Sweep, bus: Bus
) -> None:
    """What was acknowledged but cannot be indexed stays for whoever repairs it."""
    header_key = new_key()
    event = msgspec.structs.replace(received("1.1"), header_key=header_key)
    await put(objects, event.object_key, header_key)
    [arrival] = arrivals(Announcement("tests", [event]))
    await Refusals(bus, index.database).refuse(arrival, "for the test")
    await outlive_grace()
    assert await sweep.sweep(SHARDS) == 0


async def test_an_unreadable_announcement_spares_the_quarantine(
    index: Index, open_collector: OpenCollector, bus: Bus
) -> None:
    """As long as nobody knows what an announcement meant, nothing can be called left over."""
    await quarantined(index, 1)
    await Refusals(bus, index.database).refuse_unreadable(b"?", "for the test")
    await open_collector().collect()
    assert await index.garbage() == {}


async def test_one_replica_sweeps_at_a_time(sweep: Sweep) -> None:
    """A second one does nothing on a timer, and waits when it was asked for."""
    async with sweep.turn(wait=False) as ours:
        assert ours
        async with sweep.turn(wait=False) as other:
            assert not other

        async def waiting() -> bool:
            async with sweep.turn(wait=True) as later:
                return later

        task = asyncio.create_task(waiting())
        await asyncio.sleep(0.05)
        assert not task.done()
    assert await task


async def test_discarding_and_late_announcements_never_both_win(
    index: Index, objects: FileObjects, open_collector: OpenCollector
) -> None:
    """Objects announced just while they are discarded are either indexed and kept, or refused."""
    events = [received(f"1.{number}") for number in range(120)]
    await put(objects, *(event.object_key for event in events))

    async def write() -> list[str]:
        statuses = []
        for event in events:
            statuses += await index.write(event)
        return statuses

    async def discard() -> None:
        for start in range(len(events) - 1, -1, -6):
            keys = [event.object_key for event in events[start : start + 6]]
            await discard_unused(index.database, keys, "leftover")

    written, _ = await asyncio.gather(write(), discard())
    await open_collector().collect()
    indexed = {row["object_key"] for row in await index.fetch("SELECT object_key FROM instances")}
    assert await kept(objects) == indexed
    accepted = {event.object_key for event, status in zip(events, written, strict=True) if status}
    assert accepted == indexed
    assert 0 < len(indexed) < 120


async def test_discarding_waits_for_what_is_just_being_written(index: Index) -> None:
    """An object whose instance is written but not yet committed is not unknown."""
    event = received("1.1")
    [arrival] = arrivals(Announcement("tests", [event]))
    async with index.database.pool.acquire() as connection:
        writing = connection.transaction()
        await writing.start()
        described = describe(TagReader(MAIN_TAGS), arrival, event.header, first=True)
        age = timedelta(seconds=60)
        await connection.fetch(
            SQL["write_batch"], age, 0, False, *columns([described]), *Growth(instances=1)
        )
        discarding = asyncio.create_task(
            discard_unused(index.database, [event.object_key], "leftover")
        )
        await asyncio.sleep(0.1)
        assert not discarding.done()
        await writing.commit()
    assert await discarding == 0
    assert await index.garbage() == {}


async def test_what_uploads_have_brought_is_named(
    index: Index, objects: FileObjects, sweep: Sweep, bus: Bus
) -> None:
    """The pieces of a file stay as long as more may come, and may go afterwards."""
    uploads = PartialUploads(bus, objects)
    upload = await uploads.append(await uploads.find("a"), b"first")
    upload = await uploads.append(upload, b"second")
    await outlive_grace()
    assert await sweep.sweep(SHARDS) == 0
    assert await kept(objects) == set(upload.arrived.pieces)
    bucket = await bus.bucket(bus.names.uploads_bucket)
    await bucket.purge("a")
    assert await sweep.sweep(SHARDS) == 2
    assert set(await index.garbage()) == set(upload.arrived.pieces)


async def test_what_jobs_have_made_is_named(
    index: Index, objects: FileObjects, sweep: Sweep, bus: Bus
) -> None:
    """The output of a job stays as long as its job names it."""
    jobs = Jobs(bus, JobsSettings())
    job_id = await jobs.submit(JobRequest("Archive", "render"))
    document, revision = await jobs.read(job_id)
    key = new_key(Kind.TEMPORARY)
    await put(objects, key)
    output = Output(key, 5, "application/zip", "a.zip", 0.0)
    done = msgspec.structs.replace(document, state="Success", outputs={"archive": output})
    await jobs.replace(done, revision)
    await outlive_grace()
    assert await sweep.sweep(SHARDS) == 0
    await jobs.delete(job_id)
    assert await sweep.sweep(SHARDS) == 1
    assert await index.garbage() == {key: "temporary"}
