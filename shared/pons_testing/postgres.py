# SPDX-License-Identifier: Apache-2.0
"""A real PostgreSQL for tests: one server a session, a database of its own for each test.

@pytest.fixture(scope="session")
def postgres(tmp_path_factory):
    with postgres_server(tmp_path_factory.mktemp("postgres")) as server:
        yield server

@pytest.fixture
async def database(postgres):
    async with postgres.database() as settings:
        yield settings
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from pons.settings import DatabaseSettings
from pons_embedded.cluster import SUPERUSER
from pons_embedded.postgres import EmbeddedPostgres

MIGRATIONS = Path(__file__).parents[2] / "services" / "index" / "pons_index" / "migrations"
GONE = """
SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
WHERE datname = $1 AND backend_type = 'client backend'
"""
"""Returns when nobody is connected to a database."""
Fill = Callable[[DatabaseSettings], Awaitable[None]]
"""Writes into an empty database."""


class PostgresServer:
    """A server whose databases are copies of one that has the schema."""

    def __init__(self, embedded: EmbeddedPostgres) -> None:
        self.embedded = embedded
        self._numbers = itertools.count(1)
        self._templates: dict[Fill, DatabaseSettings] = {}
        self._copying = asyncio.Lock()

    @asynccontextmanager
    async def database(
        self, *, schema: bool = True, copied: DatabaseSettings | None = None, pool_size: int = 4
    ) -> AsyncIterator[DatabaseSettings]:
        """Settings of a database that is dropped afterwards; without `schema` it is empty.

        `copied`: it begins as a copy of that one, to which nobody is connected.
        """
        name = f"test_{next(self._numbers)}"
        if copied is None:
            copied = await self.template(apply_migrations) if schema else self._empty
        async with self._copying:  # nobody may be connected to what is copied
            await self._copy(copied, name)
        try:
            yield self._named(name).model_copy(update={"pool_size": pool_size})
        finally:
            async with self._administering() as connection:
                await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

    async def template(self, fill: Fill) -> DatabaseSettings:
        """A database for `copied`, filled once: it is there as long as the server."""
        async with self._copying:
            if fill not in self._templates:
                name = f"template_{next(self._numbers)}"
                await self._copy(self._empty, name)
                await fill(self._named(name))
                self._templates[fill] = self._named(name)
        return self._templates[fill]

    @property
    def _empty(self) -> DatabaseSettings:
        """The embedded store's own database has the extensions and the reader's privileges."""
        return self._named(self.embedded.owner)

    def _named(self, name: str) -> DatabaseSettings:
        embedded, secrets = self.embedded, self.embedded.secrets
        return DatabaseSettings(
            url=embedded.dsn(embedded.owner, secrets["owner"], name),
            reader_url=embedded.dsn(embedded.reader, secrets["reader"], name),
        )

    async def _copy(self, copied: DatabaseSettings, name: str) -> None:
        """Make a database file by file, and not through the log, for a third of the time."""
        template = urlsplit(copied.url).path.strip("/")
        async with self._administering() as connection:
            # PostgreSQL waits five seconds for those who just left, which is not always enough.
            await connection.execute(GONE, template)
            await connection.execute(
                f"CREATE DATABASE {name} TEMPLATE {template} OWNER {self.embedded.owner}"
                " STRATEGY file_copy"
            )

    async def quicken(self) -> None:
        """Have every connection begin sooner: the passwords are of this server alone, and nobody
        has to find out what they are from what is kept of them."""
        embedded = self.embedded
        roles = (SUPERUSER, "superuser"), (embedded.owner, "owner"), (embedded.reader, "reader")
        async with self._administering() as connection:
            await connection.execute("SET scram_iterations = 1")
            for role, secret in roles:
                password = embedded.secrets[secret]
                await connection.execute(f"ALTER ROLE {role} PASSWORD '{password}'")

    @asynccontextmanager
    async def _administering(self) -> AsyncIterator[asyncpg.Connection]:
        connection = await asyncpg.connect(self.embedded.admin_url)
        try:
            yield connection
        finally:
            await connection.close()


async def apply_migrations(database: DatabaseSettings) -> None:
    """The schema; nothing tells how it came there."""
    connection = await asyncpg.connect(database.url)
    try:
        for migration in sorted(MIGRATIONS.glob("*.sql")):
            await connection.execute(migration.read_text(encoding="utf-8"))
    finally:
        await connection.close()


@contextmanager
def postgres_server(folder: Path) -> Iterator[PostgresServer]:
    """A server in `folder`, without fsync, as long as the block runs."""
    with EmbeddedPostgres(folder, durable=False) as embedded:
        server = PostgresServer(embedded)
        asyncio.run(server.quicken())
        yield server
