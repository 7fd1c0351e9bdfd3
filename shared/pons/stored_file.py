# SPDX-License-Identifier: Apache-2.0
"""An object as the file that it was: compression at rest is known here and nowhere else."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from uuid import UUID

import zstandard

from pons.errors import InvalidInstance
from pons.objects import PIECE, SPOOL_ABOVE, Body, Objects, Spool

ZSTD = "zstd"
"""The one compression there is; an empty name stands for none."""
LEVEL = 3
INLINE_BELOW = 64 * 1024
"""Smaller bodies are compressed on the event loop: a thread hand-off would cost more."""
SLICE = 512
"""Bytes of a compressed object that are inflated at a time: zstd makes 16 MB of them at most."""
BEGINNING = 132
"""Bytes of an object that tell what it may be: preamble and prefix of a DICOM file (PS3.10 7.1)."""


class StoredFile(Protocol):
    """Where a file is, and in which form; rows of the catalog are of this kind."""

    @property
    def object_key(self) -> UUID: ...
    @property
    def size(self) -> int:
        """Bytes of the file."""

    @property
    def compression(self) -> str: ...


@dataclass(frozen=True, slots=True)
class ObjectFile:
    """A `StoredFile` by itself."""

    object_key: UUID
    size: int
    stored_size: int
    compression: str


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file that can be read anywhere in it."""

    path: Path | None
    """The file on this machine, whole and as it was; None where only `read_range` reaches it."""
    read_range: Callable[[int, int], Awaitable[bytes]]
    """So many bytes (second) from a position (first), fewer where the file ends before."""


async def read_file(objects: Objects, stored: StoredFile) -> bytes:
    """The whole file, in memory. NotFound if its object is gone.

    Like all others here it raises `InvalidInstance` for a compressed object that is damaged.
    """
    content = await objects.read(stored.object_key)
    if not stored.compression:
        return content
    return await asyncio.to_thread(_decompress, content, stored)


async def stream_file(
    objects: Objects, stored: StoredFile, start: int = 0, length: int | None = None
) -> AsyncIterator[bytes]:
    """Bytes of the file in pieces, as `Objects.stream` gives those of an object.

    A range of a compressed object costs inflating all that comes before it.
    """
    if not stored.compression:
        async for piece in objects.stream(stored.object_key, start, length):
            yield piece
        return
    end = stored.size if length is None else min(stored.size, start + length)
    position = 0
    if start >= end:
        return
    async for piece in _inflated(objects, stored):
        wanted = piece[max(0, start - position) : end - position]
        position += len(piece)
        if wanted:
            yield wanted
        if position >= end:
            return
    raise _damaged(stored, "it ends too early")


async def read_file_range(objects: Objects, stored: StoredFile, start: int, length: int) -> bytes:
    """`length` bytes of the file from `start` on, fewer where it ends before."""
    if not stored.compression:
        return await objects.read_range(stored.object_key, start, length)
    return b"".join([piece async for piece in stream_file(objects, stored, start, length)])


@asynccontextmanager
async def open_file(objects: Objects, stored: StoredFile) -> AsyncIterator[OpenFile]:
    """The file for reading here and there, in bounded memory.

    Of a compressed object a small file is held in memory and a large one in a spool meanwhile.
    """
    if not stored.compression:

        async def read_object(start: int, length: int) -> bytes:
            return await objects.read_range(stored.object_key, start, length)

        yield OpenFile(objects.local_path(stored.object_key), read_object)
    elif stored.size <= SPOOL_ABOVE:
        content = await read_file(objects, stored)

        async def read_memory(start: int, length: int) -> bytes:
            return content[start : start + length]

        yield OpenFile(None, read_memory)
    else:
        async with _spooled(objects, stored) as path:

            async def read_spool(start: int, length: int) -> bytes:
                return await asyncio.to_thread(_read_at, path, start, length)

            yield OpenFile(path, read_spool)


