# SPDX-License-Identifier: Apache-2.0
"""Finding objects that the index does not know, and filing them to be looked at (`returning`).

That nobody knows an object proves nothing: database or stream may have forgotten it. So nothing is
deleted here but temporary objects, whose key says that they may go once nobody names them.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import structlog

from pons.bus import Bus
from pons.ingest.backlog import drained
from pons.ingest.partial_uploads import piece_keys
from pons.jobs import output_keys
from pons.objects import Kind, ObjectEntry, Objects, key_time, kind_of
from pons_index.database import Database
from pons_index.metrics import ORPHANS
from pons_index.statements import SQL
from pons_index.turns import Turn

log = structlog.get_logger()

AT_ONCE = 5000
TRY_LOCK = "SELECT pg_try_advisory_lock($1)"
TURN_INTERVAL = 0.5
DRAIN_PATIENCE = 10.0
AHEAD = timedelta(hours=1)
"""A key from so far in the future tells nothing of the object's age."""
WRITING = timedelta(seconds=60)
"""How long after its object a row may come that alone refers to it: such an object is not
announced, and may be another service's work under way."""


class Sweep:
    """Compares the objects of some shards with the index."""

    def __init__(self, database: Database, objects: Objects, bus: Bus, grace: float) -> None:
        self._database = database
        self._objects = objects
        self._bus = bus
        self._grace = timedelta(seconds=grace)

    async def sweep(self, shards: Iterable[str]) -> int | None:
        """How many unknown objects older than the grace period the shards had; they are filed.

        None when that cannot be told now: announcements are on their way that may name them.
        """
        found = 0
        is_wanted = partial(is_older, self._grace)
        for shard in shards:
            suspects = [one async for one in self.unknown(await self.entries(shard), is_wanted)]
            if suspects and not await self.drained():
                return None
            found += await self._file(suspects)
        return found

    async def compare(self, shards: Iterable[str], since: datetime) -> int:
        """File every unknown object made since then, however young; how many it were.

        Another service may be about to announce one of them: then it is announced twice. One whose
        clock is ahead makes keys of the future.
        """
        found = 0
        now = datetime.now(UTC)

        def is_wanted(key: UUID) -> bool:
            made, kind = key_time(key), kind_of(key)
            wanted = made >= since and kind is not Kind.TEMPORARY
            return wanted and (kind is Kind.ANNOUNCED or made < now - WRITING)

        for shard in shards:
            suspects = [one async for one in self.unknown(await self.entries(shard), is_wanted)]
            found += await self._file(suspects)
        return found

    async def entries(self, shard: str) -> list[ObjectEntry]:
        """The objects of a shard."""
        return [entry async for entry in self._objects.list(shard)]

    async def unknown(
        self, entries: Sequence[ObjectEntry], is_wanted: Callable[[UUID], bool]
    ) -> AsyncIterator[ObjectEntry]:
        """Those whose keys are wanted, and that no row, job or upload names."""
        for start in range(0, len(entries), AT_ONCE):
            part = entries[start : start + AT_ONCE]
            # What was deleted lies there again: a power cut or a copy of the disk undid it.
            await self._database.pool.execute(SQL["delete_again"], [one.key for one in part])
            part = [one for one in part if is_wanted(one.key)]
            keys, sizes = [one.key for one in part], [one.size for one in part]
            rows = await self._database.pool.fetch(SQL["find_unknown"], keys, sizes)
            # Read after the list: whatever is in that has its job's or upload's word by now.
            named = await self._named_on_nats() if rows else set()
            for row in rows:
                if row["object_key"] not in named:
                    yield ObjectEntry(row["object_key"], row["size"])

    async def drained(self) -> bool:
        """Whether what is announced by now has been written, waiting a while for it."""
        return await drained(self._bus, DRAIN_PATIENCE)

    @asynccontextmanager
    async def turn(self, *, wait: bool) -> AsyncIterator[bool]:
        """Whether no other replica sweeps while the block runs; with `wait`, once none does."""
        async with self._database.pool.acquire() as connection:
            # Asked again and again: a statement that waits is ended, a comparison takes hours.
            ours = await connection.fetchval(TRY_LOCK, Turn.SWEEPING)
            while wait and not ours:
                await asyncio.sleep(TURN_INTERVAL)
                ours = await connection.fetchval(TRY_LOCK, Turn.SWEEPING)
            try:
                yield ours
            finally:
                if ours and not connection.is_closed():
                    await connection.execute("SELECT pg_advisory_unlock($1)", Turn.SWEEPING)

    async def _named_on_nats(self) -> set[UUID]:
        return await output_keys(self._bus) | await piece_keys(self._bus)

    async def _file(self, suspects: Sequence[ObjectEntry]) -> int:
        """File these objects, the temporary ones as garbage."""
        temporary = [one.key for one in suspects if kind_of(one.key) is Kind.TEMPORARY]
        found = [one for one in suspects if kind_of(one.key) is not Kind.TEMPORARY]
        for start in range(0, len(found), AT_ONCE):
            part = found[start : start + AT_ONCE]
            await self._database.run(partial(_file, part))
        if temporary:
            await discard_unused(self._database, temporary, "temporary")
        ORPHANS.inc(len(suspects))
        if found:
            log.warning("objects found that the index does not know", objects=len(found))
        return len(suspects)


def is_older(age: timedelta, key: UUID) -> bool:
    """Whether an object was made so long ago, or announced by a clock that was far ahead: that one
    would else have to wait until the time of its key has come."""
    made, now = key_time(key), datetime.now(UTC)
    return made < now - age or (kind_of(key) is Kind.ANNOUNCED and made > now + AHEAD)


async def _file(part: Sequence[ObjectEntry], connection: Any) -> None:
    columns = [one.key for one in part], [one.size for one in part]
    await connection.execute(SQL["file_unknown"], *columns)


async def discard_unused(database: Database, keys: Sequence[UUID], reason: str) -> int:
    """Make those of these objects garbage that still nothing refers to; how many it were."""
    discarded = 0
    for start in range(0, len(keys), AT_ONCE):
        part = keys[start : start + AT_ONCE]

        discarded += await database.run(partial(_discard, part, reason))
    return discarded


async def _discard(part: Sequence[UUID], reason: str, connection: Any) -> int:
    async with connection.transaction():
        # Behind a delete that takes minutes, waiting would hold up everything else.
        await connection.execute("SET LOCAL lock_timeout = '2s'")
        await connection.execute(SQL["hold_references"])
        rows = await connection.fetch(SQL["discard_unused"], part, reason)
        await connection.execute(SQL["forget_findings"], part)
    return len(rows)
