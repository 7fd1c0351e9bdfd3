# SPDX-License-Identifier: Apache-2.0
"""Deleting the objects of garbage, and looking for unknown ones a few shards at a time."""

import asyncio
import itertools
import random
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import structlog

from pons.errors import PonsError, log_text
from pons.health.pulse import Pulse
from pons.messages.index import Collected
from pons.objects import SHARDS, Objects
from pons_index.database import Database
from pons_index.faults import passing_is_unavailable
from pons_index.fence import Fence
from pons_index.metrics import DELETED_OBJECTS, GARBAGE_WAITING
from pons_index.quarantine import Quarantine
from pons_index.returning import Returning
from pons_index.statements import SQL
from pons_index.sweep import Sweep
from pons_index.tombstones import Tombstones

log = structlog.get_logger()

AT_ONCE = 500
"""Objects deleted in one transaction: those rows are held meanwhile."""
SHARDS_PER_ROUND = 4
COMPARISON_PATIENCE = 10.0
FORGET_AFTER = timedelta(days=7)
"""How long a deletion is remembered, so that an announcement from then brings nothing back."""


class Collector:
    """Collects on a timer, and when asked to."""

    def __init__(
        self,
        database: Database,
        objects: Objects,
        sweep: Sweep,
        returning: Returning,
        quarantine: Quarantine,
        tombstones: Tombstones,
        fence: Fence,
        compared: asyncio.Event,
        interval: float,
        pulse: Pulse | None = None,
    ) -> None:
        self._pulse = pulse or Pulse("collector")
        self._database = database
        self._objects = objects
        self._sweep = sweep
        self._returning = returning
        self._quarantine = quarantine
        self._tombstones = tombstones
        self._fence = fence
        self._compared = compared
        self._interval = interval

    @property
    def stopped(self) -> str:
        """Why the quarantine does not end; empty while it does."""
        return self._quarantine.stopped

    async def collect_forever(self) -> None:
        """A round every `interval`; replicas begin at different shards."""
        start = random.randrange(len(SHARDS))  # noqa: S311 spreads work, keeps no secret
        shards = itertools.cycle([*SHARDS[start:], *SHARDS[:start]])
        while True:
            await asyncio.sleep(self._interval)
            try:
                await self.collect(list(itertools.islice(shards, SHARDS_PER_ROUND)))
                self._pulse.succeed()
            except PonsError as error:
                self._pulse.fail(str(error))
                log.warning("collecting waits", error=log_text(error))

    async def collect(self, shards: Iterable[str] = SHARDS, *, wait: bool = False) -> Collected:
        """One round; `wait` lets another replica's sweep end before. May be repeated.

        Raises `Unavailable` when a backing service is away, or another database may work on these
        objects; the next round goes on.
        """
        with passing_is_unavailable():
            async with self._database.pool.acquire() as connection:
                await self._fence.require(connection)
            orphans = await self._look(shards, wait=wait)
            deleted = 0
            while some := await self._database.run(self._delete_some, patience=0):
                deleted += some
            if await self._sweep.drained():
                rows = await self._database.pool.fetch(SQL["forget_garbage"], FORGET_AFTER)
                await self._tombstones.forget(row["tombstone"] for row in rows)
            waiting = await self._database.pool.fetchval(SQL["count_garbage"])
        GARBAGE_WAITING.set(waiting)
        if deleted:
            log.info("garbage collected", objects=deleted, waiting=waiting)
        return Collected(deleted, orphans or 0, waiting, orphans is not None)

    async def _look(self, shards: Iterable[str], *, wait: bool) -> int | None:
        """How many unknown objects there were; None when that cannot be told now.

        Not before the comparison at the start, which knows what was deleted on purpose.
        """
        if wait:
            with suppress(TimeoutError):
                async with asyncio.timeout(COMPARISON_PATIENCE):
                    await self._compared.wait()
        if not self._compared.is_set():
            return None
        async with self._sweep.turn(wait=wait) as ours:
            if not ours:
                return None
            found = await self._sweep.sweep(shards)
            await self._returning.announce_all()
            await self._quarantine.expire()
        return found

    async def _delete_some(self, connection: Any) -> int:
        """Objects deleted, at most `AT_ONCE`. What a crash leaves unmarked is deleted again."""
        async with connection.transaction():
            rows = await connection.fetch(SQL["take_garbage"], AT_ONCE)
            keys = [row["object_key"] for row in rows]
            if keys:
                await self._fence.require(connection)
                await self._objects.delete(keys)
                await connection.execute(SQL["mark_collected"], keys)
        DELETED_OBJECTS.inc(len(keys))
        return len(keys)
