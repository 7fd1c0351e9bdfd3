# SPDX-License-Identifier: Apache-2.0
"""Garbage: what is deleted from the object store, and how long that is remembered."""

from typing import Any
from uuid import UUID

import asyncpg
import pytest

from pons.errors import Unavailable
from pons.messages.index import Collected
from pons.objects import SHARDS, FileObjects, new_key
from pons_index.changelog import Growth, log_changes
from pons_index.collector import Collector
from pons_index.faults import is_passing, is_race
from pons_testing.events import ids, received

pytestmark = pytest.mark.anyio
Index = Any
OpenCollector = Any


@pytest.fixture
def collector(open_collector: OpenCollector) -> Collector:
    collector: Collector = open_collector()
    return collector


async def put(objects: FileObjects, *keys: UUID) -> None:
    for key in keys:
        await objects.put(key, b"bytes")


async def kept(objects: FileObjects) -> set[UUID]:
    return {entry.key for shard in SHARDS async for entry in objects.list(shard)}


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


async def test_collected_garbage_is_forgotten_after_a_week(
    index: Index, collector: Collector
) -> None:
    """The table does not grow for ever, but remembers while an announcement may come again."""
    await index.database.pool.executemany(
        "INSERT INTO garbage (object_key, reason, collected) VALUES ($1, 'deleted', now() - $2 *"
        " interval '1 day')",
        [(new_key(), 6), (new_key(), 8)],
    )
    await collector.collect()
    assert await index.value("SELECT count(*) FROM garbage") == 1


async def test_what_was_deleted_and_lies_there_again_is_deleted_again(
    index: Index, objects: FileObjects, collector: Collector
) -> None:
    """A power cut can undo the removal of a file; nobody takes it for one that was forgotten."""
    key = new_key()
    await put(objects, key)
    await index.database.pool.execute(
        "INSERT INTO garbage (object_key, reason, collected) VALUES ($1, 'deleted', now() -"
        " interval '1 hour')",
        key,
    )
    assert await collector.collect() == Collected(1, 0, 0, True)
    assert await kept(objects) == set()


async def test_a_batch_whose_object_became_garbage_begins_again(index: Index) -> None:
    """What became garbage after it was looked up is noticed before the commit."""
    key = new_key()
    await index.database.pool.execute(
        "INSERT INTO garbage (object_key, reason) VALUES ($1, 'leftover')", key
    )
    async with index.database.pool.acquire() as connection:
        await log_changes(connection, Growth(), objects=[new_key()])
        with pytest.raises(asyncpg.PostgresError, match="became garbage") as raced:
            await log_changes(connection, Growth(), objects=[new_key(), key])
    assert is_race(raced.value)
    assert is_passing(raced.value)


class Broken(FileObjects):
    """An object store that is away."""

    async def delete(self, keys: Any) -> None:
        raise Unavailable("The object store does not answer")


async def test_garbage_waits_while_the_object_store_is_away(
    index: Index, open_collector: OpenCollector, tmp_path: Any
) -> None:
    """Nothing counts as deleted that was not."""
    event = received("1.1")
    await index.write(event)
    await index.delete("Instance", ids(event).instance)
    broken = Broken(tmp_path / "objects", "main", fsync=False)
    with pytest.raises(Unavailable):
        await open_collector(objects=broken).collect()
    assert await index.value("SELECT count(*) FROM garbage WHERE collected IS NULL") == 1


async def test_nothing_is_looked_for_before_the_comparison_at_the_start(
    objects: FileObjects, open_collector: OpenCollector
) -> None:
    """It knows first what was deleted on purpose."""
    await put(objects, new_key())
    assert await open_collector(compared=False).collect() == Collected(0, 0, 0, False)
