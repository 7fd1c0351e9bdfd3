# SPDX-License-Identifier: Apache-2.0
"""What an empty PostgreSQL of the single-node overlay is told, by a real server."""

import os
import subprocess
from collections.abc import Iterator
from urllib.parse import urlsplit

import asyncpg
import pytest

from pons.settings import DatabaseSettings, Settings
from pons_embedded.manifests import K8S
from pons_embedded.postgres import EmbeddedPostgres
from pons_embedded.programs import postgres_binaries
from pons_index.migrations import migrate, read_migrations

pytestmark = pytest.mark.anyio
ROLES = K8S / "overlays" / "single-node" / "roles.sh"


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A server on which the script has run, as the image's entrypoint runs it."""
    with EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), durable=False) as server:
        admin = urlsplit(server.admin_url)
        environment = os.environ | {
            "PATH": f"{postgres_binaries()}{os.pathsep}{os.environ['PATH']}",
            "PGHOST": str(server.socket_folder or "127.0.0.1"),
            "PGPORT": str(server.port),
            "PGPASSWORD": admin.password or "",
            "POSTGRES_USER": admin.username or "",
            "OWNER_PASSWORD": "it's $o",
            "READER_PASSWORD": "r",
        }
        subprocess.run(["sh", ROLES], env=environment, check=True, timeout=60)
        yield server


async def test_the_index_makes_its_tables_and_the_reader_only_reads(
    postgres: EmbeddedPostgres,
) -> None:
    """With the roles, and the database, that the services' addresses name."""
    owner = postgres.dsn("pons", "it's $o", "pons")
    reader = postgres.dsn("pons_reader", "r", "pons")
    settings = Settings(database=DatabaseSettings(url=owner, reader_url=reader))
    connection = await asyncpg.connect(owner)
    await migrate(connection, settings, read_migrations())
    await connection.close()
    connection = await asyncpg.connect(reader)
    assert await connection.fetchval("SELECT instances FROM totals") == 0
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("UPDATE totals SET instances = 1")
    await connection.close()


async def test_nobody_else_may_enter_the_database(postgres: EmbeddedPostgres) -> None:
    """Not even with a role on the same server."""
    admin = await asyncpg.connect(postgres.admin_url)
    await admin.execute("CREATE ROLE another LOGIN PASSWORD 'a'")
    await admin.close()
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(postgres.dsn("another", "a", "pons"))
