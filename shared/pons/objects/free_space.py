# SPDX-License-Identifier: Apache-2.0
"""Whether the disks of a store have room, and the reserve that gives way to deletions.

A store stops taking instances while its database can still write: on a disk without a free block,
PostgreSQL can neither start nor delete. Where others have filled the disk all the same, a file of
some tens of megabytes, the reserve, is removed before something is deleted, and made again later.
"""

import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pons.errors import OutOfResources
from pons.limits import MEGABYTE
from pons.settings import StorageSettings

SHARE = 16
"""A disk is small when the room that has to be left is more than this part of it: that is enough
then."""
LONGEST = 1.0
"""Seconds for which an answer of the file system is good at most, and less where little is left:"""
FILLING = 500 * MEGABYTE
"""as long as it takes to fill the rest with so many bytes a second."""


@dataclass(frozen=True, slots=True)
class Shortage:
    """A folder whose disk has less room than it needs, in bytes."""

    folder: Path
    free: int
    needed: int

    def __str__(self) -> str:
        free, needed = self.free // MEGABYTE, -(-self.needed // MEGABYTE)
        return f"{self.folder} has {free} MB free, {needed} MB are needed"


@dataclass(frozen=True, slots=True)
class Disk:
    """The disk that holds the objects, in bytes."""

    free: int
    total: int
    needed: int
    """Below so much free room the store takes nothing."""


def disk_of(storage: StorageSettings) -> Disk | None:
    """The disk of the objects as it is now; None on S3, and while the folder is not there."""
    if storage.kind != "file" or storage.path is None:
        return None
    try:
        disk = shutil.disk_usage(storage.path)
    except OSError:
        return None
    return Disk(disk.free, disk.total, min(storage.minimum_free_mb * MEGABYTE, disk.total // SHARE))


class FreeSpace:
    """The room on the disks of one store: that of the objects, and that of the reserve.

    While the reserve is gone, the disk is short until there is room for it, too. On an S3 store
    without a reserve there is no disk to look at, and never a shortage.
    """

    def __init__(
        self, storage: StorageSettings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._reserve = Path(storage.reserve) if storage.reserve else None
        self._reserve_size = storage.reserve_mb * MEGABYTE
        self._least = storage.minimum_free_mb * MEGABYTE
        folders = [self._reserve.parent] if self._reserve else []
        if storage.kind == "file" and storage.path is not None:
            folders.append(storage.path)
        self._folders = folders
        self._clock = clock
        self._good_until = 0.0
        self._known: Shortage | None = None
        self._spare = 0

    def shortage(self) -> Shortage | None:
        """The disk that has too little room; None when none has. Costs next to nothing."""
        now = self._clock()
        if now >= self._good_until:
            self._known = self.look()
            self._good_until = now + min(LONGEST, self._spare / FILLING)
        return self._known

    def look(self) -> Shortage | None:
        """As `shortage`, but asks the file system now."""
        spare, short = int(LONGEST * FILLING), None
        for folder in self._folders:
            with suppress(OSError):  # a folder that is not there is for others to tell
                disk = shutil.disk_usage(folder)
                needed = min(self._least, disk.total // SHARE)
                if self._reserve and folder == self._reserve.parent and not self._reserve.exists():
                    needed += self._size_of_reserve(disk.total)  # which is to be made again first
                spare = min(spare, max(0, disk.free - needed))
                if disk.free < needed and short is None:
                    short = Shortage(folder, disk.free, needed)
        self._spare = spare
        return short

    def require(self) -> None:
        """Raise `OutOfResources` when the store is to take nothing."""
        if short := self.shortage():
            raise OutOfResources(f"There is no room: {short}", "free space, or delete something")

    def give_way(self) -> bool:
        """Remove the reserve if there is a shortage, so that a deletion can be written down.

        Says whether there is a shortage.
        """
        short = self.look() is not None
        if short:
            self.release()
        return short

    def release(self) -> None:
        """Remove the reserve."""
        if self._reserve is not None:
            self._reserve.unlink(missing_ok=True)

    def restore(self) -> bool:
        """Make the reserve where it is missing and leaves enough room; whether it is there."""
        if self._reserve is None or not self._reserve_size:
            return False
        if self._reserve.exists():
            return True
        disk = shutil.disk_usage(self._reserve.parent)
        size = self._size_of_reserve(disk.total)
        if disk.free < min(self._least, disk.total // SHARE) + size:
            return False
        try:
            _fill(self._reserve, size)
        except OSError:  # others were faster
            self.release()
            return False
        return True

    def _size_of_reserve(self, disk: int) -> int:
        return min(self._reserve_size, disk // SHARE)


def _fill(path: Path, size: int) -> None:
    """A file that takes `size` bytes of the disk, not only of its length."""
    with path.open("xb") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
            return
        for _ in range(size // MEGABYTE):
            file.write(bytes(MEGABYTE))
        os.fsync(file.fileno())
