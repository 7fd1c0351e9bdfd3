# SPDX-License-Identifier: Apache-2.0
"""Bringing databases up to date."""

import asyncio
import json
import re
import unicodedata
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from pons.catalog.sql import load_statements
from pons.errors import PonsError
from pons.settings import DatabaseSettings, Settings, StoreSettings
from pons_index.database import open_database
from pons_index.faults import is_passing
from pons_index.migrations import Migration, migrate, read_migrations, reader_role
from pons_testing.postgres import PostgresServer
from pons_testing.waiting import until

pytestmark = pytest.mark.anyio
MANY = load_statements(Path(__file__).parents[3] / "shared" / "tests" / "many.sql")
Connect = Callable[..., Awaitable[Any]]


@pytest.fixture
async def empty(postgres: PostgresServer) -> AsyncIterator[DatabaseSettings]:
    async with postgres.database(schema=False) as settings:
        yield settings


@pytest.fixture
async def connect(empty: DatabaseSettings) -> AsyncIterator[Connect]:
    connections: list[Any] = []

    async def connect(url: str = empty.url) -> Any:
        connections.append(await asyncpg.connect(url))
        return connections[-1]

    yield connect
    for connection in connections:
        await connection.close()


def settings_for(database: DatabaseSettings, store: str = "main") -> Settings:
    return Settings(store=StoreSettings(name=store), database=database)


def numbered(number: int, sql: str) -> Migration:
    return Migration(number, f"{number:04}_test.sql", sql)


async def test_replicas_that_start_at_once_migrate_once(
    empty: DatabaseSettings, connect: Connect
) -> None:
    """Four replicas on an empty database leave every migration applied exactly once."""
    connections = [await connect() for _ in range(4)]
    settings = settings_for(empty)
    await asyncio.gather(*(migrate(one, settings, read_migrations()) for one in connections))
    applied = await connections[0].fetchval(
        "SELECT array_agg(name ORDER BY number) FROM migrations"
    )
    assert applied == [migration.name for migration in read_migrations()]
    assert await connections[0].fetchval("SELECT instances FROM totals") == 0


async def test_only_what_is_missing_is_applied_in_order(
    empty: DatabaseSettings, connect: Connect
) -> None:
    """A later version adds its migrations to those that are there."""
    connection, settings = await connect(), settings_for(empty)
    first = numbered(1, "CREATE TABLE a (n int)")
    second = numbered(2, "ALTER TABLE a ADD COLUMN m int; INSERT INTO a VALUES (1, 2)")
    await migrate(connection, settings, [first])
    await migrate(connection, settings, [first, second])
    await migrate(connection, settings, [first, second])
    assert await connection.fetchval("SELECT sum(m) FROM a") == 2


async def test_a_migration_that_fails_leaves_nothing(
    empty: DatabaseSettings, connect: Connect
) -> None:
    """Half a migration is never kept."""
    connection, settings = await connect(), settings_for(empty)
    broken = numbered(1, "CREATE TABLE a (n int); SELECT 1 / 0")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(connection, settings, [broken])
    assert await connection.fetchval("SELECT to_regclass('a')") is None
    assert await connection.fetchval("SELECT count(*) FROM migrations") == 0


async def test_a_newer_database_is_refused(empty: DatabaseSettings, connect: Connect) -> None:
    """An older version says which database it was given, and changes nothing."""
    connection, settings = await connect(), settings_for(empty)
    first = numbered(1, "SELECT 1")
    await migrate(connection, settings, [first, numbered(2, "SELECT 2")])
    with pytest.raises(PonsError, match=r"newer than this version of Pons: it has 0002_test\.sql"):
        await migrate(connection, settings, [first])


async def test_what_only_adds_leaves_the_version_before_at_work(
    empty: DatabaseSettings, connect: Connect
) -> None:
    """It may start again beside the new one; after what takes away it is refused."""
    connection, settings = await connect(), settings_for(empty)
    first = numbered(1, "CREATE TABLE a (n int)")
    adds = numbered(2, "-- More.\n-- oldest: 0001\nALTER TABLE a ADD COLUMN m int")
    takes = numbered(3, "-- oldest: 0002\nALTER TABLE a DROP COLUMN n")
    await migrate(connection, settings, [first, adds])
    await migrate(connection, settings, [first])
    await migrate(connection, settings, [first, adds, takes])
    await migrate(connection, settings, [first, adds])
    with pytest.raises(PonsError, match=r"newer than this version of Pons: it has 0003_test\.sql"):
        await migrate(connection, settings, [first])


