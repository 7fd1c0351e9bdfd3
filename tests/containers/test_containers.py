# SPDX-License-Identifier: Apache-2.0
"""Stores in containers as their operator has them: small, apart, scaled and broken under load."""

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from breaking import cut_off, kill
from engine import Engine
from flood import Flood
from outside import TIMEOUT, eventually
from overrides import (
    FILES,
    amid_a_transaction,
    make_certificates,
    move_database,
    store_by_tls,
)
from project import INSTANCES, SERVICES, START_SECONDS, Pair, Project, at_once
from senders import DicomSender, HttpSender, Sender, sending
from upgrading import Upgrade, all_uids

pytestmark = pytest.mark.filterwarnings(
    # pynetdicom drops the socket of a refused connection without closing it.
    "ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning"
)

LARGEST = {"render": 350_000_000}
LARGEST_OF_OTHERS = 150_000_000
"""Bytes that an image may add to its base."""
MODULES = {"dicom-ingress": "pons_ingress"}
IMPORT_ALL = """
import importlib, pkgutil
for top in ("pons", "{module}"):
    for one in pkgutil.walk_packages(importlib.import_module(top).__path__, top + "."):
        if not one.name.endswith("__main__"):
            importlib.import_module(one.name)
"""
KILLED = ("nats", "gateway", "dicom-ingress", "index", "render", "egress", "postgres", "minio")
CUT_OFF = ("nats", "postgres", "minio")
PAUSE = 0.1
"""Seconds between two images of a sender, where two cores have to start containers as well."""
TAG = "tested"
SENDERS = (DicomSender, DicomSender, HttpSender)


def test_images_are_small_and_say_what_they_are(engine: Engine, images: dict[str, str]) -> None:
    """Little above their base; version, commit and licence as labels; a user without rights."""

    def inspected(image: str, form: str) -> str:
        return engine.docker("image", "inspect", "--format", form, image)

    base = int(inspected("pons-test/base:bookworm", "{{.Size}}"))
    for service, image in images.items():
        above = int(inspected(image, "{{.Size}}")) - base
        assert above < LARGEST.get(service, LARGEST_OF_OTHERS), f"{service}: {above} bytes"
        labels = json.loads(inspected(image, "{{json .Config.Labels}}"))
        assert labels["org.opencontainers.image.version"] == "0.1.0"
        assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
        assert len(labels["org.opencontainers.image.revision"]) >= 40
        assert inspected(image, "{{.Config.User}}") == "10001:10001"


@pytest.mark.usefixtures("beginning")
def test_images_hold_all_that_their_service_imports(engine: Engine, images: dict[str, str]) -> None:
    """Every module, with a root file system that cannot be written and without a network."""

    def import_all(service: str) -> None:
        script = IMPORT_ALL.format(module=MODULES.get(service, f"pons_{service}"))
        hardened = ("--read-only", "--network=none", "--cap-drop=ALL")
        engine.docker("run", "--rm", *hardened, images[service], "python", "-P", "-c", script)

    at_once(*(lambda service=service: import_all(service) for service in images))


def test_a_store_is_upgraded_and_no_request_fails(begun: Pair, images: dict[str, str]) -> None:
    """From the code before the last change: each new container starts beside the old one, which
    then ends in order. Nothing acknowledged is lost, or there twice.

    Meanwhile the other store takes the version by Compose's own means, its services away for a
    while.
    """
    project = begun.one
    if project.version() == TAG:
        pytest.skip("no history is here to have the code before the last change from")
    before = len(all_uids(project.store.http))
    upgrade = Upgrade(project)
    at_once(
        lambda: print(f"\n{upgrade.run(TAG)}\nrequests without a failure: {upgrade.rounds}"),
        lambda: begun.other.take_version(TAG),
    )
    for service, image in images.items():
        assert [one["Image"] for one in project.listed(service)] == [image]
    wanted = {uid for sender in upgrade.senders for uid in sender.acknowledged}
    assert len(wanted) >= 100
    expected = before + len(upgrade.acknowledged) + len(wanted)
    eventually("all is listed", lambda: len(all_uids(project.store.http)) >= expected, 120)
    stored = all_uids(project.store.http)
    assert wanted <= set(stored)
    assert len(stored) == len(set(stored)) == expected
    assert upgrade.acknowledged <= set(project.store.get("/instances"))


