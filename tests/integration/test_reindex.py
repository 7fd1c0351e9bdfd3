# SPDX-License-Identifier: Apache-2.0
"""The index made again from the objects alone, and stores that are mixed up."""

import json
import os
import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from outside import ROOT, Store, eventually, image, running
from pons_testing.operations import commands

LOOK_AGAIN = 0.02
"""Seconds between two looks for a listener: far less than one has to listen to count."""


def run(store: Store, *words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        store.command(*words),
        cwd=ROOT,
        env={**os.environ, **store.environment, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def describe(store: Store) -> None:
    """Something of a client's hangs on each level, some of it was changed or taken away again."""
    found = store.get("/patients", expand="")
    [patient] = [one for one in found if one["MainDicomTags"]["PatientID"] == "R1"]
    study = patient["Studies"][0]
    put = store.http.put
    assert put(f"/patients/{patient['ID']}/protected", content="1").status_code == 200
    for label in ("seen", "phantom"):
        assert put(f"/studies/{study}/labels/{label}", content="").status_code == 200
    assert store.http.delete(f"/studies/{study}/labels/phantom").status_code == 200
    series = store.get(f"/studies/{study}")["Series"][0]
    for value in ("first", "second"):
        assert put(f"/series/{series}/metadata/2000", content=value).status_code == 200
    instance = store.get(f"/series/{series}")["Instances"][0]
    assert put(f"/instances/{instance}/attachments/2000", content=b"report").status_code == 200


def answers(store: Store) -> dict[str, Any]:
    """What clients see of everything, but for what time alone changes."""
    seen: dict[str, Any] = {"statistics": store.get("/statistics")}
    for level in ("patients", "studies", "series", "instances"):
        for one in store.get(f"/{level}", expand=""):
            path = f"/{level}/{one['ID']}"
            one.pop("IsStable", None)
            one.pop("Status", None)
            seen[path] = one
            seen[f"{path}/metadata"] = store.get(f"{path}/metadata", expand="")
            seen[f"{path}/labels"] = sorted(store.get(f"{path}/labels"))
            seen[f"{path}/attachments"] = store.get(f"{path}/attachments")
            seen[f"{path}/statistics"] = store.get(f"{path}/statistics")
            if level == "instances":
                seen[f"{path}/tags"] = store.get(f"{path}/tags")
            if level == "patients":
                seen[f"{path}/protected"] = store.http.get(f"{path}/protected").text
    return seen


def filled(store: Store) -> dict[str, Any]:
    sent = [image("R1", f"1.2.3.{number % 3}", number=number) for number in range(1, 10)]
    assert store.c_store(*sent, image("R2"), image("R3")) == [0] * 11
    eventually("all are listed", lambda: len(store.get("/instances")) == 11)
    describe(store)
    doomed = store.get("/instances")[-1]
    assert store.http.delete(f"/instances/{doomed}").status_code == 200
    assert len(store.get("/instances")) == 10
    return answers(store)


def test_the_index_comes_back_from_the_objects_alone(fresh_store: Callable[..., Store]) -> None:
    """With database and streams gone, the store says what to do; after that every answer is as
    before, what was deleted is not back, and every command of docs/operations.md says so."""
    store = fresh_store("again")
    before = filled(store)
    store.stop()
    for name in ("postgres", "nats"):
        shutil.rmtree(store.data / name)
    ports = ("--http-port", str(store.http_port), "--dicom-port", str(store.dicom_port))
    refused = run(store, "up", *ports)
    assert refused.returncode == 1
    assert "./pons reindex takes it" in refused.stderr
    assert run(store, "fsck").returncode == 2
    done = run(store, "reindex")
    assert done.returncode == 0, done.stderr
    assert "10 instances" in done.stdout
    store.start()
    assert answers(store) == before
    for command in commands("Commands"):
        told = run(store, *shlex.split(command)[1:])
        assert told.returncode == 0, f"{command}\n{told.stdout}{told.stderr}"
        if command == "./pons fsck --checksums":
            assert "11 rows that refer to objects" in told.stdout
    assert answers(store) == before


@contextmanager
def second(store: Store, data: Path, **environment: str) -> Iterator[Store]:
    """A store of the same name, with a folder of its own; it is not waited for."""
    other = Store(store.name, data, {**store.environment, **environment})
    yield other
    other.http.close()


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, dict[str, Any]]]:
    """A store whose goods others are led to, and what it answers."""
    with running(Store("main", tmp_path_factory.mktemp("first") / "data")) as store:
        yield store, filled(store)


@pytest.mark.parametrize("what", ["objects", "database"])
def test_a_store_that_is_led_to_anothers_goods_does_not_start(
    first: tuple[Store, dict[str, Any]], tmp_path: Path, what: str
) -> None:
    """It ends by itself, has never listened, and says which setting points where; the first store
    has all that it had."""
    store, before = first
    if what == "objects":
        wrong = {"PONS_STORAGE_PATH": str(store.data / "objects")}
    else:
        told = json.loads((store.data / "tools.json").read_text())
        wrong = {name: told[name] for name in ("PONS_DATABASE_URL", "PONS_DATABASE_READER_URL")}
    with second(store, tmp_path / "other", **wrong) as other:
        ports = ("--http-port", str(other.http_port), "--dicom-port", str(other.dicom_port))
        command = [*other.command("up"), *ports]
        heard = False
        environment = {**os.environ, **other.environment}
        log = tmp_path / "other.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
            )
        try:
            while process.poll() is None:
                heard |= listens(other)
                time.sleep(LOOK_AGAIN)
        finally:
            process.kill()
            process.wait()
        said = log.read_text()
    assert process.returncode == 1, said
    assert not heard
    assert {"objects": "storage.path", "database": "database."}[what] in said
    assert answers(store) == before


def listens(store: Store) -> bool:
    """Whether a service does; the launcher, which tries whether a port is free, does for less."""
    return any(stays(port) for port in (store.http_port, store.dicom_port))


def stays(port: int) -> bool:
    for _ in range(4):
        if not connects(port):
            return False
        time.sleep(0.05)
    return True


def connects(port: int) -> bool:
    with socket.socket() as connection:
        connection.settimeout(0.2)
        return connection.connect_ex(("127.0.0.1", port)) == 0
