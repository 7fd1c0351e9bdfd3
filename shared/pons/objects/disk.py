# SPDX-License-Identifier: Apache-2.0
"""What the operating system says about a disk, in our words."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import UnsupportedOperation
from pathlib import Path

from pons.errors import OutOfResources, StorageUnavailable

NO_ROOM = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file is larger than file system or process may write",
}

OUT_OF_ORDER = {
    errno.EACCES: "no permission",
    errno.EPERM: "no permission",
    errno.EROFS: "the file system is read-only",
    errno.ENOENT: "the folder is gone",
    errno.ENOTDIR: "a part of the path is not a folder",
    errno.EIO: "the disk reports an error",
    errno.ENXIO: "the disk is gone",
    errno.ENODEV: "the disk is gone",
    errno.ESTALE: "the network file system lost the folder",
    errno.ETIMEDOUT: "the network file system does not answer",
    errno.EMFILE: "this process has too many open files",
    errno.ENFILE: "this machine has too many open files",
    errno.ENOMEM: "there is no memory left",
}


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Turn what may go wrong in `folder` into OutOfResources or Unavailable.

    Any other OSError is a bug of ours and passes through.
    """
    try:
        yield
    except OSError as error:
        if reason := NO_ROOM.get(error.errno or 0):
            raise OutOfResources(
                f"no room for objects in {folder}: {reason}", "free space or use another disk"
            ) from error
        if reason := OUT_OF_ORDER.get(error.errno or 0):
            raise StorageUnavailable(
                f"objects in {folder} cannot be used: {reason}",
                f"see to {error.filename or folder}, or set storage.path to another folder",
            ) from error
        raise


def is_cached(descriptor: int, start: int, length: int) -> bool:
    """Whether the first and the last of these bytes are in memory: then those between are, too.

    Raises `UnsupportedOperation` where system or file system cannot tell (Windows, NFS).
    """
    if not hasattr(os, "RWF_NOWAIT"):
        raise UnsupportedOperation("only Linux tells")
    byte = bytearray(1)
    try:
        for position in (start, start + max(length, 1) - 1):
            os.preadv(descriptor, [byte], position, os.RWF_NOWAIT)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS):
            raise UnsupportedOperation("the file system does not tell") from error
        raise
    return True


def sync_folder(folder: str | Path) -> None:
    """Force the names in `folder` to disk."""
    if os.name == "nt":
        return  # Windows cannot open a folder; NTFS journals names by itself.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folders(folder: str, inside: str) -> None:
    """Make what is missing down to `folder`, but not the one that it lies `inside`."""
    missing = []
    while folder != inside and not os.path.isdir(folder):
        missing.append(folder)
        folder = os.path.dirname(folder)
    for one in reversed(missing):
        with suppress(FileExistsError):
            os.mkdir(one, 0o750)


def folders_above(folder: str, inside: str) -> Iterator[str]:
    """Those that a folder lies in, up to and with `inside`."""
    while folder != inside:
        folder = os.path.dirname(folder)
        yield folder
