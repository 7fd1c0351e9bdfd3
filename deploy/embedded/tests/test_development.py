# SPDX-License-Identifier: Apache-2.0
"""What the commands for developers promise of the repository, and of the words they get."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from pons_embedded.cli import main
from pons_embedded.development import (
    PACKAGE_LOCKS,
    check_compose,
    check_dockerfiles,
    requirement_faults,
)
from pons_embedded.folder import CHECKOUT
from pons_embedded.password import password_line

SOURCES = os.environ | {
    "PYTHONPATH": os.pathsep.join(str(CHECKOUT / one) for one in ("shared", "deploy/embedded"))
}
"""An environment in which Python finds the launcher and the library."""


def test_requirements_name_no_index() -> None:
    """The committed requirements say what is installed, not from where."""
    assert requirement_faults(CHECKOUT) == []


def test_index_in_requirements_is_found(tmp_path: Path) -> None:
    """An index address or a local file in the requirements is a fault with its line."""
    (tmp_path / "requirements.txt").write_text("one==1 \\\n    --hash=sha256:00\n")
    (tmp_path / "requirements-test.txt").write_text("--index-url https://index.example/simple\n")
    (tmp_path / "requirements-explorer.txt").write_text("two==1 \\\n    --hash=sha256:00\n")
    lock = tmp_path / PACKAGE_LOCKS[0]
    lock.parent.mkdir(parents=True)
    lock.write_text('{\n  "resolved": "https://registry.example/one.tgz"\n}\n')
    assert requirement_faults(tmp_path) == [
        "requirements-test.txt:1: --index-url https://index.example/simple",
        f'{PACKAGE_LOCKS[0]}:2: "resolved": "https://registry.example/one.tgz"',
    ]


def test_requirements_have_what_the_packages_declare() -> None:
    """Each service's own dependencies are pinned, those for its tests too."""
    pinned = {
        name: set(re.findall(r"^([a-z0-9.-]+)==", (CHECKOUT / name).read_text(), re.MULTILINE))
        for name in ("requirements.txt", "requirements-test.txt")
    }
    for file in CHECKOUT.glob("s*/**/pyproject.toml"):
        project = tomllib.loads(file.read_text())["project"]
        declared = set(map(_name, project["dependencies"])) - {"pons"}
        assert declared <= pinned["requirements.txt"], file
        extras = project.get("optional-dependencies", {}).values()
        for_tests = {_name(one) for extra in extras for one in extra}
        assert for_tests <= pinned["requirements.txt"] | pinned["requirements-test.txt"], file


def _name(dependency: str) -> str:
    return re.split(r"[^A-Za-z0-9._-]", dependency)[0].lower().replace("_", "-")


def test_a_store_imports_nothing_of_them() -> None:
    """Nor what Orthanc's options mean, nor what these know: `./pons up` begins without."""
    code = "import sys, pons_embedded.cli; print(*sys.modules)"
    told = subprocess.run(
        [sys.executable, "-c", code], env=SOURCES, check=True, capture_output=True
    )
    modules = told.stdout.decode().split()
    assert "pons_embedded.up" in modules
    for name in ("pons_embedded.development", "pons_embedded.orthanc", "pons.remotes", "nats"):
        assert name not in modules, name


def test_unknown_bench_lists_the_known(capsys: pytest.CaptureFixture[str]) -> None:
    """A measurement that does not exist is answered with those that do."""
    assert main(["bench", "nonsense"]) == 1
    assert "./pons bench NAME: " in capsys.readouterr().err


def test_password_line_is_a_setting() -> None:
    """The printed line has the form that the settings take, and not the password."""
    line = password_line("anna", "a secret")
    assert line.startswith('"anna" = "$argon2id$')
    assert "secret" not in line


@pytest.mark.parametrize(("user", "password"), [("", "x"), ("a:b", "x"), ('a"b', "x"), ("a", "")])
def test_impossible_users_are_refused(user: str, password: str) -> None:
    """A name that HTTP Basic or TOML cannot carry, and an empty password, are refused."""
    from pons_embedded.errors import Refusal

    with pytest.raises(Refusal):
        password_line(user, password)


def test_unknown_option_is_refused() -> None:
    """A misspelt option is an error of usage, not ignored."""
    with pytest.raises(SystemExit, match="2"):
        main(["up", "--http-prot", "8043"])


def test_a_faulty_dockerfile_fails_the_check(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """With the line and hadolint's rule; a good one passes."""
    good, faulty = tmp_path / "Dockerfile.good", tmp_path / "Dockerfile.faulty"
    good.write_text("FROM debian:12\nUSER 10001\n")
    faulty.write_text("FROM debian:latest\nUSER 10001\n")
    assert check_dockerfiles([good]) == 0
    assert check_dockerfiles([faulty]) != 0
    assert "DL3007" in capfd.readouterr().out


@pytest.mark.skipif(sys.platform != "linux", reason="Compose comes from PyPI for Linux only")
def test_compose_files_are_held_against_their_schema(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A word that Compose does not know is found, also in an override, and named."""
    program = Path(sys.executable).with_name("docker-compose")
    store, override = CHECKOUT / "docker-compose.yml", tmp_path / "override.yml"
    assert check_compose(program, [store]) == 0
    override.write_text("services: { render: { read_onl: true } }\n")
    assert check_compose(program, [store, override]) != 0
    assert "services.render" in capfd.readouterr().err
