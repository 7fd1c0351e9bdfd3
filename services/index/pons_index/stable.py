# SPDX-License-Identifier: Apache-2.0
"""Logging resources as stable once no instance has come for long enough."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from pons.health.pulse import Pulse
from pons_index.changelog import Growth, Line, log_changes
from pons_index.database import Database
from pons_index.statements import SQL
from pons_index.turns import Turn

T = TypeVar("T")

AT_ONCE = 1000
STABLE = ("StablePatient", "StableStudy", "StableSeries")
SHORTEST_PAUSE = 0.02


async def settle(
    database: Database,
    stable_age: float,
    wrote: Callable[[], None],
    pulse: Pulse | None = None,
) -> None:
    """Log what has become stable, for ever.

    It looks when the next resource is due, or after `stable_age`: nothing can become due that was
    not yet waiting before.
    """

    async def run(work: Callable[[Any], Awaitable[T]]) -> T:
        return await database.run(work, math.inf, pulse=pulse, slow_again=True)

    while True:
        while settled := await run(settle_due):
            wrote()
            if settled < AT_ONCE:
                break
        due_in = await run(_next_due)
        pause = stable_age if due_in is None else min(due_in, stable_age)
        await asyncio.sleep(max(pause, SHORTEST_PAUSE))


async def settle_due(connection: Any) -> int:
    """How many resources were due; each is logged once, series before study before patient.

    By one replica at a time: two that share what is due would log it in any order.
    """
    async with connection.transaction():
        if not await connection.fetchval(SQL["try_turn"], Turn.SETTLING):
            return 0
        rows = await connection.fetch(SQL["take_due"], AT_ONCE)
        rows.sort(key=lambda row: (row["due"], -row["level"]))
        lines = [
            Line(STABLE[row["level"]], row["level"], row["resource_key"], row["resource_id"])
            for row in rows
        ]
        if lines:
            await log_changes(connection, Growth(), lines)
    return len(lines)


async def _next_due(connection: Any) -> float | None:
    due_in: float | None = await connection.fetchval(SQL["next_due"])
    return due_in