async def test_a_database_of_a_version_without_that_line_is_known(
    empty: DatabaseSettings, connect: Connect
) -> None:
    """The column comes by itself, and what was applied before it counts by its number."""
    connection, settings = await connect(), settings_for(empty)
    first = numbered(1, "SELECT 1")
    await migrate(connection, settings, [first, numbered(2, "SELECT 2")])
    await connection.execute("ALTER TABLE migrations DROP COLUMN oldest")
    with pytest.raises(PonsError, match="newer than this version of Pons"):
        await migrate(connection, settings, [first])
    await migrate(connection, settings, [first, numbered(2, "SELECT 2")])


async def test_a_changed_migration_is_refused(empty: DatabaseSettings, connect: Connect) -> None:
    """What was applied is what the repository says, or the start fails."""
    connection, settings = await connect(), settings_for(empty)
    await migrate(connection, settings, [numbered(1, "SELECT 1")])
    with pytest.raises(PonsError, match=r"0001_test\.sql differs"):
        await migrate(connection, settings, [numbered(1, "SELECT 2")])


async def test_another_stores_database_is_refused(
    empty: DatabaseSettings, connect: Connect
) -> None:
    """Two stores that were given one database by mistake do not mix."""
    connection = await connect()
    await migrate(connection, settings_for(empty, "main"), read_migrations())
    with pytest.raises(PonsError, match="belongs to the store 'main', not to 'other'"):
        await migrate(connection, settings_for(empty, "other"), read_migrations())


