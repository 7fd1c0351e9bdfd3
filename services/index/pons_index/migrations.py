# SPDX-License-Identifier: Apache-2.0
"""Bringing the database to the schema of this version, whichever replica comes first.

Versions run side by side while one takes the place of the other. So a migration only adds, and says
in a line of its own which programs still work with what it leaves: `-- oldest: 0014` are those that
know migration 14. What nobody needs any more is taken away by a migration of a later release, whose
line names a later number. One without the line is for programs that know it.
"""

import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg
import structlog

from pons.errors import PonsError
from pons.settings import Settings
from pons_index.ownership import Claim
from pons_index.turns import Turn

log = structlog.get_logger()

FOLDER = Path(__file__).with_name("migrations")
FILE = re.compile(r"(\d{4})_\w+\.sql")
OLDEST = re.compile(r"^-- oldest: (\d{4})$", re.MULTILINE)
HAS_OLDEST = """
    SELECT EXISTS (
        SELECT FROM pg_attribute
        WHERE attrelid = 'migrations'::regclass AND attname = 'oldest' AND NOT attisdropped
    )
"""
PATIENCE = 5.0
"""Seconds that a migration waits for one lock, before whoever migrates begins again."""


@dataclass(frozen=True, slots=True)
class Migration:
    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return sha256(self.sql.encode()).hexdigest()

    @property
    def oldest(self) -> int:
        """The number that a program must know at least to work beside this migration."""
        found = OLDEST.search(self.sql)
        return int(found[1]) if found else self.number


def read_migrations(folder: Path = FOLDER) -> list[Migration]:
    """The migrations in their order, with line ends as in the repository."""
    found = ((FILE.fullmatch(path.name), path) for path in sorted(folder.iterdir()))
    return [
        Migration(int(match[1]), path.name, path.read_text(encoding="utf-8"))
        for match, path in found
        if match
    ]


async def migrate(
    connection: Any, settings: Settings, migrations: list[Migration], claim: Claim | None = None
) -> None:
    """Apply what is missing and let the reader role read. May be repeated, and by all at once.

    With a `claim`, nothing is written before it is clear whose database this is.

    Raises `PonsError` when the database is another store's, is too new for this version, or does
    not let us, and asyncpg's `LockNotAvailableError` where others hold a table: then again.
    """
    await connection.execute("SELECT pg_advisory_lock($1)", Turn.MIGRATING)
    try:
        found = await claim.look(connection) if claim else None
        await _prepare(connection, settings.store.name)
        await _apply(connection, migrations, settings.store.name)
        await _grant(connection, reader_role(settings))
        if claim and found:
            await claim.settle(connection, found)
    except asyncpg.InsufficientPrivilegeError as error:
        raise PonsError(
            "The database does not let the index create its tables",
            "database.url needs the role that owns the database",
        ) from error
    finally:
        await connection.execute("SELECT pg_advisory_unlock($1)", Turn.MIGRATING)


def reader_role(settings: Settings) -> str:
    """The role in `database.reader_url`; empty when there is none of its own."""
    writer, reader = _role(settings.database.url), _role(settings.database.reader_url)
    return "" if reader == writer else reader


def _role(url: str) -> str:
    parts = urlsplit(url)
    return unquote(parts.username or "") or parse_qs(parts.query).get("user", [""])[0]


async def _prepare(connection: Any, store: str) -> None:
    await connection.execute(
        """
        CREATE TABLE IF NOT EXISTS migrations (
            number   integer PRIMARY KEY,
            name     text NOT NULL,
            checksum text NOT NULL,
            store    text NOT NULL,
            applied  timestamptz NOT NULL DEFAULT now()
        )
        """
    )
    # Looked for first: to alter a table waits for whoever reads it, a backup of an hour as well.
    if not await connection.fetchval(HAS_OLDEST):
        await connection.execute("ALTER TABLE migrations ADD COLUMN oldest integer")
    owner = await connection.fetchval("SELECT store FROM migrations WHERE store <> $1", store)
    if owner is not None:
        raise PonsError(
            f"The database belongs to the store {owner!r}, not to {store!r}",
            "each store needs a database of its own",
        )


async def _apply(connection: Any, migrations: list[Migration], store: str) -> None:
    rows = await connection.fetch(
        "SELECT number, name, checksum, coalesce(oldest, number) AS oldest FROM migrations "
        "ORDER BY number"
    )
    applied, known = {row["number"]: row for row in rows}, migrations[-1].number
    unknown = [row["name"] for row in rows if row["oldest"] > known]
    if unknown:
        raise PonsError(
            f"The database is newer than this version of Pons: it has {unknown[-1]}",
            "start the version that made it, or a later one",
        )
    for migration in migrations:
        if (row := applied.get(migration.number)) is None:
            await _apply_one(connection, migration, store)
        elif row["checksum"] != migration.checksum:
            raise PonsError(
                f"{migration.name} differs from what was applied to the database",
                "applied migrations never change: add a new one",
            )


async def _apply_one(connection: Any, migration: Migration, store: str) -> None:
    async with connection.transaction():
        # Whoever wants to write queues behind a lock that is waited for: they go on in between.
        await connection.execute(f"SET LOCAL lock_timeout = '{PATIENCE:.0f}s'")
        await connection.execute(migration.sql)
        await connection.execute(
            "INSERT INTO migrations (number, name, checksum, store, oldest) "
            "VALUES ($1, $2, $3, $4, $5)",
            migration.number,
            migration.name,
            migration.checksum,
            store,
            migration.oldest,
        )
    log.info("migration applied", name=migration.name)


async def _grant(connection: Any, role: str) -> None:
    """Let `role` read every table that is there or comes."""
    if not role:
        return
    if not await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role):
        raise PonsError(
            f"There is no role {role!r} in PostgreSQL, which database.reader_url names",
            "create it with LOGIN and a password; the index gives it what it may read",
        )
    schema, role = await connection.fetchrow(
        "SELECT quote_ident(current_schema()), quote_ident($1)", role
    )
    await connection.execute(f"GRANT USAGE ON SCHEMA {schema} TO {role}")
    await connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role}")
    await connection.execute(
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT ON TABLES TO {role}"
    )
