# SPDX-License-Identifier: Apache-2.0
"""An object as the file that it was: compression at rest is known here and nowhere else.

Nothing damaged leaves here as if it were whole. Each reading compares the object's size with the
row's, and whoever reads the whole file gets the last of it when its checksum is right. Else
`DamagedObject` is raised, also for an object that is missing. Of an `ObjectFile` without an owner
only the object itself is known: that raises `NotFound`, or `InvalidInstance` when it is no such
file.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from uuid import UUID

import zstandard

from pons.errors import check_size
from pons.objects import SPOOL_ABOVE, Body, Objects, Spool
from pons.objects.bodies import fill, pieces, read_at
from pons.objects.damage import Check, telling, wrong

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
    def stored_size(self) -> int:
        """Bytes of the object."""

    @property
    def compression(self) -> str: ...
    @property
    def owner(self) -> str:
        """Identifier of the resource that refers to it; empty where nobody is known to."""

    @property
    def checksum(self) -> bytes:
        """xxh3_128 of the file; empty where nobody keeps it."""

    @property
    def md5(self) -> str:
        """MD5 of the file in hexadecimal; empty where nobody keeps it."""


@dataclass(frozen=True, slots=True)
class ObjectFile:
    """A `StoredFile` by itself."""

    object_key: UUID
    size: int
    stored_size: int
    compression: str
    owner: str = ""
    checksum: bytes = b""
    md5: str = ""


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file that can be read anywhere in it."""

    path: Path | None
    """The file on this machine, whole and as it was; None where only `read_range` reaches it."""
    read_range: Callable[[int, int], Awaitable[bytes]]
    """So many bytes (second) from a position (first), fewer where the file ends before."""


async def read_file(objects: Objects, stored: StoredFile) -> bytes:
    """The whole file, in memory."""
    with telling(stored):
        content = await objects.read(stored.object_key, _stored_size(stored))
    if stored.compression:
        content = await asyncio.to_thread(_decompress, content, stored)
    check = Check(stored)
    await check.add(content)
    check.finish()
    return content


async def stream_file(
    objects: Objects, stored: StoredFile, start: int = 0, length: int | None = None
) -> AsyncIterator[bytes]:
    """Bytes of the file in pieces, as `Objects.stream` gives those of an object.

    A range of a compressed object costs inflating all that comes before it.
    """
    end = stored.size if length is None else min(stored.size, start + length)
    pieces = _pieces(objects, stored, start, max(end - start, 0))
    if start or end < stored.size:
        async for piece in pieces:
            yield piece
        return
    # A piece is given once there is another, and the last one when the checksum is right: the
    # reader of an answer whose length was told would take it for whole otherwise.
    check, held = Check(stored), b""
    async for piece in pieces:
        if held:
            yield held
        await check.add(piece)
        held = piece
    check.finish()
    if held:
        yield held


async def read_file_range(objects: Objects, stored: StoredFile, start: int, length: int) -> bytes:
    """`length` bytes of the file from `start` on, fewer where it ends before."""
    if start == 0 and length >= stored.size:
        return await read_file(objects, stored)
    if not stored.compression:
        return await _read_range(objects, stored, start, length)
    return b"".join([piece async for piece in stream_file(objects, stored, start, length)])


async def check_file(objects: Objects, stored: StoredFile) -> None:
    """See that the object is there and has its size, without reading it."""
    with telling(stored):
        size = await objects.size(stored.object_key)
        check_size(stored.object_key, size, _stored_size(stored))


async def verify_file(objects: Objects, stored: StoredFile) -> None:
    """Read the whole file for nothing but to see that it is what it was."""
    async for _ in stream_file(objects, stored):
        pass


