# SPDX-License-Identifier: Apache-2.0
"""Folders of objects that one test after the other uses."""

import os
from pathlib import Path

import pytest

from pons.objects import SHARDS, FileObjects, new_key
from pons_testing.object_folders import ObjectFolders

pytestmark = pytest.mark.anyio


async def test_the_next_test_finds_nothing_of_the_last(tmp_path: Path) -> None:
    """Neither objects nor notes nor spool files: all shards, and they are empty."""
    (tmp_path / "free").mkdir()
    folders = ObjectFolders(tmp_path / "free")
    with folders.lending() as lend:
        lend(tmp_path, "one")
        number = (tmp_path / "one").stat().st_ino
        objects = FileObjects(tmp_path, "one", fsync=False)
        await objects.put(new_key(), b"an object")
        await objects.notes.put("owner", b"a note")
        os.close(objects.spool().detach())
    assert not (tmp_path / "one").exists()
    with folders.lending() as lend:
        lend(tmp_path, "two")
        folder = tmp_path / "two"
        assert folder.stat().st_ino == number
        assert sorted(one.name for one in folder.iterdir()) == list(SHARDS)
        assert [one for shard in SHARDS for one in (folder / shard).iterdir()] == []


def test_what_a_test_has_moved_away_is_not_lent_again(tmp_path: Path) -> None:
    """The next test gets another folder."""
    (tmp_path / "free").mkdir()
    folders = ObjectFolders(tmp_path / "free")
    with folders.lending() as lend:
        lend(tmp_path, "one")
        (tmp_path / "one").rename(tmp_path / "elsewhere")
    with folders.lending() as lend:
        lend(tmp_path, "two")
        assert (tmp_path / "two").stat().st_ino != (tmp_path / "elsewhere").stat().st_ino
