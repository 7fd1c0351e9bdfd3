# SPDX-License-Identifier: Apache-2.0
"""The data set of a stored file for reading here and there: deflate is undone here."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pons.dicom.transfer_syntaxes import DEFLATED
from pons.errors import InvalidInstance
from pons.header.encoding import JUDGED
from pons.header.file import read_preface, syntax_of
from pons.header.meta import PREFACE, dataset_start
from pons.header.model import MAX_INFLATED
from pons.header.walk import Extent, Walk
from pons.objects import PIECE, Objects, Spool
from pons.objects.bodies import read_at
from pons.objects.stored_file import StoredFile, open_file, stream_file


@dataclass(frozen=True, slots=True)
class OpenDataset:
    """Positions count from the start of the file, or of the inflated data set when `deflated`."""

    read_range: Callable[[int, int], Awaitable[bytes]]
    size: int
    start: int
    transfer_syntax: str
    deflated: bool

    async def walk(self) -> tuple[Walk, Extent]:
        """What finds elements, and the data set that it begins with."""
        head = await self.read_range(self.start, JUDGED)
        syntax = syntax_of(self.transfer_syntax, head, self.size - self.start)
        walk = Walk(self.read_range, self.size)
        return walk, walk.dataset(syntax, self.start)


@asynccontextmanager
async def open_dataset(
    objects: Objects, stored: StoredFile, *, whole: bool = False
) -> AsyncIterator[OpenDataset]:
    """The data set, in bounded memory; a deflated one is inflated into a spool meanwhile.

    `whole` compares the checksum of the file before. Raises `DamagedObject` as `open_file`, and
    `InvalidInstance` for a file that cannot be inflated, or only to more than `MAX_INFLATED` bytes.
    """
    async with open_file(objects, stored, whole=whole) as file:
        beginning = await file.read_range(0, PREFACE)
        preface = read_preface(beginning)
        if preface.transfer_syntax not in DEFLATED:
            read, size = file.read_range, stored.size
            start = dataset_start(beginning, preface.end)
            yield OpenDataset(read, size, start, preface.transfer_syntax, deflated=False)
            return
    with objects.spool() as spool:
        await _inflate(objects, stored, preface.end, spool)

        async def read_spool(start: int, length: int) -> bytes:
            return await asyncio.to_thread(read_at, spool.path, start, length)

        yield OpenDataset(read_spool, spool.size, 0, preface.transfer_syntax, deflated=True)


async def _inflate(objects: Objects, stored: StoredFile, start: int, spool: Spool) -> None:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    async for piece in stream_file(objects, stored, start):
        await asyncio.to_thread(_inflate_piece, inflater, piece, spool)
        if inflater.eof:
            return
    raise InvalidInstance("The deflated data set is cut short")


def _inflate_piece(inflater: "zlib._Decompress", piece: bytes, spool: Spool) -> None:
    try:
        while piece and not inflater.eof:
            spool.write(inflater.decompress(piece, PIECE))
            piece = inflater.unconsumed_tail
            if spool.size > MAX_INFLATED:
                raise InvalidInstance(f"The data set inflates to more than {MAX_INFLATED} bytes")
    except zlib.error as error:
        raise InvalidInstance("The deflated data set is damaged", str(error)) from None
