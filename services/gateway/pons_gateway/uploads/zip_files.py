# SPDX-License-Identifier: Apache-2.0
"""Files inside an uploaded ZIP, one after the other and each in bounded memory."""

import asyncio
import io
import struct
import zipfile
import zlib
from collections.abc import AsyncGenerator
from typing import IO

from pons.errors import InvalidInstance, PonsError, TooLarge
from pons.limits import MEGABYTE
from pons.limits.unpacking import UnpackLimit
from pons.objects import Body, Objects
from pons.objects.bodies import beginning, opened
from pons_gateway.bodies.gathering import Gatherer

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

    Folders and empty files are left out. Raises `InvalidInstance` for a ZIP that cannot be read,
    and `TooLarge` as soon as its files together unpack further than `unpacking` lets them.

    Parameters
    ----------
    limit
        Bytes of one file; `TooLarge` in place of one that has more.
    received
        Bytes that were sent, fewer than the ZIP has where it was packed once more.
    """
    packed = unpacked = 0
    with opened(body) as file:
        archive = await asyncio.to_thread(_archive, file)
        for entry in archive.infolist():
            if entry.is_dir() or entry.file_size == 0:
                continue
            packed, unpacked = packed + entry.compress_size, unpacked + entry.file_size
            if unpacked > unpacking.most(min(packed, received)):
                excess = unpacking.excess(min(packed, received), unpacked)
                raise TooLarge(f"The ZIP unpacks too far, with {entry.filename}", excess)
            try:
                if entry.file_size > limit:
                    raise TooLarge(
                        f"The file has more than {limit // MEGABYTE} MiB",
                        "setting http.max_zip_entry_mb",
                    )
                with Gatherer(objects, limit) as gatherer:
                    await _read(archive, entry, gatherer)
                    yield entry.filename, await gatherer.take()
            except (InvalidInstance, TooLarge) as error:
                yield entry.filename, error


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
