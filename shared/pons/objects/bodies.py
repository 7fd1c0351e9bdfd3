# SPDX-License-Identifier: Apache-2.0
"""Bodies, which lie in memory or in a spool: asked, read and freed alike."""

import asyncio
import io
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from contextlib import contextmanager
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import BinaryIO

from pons.objects.spool import Spool

Body = bytes | bytearray | memoryview | Spool

PIECE = 1 << 20
"""Bytes that are read at a time."""


def size_of(body: Body) -> int:
    """Bytes of a body."""
    return body.size if isinstance(body, Spool) else memoryview(body).nbytes


def beginning(body: Body, length: int) -> bytes:
    """The first `length` bytes, or fewer where there are no more."""
    if isinstance(body, Spool):
        with body.path.open("rb") as file:
            return file.read(length)
    return bytes(body[:length])


def opened(body: Body) -> BinaryIO:
    """The body as a file to read and seek; whoever opens it closes it."""
    return body.path.open("rb") if isinstance(body, Spool) else io.BytesIO(body)


def pieces(body: Body) -> Iterator[bytes | bytearray | memoryview]:
    """All of a body: at once from memory, `PIECE` bytes at a time from a spool."""
    if not isinstance(body, Spool):
        yield body
        return
    with opened(body) as file:
        while piece := file.read(PIECE):
            yield piece


async def read_body(body: Body) -> AsyncIterator[bytes]:
    """All of a body, in pieces that a thread reads where it is a spool."""
    if not isinstance(body, Spool):
        yield bytes(body)
        return
    reading = pieces(body)
    while piece := await asyncio.to_thread(next, reading, b""):
        yield bytes(piece)


@contextmanager
def mapped(body: Body | Path) -> Iterator[bytes | bytearray | memoryview | mmap]:
    """A body, or a file, to look into: of a file, only what is looked at takes memory."""
    path = body.path if isinstance(body, Spool) else body
    if not isinstance(path, Path):
        yield path
    elif not path.stat().st_size:
        yield b""
    else:
        with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
            yield content


def read_at(path: Path, start: int, length: int) -> bytes:
    """`length` bytes of a file from `start` on, or fewer where it ends before."""
    with path.open("rb") as file:
        file.seek(start)
        return file.read(length)


@contextmanager
def freed(body: Body | None) -> Iterator[None]:
    """Close a spool at the end of the block, unless it has become an object."""
    try:
        yield
    finally:
        if isinstance(body, Spool):
            body.close()


async def fill(spool: Spool, arriving: AsyncIterable[bytes]) -> Spool:
    """Write all that arrives to the spool, which is closed when that fails."""
    try:
        async for piece in arriving:
            await asyncio.to_thread(spool.write, piece)
    except BaseException:
        spool.close()
        raise
    return spool
