# SPDX-License-Identifier: Apache-2.0
"""All that a process knows of retention: rules, and what they would do."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pons.bus import Bus
from pons.catalog import Catalog
from pons.jobs import Jobs
from pons.retention.judgement import ROOM, Judge, Verdict
from pons.retention.room import is_room_needed
from pons.retention.rules import RetentionRule, RetentionRules, open_rules
from pons.retention.waiting import Waits
from pons.routing.rules import open_rules as open_routing_rules
from pons.settings import Settings


@dataclass(frozen=True, slots=True)
class Retention:
    """Open it with `open_retention`."""

    settings: Settings
    catalog: Catalog
    rules: RetentionRules
    judge: Judge
    waits: Waits

    async def is_room_needed(self) -> bool:
        """Whether the store is so full that what may go for that goes."""
        return is_room_needed(self.settings, await self.catalog.totals())

    async def would(
        self, after: int, limit: int, rules: Mapping[str, RetentionRule]
    ) -> tuple[list[Verdict], int | None]:
        """What would become of the next studies at this moment, and where to go on."""
        verdicts, last = await self.judge.page(after, limit, rules)
        return await self.waits.consider(verdicts), last


def kept_for_room(verdict: Verdict, *, needed: bool) -> str:
    """Why a study stays, also where it only waits for room to be needed; empty: it goes."""
    return verdict.kept or (ROOM if verdict.for_room and not needed else "")


@asynccontextmanager
async def open_retention(
    bus: Bus, catalog: Catalog, settings: Settings
) -> AsyncIterator[Retention]:
    """What is known of retention, fresh as long as the block runs.

    Raises `BadRequest` when the settings name a rule that cannot be.
    """
    async with open_rules(bus, settings) as rules, open_routing_rules(bus, settings) as routing:
        judge = Judge(catalog, settings.retention.keeping_labels)
        waits = Waits(bus, catalog, Jobs(bus, settings.jobs), lambda: bool(routing.applied()))
        yield Retention(settings, catalog, rules, judge, waits)
