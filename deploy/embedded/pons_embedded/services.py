# SPDX-License-Identifier: Apache-2.0
"""The five services as processes: their modules, the order of their end, what they are told."""

import os
import secrets
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pons.settings import CONFIG_VARIABLE, Settings, variable
from pons.settings.files import SUFFIX as FILE
from pons_embedded.command import Command
from pons_embedded.disk import changes_mb, storage_of
from pons_embedded.folder import DataFolder
from pons_embedded.forked import ForkServer
from pons_embedded.liveness import http_answers
from pons_embedded.ports import free_port, http_status
from pons_embedded.supervisor import Probe, Program

STOP_STAGES = {"gateway": 0, "ingress": 0, "render": 1, "egress": 1, "index": 2}
"""Doors first, so that nothing new comes in; the index last, which everyone's work ends in."""
ASKS_RENDER = ("gateway", "render", "ingress", "egress")
"""Who knows the secret by which render tells the store's services from others."""
RUNS_SCRIPTS = ("gateway", "ingress", "egress")
"""Who knows the secret by which the gateway tells the store's scripts from others."""
BACKING_STAGES = {"nats": 3, "postgres": 4}
OPENS_LAST = "gateway"
"""Whoever finds it open finds every other door open, too."""
READY, LIVE = "/health/ready", "/health/live"


def service_programs(
    settings: Settings,
    config: Path | None,
    folder: DataFolder,
    database: Mapping[str, str],
    nats_url: str,
    lifeline: int | None = None,
    forks: ForkServer | None = None,
) -> list[Program]:
    """The processes of the five services.

    `database` is `url` and `reader_url` of the embedded PostgreSQL, or empty for an external one;
    `nats_url` is empty for an external NATS. `lifeline` is the end of a pipe to read from, whose
    other end is open as long as there is somebody to end the services. `forks`
    makes their processes, where it is given.
    """
    shared = shared_environment(settings, config, folder)
    if database:
        shared[variable("database", "reader_url")] = database["reader_url"]
        withhold(shared, variable("database", "url"))
    if nats_url:
        shared[variable("nats", "url")] = nats_url
    token = settings.render.token or secrets.token_hex(24)
    withhold(shared, variable("render", "token"))
    lua_token = settings.lua.token or secrets.token_hex(24)
    withhold(shared, variable("lua", "token"))
    # Nobody else gets the role that writes.
    writing = {variable("database", "url"): database["url"]} if database else {}
    copies = {"gateway": settings.http.processes, "ingress": settings.dicom.processes}
    programs = []
    for service, stage in STOP_STAGES.items():
        count = copies.get(service, 1)
        for number in range(1, count + 1):
            own = dict(shared)
            if service == "index":
                own |= writing
            if service in ASKS_RENDER:
                own[variable("render", "token")] = token
            if service in RUNS_SCRIPTS:
                own[variable("lua", "token")] = lua_token
            if lifeline is not None:
                own[variable("health", "ends_with_input")] = "true"
                own[variable("health", "opens_when_told")] = str(service == OPENS_LAST).lower()
            name = service if count == 1 else f"{service}-{number}"
            process = ServiceProcess(name, service, own, reachable_host(settings.health.host))
            log = folder.log / f"{name}.log"
            programs.append(
                Program(
                    name,
                    process.prepare,
                    process.ready,
                    log,
                    stage,
                    process.probe,
                    process.lives,
                    settings.health.hung_after,
                    input=subprocess.DEVNULL if lifeline is None else lifeline,
                    forks=forks,
                    end_patience=end_patience(settings),
                    opens_last=lifeline is not None and service == OPENS_LAST,
                )
            )
    return programs


def end_patience(settings: Settings) -> float:
    """Seconds that a service may take to end in order, by what it was told."""
    health, closing = settings.health, 2.0
    return health.leave_seconds + settings.dicom.drain_seconds + health.finish_seconds + closing


def tool_environment(
    settings: Settings,
    config: Path | None,
    folder: DataFolder,
    database: Mapping[str, str],
    nats_url: str,
) -> dict[str, str]:
    """What a command of the index is told that is not a variable of whoever runs it."""
    told = shared_environment(settings, config, folder)
    told |= {variable("database", name): url for name, url in database.items()}
    if nats_url:
        told[variable("nats", "url")] = nats_url
    return {name: text for name, text in told.items() if os.environ.get(name) != text}


def withhold(environment: dict[str, str], name: str) -> None:
    """Take a setting out of what a service is told: its value, and the file that holds it."""
    for one in (name, name + FILE):
        environment.pop(one, None)


def without_files_of_values(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without the file of any setting that the launcher has decided."""
    named = {name + FILE for name in environment if name.startswith("PONS_")}
    return {name: text for name, text in environment.items() if name not in named}


def shared_environment(
    settings: Settings, config: Path | None, folder: DataFolder
) -> dict[str, str]:
    """What every service is told."""
    # The supervisor's children share one installation, whose bytecode is worth keeping.
    told = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    render_port = settings.render.port if "port" in settings.render.model_fields_set else 0
    told |= {
        variable("store", "name"): settings.store.name,
        variable("http", "port"): str(settings.http.port),
        variable("dicom", "port"): str(settings.dicom.port),
        variable("render", "port"): str(render_port or free_port()),
    }
    if settings.storage.kind == "file":
        told[variable("storage", "path")] = str(
            (settings.storage.path or folder.objects).absolute()
        )
    storage = storage_of(settings, folder)
    told[variable("storage", "reserve")] = str(Path(storage.reserve).absolute())
    if not settings.nats.url and not settings.nats.changes_mb and folder.path.is_dir():
        told[variable("nats", "changes_mb")] = str(changes_mb(folder.path))
    if config is not None:
        told[CONFIG_VARIABLE] = str(config.absolute())
    return told


@dataclass
class ServiceProcess:
    """One process of a service.

    Its health port is chosen at each start: one that was free before may be taken by now.
    """

    name: str
    service: str
    environment: Mapping[str, str]
    host: str
    port: int = 0

    def prepare(self) -> Command:
        """How to start it now."""
        self.port = free_port()
        return Command(
            name=self.name,
            # -P: the working directory is no place to import from.
            argv=(sys.executable, "-P", "-m", f"pons_{self.service}"),
            environment=without_files_of_values(
                {**self.environment, variable("health", "port"): str(self.port)}
            ),
        )

    def ready(self, _pid: int) -> bool:
        """Whether it says that it is ready."""
        return http_status(self.host, self.port, READY) == 200

    async def lives(self) -> bool:
        """Whether it answers at all."""
        return await http_answers(self.host, self.port, LIVE)

    def probe(self) -> Probe:
        """Where it says so since its latest start."""
        return Probe(self.host, self.port, READY)


def reachable_host(host: str) -> str:
    """An address at which a server that listens on `host` is found from this machine."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 nothing listens here
