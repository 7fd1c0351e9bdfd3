# SPDX-License-Identifier: Apache-2.0
"""What an embedded store says about its disk, and what it lets its servers take of it."""

import asyncio
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from pons.limits import MEGABYTE
from pons.objects.free_space import FreeSpace
from pons.settings import load_settings
from pons_embedded import disk
from pons_embedded.errors import Refusal
from pons_embedded.folder import DataFolder
from pons_embedded.services import shared_environment


class Usage(NamedTuple):
    """What `shutil.disk_usage` tells."""

    total: int
    used: int
    free: int


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path)


def sized(patch: pytest.MonkeyPatch, total: int, free: int) -> None:
    """A disk of so many MB."""
    usage = Usage(total * MEGABYTE, (total - free) * MEGABYTE, free * MEGABYTE)
    patch.setattr(shutil, "disk_usage", lambda _folder: usage)


def room_of(folder: DataFolder) -> FreeSpace:
    return FreeSpace(disk.storage_of(load_settings({}), folder))


def start(folder: DataFolder) -> list[str]:
    said: list[str] = []
    disk.make_room_to_start(room_of(folder), folder, said.append)
    return said


def test_a_new_store_needs_room_for_its_database(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is refused at once, with folder, what is free and what is needed."""
    sized(monkeypatch, 300, 99)
    with pytest.raises(Refusal) as refused:
        start(folder)
    assert str(refused.value) == (
        f"{folder.path} has 99 MB free, a new store needs 100 MB: make room, or choose another "
        "folder with --data"
    )


def test_a_new_store_on_a_small_disk_is_told(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It starts; on a larger one nothing is said."""
    sized(monkeypatch, 700, 700)
    (line,) = start(folder)
    assert line.startswith(f"{folder.path} has 700 MB free, a new store should have 1024 MB")
    sized(monkeypatch, 2000, 2000)
    assert start(folder) == []


def test_a_start_without_room_lets_go_of_the_reserve(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And of logs that have been moved aside; where nothing is gained, that is said at once."""
    (folder.postgres / "cluster").mkdir(parents=True)
    folder.log.mkdir()
    old, new = folder.log / "index.log.1", folder.log / "index.log"
    for file in (folder.reserve, old, new):
        file.touch()
    sized(monkeypatch, 16000, 15)
    (line,) = start(folder)
    assert line.startswith(f"{folder.path} has 15 MB free, 128 MB are needed: the store starts and")
    assert [folder.reserve.exists(), old.exists(), new.exists()] == [False, False, True]
    sized(monkeypatch, 16000, 0)
    with pytest.raises(Refusal, match="has no room left at all, and its reserve is used up"):
        start(folder)


def test_little_room_leaves_the_reserve_to_deletions(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that can start does so without it."""
    (folder.postgres / "cluster").mkdir(parents=True)
    folder.reserve.touch()
    sized(monkeypatch, 16000, 17)
    assert len(start(folder)) == 1
    assert folder.reserve.exists()


def test_servers_fit_their_disk(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Events and PostgreSQL's log take a part of a small disk, and no more of a large one."""
    for size, changes, wal in ((400, 25, 64), (4000, 250, 500), (100_000, 512, 1024)):
        sized(monkeypatch, size, size)
        told = shared_environment(load_settings({}), None, folder)
        assert told["PONS_NATS_CHANGES_MB"] == str(changes)
        assert told["PONS_STORAGE_RESERVE"] == str(folder.path / "reserve")
        assert disk.wal_settings(folder.path)["max_wal_size"] == f"{wal}MB"
    assert disk.streams_bytes(folder.path) == 75_000 * MEGABYTE
    chosen = shared_environment(load_settings({}, nats={"changes_mb": 7}), None, folder)
    assert "PONS_NATS_CHANGES_MB" not in chosen


@pytest.mark.anyio
async def test_room_that_goes_and_comes_is_told(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the reserve is made as soon as there is room for it."""
    monkeypatch.setattr(disk, "INTERVAL", 0.01)
    said: asyncio.Queue[str] = asyncio.Queue()
    sized(monkeypatch, 1600, 1600)

    async def came_back() -> None:
        said.put_nowait("came back")

    watching = asyncio.create_task(disk.watch_room(room_of(folder), said.put_nowait, came_back))
    async with asyncio.timeout(60):
        while not folder.reserve.exists():  # noqa: ASYNC110 another task makes it
            await asyncio.sleep(0.01)
        sized(monkeypatch, 1600, 99)
        assert await said.get() == (
            f"{folder.path} has 99 MB free, 100 MB are needed: no instance is taken"
        )
        sized(monkeypatch, 1600, 100)
        assert await said.get() == "there is room again"
        assert await said.get() == "came back"
    watching.cancel()
