# SPDX-License-Identifier: Apache-2.0
"""Bodies of any size in bounded memory: what is large goes to a spool file as it arrives."""

import asyncio
import zlib
from collections.abc import AsyncIterator

from starlette.requests import Request

from pons.errors import InvalidInstance, TooLarge
from pons.limits import MEGABYTE
from pons.limits.unpacking import UnpackLimit
from pons.objects import SPOOL_ABOVE, Body, Objects, Spool

WRITE_PIECE = MEGABYTE
"""Bytes that gather before a thread writes them to the spool."""
GZIP_WINDOW = 31
"""zlib's way to say: 32 KiB, with gzip's header and checksum."""


class Gatherer:
    """Gathers one body of at most `limit` bytes. Use it as a context: what is not taken is freed.

    Raises `TooLarge` from `write`, and `OutOfResources` when the disk is full.
    """

    def __init__(self, objects: Objects, limit: int, spool_above: int = SPOOL_ABOVE) -> None:
        self._objects = objects
        self._limit = limit
        self._spool_above = spool_above
        self._buffer = bytearray()
        self._spool: Spool | None = None
        self.size = 0

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take `data`; a `bytearray` is the gatherer's from then on."""
        self.size += len(data)
        if self.size > self._limit:
            raise TooLarge(f"The file has more than {self._limit // MEGABYTE} MiB")
        if isinstance(data, bytearray) and not self._buffer:
            self._buffer = data  # most bodies come whole
        else:
            self._buffer += data
        if self._spool is None and self.size > self._spool_above:
            self._spool = self._objects.spool()
        if self._spool is not None and len(self._buffer) >= WRITE_PIECE:
            await self._flush(self._spool)

    async def take(self) -> Body:
        """The body; whoever takes it frees it."""
        if self._spool is None:
            return self._buffer
        await self._flush(self._spool)
        spool, self._spool = self._spool, None
        return spool

    async def _flush(self, spool: Spool) -> None:
        full, self._buffer = self._buffer, bytearray()
        await asyncio.to_thread(spool.write, full)

    def __enter__(self) -> "Gatherer":
        return self

    def __exit__(self, *_: object) -> None:
        if self._spool is not None:
            self._spool.close()


async def gathered(
    chunks: AsyncIterator[bytes], objects: Objects, limit: int, spool_above: int = SPOOL_ABOVE
) -> Body:
    """All that comes, in memory or in a spool; whoever calls frees it."""
    with Gatherer(objects, limit, spool_above) as gatherer:
        async for chunk in chunks:
            await gatherer.write(chunk)
        return await gatherer.take()


async def limited(request: Request, limit: int) -> AsyncIterator[bytes]:
    """The body as it arrives. Raises `TooLarge` after `limit` bytes: a chunked body may go on."""
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            most = f"{limit // MEGABYTE} MiB" if limit >= MEGABYTE else f"{limit // 1024} KiB"
            raise TooLarge(f"The body has more than {most}")
        yield chunk


async def whole(request: Request, limit: int) -> bytes:
    """A small body, all of it."""
    return b"".join([chunk async for chunk in limited(request, limit)])


async def gunzipped(
    chunks: AsyncIterator[bytes], limit: int, unpacking: UnpackLimit
) -> AsyncIterator[bytes]:
    """What the gzip stream holds, in pieces of a megabyte at most.

    Raises `TooLarge` after `limit` bytes, or where it unpacks further than `unpacking` lets it, and
    `InvalidInstance` for a damaged stream.
    """
    packed, size, inflater, fresh = 0, 0, zlib.decompressobj(GZIP_WINDOW), True
    async for chunk in chunks:
        packed += len(chunk)
        while chunk:
            if inflater.eof:  # gzip files may follow each other
                inflater, fresh = zlib.decompressobj(GZIP_WINDOW), True
            try:
                piece = inflater.decompress(chunk, MEGABYTE)
            except zlib.error as error:
                raise InvalidInstance("The gzip body is damaged") from error
            fresh = False
            size += len(piece)
            if size > limit:
                raise TooLarge(
                    f"The gzip body holds more than {limit // MEGABYTE} MiB",
                    "setting http.max_zip_entry_mb",
                )
            if size > unpacking.most(packed):
                excess = unpacking.excess(packed, size)
                raise TooLarge("The gzip body unpacks too far", excess)
            chunk = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
            if piece:
                yield piece
            await asyncio.sleep(0)  # a bomb must not keep the others waiting
    if not fresh and not inflater.eof:
        raise InvalidInstance("The gzip body ends too early")
