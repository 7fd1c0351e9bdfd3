# SPDX-License-Identifier: Apache-2.0
"""What all archives together may take: places to be made in, and memory for what is read ahead.

A download over a slow link may last for hours, so archives share what memory there is instead of
waiting for each other: where it is used up, each reads one file after the other.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pons.errors import Unavailable

WAITING = 64
"""Requests that wait for a place; more are told to come again."""
PATIENCE = 15.0
"""Seconds that a request waits for a place."""
BYTES_AHEAD = 128 << 20
"""What all archives together hold of files that they have read ahead, each its next one aside."""


class Places:
    """Room for some archives at once; the others wait a while."""

    def __init__(self, places: int, patience: float = PATIENCE, waiting: int = WAITING) -> None:
        self._places = asyncio.Semaphore(places)
        self._patience = patience
        self._most_waiting = waiting
        self._waiting = 0

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """A place while the block runs. Raises `Unavailable` when none gets free in time."""
        if self._waiting >= self._most_waiting:
            raise Unavailable("Too many archives are asked for at once", "try again later")
        self._waiting += 1
        try:
            async with asyncio.timeout(self._patience):
                await self._places.acquire()
        except TimeoutError:
            raise Unavailable("Too many archives are on their way", "try again later") from None
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._places.release()


class ReadAhead:
    """Bytes that all archives hold of what they have read ahead."""

    def __init__(self, most: int = BYTES_AHEAD) -> None:
        self._most = most
        self.held = 0

    def has_room(self, size: int) -> bool:
        return self.held + size <= self._most

    def take(self, size: int) -> None:
        self.held += size

    def give_back(self, size: int) -> None:
        self.held -= size
