# SPDX-License-Identifier: Apache-2.0
"""Following the change log: nothing is missed, nothing comes twice, and the end comes at once."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from pons.catalog import ChangesPage, LoggedChange
from pons.catalog import feed as feed_module
from pons.catalog.feed import ChangeFeed
from pons.errors import Unavailable

pytestmark = pytest.mark.anyio
MOMENT = datetime(2024, 1, 2, tzinfo=UTC)


@dataclass
class FakeLog:
    """A log in memory; `failures` of the next reads find the database away."""

    numbers: list[int] = field(default_factory=list)
    failures: int = 0
    reads: int = 0
    begun: list[int | None] = field(default_factory=list)

    async def changes(
        self, since: int | None, limit: int, to: int | None, types: list[int] | None
    ) -> ChangesPage:
        self.reads += 1
        self.begun.append(since)
        if self.failures:
            self.failures -= 1
            raise Unavailable("away")
        later = [one for one in self.numbers if one > (since or 0)] if types is None else []
        told = [LoggedChange(one, "NewStudy", "Study", "x", MOMENT) for one in later[:limit]]
        return ChangesPage(told, len(later) <= limit, self.numbers[-1] if self.numbers else 0)


async def collect(feed: ChangeFeed, since: int, into: list[int]) -> None:
    async for changes in feed.follow(since):
        into += [change.seq for change in changes]


async def until(there: list[int], count: int) -> None:
    async with asyncio.timeout(60):
        while len(there) < count:  # noqa: ASYNC110 the feed tells nobody but its readers
            await asyncio.sleep(0.005)


async def test_what_is_logged_and_what_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers at different places are told everything after theirs once, in order."""
    monkeypatch.setattr(feed_module, "PAGE", 3)
    log, stop = FakeLog(list(range(1, 11))), asyncio.Event()
    feed = ChangeFeed(log, stop)
    all_of_it: list[int] = []
    late: list[int] = []
    async with asyncio.TaskGroup() as group:
        group.create_task(collect(feed, 0, all_of_it))
        group.create_task(collect(feed, 8, late))
        await until(all_of_it, 10)
        await until(late, 2)
        for number in range(11, 31):
            log.numbers.append(number)
            feed.tell()
            await asyncio.sleep(0)
        await until(all_of_it, 30)
        await until(late, 22)
        stop.set()
    assert all_of_it == list(range(1, 31))
    assert late == list(range(9, 31))


async def test_news_that_are_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that nobody tells looks by itself."""
    monkeypatch.setattr(feed_module, "PATIENCE", 0.01)
    log, stop, told = FakeLog([1]), asyncio.Event(), list[int]()
    feed = ChangeFeed(log, stop)
    async with asyncio.TaskGroup() as group:
        group.create_task(collect(feed, 0, told))
        await until(told, 1)
        log.numbers.append(2)
        await until(told, 2)
        stop.set()
    assert told == [1, 2]


async def test_types_that_do_not_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has been looked through in vain is not looked through again."""
    monkeypatch.setattr(feed_module, "PATIENCE", 0.01)
    log, stop = FakeLog([1, 2, 3]), asyncio.Event()
    feed = ChangeFeed(log, stop)

    async def follow() -> None:
        async for _ in feed.follow(0, [16]):
            raise AssertionError("nothing of this type is logged")

    async with asyncio.TaskGroup() as group:
        group.create_task(follow())
        async with asyncio.timeout(60):
            while log.reads < 3:  # noqa: ASYNC110 the feed tells nobody but its readers
                await asyncio.sleep(0.005)
        stop.set()
    assert log.begun[:3] == [0, 3, 3]


async def test_a_database_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers wait for it, and go on where they were."""
    monkeypatch.setattr(feed_module, "AGAIN", 0.01)
    log, stop, told = FakeLog([1, 2], failures=3), asyncio.Event(), list[int]()
    feed = ChangeFeed(log, stop)
    async with asyncio.TaskGroup() as group:
        group.create_task(collect(feed, 1, told))
        await until(told, 1)
        stop.set()
    assert (told, log.reads) == ([2], 4)


async def test_nothing_is_asked_while_nothing_happens() -> None:
    """A hundred readers cost a read each, and end when the service does."""
    log, stop = FakeLog([1]), asyncio.Event()
    feed = ChangeFeed(log, stop)
    told: list[int] = []
    async with asyncio.TaskGroup() as group:
        for _ in range(100):
            group.create_task(collect(feed, 0, told))
        await until(told, 100)
        await asyncio.sleep(0.05)
        assert log.reads == 100
        stop.set()
