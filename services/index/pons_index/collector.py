# SPDX-License-Identifier: Apache-2.0
"""Deleting the objects of garbage, and looking for orphans a few shards at a time."""

import asyncio
import itertools
import random
from collections.abc import Iterable
from typing import Any

import structlog

from pons.commands import Collected
from pons.errors import PonsError
from pons.objects import SHARDS, Objects
from pons.pulse import Pulse
from pons_index.database import Database
from pons_index.faults import passing_is_unavailable
from pons_index.metrics import DELETED_OBJECTS, GARBAGE_WAITING
from pons_index.orphans import Sweep
from pons_index.statements import SQL

log = structlog.get_logger()

AT_ONCE = 500
"""Objects deleted in one transaction: those rows are held meanwhile."""
SHARDS_PER_ROUND = 4


class Collector:
    """Collects on a timer, and when asked to."""

    def __init__(
        self,
        database: Database,
        objects: Objects,
        sweep: Sweep,
        interval: float,
        pulse: Pulse | None = None,
    ) -> None:
        self._pulse = pulse or Pulse("collector")
        self._database = database
        self._objects = objects
        self._sweep = sweep
        self._interval = interval

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
                log.warning("collecting waits", error=str(error))

    async def collect(self, shards: Iterable[str] = SHARDS, *, wait: bool = False) -> Collected:
        """One round; `wait` lets another replica's sweep end before. May be repeated.

        Raises `Unavailable` when a backing service is away; the next round goes on.
        """
        with passing_is_unavailable():
            orphans = await self._sweep.sweep(shards, wait=wait)
            deleted = 0
            while some := await self._database.run(self._delete_some, patience=0):
                deleted += some
            if await self._sweep.drained():
                await self._database.pool.execute(SQL["forget_garbage"])
            waiting = await self._database.pool.fetchval(SQL["count_garbage"])
        GARBAGE_WAITING.set(waiting)
        if deleted:
            log.info("garbage collected", objects=deleted, waiting=waiting)
        return Collected(deleted, orphans or 0, waiting, orphans is not None)

    async def _delete_some(self, connection: Any) -> int:
        """Objects deleted, at most `AT_ONCE`. What a crash leaves unmarked is deleted again."""
        async with connection.transaction():
            rows = await connection.fetch(SQL["take_garbage"], AT_ONCE)
            keys = [row["object_key"] for row in rows]
            if keys:
                await self._objects.delete(keys)
                await connection.execute(SQL["mark_collected"], keys)
        DELETED_OBJECTS.inc(len(keys))
        return len(keys)
