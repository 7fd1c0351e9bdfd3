# SPDX-License-Identifier: Apache-2.0
"""Notes as files in a folder."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from pathlib import Path

from pons.errors import NotFound
from pons.objects.disk import disk_errors, sync_folder
from pons.objects.notes import NOTES_FOLDER, check_note_name
from pons.objects.spool import Spool, remove_spool_file


class FileNotes:
    """Notes in the folder of a store, each written aside and renamed, so that none is half there.

    Parameters
    ----------
    store_folder, spool_folder
        The folders of the store and of its temporary files, which exist.
    """

    def __init__(self, store_folder: Path, spool_folder: Path, *, fsync: bool) -> None:
        self._folder = store_folder / NOTES_FOLDER
        self._spool_folder = spool_folder
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
        target = self._path(name)
        with Spool(self._spool_folder) as spool:
            spool.write(body)
            descriptor = spool.detach()
        try:
            with disk_errors(self._folder):
                try:
                    if self._fsync:
                        os.fsync(descriptor)
                finally:
                    os.close(descriptor)
                made = self._make_folder(target.parent)
                os.replace(spool.name, target)
                if self._fsync:
                    sync_folder(target.parent)
                    for folder in made:
                        sync_folder(folder.parent)
        except BaseException:
            remove_spool_file(spool.name)
            raise

    def _make_folder(self, folder: Path) -> list[Path]:
        """The folders that had to be made, down to `folder`; never the store's own."""
        missing = []
        while folder != self._folder.parent and not folder.is_dir():
            missing.append(folder)
            folder = folder.parent
        for one in reversed(missing):
            with suppress(FileExistsError):
                one.mkdir(mode=0o750)
        return missing

    def _read(self, name: str) -> bytes:
        path = self._path(name)
        with disk_errors(self._folder):
            try:
                return path.read_bytes()
            except FileNotFoundError:
                os.stat(self._spool_folder)  # the whole store is gone: Unavailable
                raise NotFound(f"there is no note {name}") from None

    def _names(self, folder: str) -> list[str]:
        top = self._path(folder)
        with disk_errors(self._folder):
            return [
                (Path(path) / file).relative_to(self._folder).as_posix()
                for path, _, files in os.walk(top)
                for file in files
            ]

    def _delete(self, names: Iterable[str]) -> None:
        with disk_errors(self._folder):
            for name in names:
                with suppress(FileNotFoundError):
                    self._path(name).unlink()
