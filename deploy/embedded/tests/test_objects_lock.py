# SPDX-License-Identifier: Apache-2.0
"""Objects are in the hands of one database at a time."""

import errno
import os
from pathlib import Path

import pytest

from pons.settings import Settings, load_settings
from pons_embedded.errors import Refusal
from pons_embedded.folder import DataFolder
from pons_embedded.objects_lock import objects_locked


def settings(tmp_path: Path, store: str = "main", database: str = "") -> Settings:
    return load_settings(
        None,
        store={"name": store},
        storage={"path": str(tmp_path / "objects")},
        database={"url": database},
    )


def nobody(line: str) -> None:
    """Takes what is said where nothing may be."""
    raise AssertionError(line)


def test_copied_data_folder(tmp_path: Path) -> None:
    """A second store on the same objects is refused, told which is the first, and let in later."""
    shared = settings(tmp_path)
    first, copy = DataFolder(tmp_path / "data"), DataFolder(tmp_path / "copy")
    with objects_locked(shared, first, nobody):
        told = f"in use by process {os.getpid()}, the store of ./pons up --data {first.path}: "
        with pytest.raises(Refusal, match=told), objects_locked(shared, copy, nobody):
            pass
    with objects_locked(shared, copy, nobody):
        pass


def test_objects_in_the_data_folder(tmp_path: Path) -> None:
    """Where no setting says another folder, that of the data folder is locked."""
    folder = DataFolder(tmp_path / "data")
    own = load_settings(None, store={"name": "own"})
    with (
        objects_locked(own, folder, nobody),
        pytest.raises(Refusal, match=f"the objects in {folder.objects}"),
        objects_locked(own, folder, nobody),
    ):
        pass


def test_stores_that_may_share_a_folder(tmp_path: Path) -> None:
    """Stores of other names, and replicas on a database of their own server, are let in."""
    folder = DataFolder(tmp_path / "data")
    replica = settings(tmp_path, database="postgresql://pons@db.example.org/pons")
    with (
        objects_locked(settings(tmp_path), folder, nobody),
        objects_locked(settings(tmp_path, "other"), folder, nobody),
        objects_locked(replica, folder, nobody),
    ):
        assert {path.name for path in (tmp_path / "objects").iterdir()} == {
            "main.lock",
            "other.lock",
        }


def test_folder_that_takes_no_lock(tmp_path: Path) -> None:
    """A folder that takes no lock does not keep its store from starting, and that is said."""
    said: list[str] = []
    (tmp_path / "objects").write_text("in the way")
    with objects_locked(settings(tmp_path), DataFolder(tmp_path / "data"), said.append):
        assert (tmp_path / "objects").read_text() == "in the way"
    [line] = said
    assert line.startswith(f"the objects in {tmp_path / 'objects'} cannot be locked (File exists)")


def test_file_systems_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are not taken for a store that runs: objects are used, a data folder is refused."""

    def no_locks(*_: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", no_locks)
    said: list[str] = []
    folder = DataFolder(tmp_path / "data")
    with objects_locked(settings(tmp_path), folder, said.append):
        assert "cannot be locked (No locks available)" in said[0]
    with (
        pytest.raises(Refusal, match=r"cannot be locked \(No locks available\): choose one"),
        folder.locked(),
    ):
        pass
