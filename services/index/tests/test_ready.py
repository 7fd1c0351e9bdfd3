# SPDX-License-Identifier: Apache-2.0
"""Ready means working: what keeps the index from writing is said, until it is repaired."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from prometheus_client import generate_latest
from structlog.testing import capture_logs

from pons.bus.requests import ask
from pons.health.readiness import Health
from pons.http.health import ready_answer
from pons.messages.services import HealthReport, ReportHealth
from pons.settings import DatabaseSettings
from pons_index.database import Database, open_pool
from pons_index.deletion import take_time
from pons_index.faults import Slow
from pons_index.service import open_service
from pons_testing.events import received
from pons_testing.waiting import until

from .conftest import OpenStore, Store

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def replica(store: Store) -> AsyncIterator[Health]:
    """A replica of the index that is ready."""
    health = Health("index")
    async with open_service(store.settings, health):
        health.started = True
        await ready(health)
        yield health


async def body(health: Health) -> Any:
    """What /health/ready says."""
    answer = await ready_answer(health)
    return json.loads(bytes(answer.body)) | {"status": answer.status_code}


async def unready(health: Health, task: str, cause: str) -> None:
    """Wait until the health says that `task` does not get on, and why."""

    async def is_unready() -> bool:
        return cause in (await health.failures()).get(task, "")

    await until(is_unready)
    said = await body(health)
    assert (said["status"], said["ready"]) == (503, False)
    assert cause in said["tasks"][task]["cause"]
    assert "waiting_since" in said["tasks"][task]
    await health.measure()
    assert f'pons_task_failing{{task="{task}"}} 1.0'.encode() in generate_latest()


async def ready(health: Health) -> None:
    async def is_ready() -> bool:
        return not await health.failures()

    await until(is_ready)


async def test_a_renamed_column_is_said_and_repaired(open_store: OpenStore) -> None:
    """A schema that is not ours is an error at once; what waits is written once it is again."""
    async with open_store() as store, replica(store) as health:
        event = received("1.1")
        await store.value("ALTER TABLE instances RENAME COLUMN stored_size TO kept_size")
        with capture_logs() as logs:
            await store.announce(event)
            await unready(health, "consumer", "The tables are not as this version needs them")
        assert 'column "stored_size"' in (await health.failures())["consumer"]
        told = [line for line in logs if line["event"] == "database transaction begins again"]
        assert {line["log_level"] for line in told} == {"error"}
        assert len(told) <= 3
        report = await ask(store.bus, "index", ReportHealth(), HealthReport)
        assert "consumer" in report.failures
        await store.value("ALTER TABLE instances RENAME COLUMN kept_size TO stored_size")
        assert await store.answered(event, seconds=60) == ["Success"]
        await ready(health)
        assert "last_success" in (await body(health))["tasks"]["consumer"]


async def test_a_revoked_right_is_said_and_repaired(open_store: OpenStore) -> None:
    """Also the right to write one table: the sender's instance waits, and nobody says ready."""
    async with open_store() as store, replica(store) as health:
        event = received("1.1")
        await store.value("REVOKE INSERT ON headers FROM CURRENT_USER")
        await store.announce(event)
        await unready(health, "consumer", "permission denied for table headers")
        await store.value("GRANT INSERT ON headers TO CURRENT_USER")
        assert await store.answered(event, seconds=60) == ["Success"]
        await ready(health)


async def test_a_database_that_takes_no_writes_is_said_and_repaired(open_store: OpenStore) -> None:
    """Also when nothing comes in; sessions that began meanwhile do not stay as they began."""
    async with open_store() as store, replica(store) as health:
        name = await store.value("SELECT current_database()")
        await _set_read_only(store.settings.database, name, "= on")
        await unready(health, "relay", "The database takes no writes")
        event = received("1.1")
        await store.announce(event)
        await unready(health, "consumer", "in a read-only transaction")
        await _set_read_only(store.settings.database, name, "= off", terminate=False)
        assert await store.answered(event, seconds=60) == ["Success"]
        await ready(health)


async def _set_read_only(
    database: DatabaseSettings, name: str, value: str, *, terminate: bool = True
) -> None:
    """What new sessions of a database begin with; with `terminate`, all of the index are new."""
    session = {"default_transaction_read_only": "off"}
    connection = await asyncpg.connect(database.url, server_settings=session)
    await connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only {value}")
    if terminate:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = $1 AND application_name LIKE 'pons-index%'",
            name,
        )
    await connection.close()


async def test_a_full_disk_has_its_own_words(open_store: OpenStore) -> None:
    """What PostgreSQL says when it cannot extend a file: an error, and everything waits."""
    async with open_store() as store, replica(store) as health:
        await store.value(
            "CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " RAISE EXCEPTION 'could not extend file: No space left on device'"
            " USING ERRCODE = 'disk_full'; END $$"
        )
        await store.value("CREATE TRIGGER fill BEFORE INSERT ON headers EXECUTE FUNCTION fill()")
        event = received("1.1")
        with capture_logs() as logs:
            await store.announce(event)
            await unready(health, "consumer", "The disk of the database is full")
        assert any(line["log_level"] == "error" for line in logs)
        await store.value("DROP TRIGGER fill ON headers")
        assert await store.answered(event, seconds=60) == ["Success"]
        await ready(health)


async def test_what_waits_for_longer_than_its_patience_is_unready(
    open_store: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch that hangs behind a lock is not an error, and still not ready."""
    monkeypatch.setattr("pons.health.pulse.Pulses.add.__defaults__", (0.5,))
    async with open_store() as store, replica(store) as health:
        event = received("1.1")
        async with store.database.pool.acquire() as connection, connection.transaction():
            await connection.execute("LOCK TABLE headers IN ACCESS EXCLUSIVE MODE")
            await store.announce(event)

            async def waits() -> bool:
                return "consumer" in await health.failures()

            await until(waits)
        assert await store.answered(event, seconds=60) == ["Success"]
        await ready(health)


async def test_a_slow_statement_is_not_an_absent_database(database: Database) -> None:
    """Whoever asked hears at once that it takes too long; the connection stays, nothing repeats."""
    calls: list[int] = []

    async def slow(connection: Any) -> None:
        calls.append(await connection.fetchval("SELECT pg_backend_pid()"))
        async with connection.transaction():
            await connection.execute("SET LOCAL statement_timeout = '50ms'")
            await connection.execute("SELECT pg_sleep(5)")

    for _ in range(2):
        with pytest.raises(Slow, match="needs longer than 60 s"):
            await database.run(slow)
    assert len(calls) == 2
    assert len(set(calls)) == 1


async def test_statements_have_a_limit_on_the_server(database: Database) -> None:
    """The server ends what takes too long, so that it is not left to work for nobody."""
    rows = await database.pool.fetchrow(
        "SELECT current_setting('statement_timeout') AS slow,"
        " current_setting('lock_timeout') AS held"
    )
    assert dict(rows) == {"slow": "1min", "held": "45s"}


async def test_a_deletion_may_take_its_time(open_store: OpenStore) -> None:
    """A patient with very many instances is deleted although each statement takes minutes."""
    async with open_store() as store, replica(store):
        event = received("1.1")
        await store.announce(event)
        await store.answered(event)
        async with open_pool(store.settings) as other, other.pool.acquire() as connection:
            async with connection.transaction():
                await take_time(connection)
                assert await connection.fetchval("SHOW statement_timeout") == "10min"
            assert await connection.fetchval("SHOW statement_timeout") == "1min"
