# SPDX-License-Identifier: Apache-2.0
"""Folders of object stores that one test after the other uses.

Each has 256 folders. To make and remove them takes longer than most tests do.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pons.objects import SHARDS

Lend = Callable[[Path, str], None]
"""Puts the folder of a store, as if it had been opened before, into a root that has none of it."""


class ObjectFolders:
    """Keeps in `place` what tests have given back, empty."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._free: list[Path] = []
        self._made = 0

    @contextmanager
    def lending(self) -> Iterator[Lend]:
        """Lends as many folders as are asked for, and has them back when the block ends.

        A test may move or remove what it was lent: then the next one makes its own.
        """
        lent: list[Path] = []

        def lend(root: Path, store: str) -> None:
            root.mkdir(parents=True, exist_ok=True)
            lent.append(root / store)
            self._take().rename(lent[-1])

        yield lend
        for folder in lent:
            if folder.is_dir():
                empty(folder)
                self._free.append(self._next())
                folder.rename(self._free[-1])

    def _take(self) -> Path:
        if self._free:
            return self._free.pop()
        folder = self._next()
        folder.mkdir()
        for shard in SHARDS:
            (folder / shard).mkdir()
        return folder

    def _next(self) -> Path:
        self._made += 1
        return self._place / str(self._made)


def empty(folder: Path) -> None:
    """Remove everything in the folder of a store but its shards."""
    shards = frozenset(SHARDS)
    for name in os.listdir(folder):
        inside = f"{folder}/{name}"  # no Path for each of 256, of which hardly any has something
        for one in os.listdir(inside) if name in shards else ():
            shutil.rmtree(f"{inside}/{one}")
        if name not in shards:
            shutil.rmtree(inside)
