# SPDX-License-Identifier: Apache-2.0
"""Folders that tests take away from a program which goes on writing into them."""

import shutil
from pathlib import Path


def take_away(folder: Path) -> None:
    """Remove `folder` with all that is in it, at one moment: nothing is made in it meanwhile."""
    gone = folder.with_name(f"{folder.name}.gone")
    folder.rename(gone)
    shutil.rmtree(gone)
