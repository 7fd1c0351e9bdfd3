# SPDX-License-Identifier: Apache-2.0
"""Migrating apart from the index, and waiting for whoever does."""

import asyncio
import os
import subprocess
import sys
from typing import Any

import asyncpg
import pytest

from pons.errors import PonsError
from pons.ownership import SCHEMA, read_objects_mark, read_streams_mark
from pons.settings import Settings
from pons_index.migrate import migrate_database, wait_for_schema
from pons_index.migrations import read_migrations
from pons_index.tool import CANNOT

pytestmark = pytest.mark.anyio
OpenStore = Any


async def schema(settings: Settings) -> int:
    connection = await asyncpg.connect(settings.database.url)
    try:
        return int(await connection.fetchval("SELECT max(number) FROM migrations"))
    finally:
        await connection.close()


async def execute(settings: Settings, statement: str) -> None:
    connection = await asyncpg.connect(settings.database.url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def test_three_that_migrate_at_once_leave_one_schema_and_one_mark(
    open_store: OpenStore,
) -> None:
    """Each says that it is done; migrations are applied once, and the store has one identity."""
    async with open_store(migrated=False) as store:
        codes = await asyncio.gather(*(migrate_database(store.settings) for _ in range(3)))
        assert codes == [0, 0, 0]
        assert await schema(store.settings) == SCHEMA
        applied = await store.value("SELECT count(*) FROM migrations")
        assert applied == len(read_migrations())
        mark = await read_objects_mark(store.objects)
        assert mark is not None
        assert await read_streams_mark(store.bus) == mark
        assert await store.value("SELECT id FROM owner") == mark.id


async def test_an_index_works_on_what_was_migrated_before_it(open_store: OpenStore) -> None:
    """It takes the mark for its own, and a second migration beside it changes nothing."""
    async with open_store(migrated=False) as store:
        await migrate_database(store.settings)
        mark = await read_objects_mark(store.objects)
        async with store.replica():
            assert await migrate_database(store.settings) == 0
            assert await read_objects_mark(store.objects) == mark


async def test_a_new_version_waits_until_somebody_has_migrated(open_store: OpenStore) -> None:
    """On an empty database it waits, and writes nothing; it returns after the migration."""
    async with open_store(migrated=False) as store:
        waiting = asyncio.create_task(wait_for_schema(store.settings))
        done, _ = await asyncio.wait((waiting,), timeout=0.5)
        assert not done
        assert await store.value("SELECT to_regclass('migrations') IS NULL")
        await migrate_database(store.settings)
        async with asyncio.timeout(30):
            assert await waiting == 0


async def test_an_older_schema_is_waited_for(open_store: OpenStore) -> None:
    """That of the version before is not enough."""
    async with open_store(migrated=False) as store:
        await migrate_database(store.settings)
        await execute(store.settings, f"DELETE FROM migrations WHERE number = {SCHEMA}")
        waiting = asyncio.create_task(wait_for_schema(store.settings))
        done, _ = await asyncio.wait((waiting,), timeout=0.5)
        assert not done
        await execute(
            store.settings,
            f"INSERT INTO migrations VALUES ({SCHEMA}, 'a', 'b', '{store.settings.store.name}')",
        )
        async with asyncio.timeout(30):
            assert await waiting == 0


async def test_a_newer_schema_is_refused(open_store: OpenStore) -> None:
    """Waiting would never end: the message says which version to start."""
    async with open_store(migrated=False) as store:
        await migrate_database(store.settings)
        newer = f"INSERT INTO migrations VALUES ({SCHEMA + 1}, 'a', 'b', 'c')"
        await execute(store.settings, newer)
        with pytest.raises(PonsError, match=f"its schema is {SCHEMA + 1}"):
            await wait_for_schema(store.settings)


async def test_a_newer_schema_that_lets_this_version_work_is_enough(open_store: OpenStore) -> None:
    """A pod of the version before that is started again amid an upgrade comes up."""
    async with open_store(migrated=False) as store:
        await migrate_database(store.settings)
        await execute(
            store.settings,
            f"INSERT INTO migrations VALUES ({SCHEMA + 1}, 'a', 'b', "
            f"'{store.settings.store.name}', now(), {SCHEMA})",
        )
        async with asyncio.timeout(30):
            assert await wait_for_schema(store.settings) == 0


def run(settings: Settings, *words: str) -> subprocess.CompletedProcess[str]:
    """The command, as a cluster runs it."""
    environment = os.environ | {
        "PONS_STORE_NAME": settings.store.name,
        "PONS_DATABASE_URL": settings.database.url,
        "PONS_DATABASE_READER_URL": settings.database.reader_url,
        "PONS_NATS_URL": settings.nats.url,
        "PONS_STORAGE_PATH": str(settings.storage.path),
    }
    command = [sys.executable, "-P", "-m", "pons_index.migrate", *words]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


async def test_the_command_migrates_and_ends(open_store: OpenStore) -> None:
    """Exit code 0 both times, and for the one that waits; 2 with a sentence for another's."""
    async with open_store(migrated=False) as store:
        for words in ((), (), ("--wait",)):
            done = await asyncio.to_thread(run, store.settings, *words)
            assert done.returncode == 0, done.stderr
        await execute(store.settings, "UPDATE migrations SET store = 'another'")
        refused = await asyncio.to_thread(run, store.settings)
        assert refused.returncode == CANNOT
        [*_, said] = refused.stderr.splitlines()
        assert said.startswith("migrate: ")
        assert "'another'" in said
