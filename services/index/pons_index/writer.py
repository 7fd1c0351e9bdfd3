# SPDX-License-Identifier: Apache-2.0
"""Writing batches of arrivals: each in one transaction, and what can never be written apart."""

import asyncio
import math
import traceback
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog

from pons.errors import NotFound, OutOfResources
from pons.health.pulse import Pulse
from pons.messages.changes import CHANGE_NAMES
from pons.messages.events import Indexed
from pons.objects import Objects
from pons.settings import IndexSettings
from pons_index.arrival import Arrival
from pons_index.capacity import Capacity
from pons_index.changelog import Growth, Line, log_changes
from pons_index.database import Database
from pons_index.decision import Broken, Decisions, Restored, decide
from pons_index.deletion import delete_instances, take_time
from pons_index.faults import Raced, Slow, is_refusal
from pons_index.metrics import TRANSACTION_SECONDS
from pons_index.rows import Described, columns, describe
from pons_index.senders import AskSender, nobody_listens
from pons_index.signature import signature_of
from pons_index.statements import SQL
from pons_index.tags import Unindexable, tag_reader

log = structlog.get_logger()
Refuse = Callable[[Arrival, str], Awaitable[None]]
TRIES = 3
"""How often an arrival that raises what nobody expects is tried alone."""
MANY_FAILURES = 3
"""Arrivals in a row that fail so: then it is not about them, and the index is not ready."""
PAUSE = 0.1
MAX_HEADERS = 64 * 1024 * 1024
"""Bytes of headers, as JSON, that one transaction is made of, unless a single one has more."""


class Bulky(Exception):
    """A batch takes too much memory to be written at once; its halves may not."""


