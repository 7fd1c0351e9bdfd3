# SPDX-License-Identifier: Apache-2.0
"""The DICOM file that a C-STORE request makes, while its dataset arrives."""

import asyncio
from collections.abc import Callable

from pons.errors import PonsError
from pons.objects import SPOOL_ABOVE, Body, Spool

SPILL_PIECE = 1024 * 1024
"""Bytes gathered for one write to a spool file."""


class ReceivedFile:
    """A file in one growing buffer; above `SPOOL_ABOVE` bytes in a spool file.

    `start` is what comes before the dataset: the buffer becomes the file without another copy.
    """

    def __init__(self, start: bytes, open_spool: Callable[[], Spool]) -> None:
        self._buffer = bytearray(start)
        self._spill_at = SPOOL_ABOVE
        self._open_spool = open_spool
        self._spool: Spool | None = None
        self._spooled = 0
        self._failure: PonsError | None = None

    @property
    def size(self) -> int:
        """Bytes of the file so far."""
        return self._spooled + len(self._buffer)

    def write(self, piece: memoryview) -> bool:
        """Keep a copy of `piece`; give whether `spill` must come before more arrives."""
        if self._failure is not None:
            return False
        self._buffer += piece
        return len(self._buffer) >= self._spill_at

    async def spill(self) -> None:
        """Move what has gathered to the spool file. When that fails, the rest is dropped."""
        piece, self._buffer = self._buffer, bytearray()
        self._spooled += len(piece)
        self._spill_at = SPILL_PIECE
        try:
            await asyncio.to_thread(self._write_to_spool, piece)
        except PonsError as error:
            self._failure = error

    def _write_to_spool(self, piece: bytearray) -> None:
        if self._spool is None:
            self._spool = self._open_spool()
        self._spool.write(piece)

    async def finish(self) -> Body:
        """The whole file. Raises what went wrong with the spool file, if something did."""
        if self._spool is not None and self._buffer:
            await self.spill()
        if self._failure is not None:
            raise self._failure
        return self._buffer if self._spool is None else self._spool

    def close(self) -> None:
        """Remove the spool file, unless it was stored."""
        if self._spool is not None:
            self._spool.close()
