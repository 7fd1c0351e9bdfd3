# SPDX-License-Identifier: Apache-2.0
"""The DICOM file that a C-STORE request makes, while its dataset arrives."""

import asyncio
from collections.abc import Callable

from pons.dicom.network.pdu import AbortReason, AbortSource, ProtocolError
from pons.errors import PonsError
from pons.limits import MEGABYTE
from pons.objects import SPOOL_ABOVE, Body, Spool

SPILL_PIECE = 1024 * 1024
"""Bytes gathered for one write to a spool file."""


class ReceivedFile:
    """A file in one growing buffer; above `SPOOL_ABOVE` bytes in a spool file.

    `start` is what comes before the dataset: the buffer becomes the file without another copy. A
    dataset of more than `max_bytes` ends the association: one that never ends would take the whole
    disk, or be read for ever.
    """

    def __init__(self, start: bytes, open_spool: Callable[[], Spool], max_bytes: int) -> None:
        self._buffer = bytearray(start)
        self._max_bytes = self._left = max_bytes
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
        self._left -= len(piece)
        if self._left < 0:
            raise ProtocolError(
                f"A data set of more than {self._max_bytes // MEGABYTE} MB (dicom.max_dataset_mb)",
                AbortReason.NOT_SPECIFIED,
                AbortSource.USER,
            )
        if self._failure is not None:
            return False
        self._buffer += piece
        return len(self._buffer) >= self._spill_at

    async def spill(self) -> None:
        """Move what has gathered to the spool file. When that fails, the rest is dropped.

        What the file had by then makes room at once: the peer may go on for long.
        """
        piece, self._buffer = self._buffer, bytearray()
        self._spooled += len(piece)
        self._spill_at = SPILL_PIECE
        try:
            await asyncio.to_thread(self._write_to_spool, piece)
        except PonsError as error:
            self._failure = error
            self.close()

    def _write_to_spool(self, piece: bytearray) -> None:
        if self._spool is None:
            self._spool = self._open_spool()
        self._spool.write(piece)

    async def finish(self) -> Body:
        """The whole file. Raises what went wrong with the spool file, if something did."""
        if self._spool is not None and self._buffer and self._failure is None:
            await self.spill()
        if self._failure is not None:
            raise self._failure
        return self._buffer if self._spool is None else self._spool

    def close(self) -> None:
        """Remove the spool file, unless it was stored."""
        if self._spool is not None:
            self._spool.close()