def test_containers_start(pair: Pair) -> None:
    """Both stores; how long each service took is printed."""
    for service in SERVICES:
        [container] = pair.one.containers(service)
        begun = str(pair.one.state(container)["StartedAt"])[:26]  # without nanoseconds
        started = datetime.fromisoformat(f"{begun}+00:00")
        lines = pair.one.engine.docker("logs", container, and_errors=True).splitlines()
        ready = next(json.loads(line) for line in lines if '"service started"' in line)
        took = datetime.fromisoformat(ready["timestamp"]) - started
        print(f"{service}: {took.total_seconds():.1f} s from start to ready")
    for project in pair:
        eventually("the engine finds every container healthy", project.is_healthy, START_SECONDS)


@pytest.mark.timeout(1800)  # beside the other tests' processes two cores take several times as long
def test_two_stores_take_what_is_sent_while_services_are_scaled(pair: Pair) -> None:
    """Over DICOM and REST at once; each has its own instances and none of the other's."""
    floods = [Flood(project.store, number, INSTANCES) for number, project in enumerate(pair, 1)]

    def scale() -> None:
        pair.one.scale(render=3, egress=3)
        assert len(pair.one.containers("render")) == len(pair.one.containers("egress")) == 3
        eventually(
            "every store has taken a first image",
            lambda: all(flood.acknowledged for flood in floods),
            120,
        )
        [*instances] = pair.one.store.get("/instances", limit=10, since=0)
        for identifier in instances:
            assert pair.one.store.http.get(f"/instances/{identifier}/preview").status_code == 200
        send_to_itself(pair.one, instances[0])
        pair.one.scale(render=1, egress=1)
        assert len(pair.one.containers("render")) == 1

    began = time.monotonic()
    at_once(scale, *(flood.run for flood in floods))
    print(f"{INSTANCES} instances into each of two stores: {time.monotonic() - began:.0f} s")
    of_one = holds_exactly(pair.one, [floods[0]], others=True)
    of_other = holds_exactly(pair.other, [floods[1]])
    assert not of_one & of_other


def test_another_stores_credentials_open_nothing(
    pair: Pair, engine: Engine, images: dict[str, str]
) -> None:
    """REST, render, NATS, PostgreSQL, objects; and the other's servers cannot be reached at all."""
    script = (Path(__file__).parent / "credentials.py").read_text()
    words = ("run", "--rm", "--interactive", "--network", f"pons-{pair.one.name}_inside")
    told = engine.docker(
        *words, images["index"], "python", "-P", "-c", script, given=json.dumps(credentials(pair))
    )
    found = json.loads(told)
    refused_to_itself = {"writing_as_reader"}
    for door, (own, other) in found.items():
        assert other.startswith("refused: "), f"{door} let the other store in: {found}"
        expected = "refused: InsufficientPrivilegeError" if door in refused_to_itself else "let in"
        assert own == expected, f"{door}: {found}"


def credentials(pair: Pair) -> list[dict[str, str]]:
    """What each store knows, and the address of its PostgreSQL."""
    names = ("render_token", "nats_password", "database_reader_url", "s3_access_key")
    given = []
    for project in pair:
        known = {name: project.secret(name) for name in (*names, "s3_secret_key")}
        [container] = project.containers("postgres")
        form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        known["address"] = project.engine.docker("inspect", "--format", form, container)
        known |= {"store": project.name, "user": project.user}
        known["password"] = (project.folder / "password").read_text()
        given.append(known)
    return given


def test_whatever_container_is_killed_nothing_acknowledged_is_lost(pair: Pair) -> None:
    """Each of the eight, by kill -9, while senders go on: half of them in either store."""

    def kill_each(project: Project, number: int, services: tuple[str, ...]) -> None:
        with under_load(project, number, PAUSE) as senders:
            for service in services:
                kill(project, service)
                goes_on(senders, f"{service} was killed")
            project.wait_until_ready()
        holds_exactly(project, senders, others=True)

    at_once(
        lambda: kill_each(pair.one, 30, KILLED[::2]),
        lambda: kill_each(pair.other, 35, KILLED[1::2]),
    )


