# SPDX-License-Identifier: Apache-2.0
"""A bound on memory that tasks share: who needs more than is free waits for its turn."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pons.limits.heap import give_back_memory

AT_A_TIME = 64 * 1024 * 1024
"""Bytes of headers that a process unpacks at a time, for all requests together; others wait. One
that is larger by itself waits until it is alone."""


LARGE = 8 * 1024 * 1024
"""Bytes from which on it is worth some milliseconds that what is free again leaves the process."""


class Room:
    """So many bytes. Those who wait are admitted in the order in which they came."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.free = size
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def hold(self, wanted: int) -> AsyncIterator[None]:
        """Take `wanted` bytes as long as the block runs; all there are for what needs more."""
        taken = min(wanted, self.size)
        await self._take(taken)
        try:
            yield
        finally:
            if taken >= LARGE:
                give_back_memory()
            self.free += taken
            self._admit()

    async def _take(self, taken: int) -> None:
        if not self._waiting and taken <= self.free:
            self.free -= taken
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((taken, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it was admitted and cancelled in the same moment
                self.free += taken
            self._admit()
            raise

    def _admit(self) -> None:
        while self._waiting:
            taken, turn = self._waiting[0]
            if not turn.done():
                if taken > self.free:
                    return
                self.free -= taken
                turn.set_result(None)
            self._waiting.popleft()
