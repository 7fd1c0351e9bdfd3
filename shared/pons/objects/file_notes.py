# SPDX-License-Identifier: Apache-2.0
"""Notes as files in a folder."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from pathlib import Path

from pons.errors import NotFound
from pons.objects.disk import disk_errors
from pons.objects.notes import NOTES_FOLDER, check_note_name
from pons.objects.place import Place
from pons.objects.spool import Spool


class FileNotes:
    """Notes in the folder of a store, each written aside and renamed, so that none is half there.

    Parameters
    ----------
    store_folder, spool_folder
        The folders of the store and of its temporary files, which exist.
    place
        Asked before anything is written, and where something is not there.
    """

    def __init__(
        self, store_folder: Path, spool_folder: Path, place: Place, *, fsync: bool
    ) -> None:
        self._folder = store_folder / NOTES_FOLDER
        self._spool_folder = spool_folder
        self._place = place
        self._fsync = fsync

    async def put(self, name: str, body: bytes) -> None:
        await asyncio.to_thread(self._put, name, body)

    async def read(self, name: str) -> bytes:
        return await asyncio.to_thread(self._read, name)

    async def names(self, folder: str) -> AsyncIterator[str]:
        for name in await asyncio.to_thread(self._names, folder):
            yield name

    async def delete(self, names: Iterable[str]) -> None:
        await asyncio.to_thread(self._delete, tuple(names))

    def _path(self, name: str) -> Path:
        return self._folder / check_note_name(name)

    def _put(self, name: str, body: bytes) -> None:
        self._place.require()
        with Spool(self._spool_folder) as spool:
            spool.write(body)
            spool.keep(str(self._path(name)), str(self._folder.parent), fsync=self._fsync)

    def _read(self, name: str) -> bytes:
        path = self._path(name)
        with disk_errors(self._folder):
            try:
                return path.read_bytes()
            except FileNotFoundError:
                self._place.require()  # the whole store is gone: Unavailable
                raise NotFound(f"there is no note {name}") from None

    def _names(self, folder: str) -> list[str]:
        top = self._path(folder)
        self._place.require()
        with disk_errors(self._folder):
            return [
                (Path(path) / file).relative_to(self._folder).as_posix()
                for path, _, files in os.walk(top)
                for file in files
            ]

    def _delete(self, names: Iterable[str]) -> None:
        self._place.require()
        with disk_errors(self._folder):
            for name in names:
                with suppress(FileNotFoundError):
                    self._path(name).unlink()
