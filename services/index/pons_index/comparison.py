# SPDX-License-Identifier: Apache-2.0
"""Comparing objects with the index: at each start what came last, after a loss everything.

What was deleted on purpose is made so first, from the notes beside the objects; then what holds a
DICOM file and nobody knows is announced again; then what hung on it comes back.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from pons.errors import PonsError, Unavailable
from pons.health.pulse import Pulse
from pons.objects import SHARDS
from pons_index.continuity import Beginning, Continuity
from pons_index.database import Database, until_done
from pons_index.deletion import PATIENCE, take_time
from pons_index.faults import passing_is_unavailable
from pons_index.records import Records
from pons_index.returning import Returning
from pons_index.statements import SQL
from pons_index.sweep import Sweep
from pons_index.tombstones import Tombstones
from pons_index.worklists import Worklists

log = structlog.get_logger()

SHARD_SPAN = timedelta(milliseconds=1 << 22)
"""What is written in so long lies in one shard."""
WARNING = "comparison"


class Comparison:
    """Compares when the index starts, and when NATS has started again.

    `warnings` are the process' own, which health and status show.
    """

    def __init__(
        self,
        database: Database,
        continuity: Continuity,
        sweep: Sweep,
        returning: Returning,
        tombstones: Tombstones,
        records: Records,
        worklists: Worklists,
        pulse: Pulse,
        warnings: dict[str, str],
    ) -> None:
        self._warnings = warnings
        self._database = database
        self._continuity = continuity
        self._pulse = pulse
        self._sweep = sweep
        self._returning = returning
        self._tombstones = tombstones
        self._records = records
        self._worklists = worklists
        self.done = asyncio.Event()
        """Set once the first comparison is done."""

    async def compare_forever(self, beginning: Beginning) -> None:
        """Compare as `beginning` says, then whenever NATS, or another index, has started again."""
        if beginning.comparing:
            reason = beginning.comparing
            log.warning("all objects are compared with the index", reason=reason)
            self._warnings[WARNING] = (
                f"all objects are compared with the index ({reason}): until that is done, lists "
                "may lack images that the store has"
            )
            await self._until_done(None)
            await self._continuity.compared()
            del self._warnings[WARNING]
        else:
            await self._until_done(beginning.since)
        self.done.set()
        while True:
            await self._continuity.suspected.wait()
            self._continuity.suspected.clear()
            since = await self._continuity.safe_since()
            await self._until_done(since, beginning=False)

    async def _until_done(self, since: datetime | None, *, beginning: bool = True) -> None:
        async def compare() -> None:
            with passing_is_unavailable():
                async with self._sweep.turn(wait=True):
                    suspected, compared = await self._continuity.suspicions()
                    if not beginning and suspected <= compared:
                        return  # another replica has just done it
                    if since is None:
                        await self._compare_all()
                    else:
                        await self._compare_since(since)
                    await self._continuity.compared_after(suspected)

        self._pulse.begin()
        await until_done(compare, "comparison waits", self._pulse, PonsError)  # a full disk as well
        self._pulse.succeed()

    async def _compare_since(self, since: datetime) -> None:
        await self._drain()
        if await self._sweep.compare(shards_since(since), since):
            await self._returning.announce_all()

    async def _compare_all(self) -> None:
        await self._worklists.restore()  # before all that may take hours: patients wait for them
        deleted = await self._tombstones.restore()
        await self._records.file_attachments()
        await self._drain()
        found = await self._sweep.compare(SHARDS, datetime.fromtimestamp(0, UTC))
        returned = await self._returning.announce_all()
        await self._drain()
        await self._tombstones.restored()
        restored = await self._records.restore()
        await self._records.write_missing()
        await self._database.run(_settle_times)
        log.warning(
            "comparison done",
            unknown=found,
            returned=returned,
            deleted_again=deleted,
            records_restored=restored,
        )

    async def _drain(self) -> None:
        if not await self._sweep.drained():
            raise Unavailable("Announcements are still on their way", "the index is behind")


async def _settle_times(connection: Any) -> None:
    async with connection.transaction():
        await take_time(connection)
        await connection.execute(SQL["settle_times"], timeout=PATIENCE)


def shards_since(since: datetime) -> list[str]:
    """The shards that hold objects made since then, the latest last."""
    moment, end = since, datetime.now(UTC) + SHARD_SPAN
    shards: dict[str, None] = {}
    while moment < end and len(shards) < len(SHARDS):
        shards[_shard(moment)] = None
        moment += SHARD_SPAN
    return list(shards)


def _shard(moment: datetime) -> str:
    return SHARDS[int(moment.timestamp() * 1000) >> 22 & 0xFF]
