# SPDX-License-Identifier: Apache-2.0
"""Noticing that a database or a stream was set back: what it says is compared with what it said.

A count in the database grows with every beat, and so does the number of the last announcement. A
copy of both lies with the objects. What is behind its copy, or is not the same stream any more, has
forgotten something: then all objects are compared with the index. What fits can still lack what
came last, so every start compares the objects of the last hours.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import asyncpg
import msgspec
import structlog

from pons.bus import Bus
from pons.errors import NotFound, PonsError, Unavailable, log_text
from pons.health.pulse import Pulse
from pons.objects import Objects
from pons_index.database import Database, until_done
from pons_index.faults import passing_is_unavailable
from pons_index.statements import SQL
from pons_index.stream import StreamState, forget_all, read_stream_state

log = structlog.get_logger()
T = TypeVar("T")

BEAT = 5.0
NOTE_EVERY = 60.0
"""Seconds between copies; far below `MARGIN`, which covers what came since."""
MARGIN = timedelta(hours=1)
"""How long before everything was known to be indexed an announcement may have been lost: NATS
writes every 2 minutes, and what was being stored was announced a little later."""
NOTE = "seen"
NEVER = datetime.fromtimestamp(0, UTC)
SET_BACK = "the streams were set back"
SET_BACK_AT_WORK = "Database or streams were set back or replaced while the index was running"
COMPARES = "it starts anew and compares all objects with them"
PARTING_PATIENCE = 2.0


class Seen(msgspec.Struct, frozen=True):
    """The copy that lies with the objects."""

    beats: int
    last_change: int
    stream: StreamState


UNREADABLE = Seen(1 << 40, 0, StreamState("", 0))
"""Nothing fits this, so everything is compared."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a start found."""

    comparing: str
    """Why all objects are to be compared with the index; empty: only those since `since`."""
    since: datetime


