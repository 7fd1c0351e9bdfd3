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
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from pons.settings import DatabaseSettings
from pons_embedded.postgres import EmbeddedPostgres

MIGRATIONS = Path(__file__).parents[2] / "services" / "index" / "pons_index" / "migrations"


class PostgresServer:
    """A server whose databases are copies of one that has the schema."""

    def __init__(self, embedded: EmbeddedPostgres) -> None:
        self.embedded = embedded
        self._numbers = itertools.count(1)
        self._template = ""
        self._copying = asyncio.Lock()

    @asynccontextmanager
    async def database(
        self, *, schema: bool = True, copied: DatabaseSettings | None = None, pool_size: int = 4
    ) -> AsyncIterator[DatabaseSettings]:
        """Settings of a database that is dropped afterwards; without `schema` it is empty.

        `copied`: it begins as a copy of that one, to which nobody is connected.
        """
        name = f"test_{next(self._numbers)}"
        async with self._copying:  # nobody may be connected to what is copied
            if schema and not self._template:
                self._template = await self._make_template()
            template = self._template if schema else self.embedded.owner
            if copied is not None:
                template = urlsplit(copied.url).path.strip("/")
            await self._copy(template, name)
        embedded, secrets = self.embedded, self.embedded.secrets
        try:
            yield DatabaseSettings(
                url=embedded.dsn(embedded.owner, secrets["owner"], name),
                reader_url=embedded.dsn(embedded.reader, secrets["reader"], name),
                pool_size=pool_size,
            )
        finally:
            await self._administer(f"DROP DATABASE {name} WITH (FORCE)")

    async def _make_template(self) -> str:
        embedded, name = self.embedded, "test_template"
        await self._copy(embedded.owner, name)
        url = embedded.dsn(embedded.owner, embedded.secrets["owner"], name)
        connection = await asyncpg.connect(url)
        try:
            for migration in sorted(MIGRATIONS.glob("*.sql")):
                await connection.execute(migration.read_text(encoding="utf-8"))
        finally:
            await connection.close()
        return name

    async def _copy(self, template: str, name: str) -> None:
        """The embedded store's own database has the extensions and the reader's privileges.

        Copied file by file, and not through the log, for a third of the time.
        """
        await self._administer(
            f"CREATE DATABASE {name} TEMPLATE {template} OWNER {self.embedded.owner}"
            " STRATEGY file_copy"
        )

    async def _administer(self, statement: str) -> None:
        connection = await asyncpg.connect(self.embedded.admin_url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@contextmanager
def postgres_server(folder: Path) -> Iterator[PostgresServer]:
    """A server in `folder`, without fsync, as long as the block runs."""
    with EmbeddedPostgres(folder, durable=False) as embedded:
        yield PostgresServer(embedded)
