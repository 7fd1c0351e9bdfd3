# SPDX-License-Identifier: Apache-2.0
"""A store as a Compose project: started, scaled and upgraded as its operator could."""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import Engine
from outside import ROOT, Store, eventually
from replicas import says_ready

FILES = ("docker-compose.yml", ".env.example", "deploy/compose")
SERVICES = ("gateway", "dicom-ingress", "index", "render", "egress")
HEALTH_PORT = 8081
STAND_INS = Path(__file__).parent / "stand_ins.yml"
START_SECONDS = 300.0
INSTANCES = int(os.environ.get("PONS_TEST_CONTAINER_INSTANCES", "10000"))
"""Through each store."""


def make_place(folder: Path) -> Path:
    """As much of a checkout as an operator needs who has the images, and stores of its own."""
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    return folder


class Project:
    """One store of `place`, prepared by `new-store`."""

    def __init__(self, engine: Engine, place: Path, name: str, backing: dict[str, str]) -> None:
        self.engine, self.place, self.name = engine, place, name
        self.store = Store(name, place / name)
        ports = ("--http-port", str(self.store.http_port))
        ports += ("--dicom-port", str(self.store.dicom_port))
        engine.run(str(place / "deploy/compose/new-store"), name, *ports)
        self.folder = place / "stores" / name
        self.environment = self.folder / "env"
        text = self.environment.read_text()
        for setting, image in backing.items():
            text = "".join(
                f"{setting}={image}\n" if line.startswith(f"{setting}=") else line
                for line in text.splitlines(keepends=True)
            )
        files = f"COMPOSE_FILE={place / 'docker-compose.yml'}:{STAND_INS}\n"
        self.environment.write_text(text + files)
        self.user = (self.folder / "user").read_text().strip()
        self.store.http.auth = (self.user, (self.folder / "password").read_text())

    def secret(self, name: str) -> str:
        return (self.folder / "secrets" / name).read_text().strip()

    def choose(self, **choices: str) -> None:
        """Write these choices into the store's file."""
        lines = self.environment.read_text().splitlines()
        for name, choice in choices.items():
            place = next(n for n, line in enumerate(lines) if line.startswith(f"{name}="))
            lines[place] = f"{name}={choice}"
        self.environment.write_text("\n".join(lines) + "\n")

    def compose(self, *words: str, files: Sequence[str] = ()) -> str:
        """A command of Compose; `files`: overrides beside those that the store's file names."""
        extra = [word for name in files for word in ("--file", str(self.place / name))]
        if files:
            extra = [
                "--file",
                str(self.place / "docker-compose.yml"),
                "--file",
                str(STAND_INS),
                *extra,
            ]
        try:
            return self.engine.docker(
                *("compose", "--env-file", str(self.environment), "--project-directory"),
                *(str(self.place), *extra, *words),
            )
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self._last_words()}") from None

    def up(self, *words: str) -> None:
        """Start what does not run, and return once every service is ready.

        Compose's own `--wait` gives up when a health check is late once, as on a busy machine.
        """
        self.compose("up", "--detach", "--no-build", "--pull", "never", *words)
        self.wait_until_ready()

    def remove(self) -> None:
        """All of it, its containers at once: how they end in order is shown elsewhere."""
        if containers := self.containers():
            self.engine.docker("rm", "--force", "--volumes", *containers)
        eventually("its networks have let go of its containers", self._down, 60)

    def _down(self) -> bool:
        """Whether the rest is removed; the engine may hold a network for a moment longer."""
        try:
            self.compose("down", "--volumes")
        except AssertionError as error:
            if "has active endpoints" not in str(error):
                raise
            return False
        return True

    def version(self) -> str:
        """The tag of the images that it has chosen."""
        [choice] = [line for line in self.environment.read_text().splitlines() if "TAG=" in line]
        return choice.partition("=")[2]

    def take_version(self, tag: str) -> None:
        """Have the images of a tag, by Compose's own means: each service is away for a while."""
        if self.version() == tag:
            return
        self.choose(TAG=tag)
        self.up()
        self.find_doors()

    def upgrade(self, tag: str) -> str:
        """Have the images of a tag by upgrade-store; what it said. The ports are others then."""
        http, dicom = self.store.http_port, self.store.dicom_port
        self.choose(TAG=tag, HTTP_PORT=f"{http}-{http + 4}", DICOM_PORT=f"{dicom}-{dicom + 4}")
        said = self.engine.run(str(self.place / "deploy/compose/upgrade-store"), self.name)
        self.find_doors()
        return said

    def find_doors(self) -> None:
        """Follow the ports to where the engine has put them."""
        ports = [
            int(self.engine.docker("port", self.containers(service)[0], port).rpartition(":")[2])
            for service, port in (("gateway", "8042"), ("dicom-ingress", "4242"))
        ]
        self.store.http_port, self.store.dicom_port = ports
        self.store.http.base_url = f"http://127.0.0.1:{self.store.http_port}"

    def scale(self, **replicas: int) -> None:
        """Have so many containers of these services, all ready."""
        wanted = [f"--scale={service}={number}" for service, number in replicas.items()]
        self.up("--no-deps", "--no-recreate", *wanted, *replicas)

    def listed(self, service: str = "") -> list[dict[str, Any]]:
        """What the engine says of each container of the project, or of one of its services."""
        labels = {"project": f"pons-{self.name}"} | ({"service": service} if service else {})
        wanted = [f"com.docker.compose.{key}={text}" for key, text in labels.items()]
        found: list[dict[str, Any]] = self.engine.ask(
            "/containers/json", all="true", filters=json.dumps({"label": wanted})
        )
        return found

    def containers(self, service: str = "") -> list[str]:
        return [one["Id"] for one in self.listed(service)]

    def addresses(self, service: str) -> list[str]:
        """Of each container of a service in the store's network; empty while it does not run."""
        networks = [one["NetworkSettings"]["Networks"] for one in self.listed(service)]
        inside = f"pons-{self.name}_inside"
        return [each[inside]["IPAddress"] if inside in each else "" for each in networks]

    def _last_words(self) -> str:
        """Of each container that is not healthy: its state, what its checks found, and its log."""
        said: list[str] = []
        for container in self.containers():
            state = self.state(container)
            health = state.get("Health")
            if isinstance(health, dict) and health.get("Status") == "healthy":
                continue
            said += (container, json.dumps(state, indent=1))
            said.append(self.engine.docker("logs", "--tail", "40", container, and_errors=True))
        return "\n".join(said)

    def state(self, container: str) -> dict[str, object]:
        state: dict[str, object] = self.engine.ask(f"/containers/{container}/json")["State"]
        return state

    def is_healthy(self, service: str = "") -> bool:
        """Whether every container is, as the engine has found when it asked it last."""
        found = self.listed(service)
        return bool(found) and all("(healthy)" in one["Status"] for one in found)

    def is_ready(self, *services: str) -> bool:
        """Whether every container of these services says so itself: the engine hears it later."""
        found = [self.addresses(service) for service in services]
        return all(found) and all(
            address and says_ready(address, HEALTH_PORT) for each in found for address in each
        )

    def wait_until_ready(self) -> None:
        ready = f"all of {self.name} is ready"
        eventually(ready, lambda: self.is_ready(*SERVICES), START_SECONDS)


@dataclass(frozen=True)
class Pair:
    """Two stores that run beside each other and know nothing of each other."""

    one: Project
    other: Project

    def __iter__(self) -> Iterator[Project]:
        yield from (self.one, self.other)


def at_once(*works: Callable[[], object]) -> None:
    """Do all of it side by side; the first failure is raised once all have ended."""
    with ThreadPoolExecutor(len(works)) as side_by_side:
        for done in [side_by_side.submit(work) for work in works]:
            done.result()