class Writer:
    """Writes arrivals into the database.

    Parameters
    ----------
    refuse
        Keeps an arrival that can never be written, with the reason, for people to look at.
    capacity
        The limits of the store; None for a store without.
    can_be_refused
        Whether the sender of an arrival can still be told that the store is full.
    wrote
        Hears which objects have become files of instances, after the commit.
    pulse
        Hears how it goes.
    """

    def __init__(
        self,
        database: Database,
        objects: Objects,
        settings: IndexSettings,
        refuse: Refuse,
        capacity: Capacity | None = None,
        can_be_refused: AskSender = nobody_listens,
        wrote: Callable[[list[UUID]], None] = lambda _keys: None,
        pulse: Pulse | None = None,
    ) -> None:
        self._pulse = pulse or Pulse("writer")
        self._database = database
        self._objects = objects
        self._settings = settings
        self._refuse = refuse
        self._capacity = capacity if capacity and capacity.limited else None
        self._can_be_refused = can_be_refused
        self._heard = wrote
        self._tags = tag_reader(settings.extra_main_tags)
        self._signature: int | None = None
        self._look_first = False
        self._failures = 0
        """How many arrivals in a row were set aside for what nobody expected."""

    async def write(
        self,
        batch: list[Arrival],
        waiting: Callable[[], Awaitable[None]] | None = None,
        tries: int = TRIES,
    ) -> list[Indexed]:
        """The answers to a batch, in its order, once all of it is committed.

        Waits as long as the database is away or has to be repaired, calling `waiting` before each
        pause. An arrival that the database refuses, or that raises what nobody expects each time
        it is tried alone, is found by halving the batch and set aside: it holds up no other.
        """
        try:
            with TRANSACTION_SECONDS.time():
                return await self._run(partial(self._transact, batch), waiting)
        except OutOfResources:
            if len(batch) == 1:
                return await self._overflow(batch, waiting)
        except Exception as error:  # a bug may be in any line, and must not stop the index for all
            if len(batch) == 1:
                return await self._try_alone(batch, error, waiting, tries - 1)
        middle = len(batch) // 2
        return [
            *await self.write(batch[:middle], waiting),
            *await self.write(batch[middle:], waiting),
        ]

    async def _run(
        self,
        work: Callable[[Any], Awaitable[list[Indexed]]],
        waiting: Callable[[], Awaitable[None]] | None,
    ) -> list[Indexed]:
        answers = await self._database.run(work, math.inf, waiting, self._pulse, often=True)
        self._failures = 0
        return answers

    async def _try_alone(
        self,
        batch: list[Arrival],
        error: Exception,
        waiting: Callable[[], Awaitable[None]] | None,
        tries: int,
    ) -> list[Indexed]:
        """Try the one arrival of a batch once more, or set it aside."""
        [arrival] = batch
        never = isinstance(error, Unindexable) or is_refusal(error)
        if not never and tries > 0:
            log.warning("instance is tried again", reason=_reason(error))
            if waiting is not None:
                await waiting()
            await asyncio.sleep(PAUSE)
            return await self.write(batch, waiting, tries)
        reason = _reason(error)
        await self._refuse(arrival, reason)
        self._pulse.succeed()
        if not never:
            log.error("instance fails in the index", exc_info=error)
            self._failures += 1
        if self._failures >= MANY_FAILURES:
            self._pulse.fail(reason, lasting=True)  # until another is written
        return [Indexed(arrival.event.token, "", reason if never else "an error in the index")]

    async def _overflow(
        self, batch: list[Arrival], waiting: Callable[[], Awaitable[None]] | None
    ) -> list[Indexed]:
        """Refuse the one arrival of a batch that has no room, unless it was acknowledged before."""
        [arrival] = batch
        refusing = await self._can_be_refused(arrival)
        work = partial(_reject, arrival) if refusing else partial(self._transact, batch, full=True)
        return await self._run(work, waiting)

    async def _transact(
        self, batch: list[Arrival], connection: Any, *, full: bool = False
    ) -> list[Indexed]:
        """Write a batch; with `full` also beyond the store's limits."""
        # Most of what arrives is new, and looking is one more round trip. So it is taken for new
        # until the database says otherwise (a race); the next attempt looks first.
        # A header kept apart may be collected garbage: to read it one has to know.
        apart = any(arrival.event.header_key for arrival in batch)
        found = await self._look_up(connection, batch) if self._look_first or apart else []
        looked, self._look_first = self._look_first or apart, True
        decisions = self._decide(batch, found)
        broken = await self._broken(decisions)
        if broken is not None:
            decisions = self._decide(batch, found, broken)
        capacity = None if full else self._capacity
        if capacity and decisions.inserted and not decisions.replaced:
            await _refuse_surplus(connection, capacity, decisions, looked=looked)
        answers = await self._carry_out(connection, batch, decisions, capacity, broken)
        self._wrote(decisions)
        self._look_first = bool(found)
        return answers

    async def _carry_out(
        self,
        connection: Any,
        batch: list[Arrival],
        decisions: Decisions,
        capacity: Capacity | None,
        broken: Broken | None,
    ) -> list[Indexed]:
        if self._signature is None:
            self._signature = await signature_of(connection, self._tags.listed)
        new = await self._describe(decisions.inserted)
        if not (new or decisions.discarded or decisions.restored):
            return decisions.answers
        only_new = not (decisions.replaced or decisions.restored or decisions.discarded or capacity)
        # One statement is a transaction by itself.
        async with nullcontext() if only_new else connection.transaction():
            growth = Growth()
            if decisions.replaced:
                growth = await self._make_room(connection, batch, decisions, broken)
            if decisions.restored:
                growth += await _restore_files(connection, decisions.restored)
            if decisions.discarded:
                await connection.execute(SQL["discard"], decisions.discarded, "duplicate")
            if new:
                await self._insert(connection, new, growth, capacity)
            elif decisions.restored:
                keys = [one.arrival.event.object_key for one in decisions.restored]
                await log_changes(connection, growth, objects=keys)
        return decisions.answers

    async def _look_up(self, connection: Any, batch: list[Arrival]) -> list[Any]:
        ids = list({arrival.instance for arrival in batch})
        keys = [key for arrival in batch for key in arrival.keys]
        found: list[Any] = await connection.fetch(SQL["look_up"], ids, keys)
        return found

    def _decide(
        self, batch: list[Arrival], found: list[Any], broken: Broken | None = None
    ) -> Decisions:
        return decide(batch, found, self._settings.overwrite_instances, broken)

    async def _broken(self, decisions: Decisions) -> Broken | None:
        """Which objects of instances that came again are lost: then what came is kept instead."""
        missing, damaged = set(), set()
        for existing in decisions.duplicates:
            if existing.instance_key is None:
                continue
            try:
                if await self._objects.size(existing.object_key) != existing.stored_size:
                    damaged.add(existing.object_key)
            except NotFound:
                missing.add(existing.object_key)
        if not missing and not damaged:
            return None
        return Broken(frozenset(missing), frozenset(damaged))

    def _wrote(self, decisions: Decisions) -> None:
        arrivals = [*decisions.inserted, *(one.arrival for one in decisions.restored)]
        self._heard([arrival.event.object_key for arrival in arrivals])

    async def _describe(self, inserted: list[Arrival]) -> list[Described]:
        series: set[bytes] = set()
        described: list[Described] = []
        size = 0
        for arrival in inserted:
            header = await self._header(arrival)
            new = describe(self._tags, arrival, header, first=arrival.series not in series)
            size += new.tags.header_size
            if size > MAX_HEADERS and described:
                raise Bulky("the headers are too large to be written together")
            described.append(new)
            series.add(arrival.series)
        return described

    async def _header(self, arrival: Arrival) -> bytes:
        header_key = arrival.event.header_key
        if header_key is None:
            return arrival.event.header
        try:
            return await self._objects.read(header_key)
        except NotFound:
            raise Unindexable("the object with its header is missing") from None

    async def _make_room(
        self, connection: Any, batch: list[Arrival], before: Decisions, broken: Broken | None
    ) -> Growth:
        """Delete what is replaced, if that is still so once nobody else can change it."""
        ids = list({arrival.patient for arrival in before.inserted})
        await connection.execute(SQL["lock_patients"], ids)
        decisions = self._decide(batch, await self._look_up(connection, batch), broken)
        if decisions != before:
            raise Raced("what was to be replaced has changed")
        await take_time(connection)
        return (await delete_instances(connection, decisions.replaced, "replaced")).growth

    async def _insert(
        self, connection: Any, new: list[Described], growth: Growth, capacity: Capacity | None
    ) -> None:
        events = [described.arrival.event for described in new]
        growth += Growth(
            instances=len(new),
            size=sum(event.size for event in events),
            stored_size=sum(event.stored_size for event in events),
        )
        patients, studies, series, *lines = await connection.fetchrow(
            SQL["write_batch"],
            timedelta(seconds=self._settings.stable_age),
            self._signature or 0,
            capacity is None,
            *columns(new),
            *growth,
        )
        if capacity is None:
            return
        growth = replace(growth, patients=patients, studies=studies, series=series)
        written = list({described.arrival.patient for described in new})
        freed, expected = await capacity.make_room(connection, growth, written)
        changes = [Line(CHANGE_NAMES[kind], *rest) for kind, *rest in zip(*lines, strict=True)]
        objects = [key for described in new for key in described.arrival.keys]
        filling = await log_changes(connection, growth + freed, changes, objects)
        capacity.check(expected, filling)


