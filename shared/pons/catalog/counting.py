# SPDX-License-Identifier: Apache-2.0
"""How many rows a list has: counted, or estimated where counting takes too long."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from pons.catalog.connection import Reader, TooSlow

COUNTING_SECONDS = 1.0
"""After which a number is estimated."""


class Count(NamedTuple):
    """How many there are; not `exact` where counting took too long and this is an estimate."""

    value: int
    exact: bool


class Counter:
    """Counts. Every method raises `Unavailable` while the database is away."""

    def __init__(self, searcher: Reader) -> None:
        """`searcher` plans each statement with its values."""
        self._searcher = searcher
        self.hasty = searcher.within(COUNTING_SECONDS)
        """Reads what is not worth a longer wait; raises `TooSlow`."""

    async def total(self, column: str) -> Count:
        """What the totals of the store have in a column."""
        row = await self._searcher.row(f"SELECT {column} FROM totals")  # noqa: S608 a column's name
        return Count(int(row[column]) if row else 0, exact=True)

    async def count(self, source: str, values: Sequence[Any]) -> Count:
        """Rows of a source, `tables WHERE conditions`."""
        try:
            row = await self.hasty.row(f"SELECT count(*) FROM {source}", *values)  # noqa: S608 composed
        except TooSlow:
            return Count(await self._estimate(source, values), exact=False)
        return Count(int(row[0]) if row else 0, exact=True)

    async def _estimate(self, source: str, values: Sequence[Any]) -> int:
        row = await self._searcher.row(f"EXPLAIN (FORMAT JSON) SELECT FROM {source}", *values)
        return int(json.loads(row[0])[0]["Plan"]["Plan Rows"]) if row else 0
