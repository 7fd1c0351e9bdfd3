# SPDX-License-Identifier: Apache-2.0
"""A report waits for a database, objects or an index that cannot tell yet."""

import asyncio
import time

import pytest
from nats.js.api import AckPolicy, ConsumerConfig

from pons.bus import Bus
from pons.errors import Unavailable
from pons.ingest.backlog import DURABLE
from pons_testing.waiting import until

from .committed import CT, SOON, Shelf, committing, scanner

pytestmark = pytest.mark.anyio


async def test_a_database_that_is_away(bus: Bus, shelf: Shelf) -> None:
    """Nothing is reported until it can be told."""
    await shelf.add("1.1")
    shelf.failures = [Unavailable("away"), Unavailable("away")]
    with scanner() as there:
        async with committing(bus, shelf, there.port) as asker:
            job_id = await asker.submit((CT, "1.1"))
            await asker.until(job_id, "Retry")
            assert there.heard == []
            assert (await asker.jobs.wait_for(job_id, 60)).document.state == "Success"
    assert there.heard == [(1, "1.2.3", ["1.1"], {})]
    assert len(there.callers) == 1


async def test_objects_that_are_away(bus: Bus, shelf: Shelf) -> None:
    """An object store that does not answer is no lost image."""
    await shelf.add("1.1")
    folder = shelf.objects.spool_folder.parent
    with scanner() as there:
        async with committing(bus, shelf, there.port) as asker:
            folder.rename(folder.with_name("unmounted"))
            job_id = await asker.submit((CT, "1.1"))
            await asker.until(job_id, "Retry")
            folder.with_name("unmounted").rename(folder)
            assert (await asker.jobs.wait_for(job_id, 60)).document.state == "Success"
    assert there.heard == [(1, "1.2.3", ["1.1"], {})]


async def test_acknowledged_and_not_indexed(bus: Bus, shelf: Shelf) -> None:
    """What was acknowledged before waits for the index; it is neither denied nor promised."""
    subscription = await bus.stream.pull_subscribe(
        bus.names.received,
        durable=DURABLE,
        stream=bus.names.ingest_stream,
        config=ConsumerConfig(ack_policy=AckPolicy.EXPLICIT),
    )
    await bus.publish(bus.names.received, b"an announcement")
    [announced] = await subscription.fetch(1, timeout=60)
    with scanner() as there:
        async with committing(bus, shelf, there.port) as asker:
            job_id = await asker.submit((CT, "1.1"), (CT, "1.2"))
            await asyncio.wait_for(shelf.looked_up.wait(), 60)
            await shelf.add("1.1")
            await announced.ack_sync()
            assert (await asker.jobs.wait_for(job_id, 60)).document.state == "Success"
    assert there.heard == [(2, "1.2.3", ["1.1"], {"1.2": 0x0112})]
    assert shelf.asked["1.1"] == 2


async def test_an_index_that_is_restored(bus: Bus, shelf: Shelf) -> None:
    """While objects come back into it, what it has is no reason to deny what it lacks."""
    await shelf.add("1.1")
    shelf.restoring = True
    with scanner() as there:
        async with committing(bus, shelf, there.port) as asker:
            job_id = await asker.submit((CT, "1.1"), (CT, "1.2"))
            assert "may lack some" in (await asker.until(job_id, "Retry")).document.error_details
            await shelf.add("1.2")
            assert (await asker.jobs.wait_for(job_id, 60)).document.state == "Success"
    assert there.heard == [(1, "1.2.3", ["1.1", "1.2"], {})]


async def test_a_comparison_that_takes_long(bus: Bus, shelf: Shelf) -> None:
    """The job outlasts it, however many tries a network error has."""
    shelf.restoring = True
    with scanner() as there:
        async with committing(bus, shelf, there.port) as asker:
            job_id = await asker.submit((CT, "1.1"))
            await until(lambda: shelf.asked["1.1"] > 4 * SOON.retries)
            job = await asker.jobs.get(job_id)
            assert job.document.attempts == 0
            shelf.restoring = False
            await asker.jobs.wait_for(job_id, 30)
    assert there.heard == [(2, "1.2.3", [], {"1.1": 0x0112})]


async def test_nats_that_was_lost(bus: Bus, shelf: Shelf) -> None:
    """It may have lost announcements: nothing is denied before the index can have noticed."""
    bus.connection.reconnected_at = time.monotonic() - 1
    with scanner() as there:
        async with committing(bus, shelf, there.port) as asker:
            job_id = await asker.submit((CT, "1.1"))
            assert "may lack some" in (await asker.until(job_id, "Retry")).document.error_details
            bus.connection.reconnected_at -= 60
            await asker.jobs.wait_for(job_id, 30)
    assert there.heard == [(2, "1.2.3", [], {"1.1": 0x0112})]


async def test_an_index_that_is_as_it_was_before(bus: Bus, shelf: Shelf) -> None:
    """It has an instance with an object that was replaced since; the later one is to come back."""
    old = await shelf.add("1.1")
    await shelf.objects.delete([old.object_key])
    shelf.restoring = True
    with scanner() as there:
        async with committing(bus, shelf, there.port) as asker:
            job_id = await asker.submit((CT, "1.1"))
            assert "may lack some" in (await asker.until(job_id, "Retry")).document.error_details
            shelf.rows.clear()
            await shelf.add("1.1")
            assert (await asker.jobs.wait_for(job_id, 60)).document.state == "Success"
    assert there.heard == [(1, "1.2.3", ["1.1"], {})]


async def test_what_comes_back_right_after_it_was_looked_up(bus: Bus, shelf: Shelf) -> None:
    """That the index is whole by then makes no denial of what it lacked before."""
    back = await shelf.add("1.1")
    shelf.rows.clear()
    shelf.restoring = True

    def end() -> None:
        if shelf.asked["1.1"] == 2:
            shelf.rows[:] = [back]
            shelf.restoring = False

    shelf.before_answer = end
    with scanner() as there:
        async with committing(bus, shelf, there.port) as asker:
            assert (await asker.ask((CT, "1.1"))).document.state == "Success"
    assert there.heard == [(1, "1.2.3", ["1.1"], {})]


async def test_an_index_that_stands_still(bus: Bus, shelf: Shelf) -> None:
    """While it is behind, no instance is denied: the job waits, and says why."""
    await bus.publish(bus.names.received, b"an announcement")
    with scanner() as there:
        async with committing(bus, shelf, there.port) as asker:
            job_id = await asker.submit((CT, "1.1"))
            job = await asker.until(job_id, "Retry")
            assert "The index is behind" in job.document.error_details
            await asker.jobs.cancel(job_id)
    assert there.heard == []
    await bus.stream.purge_stream(bus.names.ingest_stream)
