# SPDX-License-Identifier: Apache-2.0
"""Pages of answers: the next one comes while one is used, and none is left behind."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from pons.errors import Unavailable
from pons_ingress.finding import until_cancelled

pytestmark = pytest.mark.anyio


class Pages:
    """A search of three pages; which have been read, and whether it was given up."""

    def __init__(self, fails_after: int = 3) -> None:
        self.read: list[int] = []
        self.closed = False
        self._fails_after = fails_after

    async def __call__(self) -> AsyncIterator[int]:
        try:
            for number in range(3):
                if number == self._fails_after:
                    raise Unavailable("The database is away")
                self.read.append(number)
                yield number
                await asyncio.sleep(0)
        finally:
            self.closed = True


def never() -> bool:
    return False


async def test_the_next_page_comes_while_one_is_used() -> None:
    """One is read ahead, not more: two are in memory at most."""
    pages = Pages()
    used = []
    async for page in until_cancelled(never, pages()):
        await asyncio.sleep(0.05)
        assert pages.read == list(range(min(page + 2, 3)))
        used.append(page)
    assert used == [0, 1, 2]
    assert pages.closed


async def test_who_stops_early_leaves_no_search_behind() -> None:
    pages = Pages()
    async with aclosing(until_cancelled(never, pages())) as found:
        assert await anext(found) == 0
    assert pages.closed
    assert pages.read == [0, 1], "the page that is on its way may come: its connection stays"


async def test_what_fails_is_told_after_what_was_found() -> None:
    pages = Pages(fails_after=2)
    found = until_cancelled(never, pages())
    assert [await anext(found), await anext(found)] == [0, 1]
    with pytest.raises(Unavailable):
        await anext(found)


async def test_a_failure_ahead_of_who_stops_early_is_told_to_nobody() -> None:
    pages = Pages(fails_after=1)
    async with aclosing(until_cancelled(never, pages())) as found:
        assert await anext(found) == 0
        await asyncio.sleep(0.05)
    assert pages.closed


async def test_a_search_that_is_stuck_ends_when_it_is_cancelled() -> None:
    gone = asyncio.Event()

    async def stuck() -> AsyncIterator[int]:
        try:
            await asyncio.Event().wait()
            yield 0
        finally:
            gone.set()

    assert [page async for page in until_cancelled(lambda: True, stuck())] == []
    assert gone.is_set()
