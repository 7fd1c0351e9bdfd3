# SPDX-License-Identifier: Apache-2.0
"""deploy/compose/new-store: what it makes, and what it refuses."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from argon2 import PasswordHasher

CHECKOUT = Path(__file__).parents[3]
pytestmark = pytest.mark.skipif(os.name == "nt", reason="containers run on Linux")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """As much of a checkout as the command needs, with a stand-in for Docker's client."""
    for name in ("deploy/compose/new-store", ".env.example", "docker-compose.yml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / name, tmp_path / name)
    docker = tmp_path / "docker"
    docker.write_text(
        "#!/bin/sh\n"
        f'case $1 in ps | volume) cat "{tmp_path}/$1" 2>&- || :; exit ;; esac\n'
        'while [ "$1" != python ]; do last=$1; shift; done\n'
        f'echo "$last" >> "{tmp_path}/images"; shift; exec "{sys.executable}" "$@"\n'
    )
    docker.chmod(0o755)
    return tmp_path


def new_store(checkout: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(checkout / "deploy/compose/new-store"), *words],
        env=os.environ
        | {"DOCKER": str(checkout / "docker"), "PYTHONPATH": str(CHECKOUT / "shared")},
        capture_output=True,
        text=True,
        check=False,
    )


def secrets(checkout: Path, store: str) -> dict[str, str]:
    folder = checkout / "stores" / store / "secrets"
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_it_makes_every_secret_that_compose_mounts(checkout: Path) -> None:
    """Random ones, addresses with them, and a user whose password fits the hash."""
    done = new_store(checkout, "nm", "--http-port", "8044", "--dicom-port", "4244")
    assert done.returncode == 0, done.stderr
    made = secrets(checkout, "nm")
    compose = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text())
    assert set(compose["secrets"]) <= set(made)
    writer = made["database_password"]
    assert made["database_url"] == f"postgresql://nm:{writer}@postgres/nm\n"
    assert f"nm_reader:{made['reader_password']}@" in made["database_reader_url"]
    assert made["nats_password"] in made["nats_users"]
    assert len({text for text in made.values() if len(text) == 48}) == 8
    password = (checkout / "stores/nm/password").read_text()
    assert PasswordHasher().verify(json.loads(made["http_users"])["admin"], password)


def test_it_writes_the_choices_of_the_store(checkout: Path) -> None:
    """A project of its own with the ports that were asked for."""
    new_store(checkout, "nm", "--http-port", "8044", "--dicom-port", "4244")
    lines = (checkout / "stores/nm/env").read_text().splitlines()
    assert {
        *("STORE=nm", "COMPOSE_PROJECT_NAME=pons-nm", "SECRETS=./stores/nm/secrets"),
        *("HTTP_PORT=8044", "DICOM_PORT=4244"),
        # Updated with the checkout, unless the operator names others.
        *("POSTGRES_IMAGE=", "NATS_IMAGE=", "MINIO_IMAGE="),
    } <= set(lines)


def test_nobody_else_reads_them(checkout: Path) -> None:
    """The files are for containers, which are other users; the folders are closed."""
    new_store(checkout, "nm")
    assert (checkout / "stores/nm/secrets").stat().st_mode & 0o077 == 0
    assert (checkout / "stores/nm").stat().st_mode & 0o077 == 0
    for path in (checkout / "stores/nm/secrets").iterdir():
        assert path.stat().st_mode & 0o777 == 0o444


def test_a_second_time_changes_nothing(checkout: Path) -> None:
    """Also where the first was interrupted: what is missing is made."""
    new_store(checkout, "nm")
    before = secrets(checkout, "nm")
    (checkout / "stores/nm/secrets/lua_token").unlink()
    assert new_store(checkout, "nm").returncode == 0
    after = secrets(checkout, "nm")
    assert {name for name in after if after[name] != before.get(name)} == {"lua_token"}


def test_two_stores_share_no_secret(checkout: Path) -> None:
    """Each is made for itself."""
    new_store(checkout, "ct")
    new_store(checkout, "nm", "--http-port", "8044", "--dicom-port", "4244")
    assert not set(secrets(checkout, "ct").values()) & set(secrets(checkout, "nm").values())


def test_a_port_of_another_store_is_refused(checkout: Path) -> None:
    """Before anything is made."""
    new_store(checkout, "ct")
    done = new_store(checkout, "nm", "--http-port", "8044")
    assert done.returncode == 2
    assert "port 4242 is that of stores/ct/env: choose another" in done.stderr
    assert not (checkout / "stores/nm").exists()


@pytest.mark.parametrize("kind", ["ps", "volume"])
def test_a_store_of_another_checkout_is_refused(checkout: Path, kind: str) -> None:
    """Its containers and volumes would be taken for this one's, whose secrets are others."""
    (checkout / kind).write_text("3f2a\n")
    done = new_store(checkout, "nm")
    assert done.returncode == 2
    assert "a store nm that another checkout has made: choose another name" in done.stderr
    assert not (checkout / "stores").exists()


def test_a_store_that_runs_may_be_prepared_again(checkout: Path) -> None:
    """Its containers are this checkout's."""
    new_store(checkout, "nm")
    (checkout / "ps").write_text("3f2a\n")
    assert new_store(checkout, "nm").returncode == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "name the store"),
        (("NM",), "a store's name has up to 30 small letters"),
        (("-x",), "there is no option -x"),
        (("nm", "ct"), "name one store, not nm and ct"),
        (("nm\nct",), "a store's name has"),
        (("postgres",), "a store cannot be called 'postgres'"),
        (("template1",), "a store cannot be called 'template1'"),
        (("nm", "--http-port"), "--http-port needs a value"),
        (("nm", "--http-port", "70000"), "a port is a number from 1 to 65535, not '70000'"),
        (("nm", "--http-port", "80a"), "a port is a number from 1 to 65535, not '80a'"),
        (("nm", "--http-port", "4242"), "HTTP and DICOM need two ports"),
    ],
)
def test_what_it_refuses(checkout: Path, words: tuple[str, ...], message: str) -> None:
    """With a sentence, and nothing is made."""
    done = new_store(checkout, *words)
    assert done.returncode == 2
    assert message in done.stderr
    assert not (checkout / "stores").exists()
