# SPDX-License-Identifier: Apache-2.0
"""Deleting studies that rules let go: judged, counted, judged again, and deleted one by one.

Nothing goes by itself without a rule. A study goes in a transaction that holds its patient and
finds it as it was judged: nothing came to it, nothing was taken from it, and no label changed.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from time import monotonic
from typing import Any

import structlog

from pons.bus import Bus
from pons.catalog.retention import STATEMENTS
from pons.dicom.identity import to_bytes
from pons.errors import PonsError, Unavailable, log_text
from pons.health.pulse import Pulse
from pons.ingest.backlog import drained
from pons.messages.index import Deleter
from pons.objects.free_space import FreeSpace
from pons.retention.judgement import Verdict
from pons.retention.known import Retention
from pons.retention.rules import RetentionRule
from pons_index.changelog import NUMBERS, log_changes
from pons_index.database import Database
from pons_index.deletion import PATIENCE, Removed, delete_instances, take_time
from pons_index.fence import Fence
from pons_index.metrics import RETENTION_DELETED, RETENTION_STOPPED
from pons_index.statements import SQL
from pons_index.tombstones import Tombstones

log = structlog.get_logger()

WARNING, NO_ROOM = "retention", "room"
LOOKED_AT = 200
"""Studies that one page of a look has."""
AT_ONCE = 200
"""Studies whose jobs and queues are looked at together, right before they go."""
ALWAYS = 10
"""So many studies may go in one look at a store of any size."""
REST = 4.0
"""Times as long as it looked, it rests: looking takes a fifth of a core at most."""
DRAIN_PATIENCE = 10.0

Rules = Mapping[str, RetentionRule]


class Expiry:
    """Looks for studies that may go, on a timer and when room is needed.

    Any number of replicas may do so. `warnings` are the process' own, which health and status show.
    """

    def __init__(
        self,
        database: Database,
        bus: Bus,
        retention: Retention,
        tombstones: Tombstones,
        fence: Fence,
        compared: asyncio.Event,
        warnings: dict[str, str],
        pulse: Pulse | None = None,
    ) -> None:
        self._database = database
        self._bus = bus
        self._retention = retention
        self._settings = retention.settings.retention
        self._tombstones = tombstones
        self._fence = fence
        self._compared = compared
        self._warnings = warnings
        self._pulse = pulse or Pulse("retention")
        self._space = FreeSpace(retention.settings.storage)

    async def expire_forever(self) -> None:
        """Let go what may, again and again.

        Not before the comparison at the start, which gives resources back the labels that keep
        them; and a while after it, since somebody may have something to put back as well.
        """
        await self._compared.wait()
        looked, rest = monotonic(), 0.0
        while True:
            shortest = min(self._settings.room_interval, self._settings.interval)
            await asyncio.sleep(max(shortest, rest))
            try:
                if monotonic() - looked >= self._settings.interval:
                    await self.expire()
                    looked = monotonic()
                began = monotonic()
                in_vain = not await self.make_room()
                rest = REST * (monotonic() - began) if in_vain else 0.0
                self._pulse.succeed()
            except PonsError as error:
                self._pulse.fail(str(error))
                log.warning("retention waits", error=log_text(error))

    async def expire(self) -> int:
        """Delete studies whose days are over, unless they are too many; how many went."""
        rules = self._retention.rules.applied()
        allowed = max(ALWAYS, int(await self._studies() * self._settings.most_percent / 100))
        over: list[int] = []
        async for verdicts in self._pages(rules):
            over += [one.study.key for one in verdicts if one.goes and not one.for_room]
            if len(over) > allowed:
                self._stop(allowed)
                return 0
        self._go_on()
        gone = 0
        for start in range(0, len(over), AT_ONCE):
            async for verdict in self._once_more(over[start : start + AT_ONCE]):
                gone += not verdict.for_room and await self.let_go(verdict)
        return gone

    async def make_room(self) -> int:
        """While room is needed, delete studies that rules keep until then; how many went."""
        rules = self._retention.rules.applied()
        if not any(rule.Delete == "WhenRoomIsNeeded" for rule in rules.values()):
            return 0
        gone = 0
        if not await self._retention.is_room_needed():
            self._warnings.pop(NO_ROOM, None)
            return gone
        async for verdicts in self._pages(rules, rest=0):
            going = [one.study.key for one in verdicts if one.goes and one.for_room]
            for start in range(0, len(going), AT_ONCE):
                async for verdict in self._once_more(going[start : start + AT_ONCE]):
                    gone += verdict.for_room and await self.let_go(verdict)
                    if not await self._retention.is_room_needed():
                        self._warnings.pop(NO_ROOM, None)
                        return gone
        if NO_ROOM not in self._warnings:
            log.warning("retention cannot make room", deleted=gone)
        self._warnings[NO_ROOM] = (
            "room is needed, and nothing more may go: POST /retention/dry-run says why"
        )
        return gone

    async def _pages(self, rules: Rules, rest: float = REST) -> AsyncIterator[list[Verdict]]:
        after: int | None = 0
        while after is not None:
            began = monotonic()
            verdicts, after = await self._retention.judge.page(after, LOOKED_AT, rules)
            pause = rest * (monotonic() - began)
            yield verdicts
            self._pulse.succeed()
            if after is not None:
                await asyncio.sleep(pause)

    async def _once_more(self, keys: Sequence[int]) -> AsyncIterator[Verdict]:
        """Those of the studies that go, by rules, labels, queues and jobs as they are now.

        Once somebody changes a rule, none of the rest: the next look judges them anew.
        Raises `Unavailable` while announcements are on their way that may be of one of them.
        """
        if not await drained(self._bus, DRAIN_PATIENCE):
            raise Unavailable("No study goes while instances wait to be indexed")
        rules = self._retention.rules.applied()
        verdicts = await self._retention.judge.again(keys, rules)
        considered = await self._retention.waits.consider(verdicts)
        for verdict in considered:
            if not verdict.goes:
                log.info("study stays", study=verdict.study.id, reason=verdict.kept)
            elif self._retention.rules.applied() == rules:
                yield verdict
            else:
                log.info("study stays", study=verdict.study.id, reason="rules have changed")

    async def let_go(self, verdict: Verdict) -> bool:
        """Whether the study went; it stays where it is not as it was judged any more."""
        self._space.give_way()
        tried: list[Removed] = []

        async def attempt(connection: Any) -> Removed | None:
            removed = await self._transact(connection, verdict, tried)
            # Where it is gone already, this may have done it, and the answer was lost.
            return removed or (tried[-1] if tried else None)

        removed = await self._database.run(attempt)
        if removed is None:
            log.info("study stays", study=verdict.study.id, reason="it has changed meanwhile")
            return False
        await self._tombstones.note(removed)
        RETENTION_DELETED.labels(verdict.rule).inc()
        log.info(
            "study deleted by retention",
            study=verdict.study.id,
            rule=verdict.rule,
            instances=-removed.growth.instances,
            last_update=verdict.study.last_update.isoformat(),
        )
        return True

    async def _transact(
        self, connection: Any, verdict: Verdict, tried: list[Removed]
    ) -> Removed | None:
        study, level, digest = verdict.study, NUMBERS["Study"], to_bytes(verdict.study.id)
        async with connection.transaction():
            await self._fence.require(connection)
            await take_time(connection)
            await connection.fetchval(SQL["find_patient"], level, digest)
            row = await connection.fetchrow(STATEMENTS["these_studies"], [study.key])
            if row is None:
                return None
            labels = await connection.fetchval(STATEMENTS["labels_digest"], study.key)
            as_judged = row["last_update"] == study.last_update and labels == verdict.labels
            if not as_judged or row["protected"] or not row["stable"]:
                tried.clear()
                return None
            rows = await connection.fetch(SQL["find_instances"], level, digest, timeout=PATIENCE)
            keys = [one["instance_key"] for one in rows]
            by = Deleter("room" if verdict.for_room else "age", verdict.rule)
            removed = await delete_instances(connection, keys, "deleted", by=by)
            await log_changes(connection, removed.growth)
            tried.append(removed)
        return removed

    async def _studies(self) -> int:
        return (await self._retention.catalog.totals()).studies

    def _stop(self, allowed: int) -> None:
        reason = (
            f"more than the {allowed} studies that retention.most_percent allows would go at once: "
            "POST /retention/dry-run lists them; raise it if they may"
        )
        if self._warnings.get(WARNING) != reason:
            log.error("retention stopped", reason=reason)
        self._warnings[WARNING] = reason
        RETENTION_STOPPED.set(1)

    def _go_on(self) -> None:
        self._warnings.pop(WARNING, None)
        RETENTION_STOPPED.set(0)