@asynccontextmanager
async def open_file(
    objects: Objects, stored: StoredFile, *, whole: bool = False
) -> AsyncIterator[OpenFile]:
    """The file for reading here and there, in bounded memory.

    Of a compressed object a small file is held in memory and a large one in a spool meanwhile; so
    is any that the caller will read `whole`, so that its checksum is compared before.
    """
    if not stored.compression and not whole:

        async def read_object(start: int, length: int) -> bytes:
            return await _read_range(objects, stored, start, length)

        yield OpenFile(objects.local_path(stored.object_key), read_object)
    elif stored.size <= SPOOL_ABOVE:
        content = await read_file(objects, stored)

        async def read_memory(start: int, length: int) -> bytes:
            return content[start : start + length]

        yield OpenFile(None, read_memory)
    else:
        async with local_file(objects, stored) as path:

            async def read_local(start: int, length: int) -> bytes:
                return await asyncio.to_thread(read_at, path, start, length)

            yield OpenFile(path, read_local)


@asynccontextmanager
async def local_file(objects: Objects, stored: StoredFile) -> AsyncIterator[Path]:
    """The file on this machine, and whole: the object itself where it is one, else a copy."""
    path = objects.local_path(stored.object_key)
    if path is not None and not stored.compression:
        await verify_file(objects, stored)
        yield path
        return
    with await fill(objects.spool(), stream_file(objects, stored)) as spool:
        yield spool.path


async def file_body(objects: Objects, stored: StoredFile) -> Body:
    """The whole file; a large one in a spool, which is the caller's to close."""
    if stored.size <= SPOOL_ABOVE:
        return await read_file(objects, stored)
    return await fill(objects.spool(), stream_file(objects, stored))


async def compress(objects: Objects, body: Body) -> bytes | Spool | None:
    """`body` as a compressed object; None where that would not be smaller.

    A spool gives a new spool, which is the caller's to close; `body` stays as it is.
    """
    if isinstance(body, Spool):
        return await asyncio.to_thread(_compress_spool, objects, body)
    if len(body) < INLINE_BELOW:
        return _compress_bytes(body)
    return await asyncio.to_thread(_compress_bytes, body)


async def forms_of(objects: Objects, key: UUID) -> list[ObjectFile]:
    """What an object may be, the likeliest first (`possible_forms`). Raises `NotFound`."""
    size = await objects.size(key)
    return possible_forms(key, size, await objects.read_range(key, 0, BEGINNING))


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
        for piece in pieces(body):
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
        raise wrong(stored, "compression", str(error)) from None
    if len(file) != stored.size:
        raise wrong(stored, "size", f"it holds {len(file)} bytes instead of {stored.size}")
    return file


async def _read_range(objects: Objects, stored: StoredFile, start: int, length: int) -> bytes:
    """A range of an object that is the file itself."""
    with telling(stored):
        return await objects.read_range(stored.object_key, start, length, _stored_size(stored))


async def _pieces(
    objects: Objects, stored: StoredFile, start: int, length: int
) -> AsyncIterator[bytes]:
    """Exactly these bytes of the file, none of them checked."""
    position, end = 0, start + length
    if stored.compression:
        pieces = _inflated(objects, stored)
    else:
        position = start
        pieces = objects.stream(stored.object_key, start, length, _stored_size(stored))
    with telling(stored):
        async for piece in pieces:
            wanted = piece[max(0, start - position) : end - position]
            position += len(piece)
            if wanted:
                yield wanted
            if position >= end and stored.compression:
                return
    if length and position < end:
        raise wrong(stored, "size", f"it ends at byte {position}, before {end}")


async def _inflated(objects: Objects, stored: StoredFile) -> AsyncIterator[bytes]:
    inflater = zstandard.ZstdDecompressor().decompressobj()
    async for piece in objects.stream(stored.object_key, size=_stored_size(stored)):
        for part in _slices(piece):
            try:
                inflated = inflater.decompress(part)
            except zstandard.ZstdError as error:
                raise wrong(stored, "compression", str(error)) from None
            if inflated:
                yield inflated


def _slices(piece: bytes) -> Iterator[bytes]:
    return (piece[start : start + SLICE] for start in range(0, len(piece), SLICE))


def _stored_size(stored: StoredFile) -> int:
    return stored.stored_size if stored.compression else stored.size
