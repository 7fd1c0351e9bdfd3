# SPDX-License-Identifier: Apache-2.0
"""Room on disks, and the reserve, on a disk that is as large and as full as a test says."""

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from pons.errors import OutOfResources
from pons.limits import MEGABYTE
from pons.objects.free_space import FreeSpace, Shortage
from pons.settings import StorageSettings


class Usage(NamedTuple):
    total: int
    used: int
    free: int


class Disk:
    """What `shutil.disk_usage` tells; counts how often it is asked."""

    def __init__(self, total: int, free: int) -> None:
        self.total, self.free, self.asked = total * MEGABYTE, free * MEGABYTE, 0

    def usage(self, _folder: Path) -> Usage:
        self.asked += 1
        return Usage(self.total, self.total - self.free, self.free)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """A terabyte, all of it free."""
    disk = Disk(1 << 20, 1 << 20)
    monkeypatch.setattr(shutil, "disk_usage", disk.usage)
    return disk


def storage(folder: Path, **values: object) -> StorageSettings:
    reserve = {"reserve": str(folder / "reserve"), "reserve_mb": 2}
    return StorageSettings.model_validate({"path": folder, **reserve, **values})


def test_a_store_stops_taking_before_the_disk_is_full(tmp_path: Path, disk: Disk) -> None:
    """Below the room that is to be left, the refusal names folder, what is free and needed."""
    room = FreeSpace(storage(tmp_path, reserve=""))
    disk.free = 128 * MEGABYTE
    assert room.look() is None
    disk.free -= 1
    assert room.look() == Shortage(tmp_path, 128 * MEGABYTE - 1, 128 * MEGABYTE)
    with pytest.raises(OutOfResources) as refused:
        room.require()
    assert str(refused.value) == (
        f"There is no room: {tmp_path} has 127 MB free, 128 MB are needed "
        "(free space, or delete something)"
    )


def test_a_small_disk_is_not_left_unused(tmp_path: Path, disk: Disk) -> None:
    """Of 320 MB, 20 are to stay free."""
    disk.total, disk.free = 320 * MEGABYTE, 20 * MEGABYTE
    room = FreeSpace(storage(tmp_path, reserve=""))
    assert room.look() is None
    disk.free -= 1
    assert room.look() is not None


def test_room_can_be_left_to_chance(tmp_path: Path, disk: Disk) -> None:
    """With 0 nothing is refused, and no reserve is needed."""
    disk.free = 0
    assert FreeSpace(storage(tmp_path, minimum_free_mb=0, reserve_mb=0)).look() is None
    assert FreeSpace(StorageSettings(kind="s3", s3_endpoint="127.0.0.1:1")).look() is None


def test_a_folder_that_is_gone_is_no_shortage(tmp_path: Path) -> None:
    """Whoever writes there says what is wrong."""
    assert FreeSpace(storage(tmp_path / "gone")).look() is None


def test_each_disk_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects and reserve may be on two disks; either may be full."""
    objects, data = tmp_path / "objects", tmp_path / "data"
    full: list[Path] = []

    def usage(folder: Path) -> Usage:
        return Usage(1 << 40, 0, 0 if folder in full else 1 << 40)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    room = FreeSpace(storage(objects, reserve=str(data / "reserve")))
    for folder in (objects, data):
        full[:] = [folder]
        short = room.look()
        assert short is not None
        assert short.folder == folder


def test_the_file_system_is_asked_seldom_while_there_is_room(tmp_path: Path, disk: Disk) -> None:
    """An answer is good for a second, and for no time at all where little is left."""
    times = iter((0.0, 0.5, 0.999, 1.0, 1.0, 1.0))
    room = FreeSpace(storage(tmp_path, reserve=""), clock=lambda: next(times))
    for _ in range(3):
        room.require()
    assert disk.asked == 1
    disk.free = 128 * MEGABYTE
    room.require()
    disk.free = 0
    with pytest.raises(OutOfResources):
        room.require()
    disk.free = 1 << 40
    room.require()


def test_the_reserve_gives_way_and_comes_back(tmp_path: Path, disk: Disk) -> None:
    """It takes room of the disk; it goes when there is none, and is made when there is."""
    room, reserve = FreeSpace(storage(tmp_path)), tmp_path / "reserve"
    assert room.restore()
    assert reserve.stat().st_size == 2 * MEGABYTE
    assert reserve.stat().st_blocks * 512 >= 2 * MEGABYTE
    assert not room.give_way()
    assert reserve.exists()
    disk.free = 0
    assert room.give_way()
    assert not reserve.exists()
    disk.free = 130 * MEGABYTE - 1
    assert not room.restore()
    disk.free = 130 * MEGABYTE
    assert room.restore()


def test_what_the_reserve_left_is_for_deletions(tmp_path: Path, disk: Disk) -> None:
    """Nothing new is taken until the reserve can be made again."""
    room = FreeSpace(storage(tmp_path))
    disk.free = 129 * MEGABYTE
    short = room.look()
    assert short == Shortage(tmp_path, 129 * MEGABYTE, 130 * MEGABYTE)
    (tmp_path / "reserve").touch()
    assert room.look() is None


def test_a_reserve_that_does_not_fit_leaves_nothing(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others may take the room meanwhile."""

    def full(_path: Path, _size: int) -> None:
        (tmp_path / "reserve").touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pons.objects.free_space._fill", full)
    assert not FreeSpace(storage(tmp_path)).restore()
    assert list(tmp_path.iterdir()) == []
