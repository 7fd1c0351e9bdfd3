# SPDX-License-Identifier: Apache-2.0
"""The index, put together: what it opens, what it does in the background, how it ends."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from pons.bus import Bus, open_bus
from pons.bus.requests import answer_commands
from pons.bus.roll_call import answering_roll_call
from pons.catalog import open_catalog
from pons.errors import PonsError
from pons.health.pulse import NEVER_TOO_LONG
from pons.health.readiness import Health
from pons.objects import Objects, open_objects
from pons.objects.free_space import FreeSpace
from pons.remotes.live import open_live
from pons.retention.known import open_retention
from pons.settings import Settings
from pons_index.capacity import Capacity
from pons_index.client_data import ClientData
from pons_index.collector import Collector
from pons_index.commands import Commands, giving_way, refusing
from pons_index.comparison import Comparison
from pons_index.consumer import Consumer, open_consumer
from pons_index.continuity import Continuity
from pons_index.database import open_database, require_url
from pons_index.dead_letters import DeadLetters
from pons_index.expiry import Expiry
from pons_index.fence import Fence, who
from pons_index.history import History, look
from pons_index.lag import measure_lag
from pons_index.origins import Origins
from pons_index.ownership import Claim
from pons_index.quarantine import Quarantine
from pons_index.reconstruct import ReadAgain, Reconstruction
from pons_index.records import Records
from pons_index.refusals import Refusals
from pons_index.relay import Relay
from pons_index.returning import Returning
from pons_index.senders import asking
from pons_index.stable import settle
from pons_index.stream import forget_acknowledged
from pons_index.sweep import Sweep
from pons_index.tags import tag_reader
from pons_index.tombstones import Tombstones
from pons_index.traces import Traces
from pons_index.worklists import Worklists
from pons_index.writer import Writer

if TYPE_CHECKING:
    from pons.ingest import Ingest


AGAIN = 1.0
"""Seconds until a task that has not ended is told once more to end."""


@asynccontextmanager
async def open_service(settings: Settings, health: Health) -> AsyncIterator[None]:
    """The index works while the block runs. A failure of a background task ends the block."""
    async with open_index(settings, health):
        yield


@asynccontextmanager
async def open_index(
    settings: Settings, health: Health, *, adopting: bool = False, asked: str = ""
) -> AsyncIterator[Comparison]:
    """As `open_service`; gives the comparison of the start.

    `adopting`: see `ownership.Claim`. `asked`: why all objects are compared, whatever was seen.
    """
    require_url(settings)
    async with (
        open_bus(settings) as bus,
        answering_roll_call(bus, health),
        opened_objects(settings) as objects,
        open_database(settings, Claim(settings, bus, objects, adopting), health.pulses) as database,
        open_live(bus, settings, "sqlite"),
        open_catalog(settings, objects) as catalog,
        open_retention(bus, catalog, settings) as retention,
    ):
        health.checks |= {"database": database.check, "nats": bus.check}
        health.pulses.include(bus.pulses)
        health.measures.append(partial(measure_lag, bus))
        pulse = health.pulses.add
        traces = Traces(bus)
        await traces.listen()
        relay = Relay(database, bus, pulse("relay"), traces)
        dead_letters = DeadLetters(
            database, lambda: ingesting(objects, bus, settings), health.warnings
        )
        writing = pulse("consumer")
        refusals = Refusals(bus, database, dead_letters.wake, writing)
        capacity = Capacity(settings.storage)
        origins = Origins(database, objects)
        writer = Writer(
            database,
            objects,
            settings.index,
            refusals.refuse,
            capacity,
            asking(bus),
            origins.wrote,
            writing,
        )
        consumer = Consumer(bus, writer, refusals, settings.index, relay.wake, traces)
        records, tombstones = Records(database, objects), Tombstones(database, objects)
        worklists = Worklists(
            database,
            objects,
            settings.worklists,
            settings.storage.quarantine_days,
            pulse("worklists"),
        )
        continuity = Continuity(database, bus, objects, pulse("continuity"))
        fence = Fence(database, objects, who(settings), pulse("objects"))
        sweep = Sweep(database, objects, bus, settings.storage.orphan_grace)
        returning = Returning(database, objects, origins, lambda: ingesting(objects, bus, settings))
        comparison = Comparison(
            database,
            continuity,
            sweep,
            returning,
            tombstones,
            records,
            worklists,
            pulse("comparison", NEVER_TOO_LONG),
            health.warnings,
        )
        quarantine = Quarantine(
            database,
            settings.storage.quarantine_days,
            settings.storage.sweep_share,
            health.warnings,
        )
        collector = Collector(
            database,
            objects,
            sweep,
            returning,
            quarantine,
            tombstones,
            fence,
            comparison.done,
            settings.storage.collect_interval,
            pulse("collector", NEVER_TOO_LONG),
        )
        expiry = Expiry(
            database,
            bus,
            retention,
            tombstones,
            fence,
            comparison.done,
            health.warnings,
            pulse("retention", NEVER_TOO_LONG),
        )
        history = History(database, lambda: look(bus, settings), pulse("history", NEVER_TOO_LONG))
        reconstruction = Reconstruction(
            database,
            lambda: reading_again(objects, bus, settings),
            tag_reader(settings.index.extra_main_tags),
        )
        read_only = settings.store.read_only
        log_exports = settings.index.log_exports and not read_only
        commands = Commands(
            database,
            relay,
            collector,
            log_exports=log_exports,
            tombstones=tombstones,
            records=records,
            bus=bus,
        )
        client_data = ClientData(
            database,
            relay.wake,
            check_revisions=settings.index.check_revisions,
            records=records,
            capacity=capacity,
        )
        handlers = (
            commands.handlers()
            | client_data.handlers()
            | reconstruction.handlers()
            | dead_letters.handlers()
            | worklists.handlers()
        )
        await fence.begin()
        beginning = await continuity.begin(asked)
        health.checks["continuity"] = continuity.check
        async with open_consumer(bus, consumer, settings.index.batch_size):
            async with working(
                consumer.consume(),
                relay.relay(),
                forget_acknowledged(bus, pulse=pulse("announcements")),
                settle(database, settings.index.stable_age, relay.wake, pulse("stable")),
                dead_letters.watch(pulse("dead letters")),
                comparison.compare_forever(beginning),
                continuity.beat_forever(),
                fence.watch_forever(),
                origins.write_forever(beginning.since),
                collector.collect_forever(),
                worklists.end_forever(),
                history.keep_forever(),
                *(() if read_only or adopting or asked else (expiry.expire_forever(),)),
            ):
                room = FreeSpace(settings.storage)
                answered = (
                    refusing(handlers)
                    if read_only
                    else giving_way(handlers, room, lambda: bus.start(collect_garbage(collector)))
                )
                await answer_commands(bus, "index", answered, health)
                try:
                    yield comparison
                finally:
                    await bus.take_leave()
            await continuity.end()


async def collect_garbage(collector: Collector) -> None:
    """Remove what was deleted, before its turn; the next round does what this cannot."""
    with suppress(PonsError):
        await collector.collect(())


@asynccontextmanager
async def working(*tasks: Coroutine[Any, Any, Any]) -> AsyncIterator[None]:
    """The tasks run until the block ends; one that fails ends the block."""
    async with asyncio.TaskGroup() as group:
        running = [group.create_task(task) for task in tasks]
        try:
            yield
        finally:
            await _end(running)


async def _end(running: Sequence[asyncio.Task[Any]]) -> None:
    """Cancel the tasks until they have ended.

    More than once, also those that the group has cancelled: before Python 3.12 a cancellation can
    get lost in `asyncio.wait_for`, which several libraries end their requests in.
    """
    while left := [task for task in running if not task.done()]:
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=AGAIN)


@asynccontextmanager
async def opened_objects(settings: Settings) -> AsyncIterator[Objects]:
    objects = open_objects(settings.storage, settings.store.name)
    try:
        yield objects
    finally:
        await objects.close()


@asynccontextmanager
async def reading_again(objects: Objects, bus: Bus, settings: Settings) -> AsyncIterator[ReadAgain]:
    """Ingest's way to read a stored file again."""
    async with ingesting(objects, bus, settings) as ingest:
        yield ingest.read_again


@asynccontextmanager
async def ingesting(objects: Objects, bus: Bus, settings: Settings) -> AsyncIterator["Ingest"]:
    """The way in, opened where it is needed."""
    # It scans headers, and what that needs takes 25 MB: only after a power cut, or when asked to.
    from pons.ingest import open_ingest

    async with (
        open_live(bus, settings, "sqlite") as live,
        open_ingest(objects, bus, settings, lambda: live.now.default_charset) as ingest,
    ):
        yield ingest
