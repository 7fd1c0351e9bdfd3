# SPDX-License-Identifier: Apache-2.0
"""deploy/images/build, with a stand-in for Docker's client."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

BUILD = Path(__file__).parents[1] / "build"
BASE = "base:1"
CLIENT = """#!{python}
import fcntl, sys
from pathlib import Path
there, words = Path(r"{there}"), sys.argv[1:]
lock = there.with_name("lock").open("w")
fcntl.flock(lock, fcntl.LOCK_EX)
images = there.read_text().split()
if words[:2] == ["image", "inspect"]:
    if words[-1] not in images:
        sys.exit("Error: No such image: " + words[-1])
    print({{"base:1": 1000000, "pons/index:7": 1500000, "pons/render:7": 2000000}}[words[-1]])
elif words[0] == "build":
    there.write_text(" ".join([*images, words[words.index("--tag") + 1]]))
elif words[0] == "pull":
    if words[1] == "elsewhere:1":
        sys.exit("no such host")
    there.write_text(" ".join([*images, words[1]]))
elif words[0] == "run":
    print('{{"components": [1, 2]}}')
else:
    print("20.10.24")
"""
"""An engine that builds on its base without keeping that, as BuildKit does."""


pytestmark = pytest.mark.skipif(os.name == "nt", reason="images are built on Linux")


def build(there: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """What the command does with an engine that has no image yet."""
    there.write_text("")
    client = there.with_name("docker")
    client.write_text(CLIENT.format(python=sys.executable, there=there))
    client.chmod(0o755)
    return subprocess.run(
        [str(BUILD), *words],
        env=os.environ | {"DOCKER": str(client)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_weighs_images_against_a_base_that_was_not_there(tmp_path: Path) -> None:
    """On a machine that has nothing yet all images are built, and their sizes printed."""
    there = tmp_path / "images"
    done = build(there, "--base", BASE, "--tag", "7", "--only", "index", "render")
    assert done.returncode == 0, done.stderr
    base, *built = there.read_text().split()
    assert base == BASE
    assert set(built) == {"pons/index:7", "pons/render:7"}
    assert done.stdout.splitlines()[-2:] == [
        f"{'pons/index:7':<32} {'0.5':>13} {'2':>8}",
        f"{'pons/render:7':<32} {'1.0':>13} {'2':>8}",
    ]


def test_a_base_that_cannot_be_had_is_told(tmp_path: Path) -> None:
    """By its name, with what to do where no registry is reached."""
    done = build(tmp_path / "images", "--base", "elsewhere:1")
    assert done.returncode == 1
    assert "the base elsewhere:1 is not here and cannot be pulled: load it, or name" in done.stderr
    assert "no such host" in done.stderr
