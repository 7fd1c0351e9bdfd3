# SPDX-License-Identifier: Apache-2.0
"""The body of an upload whose length its head says, gathered here instead of in uvicorn.

uvicorn copies each piece of a body five times, stops the socket for it and wakes the application.
So it is told that there is no body, and the application gets what came in as few messages as it
goes.
"""

import asyncio
import re

LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*0*([1-9][0-9]{0,17})[ \t]*\r\n(?![ \t])")
UPLOADS = (b"post ", b"put ")
NEVER_WITH = (b"transfer-encoding", b"expect", b"upgrade")
"""Words in a head that may have a say in where the body ends, or in whether it comes."""
PIECE = 1024 * 1024
"""Bytes that wait for the application at most, until it takes them: most images are whole then."""


class SizedBody:
    """A body from its first byte, as it comes, until the application has taken its last."""

    def __init__(self, length: int) -> None:
        self.length = self.left = length
        """Bytes in all, and those that have not come."""
        self.unwanted = False
        self._piece = bytearray()
        self._lost = False
        self._there = asyncio.Event()

    @property
    def ended(self) -> bool:
        """Whether all of it has come."""
        return not self.left

    @property
    def full(self) -> bool:
        """Whether nothing more should come until the application has taken what is here."""
        return len(self._piece) >= PIECE and not self.ended

    def take(self, data: bytes, at: int) -> int:
        """Keep what of `data` from `at` on is of this body; to where that is."""
        end = min(len(data), at + self.left)
        self.left -= end - at
        if not self.unwanted:
            self._piece += memoryview(data)[at:end]
            if self.ended or self.full:
                self._there.set()
        return end

    def lose(self) -> None:
        """The client is gone: nothing more will come."""
        self._lost = True
        self._there.set()

    def drop(self) -> None:
        """Nobody wants what is here, nor what comes."""
        self.unwanted = True
        self._piece = bytearray()

    async def piece(self) -> bytearray | None:
        """The next part of it, once there is one; None where the client went before its end."""
        await self._there.wait()
        if not (self.ended or self.full):
            return None
        piece, self._piece = self._piece, bytearray()
        if not (self.ended or self._lost):
            self._there.clear()
        return piece


def sized_body(head: bytes) -> tuple[SizedBody, bytes] | None:
    """The body that follows a whole head, and the same head as of a request without one.

    None where that is for uvicorn's parser to find out: it sees all that it might refuse.
    """
    lowered = head.lower()
    if not lowered.startswith(UPLOADS) or lowered.count(b"content-length") != 1:
        return None
    length = LENGTH.search(lowered)
    if length is None or any(word in lowered for word in NEVER_WITH):
        return None
    if not head.count(b"\r\n") == head.count(b"\r") == head.count(b"\n"):
        return None
    start, end = length.span(1)
    return SizedBody(int(length[1])), b"%b%b%b" % (head[:start], b"0" * (end - start), head[end:])
