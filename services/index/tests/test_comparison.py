# SPDX-License-Identifier: Apache-2.0
"""A database or a stream that was lost or set back costs no instance, and undoes no deletion."""

import asyncio
import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from pons.bus.requests import ask
from pons.errors import PonsError
from pons.ingest import open_ingest
from pons.messages.events import Origin
from pons.messages.index import (
    Deleted,
    DeleteResource,
)
from pons.objects import new_key
from pons_index.comparison import shards_since
from pons_index.continuity import MARGIN, Continuity
from pons_index.service import working as working_tasks
from pons_testing.waiting import until

from .comparing import compared, describe, seen, working

pytestmark = pytest.mark.anyio
OpenStore = Any
ORIGIN = Origin("RestApi", remote_ip="10.0.0.1", username="alice")


async def test_the_index_comes_back_from_the_objects_alone(
    open_store: OpenStore, files: list[bytes]
) -> None:
    """Lists, tags, origins, labels, metadata, attachments and totals are as before; what was
    deleted on purpose is not there, though the database that knew it is gone."""
    async with open_store() as store:
        async with working(store) as ingest:
            stored = [await ingest.store(content, ORIGIN) for content in files]
            await describe(store, stored[0].ids)
            deletion = DeleteResource("Instance", stored[2].ids.instance)
            assert (await ask(store.bus, "index", deletion, Deleted)).remaining is not None
        before = await seen(store)
        await store.forget()
        async with store.replica():
            await compared(store)
            assert await seen(store) == before
            kinds = await store.database.pool.fetch("SELECT kind FROM findings")
            assert [row["kind"] for row in kinds] == ["returned", "returned"]


async def test_an_older_copy_of_the_database_catches_up(
    open_store: OpenStore, files: list[bytes]
) -> None:
    """What came after the copy was made is there again, what was deleted since is not."""
    async with open_store() as store:
        async with working(store) as ingest:
            stored = [await ingest.store(content, ORIGIN) for content in files]
            copy = await store.database.pool.fetch("SELECT * FROM continuity")
            deletion = DeleteResource("Instance", stored[0].ids.instance)
        # Set back: the third instance and a deletion are forgotten.
        async with working(store) as ingest:
            await ask(store.bus, "index", deletion, Deleted)
        await store.database.pool.execute(
            "UPDATE continuity SET beats = 1; DELETE FROM garbage;"
            " DELETE FROM instances WHERE sop_instance_uid = '1.2.3.2'"
        )
        assert copy
        async with store.replica():
            await compared(store)
            rows = await store.database.pool.fetch("SELECT sop_instance_uid FROM instances")
            assert {row["sop_instance_uid"] for row in rows} == {"1.2.3.1", "1.2.3.2"}


async def test_a_deletion_holds_for_a_file_that_was_replaced_before(
    open_store: OpenStore, files: list[bytes]
) -> None:
    """The database is from a time when the instance lay in another object: deleted is deleted. A
    file that came after the deletion stays."""
    async with open_store() as store:
        async with working(store) as ingest:
            first = await ingest.store(files[0], ORIGIN)
            key = await store.value("SELECT object_key FROM instances")
            deletion = DeleteResource("Instance", first.ids.instance)
            await ask(store.bus, "index", deletion, Deleted)
            await ingest.store(files[1], ORIGIN)
            again = DeleteResource("Instance", (await ingest.store(files[2], ORIGIN)).ids.instance)
            await ask(store.bus, "index", again, Deleted)
            await ingest.store(files[2], ORIGIN)
        # Set back: the first instance lies in an object whose key no tombstone has.
        await store.database.pool.execute(
            "UPDATE instances SET id = $1, object_key = $2 WHERE sop_instance_uid = '1.2.3.1'",
            bytes.fromhex(first.ids.instance.replace("-", "")),
            UUID(int=key.int - (1 << 90)),
        )
        await store.database.pool.execute("UPDATE continuity SET beats = 1")
        async with store.replica():
            await compared(store)
            rows = await store.database.pool.fetch("SELECT sop_instance_uid FROM instances")
            assert sorted(row["sop_instance_uid"] for row in rows) == ["1.2.3.1", "1.2.3.2"]
            assert await store.value("SELECT count(*) FROM deleted") == 0


