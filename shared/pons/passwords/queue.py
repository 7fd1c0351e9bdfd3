# SPDX-License-Identifier: Apache-2.0
"""Whose password is verified next, so that those who guess hold up nobody who knows."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import IntEnum

from pons.errors import Unavailable

AT_ONCE = 2
"""Verifications at once: each takes 64 MiB and 50 ms, which a stranger must not multiply."""
WAITING_PER_ADDRESS = 8
WAITING = 64
"""Requests that may wait: per address, and of each standing from everywhere."""


class TooManyLogins(Unavailable):
    """Too many passwords wait to be verified."""


class Standing(IntEnum):
    """What is known of who asks, best first."""

    PASSWORD = 0
    """The same user and password were right lately. Who guesses cannot have it."""
    ADDRESS = 1
    """A password was right lately that came from the same address; a proxy's may be shared."""
    STRANGER = 2


class VerificationQueue:
    """Turns to verify a password. Passwords that were right lately come first and always wait.

    Of the others each address has a few waiting, and addresses take turns. Strangers verify one at
    a time, addresses with a good name too while a stranger waits: neither holds up the other.
    """

    def __init__(self) -> None:
        self._running = dict.fromkeys(Standing, 0)
        self._waiting: dict[Standing, dict[str, deque[asyncio.Future[None]]]] = {
            standing: {} for standing in Standing
        }
        """By address; the address whose turn is next comes first."""

    @asynccontextmanager
    async def turn(self, standing: Standing, address: str) -> AsyncIterator[None]:
        """Wait for a turn, which lasts as long as the block. Raises `TooManyLogins`."""
        ticket = self._enqueue(standing, address)
        self._admit()
        try:
            await ticket
        except asyncio.CancelledError:
            if ticket.done() and not ticket.cancelled():
                self._leave(standing)
            raise
        try:
            yield
        finally:
            self._leave(standing)

    def _enqueue(self, standing: Standing, address: str) -> asyncio.Future[None]:
        lines = self._waiting[standing]
        if standing is not Standing.PASSWORD and (
            len(lines.get(address, ())) >= WAITING_PER_ADDRESS
            or sum(map(len, lines.values())) >= WAITING
        ):
            raise TooManyLogins("Too many passwords wait to be verified", "try again in a second")
        ticket: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        lines.setdefault(address, deque()).append(ticket)
        return ticket

    def _leave(self, standing: Standing) -> None:
        self._running[standing] -= 1
        self._admit()

    def _admit(self) -> None:
        while sum(self._running.values()) < AT_ONCE:
            for standing in Standing:
                if self._may_run(standing) and (ticket := self._next(standing)):
                    self._running[standing] += 1
                    ticket.set_result(None)
                    break
            else:
                return

    def _may_run(self, standing: Standing) -> bool:
        match standing:
            case Standing.PASSWORD:
                return True
            case Standing.ADDRESS:
                return not self._running[standing] or not self._waiting[Standing.STRANGER]
            case Standing.STRANGER:
                return not self._running[standing]

    def _next(self, standing: Standing) -> asyncio.Future[None] | None:
        """The ticket whose turn it is; its address goes to the end of the line."""
        lines = self._waiting[standing]
        while lines:
            address = next(iter(lines))
            line = lines.pop(address)
            ticket = line.popleft()
            if line:
                lines[address] = line
            if not ticket.done():  # else whoever waited has gone
                return ticket
        return None
