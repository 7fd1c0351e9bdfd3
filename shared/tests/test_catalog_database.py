# SPDX-License-Identifier: Apache-2.0
"""The catalog and its database: rights, absence, broken connections, plans."""

from itertools import permutations

import asyncpg
import pytest

from pons.catalog import (
    Fields,
    open_catalog,
)
from pons.catalog.fields import select_fields
from pons.catalog.schema import Columns, is_related
from pons.catalog.selection import by_condition
from pons.catalog.statements import STATEMENTS
from pons.dicom.attributes import MAIN_TAGS
from pons.dicom.levels import LEVELS
from pons.errors import Unavailable
from pons.objects import FileObjects
from pons.settings import DatabaseSettings, Settings
from pons_testing.postgres import MIGRATIONS, PostgresServer

from .rows import NOBODY, Store, opened

pytestmark = pytest.mark.anyio


async def test_cannot_write(postgres: PostgresServer, objects: FileObjects) -> None:
    """Nothing is written through the catalog, also where it has only the writer's address."""
    async with postgres.database() as database:
        for settings in (database, DatabaseSettings(url=database.url)):
            async with open_catalog(Settings(database=settings), objects) as catalog:
                with pytest.raises(asyncpg.PostgresError):
                    await catalog._reader.row("UPDATE totals SET instances = 7")


async def test_database_away(objects: FileObjects) -> None:
    """While nothing listens, questions are answered at once with Unavailable."""
    database = DatabaseSettings(url="postgresql://nobody@127.0.0.1:1/nothing")
    async with open_catalog(Settings(database=database), objects) as catalog:
        with pytest.raises(Unavailable, match="The database does not answer"):
            await catalog.totals()
        with pytest.raises(Unavailable):
            await catalog.check()


async def test_database_not_prepared(postgres: PostgresServer, objects: FileObjects) -> None:
    """Until the index has made its tables, the catalog says so, and then works."""
    async with (
        postgres.database(schema=False) as database,
        opened(database, objects) as (catalog, rows),
    ):
        with pytest.raises(Unavailable, match="not prepared"):
            await catalog.find("Study", NOBODY)
        for migration in sorted(MIGRATIONS.glob("*.sql")):
            await rows.connection.execute(migration.read_text(encoding="utf-8"))
        assert await catalog.find("Study", NOBODY) is None


async def test_broken_connections(store: Store, postgres: PostgresServer) -> None:
    """Connections that die between two questions are replaced without anyone noticing."""
    catalog, rows = store
    await catalog.check()
    name = await rows.connection.fetchval("SELECT current_database()")
    administrator = await asyncpg.connect(postgres.embedded.admin_url)
    try:
        killed = await administrator.fetchval(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE application_name = 'pons-catalog' AND datname = $1",
            name,
        )
    finally:
        await administrator.close()
    assert killed == 1
    assert (await catalog.totals()).instances == 0


async def test_plans_use_indexes(store: Store) -> None:
    """No question about one resource reads a table from its start to its end."""
    _, rows = store
    for number in range(40):
        await rows.instance(f"P{number % 4}", str(number % 8), str(number % 16), str(number))
    await rows.connection.execute("ANALYZE; SET enable_seqscan = off")
    for wanted, known in permutations(LEVELS, 2):
        for shown in (Fields(), Fields(frozenset())):
            selected = select_fields(wanted, shown, Columns(MAIN_TAGS))
            statement = by_condition(wanted, selected, is_related(wanted, known))
            plan = await rows.connection.fetch("EXPLAIN " + statement.replace("$1", r"'\x00'"))
            text = "\n".join(row[0] for row in plan)
            assert "Seq Scan" not in text, text
    for name, values in (
        ("instances_named", {"$1": "ARRAY['1.2']"}),
        ("archived_series", {"$1": r"ARRAY['\x00'::bytea]"}),
        ("archived_instances", {"$1": "1", "$2": "NULL"}),
        ("archived_totals", {"$1": "ARRAY[1]", "$2": r"ARRAY['\x00'::bytea]"}),
    ):
        statement = STATEMENTS[name]
        for place, value in values.items():
            statement = statement.replace(place, value)
        plan = await rows.connection.fetch("EXPLAIN " + statement)
        text = "\n".join(row[0] for row in plan)
        assert "Seq Scan" not in text, text