async def test_an_earlier_file_of_a_deleted_instance_is_no_instance(
    open_store: OpenStore, files: list[bytes]
) -> None:
    """It was replaced, its object had not been collected when the database was lost, and no
    tombstone has its key: that of the later file says that the instance was deleted."""
    async with open_store() as store:
        async with working(store) as ingest:
            stored = [await ingest.store(content, ORIGIN) for content in files[:2]]
            key = await store.value("SELECT min(object_key::text)::uuid FROM instances")
            deletion = DeleteResource("Instance", stored[0].ids.instance)
            await ask(store.bus, "index", deletion, Deleted)
        await store.objects.put(UUID(int=key.int - (1 << 90)), files[0])
        await store.forget()
        async with store.replica():
            await compared(store)
            rows = await store.database.pool.fetch("SELECT sop_instance_uid FROM instances")
            assert [row["sop_instance_uid"] for row in rows] == ["1.2.3.1"]


async def test_a_file_that_comes_again_from_a_clock_that_is_behind_stays(
    open_store: OpenStore, files: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock of who notes deletions is a day ahead of that of who receives: when the database is
    lost, the instance that came after its deletion is not taken for the deleted one."""
    ahead = UUID(int=new_key().int + (86400 * 1000 << 80))
    monkeypatch.setattr("pons_index.tombstones.new_key", lambda: ahead)
    async with open_store() as store:
        async with working(store) as ingest:
            first = await ingest.store(files[0], ORIGIN)
            await ask(store.bus, "index", DeleteResource("Instance", first.ids.instance), Deleted)
            await ingest.store(files[0], ORIGIN)
        [note] = [name async for name in store.objects.notes.names("tombstones")]
        assert note == f"tombstones/{ahead}"
        await store.forget()
        async with store.replica():
            await compared(store)
            assert await store.value("SELECT instances FROM totals") == 1
            assert await store.value("SELECT count(*) FROM garbage WHERE reason = 'deleted'") == 1


async def test_a_clock_that_is_set_back_hides_nothing_that_was_not_announced(
    open_store: OpenStore, files: list[bytes]
) -> None:
    """What was known to be safe then lies in the future now: the last hour is compared, as ever."""
    async with open_store() as store:
        async with store.replica():
            await compared(store)
        await store.database.pool.execute(
            "UPDATE continuity SET safe_at = now() + interval '1 day'"
        )
        await store.objects.put(new_key(), files[0])
        async with store.replica():

            async def indexed() -> bool:
                return bool(await store.value("SELECT instances FROM totals"))

            await until(indexed)


async def test_a_stream_that_was_lost_costs_no_announcement(
    open_store: OpenStore, files: list[bytes]
) -> None:
    """JetStream forgot what the index had not written yet: the objects tell it."""
    async with open_store() as store:
        async with store.replica():
            pass
        async with open_ingest(store.objects, store.bus, store.settings) as ingest:
            await asyncio.gather(*(ingest.keep(one, ORIGIN, awaited=False) for one in files))
        await store.bus.stream.delete_stream(store.bus.names.ingest_stream)
        await store.bus.ensure_streams()
        async with store.replica():
            await compared(store)
            assert await store.value("SELECT instances FROM totals") == 3
            assert "streams" not in await store.value("SELECT comparing FROM continuity")


async def test_what_was_announced_last_may_be_missing_from_a_stream_that_fits(
    open_store: OpenStore, files: list[bytes]
) -> None:
    """Every start compares the objects of the last hour, whatever the streams say."""
    async with open_store() as store:
        async with store.replica():
            pass
        key = new_key()
        await store.objects.put(key, files[0])
        async with store.replica():

            async def indexed() -> bool:
                return bool(await store.value("SELECT instances FROM totals"))

            await until(indexed)
        row = await store.database.pool.fetchrow("SELECT object_key, size, origin FROM instances")
        assert (row["object_key"], row["size"]) == (key, len(files[0]))
        assert json.loads(row["origin"])["kind"] == "Unknown"


async def test_what_came_last_is_compared_after_each_suspicion(
    open_store: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At its start, for another index that began and ended before it could, and when NATS was away:
    until then nobody is told that something is missing."""
    monkeypatch.setattr("pons_index.continuity.BEAT", 0.02)

    async with open_store() as store, store.replica():

        async def compared_after(suspicions: int) -> None:
            async def settled() -> bool:
                row = await store.database.pool.fetchrow("SELECT * FROM continuity")
                return bool(row["suspected"] == row["compared"] == suspicions and row["beaten_at"])

            await until(settled)

        await compared_after(1)
        other = Continuity(store.database, store.bus, store.objects)
        await other.begin()
        await compared_after(2)
        beating = asyncio.create_task(other.beat_forever())
        store.bus.client.stats["reconnects"] += 1
        await compared_after(3)
        beating.cancel()
        await asyncio.wait([beating])


async def test_an_index_that_ends_before_it_has_compared_hides_nothing_from_the_next(
    open_store: OpenStore, files: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The power was away for hours and took an announcement; the first index that starts beats and
    dies. What it had to look for is older than the last hour, and the next one finds it."""
    monkeypatch.setattr("pons_index.continuity.BEAT", 0.02)
    async with open_store() as store:
        async with store.replica():
            await compared(store)
        await store.database.pool.execute(
            "UPDATE continuity SET safe_at = now() - interval '3 hours', beaten_at = NULL"
        )
        two_hours_ago = UUID(int=new_key().int - (2 * 3_600_000 << 80))
        await store.objects.put(two_hours_ago, files[0])
        killed = Continuity(store.database, store.bus, store.objects)
        await killed.begin()
        beating = asyncio.create_task(killed.beat_forever())

        async def has_beaten() -> bool:
            return bool(await store.value("SELECT beaten_at IS NOT NULL FROM continuity"))

        await until(has_beaten)
        beating.cancel()
        await asyncio.wait([beating])
        async with store.replica():

            async def indexed() -> bool:
                return bool(await store.value("SELECT instances FROM totals"))

            await until(indexed)


async def test_a_database_that_is_set_back_at_work_ends_the_index(
    open_store: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It starts anew, which sees to everything; replicas do not disturb each other."""
    monkeypatch.setattr("pons_index.continuity.BEAT", 0.02)
    async with open_store() as store:

        async def has_beaten() -> bool:
            return bool(await store.value("SELECT beats > 4 FROM continuity"))

        async def work() -> None:
            async with store.replica(), store.replica():
                await until(has_beaten)
                await store.database.pool.execute("UPDATE continuity SET beats = 0")
                await asyncio.sleep(60)

        with pytest.raises(BaseExceptionGroup) as raised:
            await work()
        assert raised.group_contains(PonsError, match="set back or replaced")


@pytest.mark.parametrize("replaced", [True, False])
async def test_a_stream_that_is_lost_at_work_ends_the_index(
    open_store: OpenStore, monkeypatch: pytest.MonkeyPatch, replaced: bool
) -> None:
    """The next start makes it; another one of the same name is not the one announced to."""
    monkeypatch.setattr("pons_index.continuity.BEAT", 0.02)
    async with open_store() as store:

        async def work() -> None:
            async with store.replica():
                await store.bus.stream.delete_stream(store.bus.names.ingest_stream)
                if replaced:
                    await store.bus.ensure_streams()
                await asyncio.sleep(60)

        with pytest.raises(BaseExceptionGroup) as raised:
            await work()
        assert raised.group_contains(PonsError, match="set back or replaced")


async def test_the_change_log_goes_on_after_its_last_number(
    open_store: OpenStore, files: list[bytes]
) -> None:
    """Readers skip what is not above the last number that they had."""
    async with open_store() as store:
        async with working(store) as ingest:
            await ingest.store(files[0], ORIGIN)
        last = await store.value("SELECT last_change FROM totals")
        assert last > 0
        await store.forget()
        async with store.replica():
            await compared(store)
            assert await store.value("SELECT min(seq) FROM changes") == last + 1


def test_the_shards_of_the_last_hours_are_few() -> None:
    """A start lists what may have been written since, not the whole store."""
    assert 1 <= len(shards_since(datetime.now(UTC) - MARGIN)) <= 4
    assert len(shards_since(datetime.now(UTC) - timedelta(days=13))) == 256
    assert len(shards_since(datetime.fromtimestamp(0, UTC))) == 256


async def test_a_task_that_misses_its_cancellation_does_not_keep_the_index() -> None:
    """Before Python 3.12 one can get lost; another failed, and everything ends all the same."""

    async def deaf() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        await asyncio.sleep(60)

    async def failing() -> None:
        await asyncio.sleep(0.05)
        raise PonsError("for the test")

    async def work() -> None:
        async with working_tasks(deaf(), failing()):
            await asyncio.sleep(60)

    with pytest.raises(BaseExceptionGroup) as raised:
        await asyncio.wait_for(work(), 60)
    assert raised.group_contains(PonsError, match="for the test")
