# SPDX-License-Identifier: Apache-2.0
"""Whether the folder of a store is still the one that was opened.

A service that starts while a disk is not mounted, or a folder was moved away, makes an empty one of
the same name. Whatever a service that runs on wrote there would be hidden once the right one is
back.
"""

import os
from contextlib import suppress
from pathlib import Path

from pons.errors import StorageUnavailable
from pons.objects.disk import disk_errors


class Place:
    """Remembers a folder and the mark of its owner; where either is as it was, it is the same.

    Parameters
    ----------
    folder
        A folder that exists as long as the store does.
    mark
        The file that says whose store it is.
    """

    def __init__(self, folder: Path, mark: Path) -> None:
        self._folder = str(folder)
        self._mark = mark
        self.identity = self._identity()
        """Device and inode of the folder, as it was found last."""
        self._owner = self._read_mark()

    def require(self) -> None:
        """Raise `Unavailable` unless it is. Costs a question to the file system and no more."""
        if (found := self._identity()) == self.identity:
            return
        # As a network file system has it that was mounted again, or a copy that was put back.
        owner = self._read_mark()
        if not owner or owner != (self._owner or owner):
            raise StorageUnavailable(
                f"the folder {self._mark.parent.parent} is not the one that this service has "
                "opened, and has not its mark",
                "mount its disk, or put the folder back; if it is to be another one, start again",
            )
        self.identity, self._owner = found, owner

    def _identity(self) -> tuple[int, int]:
        with disk_errors(Path(self._folder)):
            found = os.stat(self._folder)
        return found.st_dev, found.st_ino

    def _read_mark(self) -> bytes:
        with disk_errors(self._mark), suppress(FileNotFoundError):
            return self._mark.read_bytes()
        return b""
