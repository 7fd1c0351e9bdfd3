# SPDX-License-Identifier: Apache-2.0
"""Objects in a folder: full and read-only disks, killed writers, the order of writes to disk."""

import errno
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from hashlib import blake2b
from io import UnsupportedOperation
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import pons
from pons.errors import OutOfResources, Unavailable
from pons.objects import SHARDS, FileObjects, key_from_path, new_key
from pons.objects.disk import is_cached
from pons.objects.free_space import FreeSpace
from pons.objects.spool import (
    LEFT_OVER,
    SPOOL_FOLDER,
    clean_spool_folder,
    has_unnamed_files,
)
from pons.settings import StorageSettings

pytestmark = pytest.mark.anyio

ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(pons.__file__).parents[1])}

FILL_THE_DISK = """
import asyncio, resource, sys
from pathlib import Path
from pons.errors import OutOfResources, Unavailable
from pons.objects import FileObjects, new_key

root, limit = Path(sys.argv[1]), int(sys.argv[2])

async def main():
    objects = FileObjects(root, "main", inline_below=1 << 20)
    await objects.check()
    stored = [new_key()]
    await objects.put(stored[0], bytes(50_000))
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    for body in (bytes(2_000_000), bytes(700_000)):  # by a worker thread, and inline
        try:
            for _ in range(3):
                key = new_key()
                await objects.put(key, body)
        except OutOfResources as error:
            print("put:", error)
        assert not objects.local_path(key).exists()
    with objects.spool() as spool:
        try:
            for _ in range(100):
                spool.write(bytes(50_000))
        except OutOfResources as error:
            print("spool:", error)
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limit))
    else:
        with (root / "filler").open("wb", buffering=0) as filler:
            try:
                while True:
                    filler.write(bytes(4096))
            except OSError:
                pass
    try:
        await objects.check()
    except Unavailable as error:
        print("check:", error)
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    else:
        (root / "filler").unlink()
    await objects.put(new_key(), bytes(50_000))
    assert await objects.read(stored[0]) == bytes(50_000)
    print("left:", len(list((root / "main/.spool").iterdir())))

asyncio.run(main())
"""

WRITE_WHERE_NOT_ALLOWED = """
import asyncio, os, sys
from pathlib import Path
from pons.errors import Unavailable
from pons.objects import FileObjects, new_key

async def main():
    root = Path(sys.argv[1])
    objects = FileObjects(root, "main")
    (root / "main/.spool").chmod(0o500)
    await asyncio.to_thread(int)  # Imports what it needs while that may be read.
    if os.geteuid() == 0:
        os.setuid(65534)  # Nothing is forbidden to root.
    for name, call in {
        "put": lambda: objects.put(new_key(), b"body"),
        "check": objects.check,
        "open": lambda: FileObjects(root / "main/.spool/x", "main"),
    }.items():
        try:
            await call()
        except Unavailable as error:
            print(name, error.message.split(":")[-1])

asyncio.run(main())
"""

WRITE_UNTIL_KILLED = """
import asyncio, hashlib, os, random, sys
from pathlib import Path
from pons.objects import FileObjects, new_key

async def main():
    objects = FileObjects(Path(sys.argv[1]), "main", inline_below=1 << 20)
    noise = os.urandom(4 << 20)
    while True:
        body = noise[: random.choice((1_000, 300_000, 2_000_000, 4_000_000))]
        body = hashlib.blake2b(body).digest() + body
        key = new_key()
        if random.random() < 0.5:
            await objects.put(key, body)
        else:
            with objects.spool() as spool:
                for start in range(0, len(body), 100_000):
                    spool.write(body[start : start + 100_000])
                await objects.put(key, spool)
        os.write(1, f"{key}\\n".encode())

asyncio.run(main())
"""


def run(source: str, *arguments: str, prefix: Sequence[str] = ()) -> list[str]:
    """What a Python program prints, line by line."""
    command = [*prefix, sys.executable, "-c", source, *arguments]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def small_disk(folder: Path) -> list[str] | None:
    """Words before a command that run it with a real disk of 1 MiB at `folder`, if possible."""
    mount = 'mount -t tmpfs -o size=1m none "$0" && exec "$@"'
    for options in (["--mount"], ["--user", "--map-root-user", "--mount"]):
        command = ["unshare", *options, "sh", "-c", mount, str(folder)]
        if (
            shutil.which("unshare")
            and not subprocess.run([*command, "true"], capture_output=True).returncode
        ):
            return command
    return None


