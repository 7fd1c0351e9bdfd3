# SPDX-License-Identifier: Apache-2.0
"""The rows of a selection in pages, so that a list of any length takes little memory."""

from collections.abc import AsyncIterator
from typing import Any

from pons.catalog.connection import Reader
from pons.catalog.selection import Selection, by_keys


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
        pages = self._all if selection.plain else self._selected
        async for rows in pages(selection, selected, size, since, left):
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
        row = await self._searcher.row(selection.keys(), *selection.values, left, since + count)
        keys = memoryview((row["keys"] if row else None) or b"")
        statement = by_keys(selection.level, selected)
        for start in range(0, len(keys), size * 8):
            piece = keys[start : start + size * 8]
            wished = [int.from_bytes(piece[i : i + 8]) for i in range(0, len(piece), 8)]
            rows = await self._reader.rows(statement, wished)
            if rows:
                yield rows
