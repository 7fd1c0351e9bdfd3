# SPDX-License-Identifier: Apache-2.0
"""`./pons up`: from settings to a running store, and to its end."""

import asyncio
import contextlib
import errno
import json
import os
import shlex
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from pons.objects.free_space import FreeSpace
from pons.settings import (
    CONFIG_VARIABLE,
    Settings,
    SettingsError,
    ignored_variables,
    is_loopback,
    load_settings,
    read_config,
)
from pons_embedded import state
from pons_embedded.command import Command
from pons_embedded.disk import let_start, make_room_to_start, storage_of, watch_room
from pons_embedded.errors import Refusal
from pons_embedded.explorer import build_beside
from pons_embedded.external import check_servers
from pons_embedded.folder import CHECKOUT, DataFolder, default_data_folder
from pons_embedded.forked import ForkServer, fork_server
from pons_embedded.guard import Charge
from pons_embedded.guarded import Guard
from pons_embedded.nats import EmbeddedNats
from pons_embedded.objects_lock import objects_locked
from pons_embedded.ports import why_not_free
from pons_embedded.postgres import EmbeddedPostgres
from pons_embedded.processes import end_all
from pons_embedded.secrets import write_private
from pons_embedded.services import (
    BACKING_STAGES,
    STOP_STAGES,
    service_programs,
    tool_environment,
)
from pons_embedded.supervisor import Probe, Program, Supervisor, Wishes, stop_on_signals

STOP_REQUEST_INTERVAL = 0.5
AGAIN = 5.0
"""Seconds until what could not be written down is tried again."""


@dataclass(frozen=True)
class Choices:
    """What the command line says; what it leaves out comes from settings and defaults."""

    store: str | None = None
    data: Path | None = None
    config: Path | None = None
    http_port: int | None = None
    dicom_port: int | None = None
    orthanc_config: tuple[Path, ...] = ()

    @property
    def config_file(self) -> Path | None:
        """The file given, that of `PONS_CONFIG`, or `pons.toml` beside the launcher."""
        if self.config is not None:
            return self.config
        if CONFIG_VARIABLE in os.environ:
            return Path(os.environ[CONFIG_VARIABLE])
        beside = CHECKOUT / "pons.toml"
        return beside if beside.is_file() else None

    def settings(self, config: Path | dict[str, Any] | None = None) -> Settings:
        """The settings with the choices on top, and `config` in place of the file.

        Raises `Refusal` with what is wrong.
        """
        chosen: dict[str, dict[str, str | int | None]] = {
            "store": {"name": self.store},
            "http": {"port": self.http_port},
            "dicom": {"port": self.dicom_port},
        }
        given = {
            section: {name: value for name, value in values.items() if value is not None}
            for section, values in chosen.items()
        }
        given = {section: values for section, values in given.items() if values}
        try:
            return load_settings(self.config_file if config is None else config, **given)
        except SettingsError as error:
            raise Refusal(f"a setting is wrong: {error}") from None

    def with_orthanc(self) -> dict[str, Any]:
        """What Orthanc's files say, below what the file of settings says; warns on the way."""
        # What the files mean is imported for those who have one: it knows half the library.
        from pons_embedded.orthanc.translate import merged, translate

        translated = translate(self.orthanc_config, os.environ)
        for warning in translated.warnings:
            say(warning)
        try:
            own = read_config(self.config_file) if self.config_file else {}
        except SettingsError as error:
            raise Refusal(f"a setting is wrong: {error}") from None
        return merged(own, translated.settings)

    def folder(self, settings: Settings) -> DataFolder:
        return DataFolder((self.data or default_data_folder(settings.store.name)).absolute())


def run_store(choices: Choices) -> None:
    """Run a store until it is asked to stop. Raises `Refusal` when it cannot run."""
    began = time.monotonic()
    tree = choices.with_orthanc() if choices.orthanc_config else None
    settings = choices.settings(tree)
    folder = choices.folder(settings)
    if ignored := ignored_variables():
        say(f"variables that are no settings are ignored: {', '.join(ignored)}")
    with folder.locked(), objects_locked(settings, folder, say):
        end_all(state.survivors(state.read_state(folder.state)))
        for left in (folder.state, folder.stop_request):
            left.unlink(missing_ok=True)
        check_ports(settings)
        check_servers(settings)
        config = choices.config_file
        if tree is not None:
            config = folder.settings
            write_private(config, json.dumps(tree))
        try:
            asyncio.run(_Store(settings, config, folder, began).run())
        finally:
            for left in (folder.state, folder.tools):
                left.unlink(missing_ok=True)


