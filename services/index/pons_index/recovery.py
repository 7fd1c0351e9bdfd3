# SPDX-License-Identifier: Apache-2.0
"""After a power cut: objects whose announcement was lost with the machine are announced again.

JetStream does not force each event to disk (unless `nats.sync_always`); objects and rows are.
So what is missing is what lies in the object store without a row, written shortly before the cut.
"""

import asyncio
import math
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import structlog

from pons.errors import InvalidInstance, NotFound, Unavailable
from pons.objects import SHARDS, is_announced
from pons.pulse import Pulse
from pons_index.database import Database, delays
from pons_index.faults import passing_is_unavailable
from pons_index.orphans import Sweep
from pons_index.statements import SQL

log = structlog.get_logger()
Announce = Callable[[UUID], Awaitable[object]]
OpenAnnounce = Callable[[], AbstractAsyncContextManager[Announce]]

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
MARGIN = timedelta(hours=1)
"""How long before it was last seen a machine may have lost events; NATS writes every 2 minutes."""
HEARTBEAT = 60.0
PARTING_PATIENCE = 2.0


def boot_id() -> str:
    """What stays the same until the machine starts anew."""
    if BOOT_ID.exists():
        return BOOT_ID.read_text().strip()
    # Within half an hour is the same boot: a mistake costs one listing of the objects.
    return f"{sys.platform}-{round((time.time() - time.monotonic()) / 1800)}"


class Run:
    """This process' entry in the list of runs; says what earlier ones left behind."""

    def __init__(self, database: Database, boot: str, pulse: Pulse | None = None) -> None:
        self._pulse = pulse
        self._database = database
        self._boot = boot
        self._id = uuid4()

    async def begin(self) -> tuple[list[UUID], datetime | None]:
        """Runs that their machine ended, and since when their announcements may be lost."""
        await self._database.run(
            lambda connection: connection.execute(SQL["begin_run"], self._id, self._boot)
        )
        rows = await self._database.run(
            lambda connection: connection.fetch(SQL["find_broken_runs"], self._boot)
        )
        return [row["run_id"] for row in rows], min((row["seen"] for row in rows), default=None)

    async def beat(self) -> None:
        """Say now and then that this process works, for ever."""
        while True:
            await asyncio.sleep(HEARTBEAT)
            await self._database.run(
                lambda connection: connection.execute(SQL["see_run"], self._id, self._boot),
                math.inf,
                pulse=self._pulse,
                slow_again=True,
            )
            await self._database.run(
                lambda connection: connection.execute(SQL["forget_runs"], self._boot),
                math.inf,
                pulse=self._pulse,
                slow_again=True,
            )

    async def end(self) -> None:
        """This process ends in order; where that cannot be noted, the next one may compare."""
        try:
            await self._database.run(
                lambda connection: connection.execute(SQL["end_run"], self._id), PARTING_PATIENCE
            )
        except Unavailable as error:
            log.warning("the end of this run is not noted", error=str(error))

    async def close(self, runs: list[UUID]) -> None:
        """What `runs` left behind is dealt with."""
        await self._database.run(lambda connection: connection.execute(SQL["close_runs"], runs))


async def recover(
    run: Run, sweep: Sweep, announcing: OpenAnnounce, pulse: Pulse | None = None
) -> int:
    """Announce again what a power cut lost, then let orphans be swept; how many objects it was.

    An object that was written but never acknowledged cannot be told from one whose event was lost:
    it is announced too, which keeps more than was promised, never less.
    """
    broken, seen = await run.begin()
    announced = 0
    if seen is not None:
        log.warning("the machine was not shut down in order: comparing objects with the index")
        async with announcing() as announce:
            announced = await _until_done(
                sweep, announce, seen - MARGIN, pulse or Pulse("recovery")
            )
        await run.close(broken)
        log.warning("comparison done", announced=announced)
    sweep.allowed.set()
    return announced


async def _until_done(sweep: Sweep, announce: Announce, since: datetime, pulse: Pulse) -> int:
    for delay in delays():
        try:
            with passing_is_unavailable():
                announced = await _announce_missing(sweep, announce, since)
                pulse.succeed()
                return announced
        except Unavailable as error:
            pulse.fail(str(error))
            log.warning("comparison waits", error=str(error), retry_seconds=delay)
        await asyncio.sleep(delay)
    raise AssertionError("delays never end")


async def _announce_missing(sweep: Sweep, announce: Announce, since: datetime) -> int:
    if not await sweep.drained():
        raise Unavailable("Announcements are still on their way")
    announced = 0
    async for key in sweep.unreferenced(SHARDS, datetime.now(UTC), since):
        if not is_announced(key):
            continue  # an attachment that was never acknowledged, even if it is a DICOM file
        try:
            await announce(key)
            announced += 1
        except (InvalidInstance, NotFound) as error:
            # A large header, kept apart from its file, is no DICOM file.
            log.debug("object not announced", object_key=str(key), error=str(error))
    return announced
