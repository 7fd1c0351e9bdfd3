# SPDX-License-Identifier: Apache-2.0
"""Temporary files that bodies are gathered in before they become objects."""

import os
import threading
import time
from collections.abc import Hashable
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from pons.errors import OutOfResources, Unavailable
from pons.objects.disk import disk_errors, folders_above, make_folders, sync_folder
from pons.objects.free_space import FreeSpace
from pons.objects.keys import new_key
from pons.objects.open_folders import OpenFolders

SPOOL_FOLDER = ".spool"
"""Inside the folder of a store; no shard is called so."""

SUFFIX = ".part"
PROBE_SIZE = 4096
LEFT_OVER = timedelta(hours=1)
"""Age after which a temporary file belongs to nobody: its writer wrote nothing for so long."""

_FLAGS = os.O_CREAT | os.O_EXCL | os.O_RDWR | getattr(os, "O_BINARY", 0)


class Spool:
    """A temporary file that `Objects.put` turns into an object.

    Close it in any case (`with objects.spool() as spool`): closing removes a file that was not
    put and does nothing to one that was. Writes go straight to the operating system, so `path`
    can be read (or mapped) at any time.
    """

    def __init__(self, folder: Path, room: FreeSpace | None = None) -> None:
        self.name = f"{folder}/{new_key()}{SUFFIX}"
        self.size = 0
        self._folder = folder
        self._room = room
        self._lock = threading.Lock()
        with disk_errors(folder):
            self._descriptor: int | None = os.open(self.name, _FLAGS, 0o640)

    @property
    def path(self) -> Path:
        """`name` as a path; made when asked for, since each received image passes here."""
        return Path(self.name)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append `data`. OutOfResources where the disk is full, or `room` is used up."""
        if self._descriptor is None:
            raise ValueError("this spool is closed")
        if self._room is not None:
            self._room.require()
        with disk_errors(self._folder):
            self.size += _write_whole(self._descriptor, data)

    def detach(self) -> int:
        """The open file, now the caller's to close and its file to move or remove."""
        with self._lock:
            if self._descriptor is None:
                raise ValueError("this spool is closed")
            descriptor, self._descriptor = self._descriptor, None
            return descriptor

    def keep(self, target: str, inside: str, *, fsync: bool) -> None:
        """Give the file its final name, in place of what has it; what cannot be kept is removed.

        Missing folders are made, but not the one that the target lies `inside`: on a disk that is
        not mounted it lacks, and that is an error. With `fsync` contents, then the name, are on
        disk when this returns.
        """
        descriptor = self.detach()
        folder = os.path.dirname(target)
        try:
            with disk_errors(self._folder.parent):
                try:
                    if fsync:
                        os.fsync(descriptor)
                finally:
                    os.close(descriptor)
                try:
                    os.replace(self.name, target)
                except FileNotFoundError:
                    # The first in this folder. Trying first costs later ones nothing.
                    make_folders(folder, inside)
                    os.replace(self.name, target)
                if fsync:  # those above, too: another process may have made the folder just now
                    for changed in (folder, *folders_above(folder, inside)):
                        sync_folder(changed)
        except BaseException:
            remove_spool_file(self.name)
            raise

    def close(self) -> None:
        """Remove the file, unless it was detached or closed before."""
        with self._lock:
            if self._descriptor is None:
                return
            descriptor, self._descriptor = self._descriptor, None
        os.close(descriptor)
        remove_spool_file(self.name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def remove_spool_file(name: str) -> None:
    """Remove the file; what cannot be removed now is left to the next opening of the store."""
    with suppress(OSError):
        os.unlink(name)


def has_unnamed_files(folder: Path) -> bool:
    """Whether `write_unnamed` works in `folder`: on Linux, for most of its file systems."""
    target = f"{folder}/{new_key()}{SUFFIX}"
    with closing(OpenFolders()) as folders:
        try:
            write_unnamed(target, str(folder), b"", fsync=False, folders=folders)
        except (OSError, AttributeError):
            return False
    remove_spool_file(target)
    return True


def write_unnamed(
    target: str,
    inside: str,
    body: bytes | bytearray | memoryview,
    *,
    fsync: bool,
    folders: OpenFolders,
    place: Hashable = None,
) -> None:
    """Write a file that has no name before it is whole; otherwise as `Spool.keep`.

    Nothing is left of it when that fails, nor by a crash, and the file lies near the others of its
    folder from the beginning: with ext4 a quarter cheaper than a file of the spool folder that is
    moved, in which inodes come and go. Raises FileExistsError where there is such a file.
    """
    folder = os.path.dirname(target)
    with folders.opened(folder, inside, place, fsync=fsync) as opened:
        descriptor = os.open(".", os.O_WRONLY | os.O_TMPFILE, 0o640, dir_fd=opened)
        try:
            _write_whole(descriptor, body)
            if fsync:
                os.fsync(descriptor)
            # Python follows the link to the open file only where it is told of some folder.
            os.link(f"/proc/self/fd/{descriptor}", target, src_dir_fd=descriptor)
        finally:
            os.close(descriptor)
        if fsync:
            os.fsync(opened)


def _write_whole(descriptor: int, data: bytes | bytearray | memoryview) -> int:
    with memoryview(data) as view, view.cast("B") as rest:
        written = 0
        while written < rest.nbytes:
            with rest[written:] as piece:
                written += os.write(descriptor, piece)
        return written


def make_spool_folder(folder: Path) -> None:
    """Create `folder` where it is missing and remove what crashed processes left in it."""
    with disk_errors(folder):
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    clean_spool_folder(folder, LEFT_OVER)


def clean_spool_folder(folder: Path, older_than: timedelta) -> int:
    """Remove temporary files not written to for `older_than`; how many there were.

    Zero removes those of living processes too: only for a caller that knows there are none.
    """
    before = time.time() - older_than.total_seconds()
    removed = 0
    with disk_errors(folder), os.scandir(folder) as entries:
        for entry in entries:
            # Another process may clean at the same time; Windows refuses to remove a file in use.
            with suppress(FileNotFoundError, PermissionError):
                if entry.name.endswith(SUFFIX) and entry.stat().st_mtime <= before:
                    os.unlink(entry.path)
                    removed += 1
    return removed


def probe_folder(folder: Path) -> None:
    """Write a little and remove it. Unavailable, with what to do, where that fails."""
    try:
        with Spool(folder) as spool:
            spool.write(bytes(PROBE_SIZE))
    except OutOfResources as error:
        raise Unavailable(error.message, error.details) from error
