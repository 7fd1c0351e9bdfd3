# SPDX-License-Identifier: Apache-2.0
"""Objects in a folder: full and read-only disks, killed writers, the order of writes to disk."""

import errno
import os
import random
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import UnsupportedOperation
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from pons.errors import Unavailable
from pons.objects import SHARDS, FileObjects, new_key
from pons.objects.disk import is_cached
from pons.objects.spool import (
    LEFT_OVER,
    SPOOL_FOLDER,
    clean_spool_folder,
    has_unnamed_files,
)

pytestmark = pytest.mark.anyio


@contextmanager
def system_calls(names: set[str]) -> Iterator[list[str]]:
    """The functions of `os` with these names, in the order of their calls in this thread."""
    calls: list[str] = []

    def note(frame: FrameType, event: str, argument: Any) -> None:
        if event == "c_call" and argument.__module__ == "posix" and argument.__name__ in names:
            calls.append(argument.__name__)

    sys.setprofile(note)
    try:
        yield calls
    finally:
        sys.setprofile(None)


@pytest.fixture(params=["unnamed", "moved"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """How a file gets its name: at the end, or in place of one in the spool folder."""
    if request.param == "moved":
        monkeypatch.setattr("pons.objects.file.has_unnamed_files", lambda _folder: False)
    elif not has_unnamed_files(tmp_path):
        pytest.skip("this file system, or system, has no unnamed files")
    return str(request.param)


async def test_contents_reach_the_disk_before_the_name(tmp_path: Path, way: str) -> None:
    """An object is written, forced to disk, then named, and its folder forced to disk. So is the
    folder's own name, which another process may have made a moment ago."""
    objects = FileObjects(tmp_path, "main", inline_below=100, longest_inline=60)
    key = new_key()
    objects.local_path(key).parent.mkdir()
    named = {"open", "write", "fsync", "replace", "link", "mkdir"}
    with system_calls(named) as calls:
        await objects.put(key, b"body")
    forced = ["open", "fsync"]
    if way == "unnamed":
        written = ["open", "write", "fsync", "link", "fsync"]
        assert calls == ["open", *forced, *written]
    else:
        written = ["open", "write", "fsync", "replace", *forced, *forced]
        assert calls == written
    with system_calls(named) as calls:
        await objects.put(type(key)(int=key.int + 1), b"another")
    assert calls == written


async def test_a_new_folder_reaches_the_disk(tmp_path: Path, way: str) -> None:
    """The first object in a folder also forces the folder's own name to disk."""
    objects = FileObjects(tmp_path, "main", inline_below=100)
    with system_calls({"fsync", "replace", "link", "mkdir"}) as calls:
        await objects.put(new_key(), b"body")
    if way == "unnamed":
        assert calls == ["mkdir", "fsync", "fsync", "link", "fsync"]
    else:
        assert calls == ["fsync", "replace", "mkdir", "replace", "fsync", "fsync"]


async def test_a_body_takes_the_place_of_another(tmp_path: Path, way: str) -> None:
    """The same key again, as a repeated command has it: the later body is there, nothing beside."""
    objects = FileObjects(tmp_path, "main")
    key = new_key()
    await objects.put(key, b"first")
    await objects.put(key, b"second")
    assert await objects.read(key) == b"second"
    assert os.listdir(objects.local_path(key).parent) == [objects.local_path(key).name]
    assert os.listdir(tmp_path / "main/.spool") == [], way


async def test_nothing_is_left_of_what_cannot_be_forced_to_disk(
    tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that reports an error while contents are forced to it: Unavailable, no object."""

    def broken(_descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    objects = FileObjects(tmp_path, "main")
    key = new_key()
    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(Unavailable, match="the disk reports an error"):
        await objects.put(key, b"body")
    assert not objects.local_path(key).exists()
    folder = objects.local_path(key).parent
    assert not folder.exists() or os.listdir(folder) == [], way
    assert os.listdir(tmp_path / "main/.spool") == []


async def test_modes_are_those_of_the_spool(tmp_path: Path) -> None:
    """However a file got its name, who may read it is the same."""
    objects = FileObjects(tmp_path, "main")
    one, two = new_key(), new_key()
    await objects.put(one, b"body")
    with objects.spool() as spool:
        spool.write(b"body")
        await objects.put(two, spool)
    modes = {os.stat(objects.local_path(key)).st_mode for key in (one, two)}
    assert len(modes) == 1


async def test_without_fsync_nothing_is_forced_to_disk(tmp_path: Path) -> None:
    """`storage.fsync = false` does what it says."""
    objects = FileObjects(tmp_path, "main", fsync=False, inline_below=100)
    with system_calls({"write", "fsync", "replace"}) as calls:
        key = new_key()
        await objects.put(key, b"body")
    assert "fsync" not in calls
    assert await objects.read(key) == b"body"


async def test_small_bodies_stay_in_the_callers_thread(tmp_path: Path) -> None:
    """`inline_below` decides which bodies are handed to a worker thread: all, when crowded."""
    objects = FileObjects(tmp_path, "main", inline_below=100)
    with system_calls({"write"}) as calls:
        await objects.put(new_key(), bytes(99))
        assert calls == ["write"]
        await objects.put(new_key(), bytes(100))
        await objects.put(new_key(), bytes(99), crowded=True)
    assert calls == ["write"]


async def test_a_slow_disk_is_waited_for_in_worker_threads(tmp_path: Path) -> None:
    """One body that took too long is the last for a while that the event loop has to wait for."""
    objects = FileObjects(tmp_path, "main", longest_inline=0)
    with system_calls({"write"}) as calls:
        await objects.put(new_key(), bytes(99))
        assert calls == ["write"]
        await objects.put(new_key(), bytes(99))
    assert calls == ["write"]


def test_opening_removes_old_temporary_files_only(tmp_path: Path) -> None:
    """A crashed process' temporary files go after an hour; those of living ones stay."""
    objects = FileObjects(tmp_path, "main")
    old, young, other = objects.spool(), objects.spool(), FileObjects(tmp_path, "other").spool()
    two_hours_ago = time.time() - 7200
    for spool in (old, other):
        os.utime(spool.path, (two_hours_ago, two_hours_ago))
    FileObjects(tmp_path, "main")
    assert [spool.path.exists() for spool in (old, young, other)] == [False, True, True]
    assert clean_spool_folder(tmp_path / "main" / SPOOL_FOLDER, LEFT_OVER) == 0
    assert clean_spool_folder(tmp_path / "main" / SPOOL_FOLDER, timedelta(0)) == 1
    for spool in (old, young, other):
        spool.close()


async def test_vanished_disk_is_no_missing_object(tmp_path: Path) -> None:
    """A disk that is not mounted is Unavailable, never NotFound, and is not filled anew."""
    objects = FileObjects(tmp_path / "disk", "main", inline_below=100)
    key = new_key()
    (tmp_path / "disk").rename(tmp_path / "elsewhere")
    with pytest.raises(Unavailable, match="the folder is gone"):
        await objects.read(key)
    with pytest.raises(Unavailable, match="the folder is gone"):
        await objects.size(key)
    with pytest.raises(Unavailable, match="the folder is gone"):
        await objects.put(key, b"body")
    with pytest.raises(Unavailable, match="the folder is gone"):
        await objects.check()
    assert not (tmp_path / "disk").exists()


async def test_other_files_are_not_listed(tmp_path: Path) -> None:
    """What others leave in the folder is neither listed nor in the way."""
    objects = FileObjects(tmp_path, "main")
    key = new_key()
    await objects.put(key, b"body")
    folder = objects.local_path(key).parent
    shard = folder.parent.name
    (folder / "notes.txt").write_text("x")
    (folder.parent / "thumbs.db").write_text("x")
    assert [entry.key async for entry in objects.list(shard)] == [key]


async def test_processes_share_a_folder(tmp_path: Path) -> None:
    """What one process puts another one, that opened the store before, reads at once."""
    one, two = FileObjects(tmp_path, "main"), FileObjects(tmp_path, "main")
    key = new_key()
    await one.put(key, b"body")
    assert await two.read(key) == b"body"
    assert [len([entry async for entry in two.list(shard)]) for shard in SHARDS].count(1) == 1


async def test_temporary_file_of_a_failed_put_is_removed(tmp_path: Path) -> None:
    """A put whose final folder is gone is Unavailable and leaves no temporary file."""
    objects = FileObjects(tmp_path, "main")
    key = new_key()
    objects.local_path(key).parent.parent.rmdir()
    with objects.spool() as spool:
        spool.write(b"body")
        with pytest.raises(Unavailable):
            await objects.put(key, spool)
    assert list((tmp_path / "main/.spool").iterdir()) == []


def test_closing_a_spool_while_it_is_put(tmp_path: Path) -> None:
    """A spool closed by one thread while another puts it is either stored whole or not at all."""
    objects = FileObjects(tmp_path, "main", fsync=False)
    for _ in range(200):
        key, spool = new_key(), objects.spool()
        spool.write(b"body")
        closer = threading.Thread(target=spool.close)
        closer.start()
        try:
            objects._keep(key, spool)
        except ValueError:
            assert not objects.local_path(key).exists()
        else:
            assert objects.local_path(key).read_bytes() == b"body"
        closer.join()
    assert list((tmp_path / "main/.spool").iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "RWF_NOWAIT"), reason="only Linux tells what is in memory")
def test_only_what_is_in_memory_is_read_at_once(tmp_path: Path) -> None:
    """A file that the system has dropped from memory needs its disk, until it was read again."""
    path = tmp_path / "object"
    path.write_bytes(random.Random(1).randbytes(100_000))
    with path.open("rb") as file:
        try:
            assert is_cached(file.fileno(), 0, 100_000)
        except UnsupportedOperation:
            pytest.skip("this file system does not tell")
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        dropped = not is_cached(file.fileno(), 0, 100_000)
        file.read()
        assert is_cached(file.fileno(), 0, 100_000)
    if not dropped:
        pytest.skip("this file system keeps files in memory")


async def test_a_folder_that_is_gone_is_no_empty_one(tmp_path: Path) -> None:
    """An unmounted disk has no marks to read: that is not the same as a store without any."""
    objects = FileObjects(tmp_path / "objects", "main", fsync=False)
    (tmp_path / "objects").rename(tmp_path / "elsewhere")
    with pytest.raises(Unavailable):
        await objects.notes.read("owner")


async def test_another_folder_in_its_place_takes_nothing(tmp_path: Path) -> None:
    """A service that starts while a disk is away makes an empty folder: what others wrote there
    would be hidden once the disk is back."""
    disk = tmp_path / "disk"
    await FileObjects(disk, "main", fsync=False).notes.put("owner", b"ours")
    objects = FileObjects(disk, "main", fsync=False)
    key = new_key()
    await objects.put(key, b"body")
    disk.rename(tmp_path / "elsewhere")
    other = FileObjects(disk, "main", fsync=False)
    for body in (b"body", b"b" * 100_000):
        with pytest.raises(Unavailable, match="not the one that this service has opened"):
            await objects.put(new_key(), body)
    for call in (
        lambda: objects.check(),
        lambda: objects.read(key),
        lambda: objects.delete([key]),
        lambda: objects.notes.put("seen", b"x"),
        lambda: objects.notes.read("owner"),
        lambda: objects.notes.delete(["owner"]),
    ):
        with pytest.raises(Unavailable, match="not the one"):
            await call()
    with pytest.raises(Unavailable, match="not the one"):
        objects.spool()
    await other.notes.put("owner", b"another's")
    with pytest.raises(Unavailable, match="not the one"):
        await objects.put(new_key(), b"body")
    assert [path for path in disk.rglob("*") if path.is_file()] == [disk / "main/.notes/owner"]
    shutil.rmtree(disk)
    (tmp_path / "elsewhere").rename(disk)
    assert await objects.read(key) == b"body"
    await objects.put(new_key(), b"body")


async def test_a_copy_that_is_put_back_goes_on(tmp_path: Path) -> None:
    """Its folders have other numbers, as those of a network file system mounted again, but it has
    the mark. A store that was marked after it was opened is no other one."""
    disk = tmp_path / "disk"
    early = FileObjects(disk, "main", fsync=False)
    await early.notes.put("owner", b"ours")
    late = FileObjects(disk, "main", fsync=False)
    shutil.copytree(disk, tmp_path / "copy")
    disk.rename(tmp_path / "elsewhere")
    (tmp_path / "copy").rename(disk)
    for objects in (early, late):
        key = new_key()
        await objects.put(key, b"body")
        assert await objects.read(key) == b"body"
