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
from pons.settings import WorklistsSettings
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
    why: str = ""
    """Why it is none."""


@dataclass(frozen=True, slots=True)
class WorklistFile:
    """A file of the folder, as people are shown it."""

    name: str
    """Its path within the folder, with `/`: the folder inside is an AE title."""
    tags: bytes | None
    """DICOM JSON; None when it is no entry."""
    why: str
    """Why it is none."""


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

    async def files(self) -> AsyncIterator[list[WorklistFile]]:
        """Every file, also those for each AE title and such that are no entries, in pages.

        Raises `Unavailable` as `pages` does.
        """
        loop, thread = asyncio.get_running_loop(), self._thread
        paths = await loop.run_in_executor(thread, self._all_paths)
        for start in range(0, len(paths), PAGE):
            page = await loop.run_in_executor(thread, self._files, paths[start : start + PAGE])
            if page:
                yield page

    def _all_paths(self) -> list[str]:
        """The files, sorted by name, those for everybody first.

        A folder inside that cannot be read stands for its files: it is told why, as they are.
        """
        found = sorted(self._list(self._folder))
        with os.scandir(self._folder) as entries:
            inner = sorted(Path(one.path) for one in entries if one.is_dir())
        for folder in inner:
            try:
                found += sorted(self._list(folder))
            except Unavailable:  # `lost+found` is root's alone
                found.append(str(folder))
        return self._checked(found)

    def _paths(self, called_aet: str) -> list[str]:
        """The files, sorted by name, those for everybody first."""
        found = sorted(self._list(self._folder))
        for folder in self._inner(called_aet):
            found += sorted(self._list(folder))
        return self._checked(found)

    def _checked(self, found: list[str]) -> list[str]:
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
        self._follow_charset()
        found = (self._entry(path) for path in paths)
        return [one.tags for one in found if one is not None and one.tags is not None]

    def _files(self, paths: list[str]) -> list[WorklistFile]:
        self._follow_charset()
        found = ((path, self._entry(path)) for path in paths)
        return [
            WorklistFile(Path(path).relative_to(self._folder).as_posix(), one.tags, one.why)
            for path, one in found
            if one is not None
        ]

    def _follow_charset(self) -> None:
        """Forget what was read as if it had another character set."""
        charset = self._default_charset()
        if charset != self._charset:
            self._charset = charset
            self._known.clear()
            self.kept_bytes = 0

    def _entry(self, path: str) -> Read | None:
        """What a file says; None for one that is not there any more."""
        known = self._known.get(path)
        try:
            stat = os.stat(path)
            stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            if known is not None and known.stamp == stamp:
                return known
            read = self._read(path, stamp)
        except FileNotFoundError:  # since it was listed
            self._forget(path)
            return None
        except OSError as error:
            log.error("worklist file cannot be read", path=path, error=repr(error))
            return Read((0, 0, 0), None, error.strerror or "it cannot be read")
        self._forget(path)
        size = len(read.tags or b"")
        while self._known and (
            self.kept_bytes + size > self._room or len(self._known) >= self._maximum
        ):
            self._forget(next(iter(self._known)))  # perhaps of a file that is no more
        self._known[path] = read
        self.kept_bytes += size
        return read

    def _read(self, path: str, stamp: Stamp) -> Read:
        size = stamp[1]
        if size > LARGEST_FILE:
            log.error("worklist file is too large", path=path, bytes=size, most=LARGEST_FILE)
            return Read(stamp, None, f"It has {size} bytes, more than {LARGEST_FILE}")
        try:
            return Read(stamp, as_json(from_file(Path(path).read_bytes(), self._charset)))
        except PonsError as error:
            log.error("worklist file cannot be read", path=path, error=log_text(error))
            return Read(stamp, None, str(error))

    def _forget(self, path: str) -> None:
        known = self._known.pop(path, None)
        self.kept_bytes -= len(known.tags or b"") if known is not None else 0


def open_folder(
    settings: WorklistsSettings, default_charset: Callable[[], str]
) -> WorklistFolder | None:
    """The folder that settings name; None where they name none."""
    if settings.folder is None:
        return None
    return WorklistFolder(settings.folder, settings.maximum, default_charset)


def _is_file(entry: os.DirEntry[str]) -> bool:
    """Whether it may be an entry; a link that cannot be followed is told when it is to be read."""
    if not entry.name.endswith(ENDING):
        return False
    try:
        return entry.is_file()
    except OSError:
        return True
