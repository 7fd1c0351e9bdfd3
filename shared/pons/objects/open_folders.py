# SPDX-License-Identifier: Apache-2.0
"""Folders that objects are written into, kept open.

Objects of a time lie together, and each forces the folder with its name to disk: to open that
folder for each, and to look for it by its path twice, is a good part of what writing one costs.
"""

import os
import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pons.objects.disk import folders_above, make_folders, sync_folder

MOST = 4
"""Folders that stay open: that of now, and those of objects that were longer on their way."""


@dataclass(slots=True)
class _Held:
    descriptor: int
    users: int = 0
    forgotten: bool = False


class OpenFolders:
    """Shared by threads. Close it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[tuple[Hashable, str], _Held] = {}

    @contextmanager
    def opened(
        self, folder: str, inside: str, place: Hashable = None, *, fsync: bool
    ) -> Iterator[int]:
        """The descriptor of a folder while the block runs.

        Where it is missing it is made, but not the one that it lies `inside`. With `fsync` its own
        name is on disk, even if another process has made it a moment ago. `place` says where its
        path leads now: at another place it is another folder.
        """
        with self._lock:
            held = self._held.get((place, folder))
            if held is not None and os.fstat(held.descriptor).st_nlink == 0:
                self._forget((place, folder))  # somebody has removed it
                held = None
            if held is None:
                held = _Held(_open(folder, inside, fsync=fsync))
                while len(self._held) >= MOST:
                    self._forget(next(iter(self._held)))
                self._held[place, folder] = held
            held.users += 1
        try:
            yield held.descriptor
        finally:
            with self._lock:
                held.users -= 1
                _close_unused(held)

    def close(self) -> None:
        with self._lock:
            for key in list(self._held):
                self._forget(key)

    def _forget(self, key: tuple[Hashable, str]) -> None:
        held = self._held.pop(key)
        held.forgotten = True
        _close_unused(held)


def _close_unused(held: _Held) -> None:
    if held.forgotten and not held.users:
        os.close(held.descriptor)


def _open(folder: str, inside: str, *, fsync: bool) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY
    try:
        descriptor = os.open(folder, flags)
    except FileNotFoundError:
        make_folders(folder, inside)
        descriptor = os.open(folder, flags)
    if fsync:
        try:
            for above in folders_above(folder, inside):
                sync_folder(above)
        except BaseException:
            os.close(descriptor)
            raise
    return descriptor
