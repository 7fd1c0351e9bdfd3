# SPDX-License-Identifier: Apache-2.0
"""A week of what the store did: how much came, what it holds, what waits. A point for each minute.

The minutes are those of the database's clock, and whichever index is first keeps the point. What
came is told by the keys of the objects, which begin with their time: so nothing is counted while
instances are written. A minute that nobody looked at has no point, and gets none later.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from pons.bus import Bus
from pons.errors import PonsError, log_text
from pons.health.pulse import Pulse
from pons.ingest.backlog import Backlog, read_backlog
from pons.jobs import Jobs
from pons.objects.free_space import disk_of
from pons.objects.keys import first_key
from pons.settings import Settings
from pons_index.database import Database
from pons_index.statements import SQL
from pons_index.turns import Turn

log = structlog.get_logger()

MINUTE = timedelta(minutes=1)
AT_ONCE = 30
"""Minutes that are counted again at a time."""
SHORTEST_PAUSE, LONGEST_PAUSE = 0.5, 60.0
"""Seconds. The database's clock may be set meanwhile."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits now, and the room that is left."""

    backlog: Backlog
    jobs_waiting: int
    jobs_failed: int
    free: int | None


async def look(bus: Bus, settings: Settings) -> Waiting:
    """What waits now. Raises `Unavailable`."""
    backlog = await read_backlog(bus)
    jobs = await Jobs(bus, settings.jobs).counted()
    disk = await asyncio.to_thread(disk_of, settings.storage)
    return Waiting(
        backlog,
        jobs["Pending"] + jobs["Retry"],
        jobs["dead letter"],
        None if disk is None else disk.free,
    )


class History:
    """Keeps the points. `look` tells what waits, and may raise `PonsError`."""

    def __init__(
        self, database: Database, look: Callable[[], Awaitable[Waiting]], pulse: Pulse
    ) -> None:
        self._database = database
        self._look = look
        self._pulse = pulse

    async def keep_forever(self) -> None:
        """A point whenever a minute is over; what cannot be seen then is a gap."""
        while True:
            pause = LONGEST_PAUSE / 2
            try:
                pause = await self.keep()
                self._pulse.succeed()
            except PonsError as error:
                self._pulse.fail(str(error))
                log.warning("nothing is kept of this minute", error=log_text(error))
            await asyncio.sleep(min(max(pause, SHORTEST_PAUSE), LONGEST_PAUSE))

    async def keep(self) -> float:
        """Keep the point of the last whole minute if there is none; seconds until the next is due.

        Raises `PonsError`.
        """
        due = await self._database.run(lambda one: one.fetchrow(SQL["history_due"]))
        if not due["kept"]:
            waiting = await self._look()
            await self._database.run(lambda one: self._keep(one, due["minute"], waiting))
        seconds: float = due["seconds"]
        return seconds

    async def _keep(self, connection: Any, minute: datetime, waiting: Waiting) -> None:
        async with connection.transaction():
            if not await connection.fetchval(SQL["try_turn"], Turn.KEEPING_HISTORY):
                return
            await connection.execute(SQL["roll_up_history"])
            await connection.execute(SQL["forget_history"])
            backlog = waiting.backlog
            values = (waiting.free, backlog.announcements, backlog.seconds)
            jobs = (waiting.jobs_waiting, waiting.jobs_failed)
            await connection.execute(SQL["keep_history"], *_of(minute), *values, *jobs)
            if backlog.announcements:
                return
            for row in await connection.fetch(SQL["unsettled_history"], minute, AT_ONCE):
                await connection.execute(SQL["settle_history"], *_of(row["at"]))


def _of(minute: datetime) -> tuple[Any, ...]:
    """The keys of what came in a minute: the first, the first beyond; and the minute."""
    return first_key(minute), first_key(minute + MINUTE), minute
