# SPDX-License-Identifier: Apache-2.0
"""Worklist files that others write, change and remove while they are read."""

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from pons.errors import Unavailable
from pons.header.repertoire import Repertoire
from pons.header.write import write_dataset
from pons.worklists.folder import LARGEST_FILE, WorklistFolder

pytestmark = pytest.mark.anyio
EXPLICIT = "1.2.840.10008.1.2.1"


def content(name: str, charset: str = "ISO_IR 192") -> bytes:
    elements = {"00100010": {"vr": "PN", "Value": [{"Alphabetic": name}]}}
    return write_dataset(elements, EXPLICIT, Repertoire(charset))


async def names(folder: WorklistFolder, aet: str = "PONS") -> list[str]:
    entries: list[Any] = [
        msgspec.json.decode(tags) async for page in folder.pages(aet) for tags in page
    ]
    return [entry["00100010"]["Value"][0]["Alphabetic"] for entry in entries]


def errors(logs: list[Any]) -> list[str]:
    return [line["event"] for line in logs if line["log_level"] == "error"]


async def test_changes_are_seen(tmp_path: Path) -> None:
    """A file that is added, replaced or removed, by the next query."""
    folder = WorklistFolder(tmp_path, 10, lambda: "latin1")
    assert await names(folder) == []
    (tmp_path / "1.wl").write_bytes(content("A"))
    (tmp_path / "2.wl").write_bytes(content("B"))
    assert await names(folder) == ["A", "B"]
    (tmp_path / "new").write_bytes(content("C"))
    os.replace(tmp_path / "new", tmp_path / "1.wl")
    (tmp_path / "2.wl").unlink()
    assert await names(folder) == ["C"]


async def test_a_file_that_cannot_be_read_is_told_once(tmp_path: Path) -> None:
    """It is no error for the others, and is read as soon as it is right."""
    folder = WorklistFolder(tmp_path, 10, lambda: "latin1")
    (tmp_path / "1.wl").write_bytes(content("A"))
    half = tmp_path / "2.wl"
    half.write_bytes(content("Beethoven")[:-4])
    (tmp_path / "3.wl").write_bytes(b"no DICOM")
    (tmp_path / "4.wl").write_bytes(bytes(LARGEST_FILE + 1))
    (tmp_path / "5.wl").mkdir()
    os.mkfifo(tmp_path / "6.wl")
    (tmp_path / "7.wl").symlink_to("8.wl")  # of a file that is not there
    with capture_logs() as logs:
        for _ in range(3):
            assert await names(folder) == ["A"]
    assert sorted(errors(logs)) == [
        "worklist file cannot be read",
        "worklist file cannot be read",
        "worklist file is too large",
    ]
    half.write_bytes(content("Beethoven"))
    assert await names(folder) == ["A", "Beethoven"]


async def test_a_link_that_cannot_be_followed(tmp_path: Path) -> None:
    """One that leads in a circle, or where nobody may look, is no error for the others either."""
    folder = WorklistFolder(tmp_path, 10, lambda: "latin1")
    (tmp_path / "1.wl").write_bytes(content("A"))
    (tmp_path / "2.wl").symlink_to("2.wl")
    with capture_logs() as logs:
        assert await names(folder) == ["A"]
    assert errors(logs) == ["worklist file cannot be read"]


async def test_a_default_character_set_that_changes_counts(tmp_path: Path) -> None:
    """Files without SpecificCharacterSet are read anew."""
    codec = "latin1"
    folder = WorklistFolder(tmp_path, 10, lambda: codec)
    text = "Jané".encode()
    (tmp_path / "1.wl").write_bytes(b"\x10\0\x10\0PN\x06\0" + text + b" ")
    assert await names(folder) == ["JanÃ©"]
    codec = "utf8"
    assert await names(folder) == ["Jané"]


async def test_a_folder_that_hangs_stops_nothing_else(tmp_path: Path) -> None:
    """Queries that were given up because a disk does not answer take no thread of the others."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2))
    answers = threading.Event()

    def charset() -> str:
        answers.wait(30)
        return "latin1"

    folder = WorklistFolder(tmp_path, 10, charset)
    (tmp_path / "1.wl").write_bytes(content("A"))
    try:
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(names(folder), 0.1)
        assert await asyncio.wait_for(asyncio.to_thread(int, "1"), 60) == 1
    finally:
        answers.set()
    assert await names(folder) == ["A"]


async def test_memory_is_bounded(tmp_path: Path) -> None:
    """What does not fit is read again by each query, and answered all the same."""
    folder = WorklistFolder(tmp_path, 100, lambda: "latin1", room=1000)
    expected = [f"{number:03}" + "x" * 50 for number in range(40)]
    for name in expected:
        (tmp_path / f"{name[:3]}.wl").write_bytes(content(name))
    for _ in range(2):
        assert await names(folder) == expected
        assert folder.kept_bytes <= 1000


async def test_too_many_files_are_told(tmp_path: Path) -> None:
    """Nobody works with a part of the list."""
    folder = WorklistFolder(tmp_path, 2, lambda: "latin1")
    for number in range(3):
        (tmp_path / f"{number}.wl").write_bytes(content("A"))
    with pytest.raises(Unavailable, match=r"worklists\.maximum"):
        await names(folder)


async def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    """It is not taken for an empty one."""
    with pytest.raises(Unavailable, match="cannot be read"):
        await names(WorklistFolder(tmp_path / "gone", 2, lambda: "latin1"))


@pytest.mark.parametrize("aet", ["..", ".", "", "/", "A/B", "A\0B"])
async def test_an_ae_title_is_no_path(tmp_path: Path, aet: str) -> None:
    """Whoever calls by an odd name reads nothing beside the folder."""
    inside = tmp_path / "inside"
    (inside / "A" / "B").mkdir(parents=True)
    for place in (tmp_path, inside / "A", inside / "A" / "B"):
        (place / "x.wl").write_bytes(content("SECRET"))
    assert await names(WorklistFolder(inside, 9, lambda: "latin1"), aet) == []
    assert await names(WorklistFolder(inside, 9, lambda: "latin1"), " A ") == ["SECRET"]
