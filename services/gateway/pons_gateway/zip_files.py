# SPDX-License-Identifier: Apache-2.0
"""Files inside an uploaded ZIP, one after the other and each in bounded memory."""

import asyncio
import io
import struct
import zipfile
import zlib
from collections.abc import AsyncGenerator
from contextlib import AbstractContextManager, nullcontext
from typing import IO

from pons.errors import InvalidInstance, TooLarge
from pons.objects import Body, Objects, Spool
from pons_gateway.gathering import MEGABYTE, Gatherer

SIGNATURE = b"PK\x03\x04"
EMPTY = b"PK\x05\x06"
END = struct.Struct("<4s4H2LH")
END64_LOCATOR = struct.Struct("<4sLQL")
END64 = struct.Struct("<4sQ2H2L4Q")
MAX_COMMENT = 65535
MAX_DIRECTORY = 64 * MEGABYTE
"""Bytes of a ZIP's list of files, which is read into memory: some 500,000 files."""

Damaged = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError)
"""What `zipfile` raises for damaged, encrypted or unknown entries."""


def is_zip(body: Body) -> bool:
    """Whether a body is a ZIP, by its signature."""
    if isinstance(body, Spool):
        with body.path.open("rb") as file:
            start = file.read(4)
    else:
        start = bytes(body[:4])
    return start in (SIGNATURE, EMPTY)


async def zip_files(body: Body, objects: Objects, limit: int) -> AsyncGenerator[Body]:
    """Each file in the ZIP; whoever gets it frees it. Folders and empty files are left out.

    Parameters
    ----------
    limit
        Bytes of one file: `TooLarge` for one that has more, whatever the ZIP says of it.
        `InvalidInstance` for a ZIP that cannot be read.
    """
    with _opened(body) as file:
        archive = await asyncio.to_thread(_archive, file)
        for entry in archive.infolist():
            if entry.is_dir() or entry.file_size == 0:
                continue
            if entry.file_size > limit:
                raise TooLarge(f"A file in the ZIP has more than {limit // MEGABYTE} MiB")
            with Gatherer(objects, limit) as gatherer:
                await _read(archive, entry, gatherer)
                yield await gatherer.take()


def _opened(body: Body) -> AbstractContextManager[IO[bytes]]:
    if isinstance(body, Spool):
        return body.path.open("rb")
    return nullcontext(io.BytesIO(body))


def _archive(file: IO[bytes]) -> zipfile.ZipFile:
    _refuse_long_directory(file)
    try:
        archive = zipfile.ZipFile(file)
    except Damaged as error:
        raise InvalidInstance("The ZIP cannot be read", str(error)) from None
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
        raise InvalidInstance(f"{entry.filename} in the ZIP cannot be read", str(error)) from None