@asynccontextmanager
async def local_file(objects: Objects, stored: StoredFile) -> AsyncIterator[Path]:
    """The file on this machine: the object itself where it is one, else a copy in a spool."""
    path = objects.local_path(stored.object_key)
    if path is not None and not stored.compression:
        yield path
        return
    async with _spooled(objects, stored) as path:
        yield path


async def compress(objects: Objects, body: Body) -> bytes | Spool | None:
    """`body` as a compressed object; None where that would not be smaller.

    A spool gives a new spool, which is the caller's to close; `body` stays as it is.
    """
    if isinstance(body, Spool):
        return await asyncio.to_thread(_compress_spool, objects, body)
    if len(body) < INLINE_BELOW:
        return _compress_bytes(body)
    return await asyncio.to_thread(_compress_bytes, body)


def possible_forms(key: UUID, stored_size: int, beginning: bytes) -> list[ObjectFile]:
    """What an object may be of which nothing but itself is known, the likeliest first.

    `beginning` has `BEGINNING` bytes of it, if there are so many. Only what ingest wrote is
    recognised as compressed.
    """
    plain = ObjectFile(key, stored_size, stored_size, "")
    if beginning[:4] != zstandard.FRAME_HEADER:
        return [plain]
    try:
        size = zstandard.get_frame_parameters(beginning).content_size
    except zstandard.ZstdError:
        return [plain]
    if size in (zstandard.CONTENTSIZE_UNKNOWN, zstandard.CONTENTSIZE_ERROR):
        return [plain]
    packed = ObjectFile(key, size, stored_size, ZSTD)
    looks_plain = beginning[BEGINNING - 4 : BEGINNING] == b"DICM"
    return [plain, packed] if looks_plain else [packed, plain]


def _compress_bytes(body: bytes | bytearray | memoryview) -> bytes | None:
    packed = zstandard.ZstdCompressor(level=LEVEL).compress(body)
    return packed if len(packed) < len(body) else None


def _compress_spool(objects: Objects, body: Spool) -> Spool | None:
    packing = zstandard.ZstdCompressor(level=LEVEL).compressobj(size=body.size)
    packed = objects.spool()
    try:
        with open(body.path, "rb") as file:
            while piece := file.read(PIECE):
                packed.write(packing.compress(piece))
                if packed.size >= body.size:
                    packed.close()
                    return None
        packed.write(packing.flush())
    except BaseException:
        packed.close()
        raise
    if packed.size < body.size:
        return packed
    packed.close()
    return None


def _decompress(content: bytes, stored: StoredFile) -> bytes:
    try:
        file = zstandard.ZstdDecompressor().decompress(content, max_output_size=stored.size)
    except zstandard.ZstdError as error:
        raise _damaged(stored, str(error)) from None
    if len(file) != stored.size:
        raise _damaged(stored, f"it holds {len(file)} bytes instead of {stored.size}")
    return file


async def _inflated(objects: Objects, stored: StoredFile) -> AsyncIterator[bytes]:
    inflater = zstandard.ZstdDecompressor().decompressobj()
    async for piece in objects.stream(stored.object_key):
        for part in _slices(piece):
            try:
                inflated = inflater.decompress(part)
            except zstandard.ZstdError as error:
                raise _damaged(stored, str(error)) from None
            if inflated:
                yield inflated


def _slices(piece: bytes) -> Iterator[bytes]:
    return (piece[start : start + SLICE] for start in range(0, len(piece), SLICE))


@asynccontextmanager
async def _spooled(objects: Objects, stored: StoredFile) -> AsyncIterator[Path]:
    with objects.spool() as spool:
        async for piece in stream_file(objects, stored):
            await asyncio.to_thread(spool.write, piece)
        yield spool.path


def _read_at(path: Path, start: int, length: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(length)


def _damaged(stored: StoredFile, why: str) -> InvalidInstance:
    return InvalidInstance(f"The object {stored.object_key} is damaged", why)
