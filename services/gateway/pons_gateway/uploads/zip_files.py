# SPDX-License-Identifier: Apache-2.0
"""Files inside an uploaded ZIP, one after the other and each in bounded memory."""

import asyncio
import io
import struct
import zipfile
import zlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import IO

from pons.errors import InvalidInstance, PonsError, TooLarge
from pons.limits import MEGABYTE
from pons.limits.unpacking import UnpackLimit
from pons.objects import Body, Objects
from pons.objects.bodies import beginning, freed, opened
from pons_gateway.bodies.gathering import Gatherer

SIGNATURE = b"PK\x03\x04"
EMPTY = b"PK\x05\x06"
END = struct.Struct("<4s4H2LH")
END64_LOCATOR = struct.Struct("<4sLQL")
END64 = struct.Struct("<4sQ2H2L4Q")
MAX_COMMENT = 65535
MAX_DIRECTORY = 64 * MEGABYTE
"""Bytes of a ZIP's list of files, which is read into memory: some 500,000 files."""

DEEPEST = 3
"""How deep ZIPs may lie in an uploaded one: archives of archives of studies."""

Damaged = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError)
"""What `zipfile` raises for damaged, encrypted or unknown entries."""

UNREADABLE = ((0x0001, "it is encrypted"), (0x0020, "it is a patch of another file"))
"""Flags of an entry (APPNOTE 4.4.4) to why it cannot be read."""
DAMAGED = "it is damaged, or packed by a method other than deflate, bzip2 and LZMA"


def is_zip(body: Body) -> bool:
    """Whether a body is a ZIP, by its signature."""
    return beginning(body, 4) in (SIGNATURE, EMPTY)


async def zip_files(
    body: Body, objects: Objects, limit: int, unpacking: UnpackLimit, received: int
) -> AsyncGenerator[tuple[str, Body | PonsError]]:
    """Each file in the ZIP by its name, or why it cannot be had; whoever gets a file frees it.

    Folders and empty files are left out; of a ZIP in the ZIP it is the files in there. Raises
    `InvalidInstance` for a ZIP that cannot be read, and `TooLarge` as soon as its files together
    unpack further than `unpacking` lets them.

    Parameters
    ----------
    limit
        Bytes of one file; `TooLarge` in place of one that has more.
    received
        Bytes that were sent, fewer than the ZIP has where it was packed once more.
    """
    with opened(body) as file:
        archive = await asyncio.to_thread(_archive, file)
        unpacker = _Unpacker(objects, limit, unpacking, received)
        async with aclosing(unpacker.files(archive)) as files:
            async for one in files:
                yield one


class _Unpacker:
    """Reads the files of one upload, which count together however deep they lie."""

    def __init__(self, objects: Objects, limit: int, unpacking: UnpackLimit, received: int) -> None:
        self._objects = objects
        self._limit = limit
        self._unpacking = unpacking
        self._received = received
        self._packed = self._unpacked = 0

    async def files(
        self, archive: zipfile.ZipFile, folder: str = "", depth: int = 0
    ) -> AsyncGenerator[tuple[str, Body | PonsError]]:
        """As `zip_files`, of a ZIP at `folder` in the upload, which lies in `depth` others."""
        for entry in archive.infolist():
            if entry.is_dir() or entry.file_size == 0:
                continue
            name = folder + entry.filename
            self._count(entry, name, depth)
            try:
                file = await self._content(archive, entry)
            except (InvalidInstance, TooLarge) as error:
                yield name, error
                continue
            if not is_zip(file):
                yield name, file
                continue
            with freed(file), opened(file) as content:
                try:
                    inner = await _inner(content, depth)
                except (InvalidInstance, TooLarge) as error:
                    yield name, error
                    continue
                async with aclosing(self.files(inner, f"{name}/", depth + 1)) as files:
                    async for one in files:
                        yield one

    def _count(self, entry: zipfile.ZipInfo, name: str, depth: int) -> None:
        """Raise `TooLarge` where this file is too much."""
        self._unpacked += entry.file_size
        if not depth:  # what lies deeper was not sent besides
            self._packed += entry.compress_size
        sent = min(self._packed, self._received)
        if self._unpacked > self._unpacking.most(sent):
            excess = self._unpacking.excess(sent, self._unpacked)
            raise TooLarge(f"The ZIP unpacks too far, with {name}", excess)

    async def _content(self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Body:
        if entry.file_size > self._limit:
            raise TooLarge(
                f"The file has more than {self._limit // MEGABYTE} MiB",
                "setting http.max_zip_entry_mb",
            )
        with Gatherer(self._objects, self._limit) as gatherer:
            await _read(archive, entry, gatherer)
            return await gatherer.take()


async def _inner(content: IO[bytes], depth: int) -> zipfile.ZipFile:
    """A ZIP that lies in a ZIP, around which there are `depth` others."""
    if depth == DEEPEST:
        why = f"ZIPs lie in each other more than {DEEPEST} deep"
        raise InvalidInstance("The ZIP is not unpacked", why)
    return await asyncio.to_thread(_archive, content)


def _archive(file: IO[bytes]) -> zipfile.ZipFile:
    _refuse_long_directory(file)
    try:
        archive = zipfile.ZipFile(file)
    except Damaged as error:
        raise InvalidInstance("The ZIP cannot be read", "its list of files is damaged") from error
    _refuse_overlaps(archive)
    return archive


def _refuse_long_directory(file: IO[bytes]) -> None:
    """`zipfile` reads the list of files as a whole: look at its length first."""
    size = file.seek(0, io.SEEK_END)
    start = max(0, size - END.size - MAX_COMMENT - END64_LOCATOR.size)
    file.seek(start)
    tail = file.read()
    at = tail.rfind(EMPTY)
    if at < 0 or len(tail) - at < END.size:
        raise InvalidInstance("The ZIP ends too early")
    length = END.unpack_from(tail, at)[5]
    locator_at = at - END64_LOCATOR.size
    if locator_at >= 0 and tail[locator_at : locator_at + 4] == b"PK\x06\x07":
        offset = END64_LOCATOR.unpack_from(tail, locator_at)[2]
        file.seek(min(offset, size))
        record = file.read(END64.size)
        if len(record) == END64.size:
            length = END64.unpack(record)[8]
    if length > MAX_DIRECTORY:
        raise TooLarge("The ZIP lists too many files")


def _refuse_overlaps(archive: zipfile.ZipFile) -> None:
    """Files that share their bytes are how a small ZIP becomes endless."""
    end = 0
    for entry in sorted(archive.infolist(), key=lambda entry: entry.header_offset):
        if entry.header_offset < end:
            raise InvalidInstance("Files in the ZIP overlap")
        end = entry.header_offset + entry.compress_size


async def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, gatherer: Gatherer) -> None:
    try:
        with await asyncio.to_thread(archive.open, entry) as content:
            while piece := await asyncio.to_thread(content.read, MEGABYTE):
                await gatherer.write(piece)
    except Damaged as error:
        why = next((why for flag, why in UNREADABLE if entry.flag_bits & flag), DAMAGED)
        raise InvalidInstance("The file cannot be read from the ZIP", why) from error
