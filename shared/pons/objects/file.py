# SPDX-License-Identifier: Apache-2.0
"""Objects as files in a folder."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from io import UnsupportedOperation
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from pons.errors import NotFound, check_size
from pons.objects.bodies import PIECE, Body
from pons.objects.disk import disk_errors, is_cached, sync_folder
from pons.objects.file_notes import FileNotes
from pons.objects.free_space import FreeSpace
from pons.objects.keys import SHARDS, check_shard, check_store_name, key_from_path, key_path
from pons.objects.notes import NOTES_FOLDER, OWNER
from pons.objects.open_folders import OpenFolders
from pons.objects.place import Place
from pons.objects.protocol import ObjectEntry
from pons.objects.spool import (
    SPOOL_FOLDER,
    Spool,
    has_unnamed_files,
    make_spool_folder,
    probe_folder,
    write_unnamed,
)

INLINE_BELOW = 2 * 1024 * 1024
"""Bodies up to this size are written on the event loop: handing them to a thread costs more."""
LONGEST_INLINE = 0.01
"""Seconds. A disk that takes longer would hold up everybody else on the event loop."""
SLOW_SECONDS = 1.0
"""How long only worker threads wait for a slow disk, until it is tried again."""


class FileObjects:
    """Objects of `store` as files under `root`; several processes may share them.

    A body is written to a file without a name, or to a temporary file in `<root>/<store>/.spool`,
    and named when it is whole, so that nothing half-written ever has an object's name.

    Parameters
    ----------
    fsync
        Force each object and its name to disk before `put` returns.
    inline_below
        Bodies of fewer bytes are written in the caller's thread, which stops the event loop for
        the fsync, unless the caller says that it is crowded or the disk was slow just now. Measured
        with fsync on a virtual disk and 0.5 MB: inline saves one sender 0.1 to 0.5 ms of CPU; from
        four puts at once on, worker threads store 1.2 to 2.6 times as many, since the file system
        forces several files to disk in one go. Without fsync inline is 1.0 to 1.3 times as fast.
        0: never inline.
    longest_inline
        Seconds. When a body took longer, worker threads write for the next `SLOW_SECONDS`.
    room
        What is written, spooled bodies too, is refused when this is used up.
    """

    def __init__(
        self,
        root: Path,
        store: str,
        *,
        fsync: bool = True,
        inline_below: int = INLINE_BELOW,
        longest_inline: float = LONGEST_INLINE,
        room: FreeSpace | None = None,
    ) -> None:
        self._root = root.absolute()
        self._store = check_store_name(store)
        self._folder = self._root / store
        self._spool_folder = self._folder / SPOOL_FOLDER
        self._fsync = fsync
        self._inline_below = inline_below
        self._longest_inline = longest_inline
        self._slow_until = 0.0
        self._inline_reads = True
        self._room = room
        make_spool_folder(self._spool_folder)
        with disk_errors(self._folder):
            there = frozenset(os.listdir(self._folder))
            for shard in SHARDS:
                if shard not in there:
                    (self._folder / shard).mkdir(mode=0o750, exist_ok=True)
            if fsync:
                sync_folder(self._root)
                sync_folder(self._folder)
        self._unnamed = has_unnamed_files(self._spool_folder)
        self._open_folders = OpenFolders()
        self._place = Place(self._spool_folder, self._folder / NOTES_FOLDER / OWNER)
        self.notes = FileNotes(self._folder, self._spool_folder, self._place, fsync=fsync)

    @property
    def spool_folder(self) -> Path:
        return self._spool_folder

    async def put(self, key: UUID, body: Body, *, crowded: bool = False) -> None:
        if self._room is not None:
            self._room.require()
        if isinstance(body, Spool):
            await asyncio.to_thread(self._keep, key, body)
        elif self._is_for_here(body) and not crowded:
            started = time.monotonic()
            self._write(key, body)
            ended = time.monotonic()
            if ended - started > self._longest_inline:
                self._slow_until = ended + SLOW_SECONDS
        else:
            await asyncio.to_thread(self._write, key, body)

    async def read(self, key: UUID, size: int | None = None) -> bytes:
        return await self._bytes(key, 0, None, size)

    async def read_range(
        self, key: UUID, start: int, length: int, size: int | None = None
    ) -> bytes:
        return await self._bytes(key, start, length, size)

    async def stream(
        self, key: UUID, start: int = 0, length: int | None = None, size: int | None = None
    ) -> AsyncIterator[bytes]:
        opening = asyncio.ensure_future(asyncio.to_thread(self._open, key, start, length, size))
        try:
            file, rest = await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_opened)
            raise
        try:
            while rest:
                piece = await asyncio.to_thread(self._read_piece, file, min(rest, PIECE))
                if not piece:
                    break
                rest -= len(piece)
                yield piece
        finally:
            # Waits for a read that a cancellation left under way: the file has a lock.
            file.close()

    async def size(self, key: UUID) -> int:
        return await asyncio.to_thread(self._size, key)

    async def delete(self, keys: Iterable[UUID]) -> None:
        await asyncio.to_thread(self._delete, tuple(keys))

    async def list(self, shard: str) -> AsyncIterator[ObjectEntry]:
        folder = self._folder / check_shard(shard)
        for subfolder in await asyncio.to_thread(self._names, folder):
            if subfolder in SHARDS:
                for entry in await asyncio.to_thread(self._entries, shard, subfolder):
                    yield entry

    def spool(self) -> Spool:
        self._place.require()
        return Spool(self._spool_folder, self._room)

    def local_path(self, key: UUID) -> Path:
        return Path(self._path(key))

    async def check(self) -> None:
        await asyncio.to_thread(self._check)

    async def close(self) -> None:
        self._open_folders.close()

    def _check(self) -> None:
        self._place.require()
        probe_folder(self._spool_folder)

    def _path(self, key: UUID) -> str:
        return f"{self._root}/{key_path(self._store, key)}"

    def _is_for_here(self, body: bytes | bytearray | memoryview) -> bool:
        """Whether a body is written in the caller's thread."""
        small = memoryview(body).nbytes < self._inline_below
        return small and time.monotonic() >= self._slow_until

    def _write(self, key: UUID, body: bytes | bytearray | memoryview) -> None:
        self._place.require()
        target, shard = self._path_and_shard(key)
        if self._unnamed:
            with suppress(FileExistsError), disk_errors(self._spool_folder):
                write_unnamed(
                    target,
                    shard,
                    body,
                    fsync=self._fsync,
                    folders=self._open_folders,
                    place=self._place.identity,
                )
                return
        with Spool(self._spool_folder) as spool:
            spool.write(body)
            spool.keep(target, shard, fsync=self._fsync)

    def _keep(self, key: UUID, spool: Spool) -> None:
        spool.keep(*self._path_and_shard(key), fsync=self._fsync)

    def _path_and_shard(self, key: UUID) -> tuple[str, str]:
        target = self._path(key)
        return target, os.path.dirname(os.path.dirname(target))

    async def _bytes(self, key: UUID, start: int, length: int | None, size: int | None) -> bytes:
        """A part of an object: at once if it is in memory, as a thread costs more than the reading.

        From a disk, or through a network, only a thread reads.
        """
        if self._inline_reads:
            cached = self._read_cached(key, start, length, size)
            if cached is not None:
                return cached
        return await asyncio.to_thread(self._read, key, start, length, size)

    def _read_cached(
        self, key: UUID, start: int, length: int | None, size: int | None
    ) -> bytes | None:
        file, there = self._open(key, start, length, size)
        with file:
            if there > PIECE:
                return None
            try:
                cached = is_cached(file.fileno(), start, there)
            except UnsupportedOperation:
                self._inline_reads = False
                return None
            return self._read_piece(file, there) if cached else None

    def _open(
        self, key: UUID, start: int, length: int | None, size: int | None = None
    ) -> tuple[BinaryIO, int]:
        """The object's file at byte `start`, and how many bytes are to be read from there."""
        if start < 0 or (length is not None and length < 0):
            raise ValueError(f"there are no {length} bytes from {start} on")
        with disk_errors(self._folder):
            try:
                file = open(self._path(key), "rb")  # noqa: SIM115 the caller closes it
            except FileNotFoundError:
                raise self._not_found(key) from None
            whole = os.fstat(file.fileno()).st_size
            if size is not None and whole != size:
                file.close()
                check_size(key, whole, size)
            there = max(whole - start, 0)
            file.seek(start)
        return file, there if length is None else min(length, there)

    def _read(self, key: UUID, start: int, length: int | None, size: int | None) -> bytes:
        file, rest = self._open(key, start, length, size)
        with file:
            return self._read_piece(file, rest)

    def _read_piece(self, file: BinaryIO, length: int) -> bytes:
        with disk_errors(self._folder):
            return file.read(length)

    def _size(self, key: UUID) -> int:
        with disk_errors(self._folder):
            try:
                return os.stat(self._path(key)).st_size
            except FileNotFoundError:
                raise self._not_found(key) from None

    def _not_found(self, key: UUID) -> NotFound:
        """NotFound; `Unavailable` is raised where the whole store is gone."""
        self._place.require()
        return NotFound(f"there is no object {key}")

    def _delete(self, keys: Iterable[UUID]) -> None:
        self._place.require()
        # No fsync: a removal that a power cut undoes leaves what the collector removes again.
        with disk_errors(self._folder):
            for key in keys:
                with suppress(FileNotFoundError):
                    os.unlink(self._path(key))

    def _names(self, folder: Path) -> tuple[str, ...]:
        with disk_errors(self._folder):
            return tuple(os.listdir(folder))

    def _entries(self, shard: str, subfolder: str) -> tuple[ObjectEntry, ...]:
        """Objects in one folder; anything else that lies there is not ours and not listed."""
        entries = []
        with disk_errors(self._folder), os.scandir(self._folder / shard / subfolder) as found:
            for file in found:
                key = key_from_path(self._store, f"{self._store}/{shard}/{subfolder}/{file.name}")
                if key is not None:
                    with suppress(FileNotFoundError):
                        entries.append(ObjectEntry(key, file.stat().st_size))
        return tuple(entries)


def _close_opened(opening: "asyncio.Future[tuple[BinaryIO, int]]") -> None:
    """Close what a thread has opened after its caller was cancelled."""
    if not opening.cancelled() and opening.exception() is None:
        opening.result()[0].close()
