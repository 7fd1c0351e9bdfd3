# SPDX-License-Identifier: Apache-2.0
"""Worklist entries that others keep as files: a folder of `.wl`, as DCMTK's wlmscpfs reads it.

The files lie in the folder itself, or in a folder inside of it that has the name of the AE title
that modalities call. What changes there is seen by the next query.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import structlog

from pons.errors import PonsError, Unavailable, log_text
from pons.limits import MEGABYTE
from pons.worklists.entry import LARGEST_ENTRY, as_json, from_file

log = structlog.get_logger()

ENDING = ".wl"
PAGE = 200
LARGEST_FILE = 4 * LARGEST_ENTRY
KEPT_BYTES = 64 * MEGABYTE
"""What entries that were read may take in memory; others are read again."""

Stamp = tuple[int, int, int]
"""What changes with a file: time, size and number."""


@dataclass(frozen=True, slots=True)
class Read:
    """What was read of a file: DICOM JSON; None when it was no entry."""

    stamp: Stamp
    tags: bytes | None


class WorklistFolder:
    """Reads such a folder; one for each process."""

    def __init__(
        self,
        folder: Path,
        maximum: int,
        default_charset: Callable[[], str],
        room: int = KEPT_BYTES,
    ) -> None:
        """`maximum`: how many files may be there; `default_charset` as of `from_file`."""
        self._folder = folder
        self._maximum = maximum
        self._default_charset = default_charset
        self._known: dict[str, Read] = {}
        self._room = room
        self.kept_bytes = 0
        self._charset = ""
        self._thread = ThreadPoolExecutor(1, "worklists")
        """Reads alone: on a share that does not answer a thread is stuck, and cannot be given up.
        Of the threads that everything else works in, each query would take one more."""

    async def pages(self, called_aet: str) -> AsyncIterator[list[bytes]]:
        """All entries for those who call this AE title, as DICOM JSON, in pages.

        A file that cannot be read is told in the log once, and no error for the others. Raises
        `Unavailable` where the folder cannot be read, or has too many files: nobody is told that
        nothing is scheduled because a disk is missing.
        """
        loop, thread = asyncio.get_running_loop(), self._thread
        paths = await loop.run_in_executor(thread, self._paths, called_aet.strip())
        for start in range(0, len(paths), PAGE):
            page = await loop.run_in_executor(thread, self._page, paths[start : start + PAGE])
            if page:
                yield page

    def _paths(self, called_aet: str) -> list[str]:
        """The files, sorted by name, those for everybody first."""
        found = sorted(self._list(self._folder))
        for folder in self._inner(called_aet):
            found += sorted(self._list(folder))
        if len(found) > self._maximum:
            raise Unavailable(
                f"The folder of worklists has {len(found)} files, and may have {self._maximum}",
                "remove old ones, or raise worklists.maximum",
            )
        return found

    def _list(self, folder: Path) -> Iterator[str]:
        try:
            with os.scandir(folder) as entries:
                yield from (one.path for one in entries if _is_file(one))
        except OSError as error:
            log.error("folder of worklists cannot be read", folder=str(folder), error=repr(error))
            raise Unavailable("The folder of worklists cannot be read") from error

    def _inner(self, called_aet: str) -> list[Path]:
        """The folder of an AE title; a title is compared, never made part of a path."""
        with os.scandir(self._folder) as entries:
            return [Path(one.path) for one in entries if one.name == called_aet and one.is_dir()]

    def _page(self, paths: list[str]) -> list[bytes]:
        charset = self._default_charset()
        if charset != self._charset:
            self._charset = charset
            self._known.clear()
            self.kept_bytes = 0
        found = (self._entry(path) for path in paths)
        return [tags for tags in found if tags is not None]

    def _entry(self, path: str) -> bytes | None:
        known = self._known.get(path)
        try:
            stat = os.stat(path)
            stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            if known is not None and known.stamp == stamp:
                return known.tags
            read = Read(stamp, self._read(path, stat.st_size))
        except FileNotFoundError:  # since it was listed
            self._forget(path)
            return None
        except OSError as error:
            log.error("worklist file cannot be read", path=path, error=repr(error))
            return None
        self._forget(path)
        size = len(read.tags or b"")
        while self._known and (
            self.kept_bytes + size > self._room or len(self._known) >= self._maximum
        ):
            self._forget(next(iter(self._known)))  # perhaps of a file that is no more
        self._known[path] = read
        self.kept_bytes += size
        return read.tags

    def _read(self, path: str, size: int) -> bytes | None:
        if size > LARGEST_FILE:
            log.error("worklist file is too large", path=path, bytes=size, most=LARGEST_FILE)
            return None
        try:
            return as_json(from_file(Path(path).read_bytes(), self._charset))
        except PonsError as error:
            log.error("worklist file cannot be read", path=path, error=log_text(error))
            return None

    def _forget(self, path: str) -> None:
        known = self._known.pop(path, None)
        self.kept_bytes -= len(known.tags or b"") if known is not None else 0


def _is_file(entry: os.DirEntry[str]) -> bool:
    """Whether it may be an entry; a link that cannot be followed is told when it is to be read."""
    if not entry.name.endswith(ENDING):
        return False
    try:
        return entry.is_file()
    except OSError:
        return True
