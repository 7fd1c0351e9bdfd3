# SPDX-License-Identifier: Apache-2.0
"""The objects of a store belong to one database at a time."""

import os
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pons.settings import Settings
from pons_embedded.disk import storage_of
from pons_embedded.errors import Refusal
from pons_embedded.folder import DataFolder, try_lock


@contextmanager
def objects_locked(
    settings: Settings, folder: DataFolder, say: Callable[[str], None]
) -> Iterator[None]:
    """Keep stores with another database away from the folder of objects while the block runs.

    A copy of a data folder has the mark of the store that it was copied from, so marks do not tell
    the two apart. On the same objects each would delete what the other one still lists. Replicas
    that share a database are one store, and are not kept apart. Copies that share a bucket do
    start, and their indexes notice each other. A folder in which no lock can be made is used
    without one, which is said.
    """
    path = storage_of(settings, folder).path
    if path is None or settings.database.url:
        yield
        return
    lock = path / f"{settings.store.name}.lock"
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o750)
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:  # read only, or full: the index says so, and what is there is read
        say(_not_locked(path, error))
        yield
        return
    try:
        if not _locked(path, descriptor, say):
            holder = os.read(descriptor, 4096).decode(errors="replace").strip() or "another store"
            raise Refusal(
                f"the objects in {path} are in use by {holder}: stop that store, or give this one "
                "a folder of its own with the setting storage.path"
            )
        with suppress(OSError):  # the lock needs no room; only who holds it cannot be told
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"process {os.getpid()}, {_shown(folder)}\n".encode())
        yield
    finally:
        os.close(descriptor)


def _locked(path: Path, descriptor: int, say: Callable[[str], None]) -> bool:
    """False while another store holds the lock."""
    try:
        return try_lock(descriptor)
    except OSError as error:  # a file system without locks
        say(_not_locked(path, error))
        return True


def _not_locked(path: Path, error: OSError) -> str:
    return (
        f"the objects in {path} cannot be locked ({error.strerror}): see to it that no copy of "
        "this store runs on them"
    )


def _shown(folder: DataFolder) -> str:
    return f"the store of ./pons up --data {shlex.quote(str(folder.path))}"
