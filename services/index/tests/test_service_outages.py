# SPDX-License-Identifier: Apache-2.0
"""The service while PostgreSQL or NATS is away, and when it is killed: nothing is lost."""

import asyncio
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pons.errors import PonsError, Unavailable
from pons.health.readiness import Health
from pons.messages.events import InstanceReceived
from pons.settings import DatabaseSettings, Settings
from pons_embedded.nats import EmbeddedNats
from pons_embedded.postgres import EmbeddedPostgres
from pons_index.service import open_service
from pons_testing.crash import crash
from pons_testing.postgres import PostgresServer
from pons_testing.waiting import until

from .announcing import announce_all, many

pytestmark = pytest.mark.anyio
OpenStore = Any
Store = Any


async def test_nothing_is_lost_when_postgresql_is_killed(
    open_store: OpenStore, tmp_path: Path
) -> None:
    """kill -9 of the server, again and again while instances arrive, loses and doubles nothing."""
    with EmbeddedPostgres(tmp_path / "postgres") as server:
        settings = DatabaseSettings(url=server.url, reader_url=server.reader_url, pool_size=6)
        events = many(4, 50)
        async with open_store(settings, batch_size=10) as store, store.replica(), store.replica():
            async with asyncio.TaskGroup() as group:
                group.create_task(announce_all(store, events, 2))
                for _ in range(3):
                    await asyncio.sleep(0.15)
                    await asyncio.to_thread(crash, server)
                    await asyncio.to_thread(server.start)
            await store.answered(*events, seconds=90)
            await store.drained()
            assert await store.value("SELECT instances FROM totals") == 200
            rows = await store.database.pool.fetch("SELECT change_type FROM changes ORDER BY seq")
            assert Counter(row["change_type"] for row in rows) == {2: 200, 3: 4, 4: 4, 5: 4, 1: 4}
            assert await store.value("SELECT max(seq) FROM changes") == 216


async def test_what_is_held_up_stays_where_it_is(
    open_store: OpenStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the database is away, nothing is delivered again and again."""
    monkeypatch.setattr("pons_index.consumer.ACK_WAIT", 5)
    monkeypatch.setattr("pons_index.database.LONGEST_DELAY", 0.5)
    with EmbeddedPostgres(tmp_path / "postgres") as server:
        settings = DatabaseSettings(url=server.url, reader_url=server.reader_url)
        async with open_store(settings) as store, store.replica():
            await asyncio.to_thread(crash, server)
            events = many(1, 10)
            await announce_all(store, events, 1)
            await asyncio.sleep(8)
            info = await store.bus.stream.consumer_info(store.bus.names.ingest_stream, "index")
            assert (info.num_ack_pending, info.num_redelivered) == (10, 0)
            await asyncio.to_thread(server.start)
            assert await store.answered(*events) == ["Success"] * 10


async def announce_stubbornly(store: Store, events: list[InstanceReceived]) -> None:
    """Announce, again where the stream does not say that it keeps it."""
    for start in range(0, len(events), 2):
        while True:
            try:
                await store.announce(*events[start : start + 2])
                break
            except Unavailable:
                await asyncio.sleep(0.05)


async def test_nothing_is_lost_when_nats_is_killed(
    open_store: OpenStore, postgres: PostgresServer, tmp_path: Path
) -> None:
    """kill -9 of nats-server while instances arrive loses and doubles nothing."""
    with EmbeddedNats(tmp_path / "nats") as server:
        events = many(3, 40)
        async with (
            postgres.database(schema=False) as database,
            open_store(database, server=server, batch_size=10) as store,
            store.replica(),
        ):
            async with asyncio.TaskGroup() as group:
                group.create_task(announce_stubbornly(store, events))
                for _ in range(2):
                    await asyncio.sleep(0.1)
                    await asyncio.to_thread(crash, server)
                    await asyncio.to_thread(server.start)
            await store.drained(90)
            assert await store.value("SELECT instances FROM totals") == 120
            assert await store.value("SELECT count(*) FROM changes") == 120 + 9 + 3


def start_process(store: Store, tmp_path: Path) -> subprocess.Popen[bytes]:
    """The service as a process of its own."""
    config = tmp_path / "pons.toml"
    config.write_text(
        f"[store]\nname = '{store.settings.store.name}'\n"
        f"[nats]\nurl = '{store.settings.nats.url}'\n"
        f"[database]\nurl = '{store.settings.database.url}'\n"
        f"reader_url = '{store.settings.database.reader_url}'\n"
        f"[storage]\npath = '{store.settings.storage.path}'\n"
    )
    environment = os.environ | {
        "PONS_CONFIG": str(config),
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    with (tmp_path / "index.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "pons_index"], env=environment, stdout=log, stderr=log
        )


async def test_a_killed_process_loses_nothing(open_store: OpenStore, tmp_path: Path) -> None:
    """kill -9 of the index while instances arrive; the next process finishes, and ends in order."""
    async with open_store() as store:
        events = many(2, 150)
        process = start_process(store, tmp_path)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(announce_all(store, events[:250], 1))
                await store.answered(events[0])
                process.kill()
                await asyncio.to_thread(process.wait)
            await announce_all(store, events[250:], 1)
            process = start_process(store, tmp_path)
            await store.drained(90)
            assert await store.value("SELECT instances FROM totals") == 300
            assert await store.value("SELECT count(*) FROM changes") == 300 + 6 + 2
            process.terminate()
            assert await asyncio.to_thread(process.wait) == 0
        finally:
            process.kill()
            process.wait()
        assert msgspec.json.decode(await store.objects.notes.read("seen"))["stream"]["drained"]


async def test_a_database_that_is_away_is_unready(open_store: OpenStore, tmp_path: Path) -> None:
    """/health/ready says that the database is missing, and is well again when it is back."""
    with EmbeddedPostgres(tmp_path / "postgres") as server:
        settings = DatabaseSettings(url=server.url, reader_url=server.reader_url)
        async with open_store(settings) as store:
            health = Health("index")
            async with open_service(store.settings, health):
                health.started = True

                async def ready() -> bool:
                    return not await health.failures()

                async def database_is_away() -> bool:
                    return "database" in await health.failures()

                await until(ready)
                await asyncio.to_thread(crash, server)
                await until(database_is_away)
                await asyncio.to_thread(server.start)
                await until(ready)


async def test_without_a_database_url_it_says_so() -> None:
    """The index does not start without the role that writes, and says what is missing."""
    with pytest.raises(PonsError, match=r"database\.url is not set"):
        async with open_service(Settings(), Health("index")):
            pass
