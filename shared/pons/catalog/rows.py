# SPDX-License-Identifier: Apache-2.0
"""The rows of a selection in pages, so that a list of any length takes little memory."""

from collections.abc import AsyncIterator
from collections.abc import Set as AbstractSet
from typing import Any

from pons.catalog.connection import Reader
from pons.catalog.selection import Selection, by_keys

FIRST_PAGE = 100
"""Rows of the first page where any order will do."""


class Rows:
    """Reads them: `searcher` plans with the values, `planned` once, `reader` as it thinks best."""

    def __init__(self, reader: Reader, searcher: Reader, planned: Reader) -> None:
        self._reader = reader
        self._searcher = searcher
        self._planned = planned

    async def pages(
        self, selection: Selection, selected: str, size: int, since: int, limit: int
    ) -> AsyncIterator[list[Any]]:
        """What is `selected` of each, `limit` of them (0: all), `since` so many.

        A list without conditions goes on behind the last key. Where there are conditions or an
        order, a second page means that all other keys are read at once, 8 bytes each, so that
        nothing is searched twice and no connection is held meanwhile.
        """
        left = limit or None
        if selection.any_order:
            pages = self._in_any_order(selection, selected, size, left)
        else:
            follow = self._all if selection.plain else self._selected
            pages = follow(selection, selected, size, since, left)
        async for rows in pages:
            yield rows

    async def _all(
        self, selection: Selection, selected: str, size: int, since: int, left: int | None
    ) -> AsyncIterator[list[Any]]:
        statement, last = selection.page_after(selected), 0
        while left != 0:
            count = size if left is None else min(size, left)
            rows = await self._planned.rows(statement, last, count, since)
            if rows:
                yield rows
            if len(rows) < count:
                return
            left = None if left is None else left - len(rows)
            last, since = rows[-1]["key"], 0

    async def _selected(
        self, selection: Selection, selected: str, size: int, since: int, left: int | None
    ) -> AsyncIterator[list[Any]]:
        count = size if left is None else min(size, left)
        rows = await self._searcher.rows(selection.page(selected), *selection.values, count, since)
        if rows:
            yield rows
        left = None if left is None else left - count
        if len(rows) < count or left == 0:
            return
        async for rows in self._by_keys(selection, selected, size, left, since + count):
            yield rows

    async def _in_any_order(
        self, selection: Selection, selected: str, size: int, left: int | None
    ) -> AsyncIterator[list[Any]]:
        """The first page is small, to be there soon, and the second one begins anew. When there are
        more, the keys of all follow. What came before is passed over each time, since no statement
        has the order of another."""
        seen: set[int] = set()
        statement, values = selection.page(selected), selection.values
        for most in dict.fromkeys((min(FIRST_PAGE, size), size)):
            count = most if left is None else min(most, left)
            found = await self._searcher.rows(statement, *values, count, 0)
            room = None if left is None else left - len(seen)
            rows = [row for row in found if row["key"] not in seen][:room]
            if rows:
                yield rows
            seen.update(row["key"] for row in rows)
            if len(found) < count or len(seen) == left:
                return
        async for rows in self._by_keys(selection, selected, size, left, 0, seen):
            yield rows

    async def _by_keys(
        self,
        selection: Selection,
        selected: str,
        size: int,
        left: int | None,
        since: int,
        seen: AbstractSet[int] = frozenset(),
    ) -> AsyncIterator[list[Any]]:
        """What is `selected` of `left` of them, those included that were `seen` and do not come."""
        row = await self._searcher.row(selection.keys(), *selection.values, left, since)
        keys = memoryview((row["keys"] if row else None) or b"")
        statement = by_keys(selection.level, selected)
        room = None if left is None else left - len(seen)
        for start in range(0, len(keys), size * 8):
            piece = keys[start : start + size * 8]
            wished = [int.from_bytes(piece[i : i + 8]) for i in range(0, len(piece), 8)]
            wished = [key for key in wished if key not in seen][:room]
            rows = await self._reader.rows(statement, wished)
            if rows:
                yield rows
            room = None if room is None else room - len(wished)
