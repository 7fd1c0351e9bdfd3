# SPDX-License-Identifier: Apache-2.0
"""What comes in here by our own C-MOVEs, as those hear who receive it."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import nats.errors
from nats.aio.msg import Msg

from pons.bus import Bus

LATE_SECONDS = 1.0
"""How much later than the peer's last answer the last instance may be told."""
MOST = 5000
"""Instances of one C-MOVE that are named; more are counted only."""


class Moved:
    """Identifiers of the instances that came, by the message ID of the request."""

    def __init__(self) -> None:
        self._ids: defaultdict[int, dict[str, None]] = defaultdict(dict)
        self._news = asyncio.Event()

    async def hear(self, message: Msg) -> None:
        """Note an instance."""
        came = self._ids[int(message.subject.rpartition(".")[2])]
        if len(came) < MOST:
            came[message.data.decode()] = None
        self._news.set()

    async def take(self, number: int, expected: int) -> list[str]:
        """What one request has brought, once it is as much as expected, or nothing more comes."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LATE_SECONDS):
                while len(self._ids[number]) < min(expected, MOST):
                    self._news.clear()
                    await self._news.wait()
        return list(self._ids.pop(number, ()))


@asynccontextmanager
async def hearing_of_moved(bus: Bus, originator: str) -> AsyncIterator[Moved]:
    """Hear of what C-MOVEs of this AE title bring, as long as the block runs."""
    moved = Moved()
    subscription = await bus.subscribe(bus.names.moved(originator, "*"), moved.hear)
    try:
        yield moved
    finally:
        with suppress(nats.errors.Error):
            await subscription.unsubscribe()