def test_full_disk(tmp_path: Path) -> None:
    """On a full disk a put is OutOfResources, leaves nothing behind, and works again later."""
    prefix = small_disk(tmp_path)
    if prefix is None:  # Mounting is not allowed here: the size limit of files stands in for it.
        test_file_size_limit(tmp_path)
        return
    reason = f"no room for objects in {tmp_path}/main/.spool: the disk is full"
    assert run(FILL_THE_DISK, str(tmp_path), "0", prefix=prefix) == [
        f"put: {reason} (free space or use another disk)",
        f"put: {reason} (free space or use another disk)",
        f"spool: {reason} (free space or use another disk)",
        f"check: {reason} (free space or use another disk)",
        "left: 0",
    ]


async def test_a_body_does_not_take_the_last_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What grows in a spool is refused while the database can still write, and so is an object."""
    room = FreeSpace(StorageSettings(path=tmp_path, minimum_free_mb=1))
    objects = FileObjects(tmp_path, "main", fsync=False, room=room)
    with objects.spool() as spool:
        spool.write(bytes(1000))
        monkeypatch.setattr(room, "shortage", lambda: "a shortage")
        with pytest.raises(OutOfResources, match="There is no room: a shortage"):
            spool.write(bytes(1000))
    with pytest.raises(OutOfResources, match="There is no room: a shortage"):
        await objects.put(new_key(), b"body")
    assert [path for path in (tmp_path / "main").rglob("*") if path.is_file()] == []


def test_file_size_limit(tmp_path: Path) -> None:
    """A body that the process may not write is OutOfResources and leaves nothing behind."""
    reason = (
        f"no room for objects in {tmp_path}/main/.spool: "
        "the file is larger than file system or process may write"
    )
    assert run(FILL_THE_DISK, str(tmp_path), "600000") == [
        f"put: {reason} (free space or use another disk)",
        f"put: {reason} (free space or use another disk)",
        f"spool: {reason} (free space or use another disk)",
        f"check: {reason} (free space or use another disk)",
        "left: 0",
    ]


def test_forbidden_folder(tmp_path: Path) -> None:
    """Without permission to write, putting, checking and opening are Unavailable."""
    assert run(WRITE_WHERE_NOT_ALLOWED, str(tmp_path)) == [
        "put  no permission",
        "check  no permission",
        "open  no permission",
    ]


def test_writers_killed_at_any_moment(tmp_path: Path) -> None:
    """After kill -9 each acknowledged object is there and every object is whole."""
    spool_folder = tmp_path / "main/.spool"
    acknowledged: set[str] = set()
    interrupted = 0
    for turn in range(10):
        command = [sys.executable, "-c", WRITE_UNTIL_KILLED, str(tmp_path)]
        with subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            acknowledged |= {
                writer.stdout.readline().decode().strip() for _ in range(random.randint(1, 5))
            }
            if turn % 2:  # Else at whatever point it is in.
                wait_for_a_file(spool_folder)
            writer.kill()
            acknowledged |= {line.decode().strip() for line in writer.stdout}
        interrupted += clean_spool_folder(tmp_path / "main" / SPOOL_FOLDER, timedelta(0))
    found = set()
    for path in (tmp_path / "main").glob("[0-9a-f][0-9a-f]/*/*"):
        assert key_from_path("main", str(path.relative_to(tmp_path))), path
        body = path.read_bytes()
        assert body[:64] == blake2b(body[64:]).digest(), f"{path} is not whole"
        found.add(path.name)
    assert acknowledged <= found
    assert interrupted > 0, "no writer was killed in the middle of a put"


def wait_for_a_file(folder: Path) -> None:
    deadline = time.monotonic() + 10
    while not os.listdir(folder):
        assert time.monotonic() < deadline, "the writer writes nothing"


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
    """An object is written, forced to disk, then named, and its folder forced to disk."""
    objects = FileObjects(tmp_path, "main", inline_below=100)
    key = new_key()
    objects.local_path(key).parent.mkdir()
    with system_calls({"open", "write", "fsync", "replace", "link", "mkdir"}) as calls:
        await objects.put(key, b"body")
    name = "link" if way == "unnamed" else "replace"
    assert calls == ["open", "write", "fsync", name, "open", "fsync"]


async def test_a_new_folder_reaches_the_disk(tmp_path: Path, way: str) -> None:
    """The first object in a folder also forces the folder's own name to disk."""
    objects = FileObjects(tmp_path, "main", inline_below=100)
    with system_calls({"fsync", "replace", "link", "mkdir"}) as calls:
        await objects.put(new_key(), b"body")
    if way == "unnamed":
        assert calls == ["mkdir", "fsync", "link", "fsync", "fsync"]
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
