# SPDX-License-Identifier: Apache-2.0
"""Following the change log: what is logged, and then what comes, as soon as it is there."""

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

import structlog
from nats.aio.msg import Msg

from pons.bus import Bus
from pons.catalog.logs import ChangesPage, LoggedChange
from pons.errors import Unavailable

PAGE = 500
"""Changes that one statement reads: some 100 KB, of which a slow follower holds one."""
PATIENCE = 10.0
"""Seconds after which a follower looks by itself: news of a moment without NATS are lost."""
AGAIN = 1.0
"""Seconds until a follower asks a database again that is away."""

log = structlog.get_logger()


class ChangeLog(Protocol):
    """The part of `pons.catalog.logs.Logs` that is followed."""

    async def changes(
        self, since: int | None, limit: int, to: int | None, types: list[int] | None
    ) -> ChangesPage:
        """A page of the log."""


class ChangeFeed:
    """Follows the log for any number of readers. Open it with `open_feed`.

    What travels on NATS only says that there is news: what is told comes from the database, page
    by page, so a reader that is slow or comes back later misses nothing and holds no memory.
    """

    def __init__(self, changes: ChangeLog, stop: asyncio.Event) -> None:
        """Readers end when `stop` is set."""
        self._log = changes
        self._stop = stop
        self._news = asyncio.Event()

    def tell(self) -> None:
        """Let every reader look."""
        told, self._news = self._news, asyncio.Event()
        told.set()

    async def follow(
        self, since: int, types: list[int] | None = None
    ) -> AsyncIterator[list[LoggedChange]]:
        """The changes after number `since`, of these types if any are named, until `stop` is set.

        Waits while the database is away.
        """
        while not self._stop.is_set():
            news = self._news  # before the look, so that none is missed between look and wait
            try:
                page = await self._log.changes(since, PAGE, None, types)
            except Unavailable as error:
                log.debug("change log cannot be read", error=str(error))
                await self._pause(self._stop, AGAIN)
                continue
            if page.changes:
                since = page.changes[-1].seq
                yield page.changes
            else:  # none of these types up to there, so it is not read again at each news
                since = max(since, page.last)
            if page.done:
                await self._pause(news, PATIENCE)

    async def _pause(self, event: asyncio.Event, seconds: float) -> None:
        """Wait for `event`, the end or some seconds."""
        waiting = [asyncio.ensure_future(one.wait()) for one in {event, self._stop}]
        try:
            await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waiting:
                one.cancel()


async def open_feed(bus: Bus, changes: ChangeLog, stop: asyncio.Event) -> ChangeFeed:
    """A feed whose readers look when the relay has published."""
    feed = ChangeFeed(changes, stop)

    async def hear(_message: Msg) -> None:
        feed.tell()

    await bus.subscribe(bus.names.changes, hear)
    return feed
