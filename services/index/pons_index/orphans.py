# SPDX-License-Identifier: Apache-2.0
"""Finding objects that nothing refers to: what was written but never announced."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog

from pons.bus import Bus
from pons.jobs import output_keys
from pons.objects import Objects, key_time
from pons.partial_uploads import piece_keys
from pons_index.database import Database
from pons_index.metrics import ORPHANS
from pons_index.statements import SQL
from pons_index.stream import acknowledged, last_announcement

log = structlog.get_logger()

AT_ONCE = 5000
LOCK = 0x706F6E73_00000002
"""Advisory lock of the replica that sweeps."""
DRAIN_PATIENCE = 10.0


class Sweep:
    """Makes orphans garbage, which the collector then deletes."""

    def __init__(self, database: Database, objects: Objects, bus: Bus, grace: float) -> None:
        self._database = database
        self._objects = objects
        self._bus = bus
        self._grace = timedelta(seconds=grace)
        self.allowed = asyncio.Event()
        """Set once no announcement can have been lost with the machine."""

    async def sweep(self, shards: Iterable[str], *, wait: bool = False) -> int | None:
        """How many orphans the shards had; None when that cannot be told now.

        An object is an orphan when it is older than the grace period, everything that was announced
        before it was listed is in the database, and nothing there refers to it. Without `wait`,
        nothing is done while another replica sweeps.
        """
        if not self.allowed.is_set():
            return None
        async with self._turn(wait) as ours:
            if not ours:
                return None
            suspects = [key async for key in self.unreferenced(shards, self._cutoff())]
            if not suspects:
                return 0
            if await self._database.pool.fetchval(SQL["count_unreadable"]):
                log.warning("orphans kept: an announcement is unreadable", orphans=len(suspects))
                return None
            if not await self.drained():
                return None
            return await self._discard(suspects)

    async def unreferenced(
        self, shards: Iterable[str], before: datetime, since: datetime | None = None
    ) -> AsyncIterator[UUID]:
        """Objects made before `before`, not before `since`, that no row, job or upload names."""
        for shard in shards:
            keys: list[UUID] = []
            async for entry in self._objects.list(shard):
                made = key_time(entry.key)
                if made < before and (since is None or made >= since):
                    keys.append(entry.key)
            for start in range(0, len(keys), AT_ONCE):
                part = keys[start : start + AT_ONCE]
                rows = await self._database.pool.fetch(SQL["find_orphans"], part)
                # Read after the list: whatever is in that has its job's or upload's word by now.
                named = await self._named_on_nats() if rows else set()
                for row in rows:
                    if row["object_key"] not in named:
                        yield row["object_key"]

    async def drained(self) -> bool:
        """Whether what is announced by now has been written, waiting a while for it."""
        last = await last_announcement(self._bus)
        delay, waited = 0.02, 0.0
        while await acknowledged(self._bus) < last:
            if waited > DRAIN_PATIENCE:
                return False
            await asyncio.sleep(delay)
            waited, delay = waited + delay, min(delay * 2, 1.0)
        return True

    async def _named_on_nats(self) -> set[UUID]:
        return await output_keys(self._bus) | await piece_keys(self._bus)

    def _cutoff(self) -> datetime:
        return datetime.now(UTC) - self._grace

    async def _discard(self, suspects: list[UUID]) -> int:
        orphans = 0
        for start in range(0, len(suspects), AT_ONCE):
            part = suspects[start : start + AT_ONCE]

            async def discard(connection: Any, part: list[UUID] = part) -> int:
                async with connection.transaction():
                    # Behind a delete that takes minutes, waiting would hold up everything else.
                    await connection.execute("SET LOCAL lock_timeout = '2s'")
                    await connection.execute(SQL["hold_references"])
                    return len(await connection.fetch(SQL["discard_orphans"], part))

            orphans += await self._database.run(discard)
        ORPHANS.inc(orphans)
        if orphans:
            log.info("orphans found", objects=orphans)
        return orphans

    @asynccontextmanager
    async def _turn(self, wait: bool) -> AsyncIterator[bool]:
        """Whether no other replica sweeps while the block runs."""
        async with self._database.pool.acquire() as connection:
            if wait:
                await connection.execute("SELECT pg_advisory_lock($1)", LOCK)
                ours = True
            else:
                ours = await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK)
            try:
                yield ours
            finally:
                if ours and not connection.is_closed():
                    await connection.execute("SELECT pg_advisory_unlock($1)", LOCK)