def test_a_store_is_cut_off_while_the_other_starts_with_its_overrides(
    pair: Pair, tmp_path: Path
) -> None:
    """Both wait for most of that time, each for servers of its own that it cannot reach."""
    at_once(lambda: cut_each(pair.one, 40), lambda: override(pair.other, tmp_path))


def cut_each(project: Project, number: int) -> None:
    """NATS, PostgreSQL and the object store are cut off in turn, for longer than a timeout: nothing
    that was acknowledged is lost."""
    with under_load(project, number, PAUSE) as senders:
        for service in CUT_OFF:
            with cut_off(project, service):
                threading.Event().wait(8)
            project.wait_until_ready()
            goes_on(senders, f"{service} was cut off")
    holds_exactly(project, senders, others=True)


def override(project: Project, folder: Path) -> None:
    """HTTPS, DICOM over TLS and a PostgreSQL elsewhere: what it has is there, and more comes in.

    PostgreSQL hears nothing of the end of the index before, which had a transaction open.
    """
    known = all_uids(project.store.http)
    context = make_certificates(project, folder)
    words = ("up", "--detach", "--no-build", "--pull", "never", "--no-deps", "--force-recreate")
    with amid_a_transaction(project):
        move_database(project)
        project.compose(*words, *SERVICES, files=FILES)
    project.wait_until_ready()
    project.find_doors()
    assert project.store.http.get("/system").status_code == 400, "it speaks HTTP without TLS"
    sent = store_by_tls(project, context)
    address, auth = f"https://127.0.0.1:{project.store.http_port}", project.store.http.auth
    with httpx.Client(base_url=address, auth=auth, verify=context, timeout=TIMEOUT) as client:
        assert client.get("/system").status_code == 200
        eventually("all is listed", lambda: {*known, sent} <= set(all_uids(client)), 120)


def goes_on(senders: list[Sender], after: str) -> None:
    before = len(acknowledged(senders))
    eventually(
        f"instances are acknowledged after {after}",
        lambda: len(acknowledged(senders)) > before + 4,
        120,
    )


@contextmanager
def under_load(project: Project, number: int, pause: float = 0.0) -> Iterator[list[Sender]]:
    """Senders over DICOM and REST that go on while the block runs."""
    senders = [kind(project.store, number + place, pause) for place, kind in enumerate(SENDERS)]
    with sending(senders):
        yield senders


def acknowledged(senders: Sequence[Sender | Flood]) -> set[str]:
    return set().union(*(set(sender.acknowledged) for sender in senders))


def holds_exactly(
    project: Project, senders: Sequence[Sender | Flood], *, others: bool = False
) -> set[str]:
    """All that was acknowledged, each once, and nothing that was not sent: what the store has.

    `others`: beside what earlier tests have sent.
    """
    wanted, sent = acknowledged(senders), {uid for sender in senders for uid in sender.sent}
    listed: list[str] = eventually(
        "what was acknowledged is listed, and all that is counted",
        lambda: all_counted(project, wanted),
        120,
    )
    stored = set(listed)
    assert len(listed) == len(stored), "an instance is there twice"
    if not others:
        assert stored <= sent, "an instance is there that nobody sent"
    return stored


def all_counted(project: Project, wanted: set[str]) -> list[str]:
    """What is listed, where all that is wanted is in it and it is all that is counted; else empty.

    Of a store of ten thousand a list is long, and is asked for only where it may have all.
    """
    counted = project.store.get("/statistics")["CountInstances"]
    if counted < len(wanted):
        return []
    listed = all_uids(project.store.http)
    return listed if len(listed) == counted and wanted <= set(listed) else []


def send_to_itself(project: Project, instance: str) -> None:
    """Egress sends it to the store's own DICOM port, whose name the inner network knows."""
    http = project.store.http
    http.put("/modalities/self", json=["PONS", "dicom-ingress", 4242]).raise_for_status()
    answer = http.post("/modalities/self/store", content=instance).raise_for_status()
    assert answer.json()["FailedInstancesCount"] == 0
