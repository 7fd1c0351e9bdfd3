# SPDX-License-Identifier: Apache-2.0
"""nats-server with JetStream from a wheel, on a loopback port of its own.

with EmbeddedNats(folder) as server:
    await nats.connect(server.url)
"""

import asyncio
import json
import os
import subprocess
import time
from pathlib import Path
from typing import Self

from pons_embedded import programs
from pons_embedded.command import Command, end, last_line, spawn
from pons_embedded.errors import Refusal
from pons_embedded.ports import free_port, http_status
from pons_embedded.secrets import Secrets, load_secrets, write_private

MAX_PAYLOAD = 1 << 20
START_PATIENCE = 30.0
STOP_PATIENCE = 10.0


class EmbeddedNats:
    """One nats-server whose streams are in `folder`.

    Parameters
    ----------
    folder
        Its own folder: `jetstream/`, `secrets.json`, `nats.conf`, `nats.log`. Made when absent.
    store
        The store's name, so that a folder is not opened for another store by mistake.
    sync_always
        Force each event to disk before it is acknowledged.
    log
        Where the server writes; default `nats.log` in the folder.
    program
        The program; default the wheel's.
    """

    def __init__(
        self,
        folder: Path,
        *,
        store: str = "main",
        sync_always: bool = False,
        log: Path | None = None,
        program: Path | None = None,
    ) -> None:
        self.folder = folder.absolute()
        self.store = store
        self.sync_always = sync_always
        self.log = log or self.folder / "nats.log"
        self._program = program
        self._secrets: Secrets | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0
        self.monitor_port = 0

    @property
    def url(self) -> str:
        """The address with user and password."""
        return f"nats://pons:{self.secrets['nats']}@127.0.0.1:{self.port}"

    @property
    def secrets(self) -> Secrets:
        if self._secrets is None:
            self._secrets = load_secrets(self.folder / "secrets.json", self.store, ("nats",))
        return self._secrets

    def prepare(self) -> Command:
        """How to start the server: before each start. The ports stay the same over restarts."""
        self._program = self._program or programs.nats_server()
        self.port = self.port or free_port()
        while self.monitor_port in (0, self.port):
            self.monitor_port = free_port()
        write_private(self.folder / "nats.conf", self._configuration())
        return self._command()

    def _command(self) -> Command:
        return Command(
            name="nats-server",
            argv=(str(self._program), "-c", str(self.folder / "nats.conf")),
            environment=os.environ,
        )

    def ready(self, pid: int) -> bool:
        """Whether the server takes connections and has recovered its streams."""
        return http_status("127.0.0.1", self.monitor_port, "/healthz") == 200

    def start(self) -> None:
        """Start the server, and return once it takes connections."""
        self._process = spawn(self.prepare(), self.log)
        deadline = time.monotonic() + START_PATIENCE
        while not self.ready(self._process.pid):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise Refusal(f"nats-server did not start: {last_line(self.log)} (see {self.log})")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop the server."""
        if self._process is not None:
            end(self._process, self._command(), STOP_PATIENCE)
            self._process = None

    @property
    def pid(self) -> int:
        """The process id of the server that `start` started."""
        if self._process is None:
            raise RuntimeError("nats-server is not running")
        return self._process.pid

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.start)
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.stop)

    def _configuration(self) -> str:
        """JSON, which nats-server reads as its own format."""
        jetstream: dict[str, object] = {"store_dir": str(self.folder / "jetstream")}
        if self.sync_always:
            jetstream["sync_interval"] = "always"
        return json.dumps(
            {
                "server_name": f"pons-{self.store}",
                "listen": f"127.0.0.1:{self.port}",
                "http": f"127.0.0.1:{self.monitor_port}",
                "max_payload": MAX_PAYLOAD,
                "authorization": {"user": "pons", "password": self.secrets["nats"]},
                "jetstream": jetstream,
            },
            indent=1,
        )
