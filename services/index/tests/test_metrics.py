# SPDX-License-Identifier: Apache-2.0
"""What /metrics tells of the index: how fast it is, and how far behind."""

import math

import msgspec
import pytest

from pons.health.readiness import Health
from pons_index.lag import measure_lag
from pons_index.service import open_service
from pons_testing.events import received
from pons_testing.metrics import scrape
from pons_testing.nats import NatsServer
from pons_testing.waiting import until

from .conftest import OpenStore

pytestmark = pytest.mark.anyio


async def test_what_waits_is_told_until_it_is_written(open_store: OpenStore) -> None:
    """While no index writes, the number and the age of what waits; then how long it took."""
    async with open_store() as store:
        async with open_service(store.settings, Health("index")):
            pass  # from now on the stream knows its reader
        lag = Health("index")

        async def measure() -> None:
            await measure_lag(store.bus)

        lag.measures.append(measure)
        before = await scrape(lag)
        assert before.get("pons_index_lag_messages") == 0
        event = received("1.1")
        await store.announce(event)

        async def waits() -> bool:
            return (await scrape(lag)).get("pons_index_lag_messages") == 1

        await until(waits)

        async def ages() -> bool:
            return (await scrape(lag)).get("pons_index_lag_seconds") > 0

        await until(ages)
        health = Health("index")
        async with open_service(store.settings, health):
            await store.answered(event)
            await store.drained()
            after = await scrape(health)
        assert after.get("pons_index_lag_messages") == after.get("pons_index_lag_seconds") == 0
        for name in ("pons_index_visible_seconds", "pons_index_transaction_seconds"):
            assert after.get(f"{name}_count") == before.get(f"{name}_count") + 1


async def test_a_refused_instance_was_never_visible(open_store: OpenStore) -> None:
    """Of what is set aside, no time is told."""
    health = Health("index")
    async with open_store() as store, open_service(store.settings, health):
        before = await scrape(health)
        event = msgspec.structs.replace(received("1.2"), header=b"no zstd")
        await store.announce(event)
        assert await store.answered(event) == [""]
        after = await scrape(health)
        name = "pons_index_visible_seconds_count"
        assert after.get(name) == before.get(name)


async def test_no_number_is_told_while_nats_is_away(broker: NatsServer) -> None:
    """An old number would look like one of now."""
    health = Health("index")
    async with broker.bus() as bus:
        await measure_lag(bus)
        assert (await scrape(health)).get("pons_index_lag_messages") == 0
    await measure_lag(bus)
    assert math.isnan((await scrape(health)).get("pons_index_lag_messages"))
    assert math.isnan((await scrape(health)).get("pons_index_lag_seconds"))
