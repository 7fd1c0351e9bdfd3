# SPDX-License-Identifier: Apache-2.0
"""deploy/compose/upgrade-store, with a stand-in for Docker: its order, and what if it fails."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[3]
pytestmark = pytest.mark.skipif(os.name == "nt", reason="containers run on Linux")
CLIENT = """#!{python}
import sys
from pathlib import Path
there = Path(r"{there}")
words = sys.argv[1:]
started = (there / "started").exists()
with (there / "told").open("a") as told:
    print(*words, file=told)
lost = (there / "lost").read_text()
told = [line.split() for line in (there / "told").read_text().splitlines()]
removed = {{word for line in told if line[0] == "rm" for word in line}}
if "ps" in words:
    for service in words[words.index("--quiet") + 1 :]:
        for one in (f"old-{{service}}", *([f"new-{{service}}"] if started else [])):
            if one not in removed and not (started and one == lost):
                print(one)
elif words[0] in ("stop", "rm"):
    sys.exit(lost in words)
elif "up" in words and "--scale" in words:
    (there / "started").touch()
    sys.exit(int((there / "exit-code").read_text()))
elif words[0] == "inspect" and "Health" in words[2]:
    print((there / "health").read_text())
elif words[0] == "inspect":
    print("/" + words[-1])
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A checkout with one store, and a Docker whose new containers get healthy."""
    (tmp_path / "deploy/compose").mkdir(parents=True)
    shutil.copy(CHECKOUT / "deploy/compose/upgrade-store", tmp_path / "deploy/compose")
    (tmp_path / "stores/ct").mkdir(parents=True)
    choose(tmp_path, "8042-8043", "4242-4243")
    (tmp_path / "health").write_text("healthy")
    (tmp_path / "exit-code").write_text("0")
    (tmp_path / "lost").write_text("none")
    docker = tmp_path / "docker"
    docker.write_text(CLIENT.format(python=sys.executable, there=tmp_path))
    docker.chmod(0o755)
    return tmp_path


def choose(place: Path, http: str, dicom: str) -> None:
    (place / "stores/ct/env").write_text(f"HTTP_PORT={http}\nDICOM_PORT={dicom}\n")


def upgrade(place: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(place / "deploy/compose/upgrade-store"), *words],
        env=os.environ | {"DOCKER": str(place / "docker"), "PATIENCE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def told(place: Path, command: str) -> list[list[str]]:
    """The containers of each time that Docker was told to do this with some."""
    lines = (place / "told").read_text().splitlines()
    return [
        [word for word in line.split()[1:] if not word.startswith("-")]
        for line in lines
        if line.startswith(command)
    ]


def test_old_containers_end_once_every_new_one_is_ready(place: Path) -> None:
    """The doors last; the others at once."""
    done = upgrade(place, "ct")
    assert done.returncode == 0, done.stderr
    order = [["old-index", "old-render", "old-egress"], ["old-dicom-ingress", "old-gateway"]]
    assert told(place, "stop") == told(place, "rm") == order
    lines = (place / "told").read_text().splitlines()
    asked = [line for line in lines if line.startswith("inspect --format {{.State.Health")]
    assert {line.split()[-1] for line in asked} == {
        one.replace("old", "new") for group in order for one in group
    }
    assert lines.index(asked[-1]) < lines.index("stop old-index old-render old-egress")


@pytest.mark.parametrize(
    ("health", "exit_code", "message"),
    [
        ("unhealthy", "0", "a new container was not ready in time"),
        ("healthy", "1", "the new containers cannot start"),
    ],
)
def test_old_containers_stay_if_new_ones_fail(
    place: Path, health: str, exit_code: str, message: str
) -> None:
    """The new ones go, also those that were only created, and it says so."""
    (place / "health").write_text(health)
    (place / "exit-code").write_text(exit_code)
    done = upgrade(place, "ct")
    assert done.returncode == 1
    assert message in done.stderr
    lines = (place / "told").read_text().splitlines()
    (removed,) = [line.split()[3:] for line in lines if line.startswith("rm")]
    assert all(one.startswith("new-") for one in removed)
    assert len(removed) == 5
    assert told(place, "stop") == []


def test_what_is_gone_already_keeps_nothing_from_its_end(place: Path) -> None:
    """Docker fails for the container that somebody has removed meanwhile, and ends the others."""
    (place / "lost").write_text("old-render")
    done = upgrade(place, "ct")
    assert done.returncode == 0, done.stderr
    assert len(told(place, "stop")) == len(told(place, "rm")) == 2


def test_what_has_not_ended_is_told(place: Path) -> None:
    """With the command that ends it: the next upgrade would make twice as many."""
    client = (place / "docker").read_text()
    (place / "docker").write_text(client.replace('line[0] == "rm"', 'line[0] == "no"'))
    done = upgrade(place, "ct")
    assert done.returncode == 1
    assert "rm --force --volumes old-index old-render" in done.stderr


def test_a_door_with_one_port_is_replaced_where_it_is(place: Path) -> None:
    """Two containers cannot have the same one; it says that nobody reaches it meanwhile."""
    choose(place, "8042", "4242-4243")
    done = upgrade(place, "ct")
    assert done.returncode == 0, done.stderr
    assert told(place, "stop")[1:] == [["old-dicom-ingress"]]
    assert "replacing gateway, which nobody reaches meanwhile" in done.stdout


def test_what_stopped_before_does_not_come_back(place: Path) -> None:
    """Compose would start it in place of a new container: it is removed first."""
    assert upgrade(place, "ct").returncode == 0
    lines = (place / "told").read_text().splitlines()
    assert " rm --force --volumes index render egress dicom-ingress gateway" in lines[0]
    assert not (place / "stores/ct/upgrading").exists()


def test_one_upgrade_at_a_time(place: Path) -> None:
    """Each of two would take the other's new containers for old ones."""
    (place / "stores/ct/upgrading").mkdir()
    done = upgrade(place, "ct")
    assert done.returncode == 2
    assert "ct is being upgraded already" in done.stderr
    assert not (place / "told").exists()


@pytest.mark.parametrize(
    ("words", "message"), [((), "name one store"), (("nm",), "there is no store nm")]
)
def test_what_it_refuses(place: Path, words: tuple[str, ...], message: str) -> None:
    """With a sentence, and Docker is told nothing."""
    done = upgrade(place, *words)
    assert done.returncode == 2
    assert message in done.stderr
    assert not (place / "told").exists()
