# SPDX-License-Identifier: Apache-2.0
"""The router's place in the change feed, with and without rules."""

import asyncio
import time
from typing import Any

import msgspec
import pytest

from pons.bus import Bus
from pons.bus.connection import ROUTER
from pons.messages.events import Change, Changes
from pons.routing.queues import Queues
from pons.routing.rules import Rule
from pons_egress.routing.router import UNRULED, Router

pytestmark = pytest.mark.anyio


class Switch:
    """Rules that come later, and hold of every change."""

    def __init__(self) -> None:
        self.rules: dict[str, Rule] = {}

    def applied(self) -> dict[str, Rule]:
        return self.rules

    async def holding(self, level: str, identifier: str, rules: dict[str, Rule]) -> dict[str, Rule]:
        return rules

    async def thing(self, level: str, identifier: str) -> str:
        return identifier


async def announce(bus: Bus, seq: int, instance: str = "") -> None:
    change = Change(seq, "NewInstance", "Instance", instance or f"i{seq}", 1700000000.0)
    await bus.publish(bus.names.changes, msgspec.msgpack.encode(Changes([change])))


async def left(bus: Bus) -> int:
    """Messages of the feed that nobody has finished with."""
    consumer = await bus.stream.consumer_info(bus.names.changes_stream, ROUTER)
    return (consumer.num_pending or 0) + (consumer.num_ack_pending or 0)


async def test_a_store_without_rules_passes_over_its_changes(bus: Bus) -> None:
    """A rule that comes later holds of what comes after it, at once, and not of the past."""
    switch: Any = Switch()
    routing = asyncio.create_task(Router(bus, switch, switch, 10).run())
    queues = Queues(bus)
    try:
        many = UNRULED + 200
        await asyncio.gather(*(announce(bus, seq) for seq in range(1, many + 1)))
        deadline = time.monotonic() + 60
        while await left(bus):
            assert time.monotonic() < deadline, "the changes were not passed over"
            await asyncio.sleep(0.05)
        assert await queues.lengths() == {}
        switch.rules = {"all": Rule(On="NewInstance", To=["modality:pacs"])}
        for seq in (many + 1, many + 2):
            await announce(bus, seq)
            while sum((await queues.lengths()).values()) < seq - many:
                assert time.monotonic() < deadline, "the change was not routed"
                await asyncio.sleep(0.05)
    finally:
        routing.cancel()
        await asyncio.gather(routing, return_exceptions=True)


async def test_a_circle_ends(bus: Bus) -> None:
    """What comes by again and again is put into a queue as often as is set, for each rule and
    destination; a webhook is told each time, and another instance goes as before."""
    switch: Any = Switch()
    to = ["modality:ring", "webhook:told"]
    switch.rules = {"all": Rule(On="NewInstance", To=to)}
    router = Router(bus, switch, switch, 3)
    changes = [Change(seq, "NewInstance", "Instance", "round", 1.0) for seq in range(1, 8)]
    for change in changes:
        await router.route([change])
        await router.route([change])  # as after a failure: that is no round
    await router.route([Change(8, "NewInstance", "Instance", "other", 1.0)])
    assert await Queues(bus).lengths() == {"modality:ring": 4, "webhook:told": 8}
