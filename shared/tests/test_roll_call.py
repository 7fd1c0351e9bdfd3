# SPDX-License-Identifier: Apache-2.0
"""Calling the roll, over a real nats-server."""

import asyncio
import time
from contextlib import AsyncExitStack

import pytest

import pons
from pons.bus import Bus
from pons.bus.roll_call import answering_roll_call, call_roll
from pons.errors import Unavailable
from pons.health.readiness import Health

pytestmark = pytest.mark.anyio


def healthy(service: str) -> Health:
    health = Health(service)
    health.started = True
    return health


async def test_every_replica_answers(bus: Bus) -> None:
    """Two of one service and one of another that lacks something: all three are told."""

    async def fail() -> None:
        raise Unavailable("The database does not answer")

    lacking = healthy("index")
    lacking.checks["database"] = fail
    lacking.warnings["dead letters"] = "2"
    async with AsyncExitStack() as stack:
        for health in (healthy("render"), lacking, healthy("render")):
            await stack.enter_async_context(answering_roll_call(bus, health))
        present = await call_roll(bus, ["index", "render"], within=10)
    assert [one.service for one in present] == ["index", "render", "render"]
    assert present[0].failures == {"database": "The database does not answer"}
    assert present[0].warnings == {"dead letters": "2"}
    assert present[1].failures == {}
    assert {one.version for one in present} == {pons.__version__}
    assert all(one.seconds >= 0 for one in present)


async def test_nobody_answers(bus: Bus) -> None:
    """Who has left is not told, and a call ends."""
    async with answering_roll_call(bus, healthy("index")):
        pass
    assert await call_roll(bus, ["index"], within=0.5) == []


async def test_a_slow_one_is_waited_for(bus: Bus) -> None:
    """A service that has said nothing yet is given its time, not more than the call has."""

    async def slow() -> None:
        await asyncio.sleep(1)

    health = healthy("index")
    health.checks["objects"] = slow
    began = time.monotonic()
    async with answering_roll_call(bus, health):
        (present,) = await call_roll(bus, ["index"], within=30)
    assert (present.service, present.failures) == ("index", {})
    assert time.monotonic() - began < 30