def check_ports(settings: Settings) -> None:
    """Raise `Refusal` naming the first port that something else listens on."""
    for what, host, port in (
        ("http", settings.http_host, settings.http.port),
        ("dicom", settings.dicom_host, settings.dicom.port),
    ):
        error = why_not_free(host, port)
        if error is not None and error.errno == errno.EADDRINUSE:
            raise Refusal(
                f"{what.upper()} port {port} on {host} cannot be opened, because another "
                f"program uses it: stop that, or choose another port with --{what}-port "
                f"(setting {what}.port)"
            )
        if error is not None:
            raise Refusal(
                f"{what.upper()} port {port} on {host} cannot be opened "
                f"({error.strerror or error}): change the setting {what}.host or {what}.port"
            )
    if settings.http.port == settings.dicom.port:
        raise Refusal(f"http.port and dicom.port are both {settings.http.port}: change one of them")


class _Store:
    """One run of a store, from its programs to what is told about them."""

    def __init__(
        self, settings: Settings, config: Path | None, folder: DataFolder, began: float
    ) -> None:
        self.settings = settings
        self.folder = folder
        self.began = began
        self.postgres: EmbeddedPostgres | None = None
        self.nats: EmbeddedNats | None = None
        self._config = config
        self._written = True
        self._room = FreeSpace(storage_of(settings, folder))
        me = state.record("supervisor", os.getpid())
        if me is None:
            raise Refusal("the system does not tell when this process started: is /proc mounted?")
        self._state = state.State(
            store=settings.store.name,
            supervisor=me,
            http=http_address(settings),
            dicom=f"{settings.dicom.aet} at {shown(settings.dicom_host)}:{settings.dicom.port}",
        )

    async def run(self) -> None:
        """Everything between the first program's start and the last one's end."""
        wishes = Wishes()
        stop_on_signals(wishes, say)
        make_room_to_start(self._room, self.folder, say)
        self._keep_state()  # the first start makes a database, and may be stopped meanwhile
        watching = asyncio.create_task(self._watch_stop_request(wishes))
        try:
            async with fork_server(self.settings, self.folder, say) as forks:
                # It imports while the database is made.
                backing = await asyncio.to_thread(self._backing)
                async with Guard(self.folder.log / "guard.log") as guard:
                    await self._supervise(backing, guard, forks, wishes)
        finally:
            watching.cancel()
            if self.postgres:
                self.postgres.close()
        say("stopped")

    async def _supervise(
        self, backing: list[Program], guard: Guard, forks: ForkServer | None, wishes: Wishes
    ) -> None:
        database = (
            {"url": self.postgres.url, "reader_url": self.postgres.reader_url}
            if self.postgres
            else {}
        )
        nats_url = self.nats.url if self.nats else ""
        told = (self.settings, self._config, self.folder, database, nats_url)
        services = service_programs(*told, guard.lifeline, forks)
        write_private(self.folder.tools, json.dumps(tool_environment(*told)))

        def changed(supervisor: Supervisor) -> None:
            self._write_down(supervisor, guard)

        async def came_back() -> None:
            # Streams that could not be written stay closed until the server starts again.
            if self.nats and not await asyncio.to_thread(self.nats.ready, 0):
                say("nats starts again, as it had no room")
                supervisor.restart("nats")

        supervisor = Supervisor(backing, services, say, changed, wishes)
        keeping_room = asyncio.create_task(watch_room(self._room, say, came_back))
        try:
            await supervisor.run(lambda: self._tell_ready(supervisor, guard))
        finally:
            keeping_room.cancel()

    def _backing(self) -> list[Program]:
        """The servers that come with the store, except those that settings replace by others."""
        programs = []
        folder, settings, name = self.folder, self.settings, self.settings.store.name
        if not settings.nats.url:
            nats = self.nats = EmbeddedNats(
                folder.nats,
                store=name,
                sync_always=settings.nats.sync_always,
                log=folder.log / "nats.log",
            )
            nats.prepare()
            programs.append(
                Program(
                    "nats",
                    self._with_room(nats.prepare),
                    nats.ready,
                    nats.log,
                    BACKING_STAGES["nats"],
                    lambda: Probe("127.0.0.1", nats.monitor_port, "/healthz"),
                    lambda: nats.lives(well=self._room.look() is None),
                    settings.health.hung_after,
                    nats.trouble,
                )
            )
        if not settings.database.url:
            postgres = self.postgres = EmbeddedPostgres(
                folder.postgres,
                store=name,
                connections=connections(settings),
                log=folder.log / "postgres.log",
            )
            if not postgres.cluster.exists():
                say(f"making a database for store {name} in {folder.path}")
            postgres.prepare()
            programs.append(
                Program(
                    state.POSTGRES,
                    self._with_room(postgres.prepare),
                    postgres.ready,
                    postgres.log,
                    BACKING_STAGES["postgres"],
                    lives=postgres.lives,
                    patience=settings.health.hung_after,
                )
            )
        return programs

    def _with_room(self, prepare: Callable[[], Command]) -> Callable[[], Command]:
        def prepared() -> Command:
            let_start(self._room, self.folder)
            return prepare()

        return prepared

    def _write_down(self, supervisor: Supervisor, guard: Guard) -> None:
        records: list[state.Record] = []
        charges: list[Charge] = []
        for program, pid, command in supervisor.running:
            probe = program.probe() or Probe("", 0, "")
            if made := state.record(program.name, pid, probe.host, probe.port, probe.path):
                records.append(made)
                charges.append(
                    {
                        "name": program.name,
                        "pid": pid,
                        "started": made.started,
                        "stage": program.stage,
                        "signals": [int(number) for number in command.stop_signals],
                    }
                )
        guard.tell(charges)
        self._state = state.State(
            self._state.store,
            self._state.supervisor,
            self._state.http,
            self._state.dicom,
            supervisor.was_ready,
            tuple(records),
        )
        self._keep_state()

    def _keep_state(self) -> None:
        try:
            state.write_state(self.folder.state, self._state)
            self._written = True
        except Refusal as refusal:  # the store itself can go on
            if self._written:
                say(f"./pons status and down may not see all that runs: {refusal}")
            self._written = False
            asyncio.get_running_loop().call_later(AGAIN, self._keep_state)

    def _tell_ready(self, supervisor: Supervisor, guard: Guard) -> None:
        self._write_down(supervisor, guard)
        name = self.settings.store.name
        down = ["./pons", "down"] + ([] if name == "main" else ["--store", name])
        if self.folder.path != default_data_folder(name):
            down += ["--data", str(self.folder.path)]
        tell(
            f"Store {name} is ready after {time.monotonic() - self.began:.1f} s.\n"
            f"  Web page and REST  {self._state.http}\n"
            f"  DICOM              {self._state.dicom}\n"
            f"  Data               {self.folder.path} (logs in {self.folder.log})\n"
            f"Stop it with Ctrl-C here, or with {shlex.join(down)}.",
            sys.stdout,
        )
        self._build = build_beside() if self.settings.http.explorer else None

    async def _watch_stop_request(self, wishes: Wishes) -> None:
        """Stop when `./pons down` asks by a file, which it does where there is no SIGTERM."""
        while os.name == "nt" and not wishes.stop.is_set():
            await asyncio.sleep(STOP_REQUEST_INTERVAL)
            if self.folder.stop_request.exists():
                wishes.stop.set()


POOLS = 3  # of connections, of each process that reads the index: one for each way to plan


def connections(settings: Settings) -> int:
    """Connections to PostgreSQL that are enough for every pool, and some for people."""
    processes = len(STOP_STAGES) - 2 + settings.dicom.processes + settings.http.processes
    return max(60, processes * POOLS * settings.database.pool_size + 20)


def http_address(settings: Settings) -> str:
    host = shown(settings.http_host)
    scheme = "https" if settings.http.tls_certificate else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{settings.http.port}/"


def shown(host: str) -> str:
    """A name under which people reach a server that listens on `host`."""
    if is_loopback(host) or host not in ("0.0.0.0", "::"):  # noqa: S104 nothing listens here
        return host
    return socket.gethostname()


def say(line: str) -> None:
    """A line about the store for the terminal."""
    tell(f"pons: {line}", sys.stderr)


def tell(text: str, stream: TextIO) -> None:
    """Print where somebody may read it; a store does not end because nobody does any more."""
    try:
        print(text, file=stream, flush=True)
    except OSError:
        with contextlib.suppress(OSError, ValueError):
            # What is left in the stream goes nowhere, now and when Python ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