async def _restore_files(connection: Any, restored: Sequence[Restored]) -> Growth:
    """Instances whose objects were lost lie in those that came now."""
    growth = 0
    for one in restored:
        event = one.arrival.event
        form = (event.object_key, event.stored_size, event.compression)
        # Raced: it was deleted, or has come from elsewhere meanwhile.
        if not await connection.fetchval(
            SQL["restore_lost"], one.instance_key, one.former_key, *form
        ):
            raise Raced("an instance whose object was lost has changed")
        growth += event.stored_size - one.former_size
        log.warning(
            "lost object restored",
            sop_instance_uid=event.sop_instance_uid,
            object_key=str(event.object_key),
            former_key=str(one.former_key),
        )
    await connection.execute(SQL["discard"], [one.former_key for one in restored], "replaced")
    return Growth(stored_size=growth)


async def _refuse_surplus(
    connection: Any, capacity: Capacity, decisions: Decisions, *, looked: bool
) -> None:
    """Raise `OutOfResources` before anything is written, when that is sure."""
    size = sum(arrival.event.stored_size for arrival in decisions.inserted)
    try:
        await capacity.refuse_surplus(connection, size)
    except OutOfResources:
        if looked:
            raise
        raise Raced("what is taken for new may not be") from None


async def _reject(arrival: Arrival, connection: Any) -> list[Indexed]:
    """Throw away what its sender knows not to be stored."""
    token = arrival.event.token
    async with connection.transaction():
        # Another replica may be writing the same announcement: it must be done, or see the garbage.
        await connection.execute("SET LOCAL lock_timeout = '2s'")
        await connection.execute(SQL["hold_references"])
        if await connection.fetchval(SQL["is_referred"], arrival.keys):
            return [Indexed(token, "Success")]
        await connection.execute(SQL["discard"], arrival.keys, "rejected")
    return [Indexed(token, "StorageFull")]


def _reason(error: Exception) -> str:
    """Why, without the values: they may be a person's data."""
    if isinstance(error, (Unindexable, Slow)):
        return str(error)
    if is_refusal(error):
        state = getattr(error, "sqlstate", None)
        return "the database refuses a value" + (f" (SQLSTATE {state})" if state else "")
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{Path(frame.filename).name} line {frame.lineno} ({frame.name})" for frame in frames]
    return f"an error in the index: {type(error).__name__} in {', called by '.join(places[:-4:-1])}"
