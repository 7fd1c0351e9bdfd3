# SPDX-License-Identifier: Apache-2.0
"""nats-server with JetStream from a wheel, on a loopback port of its own.

with EmbeddedNats(folder) as server:
    await nats.connect(server.url)
"""

import json
import os
from pathlib import Path

from pons_embedded import programs
from pons_embedded.command import Command
from pons_embedded.disk import streams_bytes
from pons_embedded.liveness import http_answers
from pons_embedded.ports import free_port, http_answer, http_status
from pons_embedded.secrets import Secrets, keep_secrets, load_secrets, write_private
from pons_embedded.server import Server

MAX_PAYLOAD = 1 << 20
ACCOUNT = "$G"
"""nats-server's name for the account of who has none."""


class EmbeddedNats(Server):
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

    NAME = "nats-server"
    START_PATIENCE = 30.0
    STOP_PATIENCE = 10.0

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
        super().__init__(log or self.folder / "nats.log")
        self.store = store
        self.sync_always = sync_always
        self._program = program
        self._secrets: Secrets | None = None
        self.port = 0
        self.monitor_port = 0
        self._was_ready = False

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
        """As in `Server`. The ports stay the same over restarts."""
        self._program = self._program or programs.nats_server()
        self._was_ready = False
        self.port = self.port or free_port()
        while self.monitor_port in (0, self.port):
            self.monitor_port = free_port()
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        keep_secrets(self.folder / "secrets.json", self.secrets)
        write_private(self.folder / "nats.conf", self._configuration())
        return Command(
            name=self.NAME,
            argv=(str(self._program), "-c", str(self.folder / "nats.conf")),
            environment=os.environ,
        )

    def ready(self, pid: int) -> bool:
        """Whether the server takes connections and has recovered its streams."""
        ready = http_status("127.0.0.1", self.monitor_port, "/healthz") == 200
        self._was_ready |= ready
        return ready

    async def lives(self, *, well: bool = False) -> bool:
        """Whether the server answers at all; with `well`, that its streams are in order.

        Until it was ready it recovers them, however long that takes.
        """
        beginning = b"HTTP/1.1 200" if well and self._was_ready else b"HTTP/"
        return await http_answers("127.0.0.1", self.monitor_port, "/healthz", beginning)

    def trouble(self) -> str:
        """Why streams cannot be kept although the server answers; empty when it knows of none."""
        return trouble(self.folder, self.monitor_port)

    def _configuration(self) -> str:
        """JSON, which nats-server reads as its own format."""
        # nats-server would take three quarters of what is free now, whatever it has kept already,
        # and refuse to begin streams that do not fit in.
        jetstream: dict[str, object] = {
            "store_dir": str(self.folder / "jetstream"),
            "max_file_store": streams_bytes(self.folder),
        }
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
            ensure_ascii=False,  # nats-server does not know JSON's escapes of letters
        )


def trouble(folder: Path, monitor_port: int) -> str:
    """As `EmbeddedNats.trouble`, of the server in `folder` that answers on that port.

    A server whose folders are removed does not notice, and says that it is well. It keeps nothing
    any more, until it starts again.
    """
    status, body = http_answer("127.0.0.1", monitor_port, "/jsz?streams=true")
    if status != 200:
        return ""
    accounts = json.loads(body).get("account_details") or []
    streams = [one["name"] for account in accounts for one in account.get("stream_detail") or []]
    place = folder / "jetstream" / "jetstream" / ACCOUNT / "streams"
    lost = [name for name in sorted(streams) if not (place / name / "meta.inf").exists()]
    if not lost:
        return ""
    return f"nats-server has lost its files of {', '.join(lost)}, which were in {place}"