class Continuity:
    """Says at each start, and with every beat, whether database and streams are those of before."""

    def __init__(
        self, database: Database, bus: Bus, objects: Objects, pulse: Pulse | None = None
    ) -> None:
        self._pulse = pulse or Pulse("continuity")
        self._database = database
        self._bus = bus
        self._objects = objects
        self._beats = 0
        self._reconnects = 0
        self._noted = float("-inf")
        self._due = bus.connection.when_reconnected()
        self.suspected = asyncio.Event()
        """NATS, or an index, has started: what NATS had not written to its disk is to be looked
        for."""

    async def begin(self, asked: str = "") -> Beginning:
        """Compare with what was seen last, before anything is written; waits for what is away.

        `asked`: why all objects are to be compared, whatever was seen.
        """
        waits = "waiting to see what is there"
        return await until_done(lambda: self._begin(asked), waits, self._pulse)

    async def _begin(self, asked: str) -> Beginning:
        # What was seen is read before the stream: meanwhile it can only have grown.
        seen = await self._read_note()
        before = await self._ask(_read)
        stream = await read_stream_state(self._bus)
        self._reconnects = self._bus.client.stats["reconnects"]
        if before is None:
            raise PonsError("The database lost its tables while the index was starting")
        reasons = list(_reasons(before, seen, stream))
        comparing = before["comparing"] or "; ".join(filter(None, (asked, *reasons)))
        self._beats = max(before["beats"], seen.beats if seen else 0) + 1

        async def set_out(connection: Any) -> None:
            async with connection.transaction():
                state = (stream.created, stream.last)
                await connection.execute(SQL["set_continuity"], self._beats, *state, comparing)
                if seen is not None:
                    # Readers of the change log skip what is not above the last number they had.
                    await connection.execute(SQL["raise_last_change"], seen.last_change)

        if reasons and seen is not None:
            log.error("database or streams are not those of before", reason="; ".join(reasons))
        if SET_BACK in reasons:
            # It would hand out again what was deleted since; what counts is found by its object.
            await forget_all(self._bus)
        await self._ask(set_out)
        await self._note(stream)
        return Beginning(comparing, _since(before))

    async def safe_since(self) -> datetime:
        """Since when an announcement may have been lost, as far as is known now."""
        row = await self._ask(_read)
        return _since(row) if row is not None else NEVER

    async def suspicions(self) -> tuple[int, int]:
        """How often announcements may have been lost by now, and after how many of these objects
        have been compared."""
        row = await self._database.run(lambda one: one.fetchrow(SQL["read_suspicions"]))
        return row["suspected"], row["compared"]

    async def compared_after(self, suspicions: int) -> None:
        """After so many of them, objects have been compared with the index; what it lacked is
        announced."""
        await self._database.run(lambda one: one.execute(SQL["end_suspicions"], suspicions))

    async def compared(self) -> None:
        """All objects have been compared with the index."""
        await self._database.run(lambda connection: connection.execute(SQL["end_comparison"]))

    async def check(self) -> None:
        """Raise `Unavailable` where database or streams are not those of before.

        Whoever asks whether the index is ready would otherwise hear until the next beat that it is.
        """
        known = self._beats  # as it was before what is read: a beat may come meanwhile
        try:
            before = await self._ask(lambda connection: connection.fetchrow(SQL["read_continuity"]))
            stream = await read_stream_state(self._bus)
        except Unavailable:
            return  # whoever is away is told of by itself
        if before is None or before["beats"] < known or not _is_later(stream, before):
            self._due.set()
            raise Unavailable(SET_BACK_AT_WORK, COMPARES)

    async def beat_forever(self) -> None:
        """Raises `PonsError` when database or streams are not those of before: a new start, which
        the supervisor gives, sees to everything."""
        while True:
            await self._next_beat()
            try:
                await self._beat()
                self._pulse.succeed()
            except Unavailable as error:
                self._pulse.fail(str(error))
                log.warning("continuity cannot be checked", error=log_text(error))

    async def end(self) -> None:
        """Leave a copy behind; where that cannot be, the next start compares a little more."""
        try:
            async with asyncio.timeout(PARTING_PATIENCE):
                await self._beat()
                await self._note(await read_stream_state(self._bus))
        except (PonsError, TimeoutError) as error:
            log.warning("the last state is not noted", error=log_text(error))

    async def _next_beat(self) -> None:
        """Wait until the next beat is due: at once where the server of the streams was away, or
        where a check has found something."""
        with suppress(TimeoutError):
            async with asyncio.timeout(BEAT):
                await self._due.wait()
        self._due.clear()

    async def _beat(self) -> None:
        began = datetime.now(UTC)
        before = await self._ask(_read)
        stream = await read_stream_state(self._bus)
        row = None
        if (reconnects := self._bus.client.stats["reconnects"]) != self._reconnects:
            # Before the beat, which says that nothing is suspected that is not written.
            await self._ask(lambda connection: connection.execute(SQL["suspect"]))
            self._reconnects = reconnects
        if before is not None and _is_later(stream, before):
            values = (self._beats, stream.last, began if stream.drained else None)
            row = await self._ask(lambda connection: connection.fetchrow(SQL["beat"], *values))
        if row is None:
            raise PonsError(SET_BACK_AT_WORK, COMPARES)
        self._beats = row["beats"]
        if row["suspicious"]:  # also where a replica began and is no more
            self.suspected.set()
        if asyncio.get_running_loop().time() >= self._noted + NOTE_EVERY:
            await self._note(stream)

    async def _ask(self, work: Callable[[Any], Awaitable[T]]) -> T | None:
        """What `work` makes of a connection; None where the database has no such table.

        Raises `Unavailable`.
        """
        with passing_is_unavailable():
            try:
                async with self._database.pool.acquire() as connection:
                    return await work(connection)
            except asyncpg.UndefinedTableError:
                return None

    async def _note(self, stream: StreamState) -> None:
        last_change = await self._database.run(
            lambda connection: connection.fetchval(SQL["read_last_change"])
        )
        seen = Seen(self._beats, last_change, stream)
        try:
            await self._objects.notes.put(NOTE, msgspec.json.encode(seen))
        except PonsError as error:
            # Neither a full disk nor one that cannot be written keeps an index from working; a
            # start after that compares a little more.
            log.warning("the last state is not noted", error=str(error))
        self._noted = asyncio.get_running_loop().time()

    async def _read_note(self) -> Seen | None:
        try:
            return msgspec.json.decode(await self._objects.notes.read(NOTE), type=Seen)
        except NotFound:
            return None
        except msgspec.DecodeError as error:
            log.error("what was seen last cannot be read", error=str(error))
            return UNREADABLE


async def _read(connection: Any) -> Any:
    await connection.execute(SQL["begin_continuity"])
    return await connection.fetchrow(SQL["read_continuity"])


def _since(row: Any) -> datetime:
    """Never later than now: the clock may have been set back since."""
    safe_at = row["safe_at"]
    return NEVER if safe_at is None else min(safe_at, datetime.now(UTC)) - MARGIN


def _is_later(stream: StreamState, row: Any) -> bool:
    """Whether this is the stream that was seen, and not behind what it was."""
    return bool(stream.created == row["stream_created"] and stream.last >= row["stream_last"])


def _reasons(row: Any, seen: Seen | None, stream: StreamState) -> Iterator[str]:
    """Why database and streams are not those of before."""
    if not row["beats"]:
        yield "the database is new"
    elif seen is not None and row["beats"] < seen.beats:
        yield "the database was set back"
    known = [StreamState(row["stream_created"], row["stream_last"])] if row["beats"] else []
    known += [seen.stream] if seen else []
    if any(one.created != stream.created for one in known):
        yield "the streams are new"
    elif any(one.last > stream.last for one in known):
        yield SET_BACK
