# SPDX-License-Identifier: Apache-2.0
"""Objects that are no DICOM files and that nobody knows: kept for days, then garbage."""

from datetime import timedelta
from typing import Any

import structlog

from pons_index.database import Database
from pons_index.metrics import FINDINGS, SWEEP_STOPPED
from pons_index.statements import SQL
from pons_index.sweep import discard_unused

log = structlog.get_logger()

ALWAYS = 10
"""So many objects may leave at once from a store of any size."""
WARNING, DAMAGED = "sweep", "damaged objects"
KINDS = ("unannounced", "returned", "leftover", "damaged", "attachment")


class Quarantine:
    """Lets go what has been in quarantine long enough, a small share of the store at once.

    `warnings` are the process' own, which health and status show.
    """

    def __init__(
        self, database: Database, days: float, share: float, warnings: dict[str, str]
    ) -> None:
        self._warnings = warnings
        self._database = database
        self._age = timedelta(days=days)
        self._share = share
        self.stopped = ""
        """Why nothing leaves; empty while it may."""

    async def expire(self) -> int:
        """Make expired objects garbage, unless they are too many (`stopped`); how many it were."""
        pool = self._database.pool
        await pool.execute(SQL["forget_returned"], self._age)
        await pool.execute(SQL["forget_known"])
        await self._count()
        if await pool.fetchval(SQL["count_unreadable"]):
            return 0  # nobody knows what an unreadable announcement may name
        row = await pool.fetchrow(SQL["expired_leftovers"], self._age)
        expired = row["expired"]
        allowed = max(ALWAYS, int(self._share * (row["objects"] + len(expired))))
        if len(expired) > allowed:
            self._stop(len(expired), allowed)
            return 0
        self.stopped = ""
        self._warnings.pop(WARNING, None)
        SWEEP_STOPPED.set(0)
        return await discard_unused(self._database, expired, "leftover")

    async def _count(self) -> None:
        rows = await self._database.pool.fetch(SQL["count_findings"])
        counts: dict[str, Any] = {row["kind"]: row["objects"] for row in rows}
        for kind in KINDS:
            FINDINGS.labels(kind).set(counts.get(kind, 0))
        if damaged := counts.get("damaged"):
            self._warnings[DAMAGED] = (
                f"{damaged} objects were DICOM files and cannot be read: ./pons fsck lists them"
            )
        else:
            self._warnings.pop(DAMAGED, None)

    def _stop(self, expired: int, allowed: int) -> None:
        reason = (
            f"{expired} objects that nobody knows would be deleted at once, more than the "
            f"{allowed} that storage.sweep_share allows: ./pons fsck lists them, and "
            "./pons fsck --empty-quarantine deletes them"
        )
        if self.stopped != reason:
            log.error("sweep stopped", reason=reason)
        self.stopped = self._warnings[WARNING] = reason
        SWEEP_STOPPED.set(1)
