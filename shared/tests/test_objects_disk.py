# SPDX-License-Identifier: Apache-2.0
"""Files on disks that are full, forbidden, slow, gone or killed in the middle of a write."""

import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from hashlib import blake2b
from pathlib import Path

import pytest

import pons
from pons.errors import OutOfResources
from pons.objects import FileObjects, key_from_path, new_key
from pons.objects.free_space import FreeSpace
from pons.objects.spool import (
    SPOOL_FOLDER,
    clean_spool_folder,
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
    deadline = time.monotonic() + 60
    while not os.listdir(folder):
        assert time.monotonic() < deadline, "the writer writes nothing"
