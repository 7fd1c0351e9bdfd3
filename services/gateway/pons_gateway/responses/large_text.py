# SPDX-License-Identifier: Apache-2.0
"""JSON that is too large for memory, in a temporary file until it is sent.

So it is made at once, while the header that it tells is unpacked, and waits for the client without
that header: a client that reads slowly holds up nobody.
"""

import asyncio
import weakref
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

from pons.objects import Objects, Spool
from pons.objects.bodies import read_at

IN_MEMORY = 1024 * 1024
"""Bytes of text up to which it needs no file."""
READ_PIECE = 256 * 1024


class LargeText:
    """Text in a spool, which is removed as soon as nobody refers to it any more."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        weakref.finalize(self, spool.close)

    @property
    def size(self) -> int:
        return self._spool.size

    async def pieces(self) -> AsyncIterator[bytes]:
        """All of it, in pieces."""
        for start in range(0, self.size, READ_PIECE):
            yield await asyncio.to_thread(read_at, self._spool.path, start, READ_PIECE)


Text = bytes | LargeText


@dataclass(frozen=True, slots=True)
class LargeMember:
    """A member of a JSON object whose value is such a text: a page of its own."""

    name: str
    text: LargeText


def gather_text(pieces: Iterable[bytes], objects: Objects) -> Text:
    """The text of all pieces."""
    gathered = bytearray()
    pieces = iter(pieces)
    for piece in pieces:
        gathered += piece
        if len(gathered) > IN_MEMORY:
            break
    else:
        return bytes(gathered)
    spool = objects.spool()
    text = LargeText(spool)
    spool.write(gathered)
    gathered.clear()
    for piece in pieces:
        spool.write(piece)
    return text
