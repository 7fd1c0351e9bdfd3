# SPDX-License-Identifier: Apache-2.0
"""The set-up behind ./pons: done once, repeated when interrupted, never on another's folder."""

import subprocess
import threading
import time
from pathlib import Path

import pytest

from pons_embedded.bootstrap import LOCK, RUNTIME, TESTING, SetUpError, pinned, set_up
from pons_embedded.folder import CHECKOUT


class Steps:
    """Counts the two steps of a set-up instead of doing them."""

    def __init__(self) -> None:
        self.made = 0
        self.installed: list[str] = []
        self.fails_at = ""

    def make(self, _checkout: Path, _venv: Path, python: Path) -> None:
        time.sleep(0.05)
        python.parent.mkdir()
        python.touch()
        self.made += 1

    def install(self, requirements: Path, _python: Path) -> None:
        if requirements.name == self.fails_at:
            raise SetUpError("no network")
        self.installed.append(requirements.name)

    def run(self, checkout: Path, *wanted: str) -> Path:
        return set_up(checkout, wanted, self.make, self.install)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / RUNTIME).write_text("one==1\n")
    (tmp_path / TESTING).write_text("two==2\n")
    return tmp_path


@pytest.fixture
def steps() -> Steps:
    return Steps()


def test_second_start_does_nothing(checkout: Path, steps: Steps) -> None:
    """What is set up stays set up."""
    assert steps.run(checkout, RUNTIME) == steps.run(checkout, RUNTIME)
    assert (steps.made, steps.installed) == (1, [RUNTIME])


def test_test_tools_come_on_top(checkout: Path, steps: Steps) -> None:
    """./pons test adds to the environment of ./pons up."""
    steps.run(checkout, RUNTIME)
    steps.run(checkout, RUNTIME, TESTING)
    steps.run(checkout, RUNTIME, TESTING)
    assert (steps.made, steps.installed) == (1, [RUNTIME, TESTING])


def test_other_versions_are_installed_over_the_old(checkout: Path, steps: Steps) -> None:
    """A changed pin leads to an installation, under which a running store keeps its files."""
    steps.run(checkout, RUNTIME)
    (checkout / RUNTIME).write_text("one==2\n")
    steps.run(checkout, RUNTIME)
    assert (steps.made, steps.installed) == (1, [RUNTIME, RUNTIME])


def test_interrupted_update_is_begun_afresh(checkout: Path, steps: Steps) -> None:
    """Half an update is not built on, and what was there is removed."""
    steps.run(checkout, RUNTIME)
    (checkout / ".venv" / "old").touch()
    (checkout / RUNTIME).write_text("one==2\n")
    steps.fails_at = RUNTIME
    with pytest.raises(SetUpError):
        steps.run(checkout, RUNTIME)
    steps.fails_at = ""
    steps.run(checkout, RUNTIME)
    assert steps.made == 2
    assert not (checkout / ".venv" / "old").exists()


def test_interrupted_set_up_is_repeated(checkout: Path, steps: Steps) -> None:
    """After a failure the next start begins again, and succeeds."""
    steps.fails_at = RUNTIME
    with pytest.raises(SetUpError, match="no network"):
        steps.run(checkout, RUNTIME)
    steps.fails_at = ""
    steps.run(checkout, RUNTIME)
    assert (steps.made, steps.installed) == (2, [RUNTIME])


def test_python_that_went_away(checkout: Path, steps: Steps) -> None:
    """When the Python of the environment was removed, the environment is made again."""
    steps.run(checkout, RUNTIME).unlink()
    steps.run(checkout, RUNTIME)
    assert steps.made == 2


def test_moved_checkout_is_set_up_afresh(checkout: Path, steps: Steps) -> None:
    """Environments know their place, so a moved checkout gets a new one."""
    steps.run(checkout, RUNTIME)
    moved = checkout.rename(checkout.with_name("moved"))
    steps.run(moved, RUNTIME)
    assert steps.made == 2


def test_parallel_starts_set_up_once(checkout: Path, steps: Steps) -> None:
    """Two first starts at once share one set-up."""
    starts = [
        threading.Thread(target=steps.run, args=(checkout, RUNTIME, TESTING)) for _ in range(3)
    ]
    for start in starts:
        start.start()
    for start in starts:
        start.join()
    assert (steps.made, steps.installed) == (1, [RUNTIME, TESTING])


def test_environment_of_somebody_else_is_left_alone(checkout: Path, steps: Steps) -> None:
    """A .venv that ./pons did not make is never emptied."""
    (checkout / ".venv" / "precious").mkdir(parents=True)
    with pytest.raises(SetUpError, match=r"was not made by \./pons: move it away"):
        steps.run(checkout, RUNTIME)
    assert [entry.name for entry in (checkout / ".venv").iterdir()] == ["precious"]


def test_checkout_that_cannot_be_written(checkout: Path, steps: Steps) -> None:
    """Where no .venv can be made, the sentence says where and what to do."""
    (checkout / ".venv").symlink_to("/proc/nowhere")
    with pytest.raises(SetUpError, match=r"cannot be written .*: copy the checkout"):
        steps.run(checkout, RUNTIME)


def test_lock_survives_a_fresh_start(checkout: Path, steps: Steps) -> None:
    """The lock stays while the environment around it is emptied."""
    steps.run(checkout, RUNTIME)
    assert (checkout / ".venv" / LOCK).exists()


def test_uv_is_pinned_with_its_hashes() -> None:
    """What installs everything else is held to its hashes like everything else."""
    own = pinned("uv", (CHECKOUT / RUNTIME).read_text()).splitlines()
    assert own[0].startswith("uv==")
    assert len(own) > 1
    assert all(line.startswith("    --hash=sha256:") for line in own[1:])


def test_no_python_at_all(tmp_path: Path) -> None:
    """Without Python the launcher says which is needed."""
    done = subprocess.run(
        ["/bin/sh", str(CHECKOUT / "pons"), "up"],
        env={"PATH": str(tmp_path)},
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("pons: Python 3.11 or later is needed")
    assert done.stderr.count("\n") == 1
