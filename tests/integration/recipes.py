# SPDX-License-Identifier: Apache-2.0
"""Recipes of the documentation, followed to the letter: what they say is what tests run."""

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from outside import ROOT, Store

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Recipe:
    """The pieces of one document. A line that no test has run is a failure of `all_run`."""

    def __init__(self, name: str) -> None:
        text = (ROOT / "docs" / "recipes" / f"{name}.md").read_text(encoding="utf-8")
        blocks = BLOCK.findall(text)
        (self._settings,) = (block for kind, block in blocks if kind == "toml")
        self._lines = [block.strip() for kind, block in blocks if not kind]
        self._run: set[str] = set()

    def write_settings(self, path: Path, changes: Mapping[str, str]) -> None:
        """The recipe's pons.toml, with what has to be otherwise on this machine."""
        path.write_text(replaced(self._settings, changes), encoding="utf-8")

    def run(self, store: Store, beginning: str, **changes: str) -> Any:
        """What the one line that has `beginning` in it prints, as JSON where it is."""
        (line,) = (line for line in self._lines if beginning in line)
        self._run.add(line)
        where = {
            "localhost:8042": f"localhost:{store.http_port}",
            "localhost 4242": f"localhost {store.dicom_port}",
        }
        command = replaced(line, {one: new for one, new in where.items() if one in line} | changes)
        done = subprocess.run(
            ["bash", "-c", command], capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        try:
            return json.loads(done.stdout)
        except ValueError:
            return done.stdout + done.stderr

    def all_run(self) -> bool:
        """Whether every line of the recipe was run."""
        return self._run == set(self._lines)


def replaced(text: str, changes: Mapping[str, str]) -> str:
    """The text with each of these in another's place; each has to be there."""
    for old, new in changes.items():
        assert old in text, f"{old!r} is not in the recipe"
        text = text.replace(old, new)
    return text