async def test_the_reader_reads_every_table_and_writes_none(
    empty: DatabaseSettings, connect: Connect
) -> None:
    """Tables of this and of later migrations are readable by the other services' role."""
    connection, settings = await connect(), settings_for(empty)
    await migrate(connection, settings, read_migrations())
    await connection.execute("CREATE TABLE later (n int)")
    reader = await connect(empty.reader_url)
    assert await reader.fetchval("SELECT count(*) FROM instances") == 0
    assert await reader.fetchval("SELECT count(*) FROM later") == 0
    await reader.execute("SET default_transaction_read_only = off")
    for statement in ("DELETE FROM changes", "CREATE TABLE mine (n int)"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await reader.execute(statement)


async def test_a_missing_reader_role_is_named(empty: DatabaseSettings, connect: Connect) -> None:
    """A misspelt reader_url is told at the start, not by services that find no table."""
    settings = settings_for(
        DatabaseSettings(url=empty.url, reader_url="postgresql://nobody-here:x@localhost/db")
    )
    with pytest.raises(PonsError, match="There is no role 'nobody-here'"):
        await migrate(await connect(), settings, read_migrations())


async def test_a_role_that_may_not_create_tables_is_told_so(
    empty: DatabaseSettings, connect: Connect
) -> None:
    """database.url with the reader's role gives one clear sentence."""
    settings = settings_for(DatabaseSettings(url=empty.reader_url, reader_url=empty.reader_url))
    reader = await connect(empty.reader_url)
    await reader.execute("SET default_transaction_read_only = off")
    with pytest.raises(PonsError, match="does not let the index create its tables"):
        await migrate(reader, settings, read_migrations())


async def test_a_wrong_password_is_told_at_once(empty: DatabaseSettings) -> None:
    """The index does not wait for a database that will never let it in."""
    url = empty.url.replace(empty.url.split(":")[2].split("@")[0], "wrong")
    settings = settings_for(DatabaseSettings(url=url, reader_url=url))
    with pytest.raises(PonsError, match="The database refuses us"):
        async with open_database(settings):
            pass


@pytest.mark.parametrize(
    ("url", "reader_url", "role"),
    [
        ("postgresql://a@h/db", "postgresql://b%2Dr:x@h/db", "b-r"),
        ("postgresql://a@h/db", "postgresql://h/db?user=c", "c"),
        ("postgresql://a@h/db", "postgresql://a:x@h/db", ""),
        ("postgresql://a@h/db", "", ""),
    ],
)
def test_the_readers_role_is_in_its_url(url: str, reader_url: str, role: str) -> None:
    """The index grants rights to the role that the other services use, if it is another one."""
    database = DatabaseSettings(url=url, reader_url=reader_url)
    assert reader_role(Settings(database=database)) == role


def test_migrations_are_numbered_without_gaps() -> None:
    """Files are applied in the order of their numbers, and none is missing."""
    assert [migration.number for migration in read_migrations()] == list(
        range(1, len(read_migrations()) + 1)
    )


def test_readers_do_not_wait_while_tables_are_filled() -> None:
    """What locks a table against its readers comes after what takes long: the services of before
    go on answering meanwhile. (So since 0009.)"""
    locks = re.compile(r"^(DROP INDEX|ALTER TABLE)", re.MULTILINE)
    fills = re.compile(r"^(INSERT INTO|UPDATE|CREATE INDEX)", re.MULTILINE)
    for migration in read_migrations():
        if migration.number > 8 and (locked := locks.search(migration.sql)):
            assert not fills.search(migration.sql, locked.end()), migration.name


def test_line_ends_do_not_change_a_checksum(tmp_path: Path) -> None:
    """A checkout with other line ends is the same migration."""
    (tmp_path / "0001_a.sql").write_bytes(b"SELECT\r\n1")
    [windows] = read_migrations(tmp_path)
    (tmp_path / "0001_a.sql").write_bytes(b"SELECT\n1")
    [unix] = read_migrations(tmp_path)
    assert windows.checksum == unix.checksum


async def test_new_indexes_of_texts_come_with_figures(
    empty: DatabaseSettings, connect: Connect
) -> None:
    """Where a store has studies already, the planner knows at once what is rare in them: it took
    what every series has for rare, and searched a million studies for seconds."""
    connection, settings = await connect(), settings_for(empty)
    migrations = read_migrations()
    await migrate(connection, settings, [one for one in migrations if one.number <= 14])
    for name in ("patients", "studies", "series"):
        values = (200, 1) if name == "series" else (200,)
        await connection.execute(MANY[name], *values)
    await migrate(connection, settings, migrations)
    found = await connection.fetchval("SELECT array_agg(tablename::text) FROM pg_stats")
    assert {
        "series_by_description",
        "series_by_station",
        "patients_by_folded_name",
        "studies_of_patient_by_date",
    } <= set(found)


async def test_names_that_are_there_are_spelled_out(
    empty: DatabaseSettings, connect: Connect
) -> None:
    """A study from before with umlauts of two characters each is found by both ways of writing."""
    connection, settings = await connect(), settings_for(empty)
    migrations = read_migrations()
    await migrate(connection, settings, [one for one in migrations if one.number <= 17])
    names = [unicodedata.normalize(form, "Müller^Eva") for form in ("NFC", "NFD")]
    for number, name in enumerate(names):
        key = await connection.fetchval(
            "INSERT INTO patients (id, patient_id, tags, last_update)"
            " VALUES ($1, $2, '{}', now()) RETURNING patient_key",
            bytes([number] * 20),
            f"P{number}",
        )
        await connection.execute(
            "INSERT INTO studies (id, patient_key, study_uid, tags, patient_tags, last_update)"
            " VALUES ($1, $2, $3, '{}', $4, now())",
            bytes([number] * 20),
            key,
            str(number),
            json.dumps({"00100010": name}),
        )
    asked = "SELECT count(*) FROM study_words WHERE words LIKE '% MUELLER EVA%'"
    assert await connection.fetchval(asked) == 1
    await migrate(connection, settings, migrations)
    assert await connection.fetchval(asked) == 2


async def test_a_migration_lets_writers_of_the_version_before_end(
    empty: DatabaseSettings, connect: Connect
) -> None:
    """They take the tables of lists in the same order: the other way round, each would wait for the
    other, and the schema never come where something always arrives."""
    connection, writer, settings = await connect(), await connect(), settings_for(empty)
    migrations = read_migrations()
    await migrate(connection, settings, [one for one in migrations if one.number <= 14])
    for name in ("patients", "studies"):
        await writer.execute(MANY[name], 2)
    async with asyncio.timeout(60), asyncio.TaskGroup() as group, writer.transaction():
        # As the index, which holds the series when their triggers come to what lists show.
        await writer.execute("LOCK TABLE series IN ROW EXCLUSIVE MODE")
        group.create_task(migrate(connection, settings, migrations))
        await until(lambda: waits(writer, connection))
        await writer.execute(MANY["series"], 2, 1)
    assert await writer.fetchval("SELECT sum(series) FROM study_sums") == 4


async def waits(watching: Any, other: Any) -> bool:
    """Whether the other connection waits for a lock."""
    statement = "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND pid = $1"
    found: bool = await watching.fetchval(statement, other.get_server_pid())
    return found


async def test_a_migration_that_waits_lets_others_write(
    empty: DatabaseSettings, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deletion may take minutes, and whoever wants to write would wait behind the migration that
    waits for it; so it gives up for a moment, and is begun again."""
    connection, deleting, writer = await connect(), await connect(), await connect()
    settings, migrations = settings_for(empty), read_migrations()
    await migrate(connection, settings, [one for one in migrations if one.number <= 14])
    monkeypatch.setattr("pons_index.migrations.PATIENCE", 1.0)
    async with deleting.transaction():
        await deleting.execute("LOCK TABLE series IN ROW EXCLUSIVE MODE")
        with pytest.raises(asyncpg.LockNotAvailableError) as gave_up:
            await migrate(connection, settings, migrations)
        assert is_passing(gave_up.value)
        async with asyncio.timeout(60), writer.transaction():
            await writer.execute("LOCK TABLE series IN ROW EXCLUSIVE MODE")
    await migrate(connection, settings, migrations)
    assert await connection.fetchval("SELECT max(number) FROM migrations") == migrations[-1].number
