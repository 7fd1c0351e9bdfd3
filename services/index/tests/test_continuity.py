# SPDX-License-Identifier: Apache-2.0
"""A database or a stream that goes back is noticed before the next beat, and said meanwhile."""

import asyncio
import shutil
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from pons.bus import Bus
from pons.errors import PonsError
from pons.health.readiness import Health
from pons_embedded.nats import EmbeddedNats
from pons_index.continuity import Continuity
from pons_index.service import open_service
from pons_index.stream import StreamState, read_stream_state
from pons_index.sweep import Sweep
from pons_testing.postgres import PostgresServer
from pons_testing.waiting import until

pytestmark = pytest.mark.anyio
OpenStore = Any


@pytest.fixture(autouse=True)
def no_beat(monkeypatch: pytest.MonkeyPatch) -> None:
    """No beat comes by itself while a test lasts."""
    monkeypatch.setattr("pons_index.continuity.BEAT", 3600)


async def test_who_asks_before_the_next_beat_hears_of_a_loss(open_store: OpenStore) -> None:
    """The index is not ready with a database that was set back, and starts anew at once."""
    async with open_store() as store:
        health = Health("index")

        async def work() -> None:
            async with open_service(store.settings, health):
                health.started = True
                assert await health.failures() == {}
                await store.database.pool.execute("UPDATE continuity SET beats = 0")
                assert "set back or replaced" in (await health.failures())["continuity"]
                await asyncio.sleep(60)

        with pytest.raises(BaseExceptionGroup) as raised:
            await work()
        assert raised.group_contains(PonsError, match="set back or replaced")


async def test_a_beat_amid_a_check_is_no_loss(
    open_store: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the check has read is older than what the beat has written."""
    async with open_store() as store, store.replica():
        continuity = Continuity(store.database, store.bus, store.objects)
        await continuity.begin()

        async def beaten_meanwhile(bus: Bus) -> StreamState:
            monkeypatch.setattr("pons_index.continuity.read_stream_state", read_stream_state)
            await continuity.end()
            return await read_stream_state(bus)

        monkeypatch.setattr("pons_index.continuity.read_stream_state", beaten_meanwhile)
        await continuity.check()


async def test_streams_that_nats_lost_are_noticed_when_it_is_back(
    open_store: OpenStore, postgres: PostgresServer, tmp_path: Path
) -> None:
    """No beat is waited for."""
    with EmbeddedNats(tmp_path / "nats") as server:
        async with (
            postgres.database(schema=False) as database,
            open_store(database, server=server) as store,
        ):

            async def work() -> None:
                async with store.replica():
                    server.stop()
                    shutil.rmtree(tmp_path / "nats" / "jetstream")
                    await asyncio.to_thread(server.start)
                    await asyncio.sleep(60)

            with pytest.raises(BaseExceptionGroup) as raised:
                await work()
            assert raised.group_contains(PonsError, match="set back or replaced")


async def test_as_long_as_all_objects_are_compared_the_store_says_so(open_store: OpenStore) -> None:
    """Lists that lack images do not look complete, although the index is ready."""
    async with open_store() as store:
        health = Health("index")
        busy = Sweep(store.database, store.objects, store.bus, 60)
        async with AsyncExitStack() as index:
            async with busy.turn(wait=True):
                await index.enter_async_context(open_service(store.settings, health))

                async def is_said() -> bool:
                    return "the database is new" in health.told().get("comparison", "")

                await until(is_said)

            async def is_over() -> bool:
                return not health.told()

            await until(is_over)
