# SPDX-License-Identifier: Apache-2.0
"""Folders of objects that stay open: which one is written into, and how many there are."""

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pons.objects import FileObjects, new_key
from pons.objects.open_folders import MOST, OpenFolders
from pons.objects.spool import has_unnamed_files

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def unnamed(tmp_path: Path) -> None:
    if not has_unnamed_files(tmp_path):
        pytest.skip("this file system, or system, has no unnamed files: no folder stays open")


@pytest.fixture
def folders() -> Iterator[OpenFolders]:
    with closing(OpenFolders()) as opened:
        yield opened


def open_below(folder: Path) -> list[str]:
    """Folders that this process has open there."""
    found = []
    for number in os.listdir("/proc/self/fd"):
        try:
            path = os.readlink(f"/proc/self/fd/{number}")
        except FileNotFoundError:  # the listing's own
            continue
        if path.startswith(f"{folder}/"):
            found.append(path)
    return sorted(found)


async def test_a_folder_is_opened_once(tmp_path: Path) -> None:
    """However many objects come into it; closed with the store."""
    objects = FileObjects(tmp_path, "main")
    keys = [new_key() for _ in range(3)]
    for key in keys:
        await objects.put(key, b"body")
    assert open_below(tmp_path) == sorted({str(objects.local_path(key).parent) for key in keys})
    await objects.close()
    assert open_below(tmp_path) == []


async def test_a_folder_that_was_removed_is_made_anew(tmp_path: Path) -> None:
    """By whoever tidies up empty ones, say."""
    objects = FileObjects(tmp_path, "main")
    key = new_key()
    await objects.put(key, b"body")
    shutil.rmtree(objects.local_path(key).parent)
    await objects.put(key, b"body")
    assert objects.local_path(key).read_bytes() == b"body"
    shutil.rmtree(objects.local_path(key).parent)
    objects.local_path(key).parent.mkdir()
    await objects.put(key, b"body")
    assert objects.local_path(key).read_bytes() == b"body"


async def test_what_comes_goes_into_the_copy_that_was_put_back(tmp_path: Path) -> None:
    """Not into the folder that is open and was moved away."""
    disk = tmp_path / "disk"
    objects = FileObjects(disk, "main")
    await objects.notes.put("owner", b"ours")
    key = new_key()
    await objects.put(key, b"body")
    shutil.copytree(disk, tmp_path / "copy")
    disk.rename(tmp_path / "elsewhere")
    (tmp_path / "copy").rename(disk)
    for name in ("", "-again"):
        # Of the same moment, so in the same folder.
        beside = type(key)(int=key.int + 1 + len(name))
        await objects.put(beside, b"another")
        assert objects.local_path(beside).parent == objects.local_path(key).parent
        assert objects.local_path(beside).read_bytes() == b"another"
    assert not list((tmp_path / "elsewhere").rglob(objects.local_path(beside).name))
    opened = open_below(tmp_path)
    assert str(objects.local_path(key).parent) in opened


def test_no_more_than_some_stay_open(tmp_path: Path, folders: OpenFolders) -> None:
    """The oldest is closed, once nobody uses it."""
    names = [str(tmp_path / f"{number}") for number in range(MOST + 3)]
    with folders.opened(names[0], str(tmp_path), fsync=True) as first:
        for name in names[1:]:
            with folders.opened(name, str(tmp_path), fsync=True):
                pass
        assert open_below(tmp_path) == sorted([names[0], *names[-MOST:]])
        os.fstat(first)
    assert open_below(tmp_path) == sorted(names[-MOST:])


def test_its_name_is_on_disk_whoever_made_it(
    tmp_path: Path, folders: OpenFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process may have made it, and not forced it to disk yet; not more than once."""
    forced: list[str] = []
    monkeypatch.setattr(
        "pons.objects.open_folders.sync_folder", lambda folder: forced.append(str(folder))
    )
    (tmp_path / "shard" / "made").mkdir(parents=True)
    for _ in range(2):
        with folders.opened(str(tmp_path / "shard/made"), str(tmp_path), fsync=True):
            pass
    assert forced == [str(tmp_path / "shard"), str(tmp_path)]


def test_a_folder_that_cannot_be_forced_to_disk_is_not_used(
    tmp_path: Path, folders: OpenFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_folder: str) -> None:
        raise OSError(5, "Input/output error")

    name = str(tmp_path / "made")
    with monkeypatch.context() as patch:
        patch.setattr("pons.objects.open_folders.sync_folder", broken)
        with (
            pytest.raises(OSError, match="Input/output"),
            folders.opened(name, str(tmp_path), fsync=True),
        ):
            raise AssertionError("it was used")
    assert open_below(tmp_path) == []
    with folders.opened(name, str(tmp_path), fsync=True):
        assert open_below(tmp_path) == [name]


def test_many_threads(tmp_path: Path, folders: OpenFolders) -> None:
    """Whoever has one can use it, although others open and close it meanwhile."""
    names = [str(tmp_path / f"{number}") for number in range(MOST + 2)]
    failed: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(300):
                name = names[(turn + number) % len(names)]
                with folders.opened(name, str(tmp_path), fsync=False) as opened:
                    assert os.readlink(f"/proc/self/fd/{opened}") == name
                if turn % 50 == number:
                    folders.close()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(open_below(tmp_path)) <= MOST
    folders.close()
    assert open_below(tmp_path) == []
