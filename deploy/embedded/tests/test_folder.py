# SPDX-License-Identifier: Apache-2.0
"""The data folder: one process at a time, and nobody else's eyes."""

import subprocess
import sys
from pathlib import Path

import pytest

from pons_embedded.errors import Refusal
from pons_embedded.folder import CHECKOUT, DataFolder, default_data_folder

HOLD = """
import sys
from pathlib import Path
from pons_embedded.folder import DataFolder
with DataFolder(Path(sys.argv[1])).locked():
    print("locked", flush=True)
    sys.stdin.read()
"""


def test_lock_names_its_holder(tmp_path: Path, environment: dict[str, str]) -> None:
    """Who comes second is told the process id of the first, and gets in when that has ended."""
    folder = DataFolder(tmp_path / "data")
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder.path)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"locked\n"
        with pytest.raises(Refusal, match=f"in use by process {holder.pid}:"), folder.locked():
            pass
        holder.kill()
    with folder.locked():
        assert (folder.path / "lock").read_text().strip().isdigit()


def test_data_is_private(tmp_path: Path) -> None:
    """Only its owner may look into a data folder."""
    folder = DataFolder(tmp_path / "data")
    with folder.locked():
        assert folder.path.stat().st_mode & 0o777 == 0o700


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """A data folder that cannot be written is named with what to do."""
    (tmp_path / "file").write_text("in the way")
    folder = DataFolder(tmp_path / "file" / "data")
    with pytest.raises(Refusal, match=r"cannot be written .*: choose another with --data"):
        folder.locked().__enter__()


def test_default_is_beside_the_launcher() -> None:
    """Each store has a folder of its own in the checkout."""
    assert default_data_folder("nm") == CHECKOUT / "data" / "nm"
    assert (CHECKOUT / "pons").is_file()
