# SPDX-License-Identifier: Apache-2.0
"""Readers of a stream that end leave nothing at NATS that would take what comes next."""

import asyncio

import pytest
from nats.js.api import ConsumerConfig

from pons.bus import Bus
from pons.bus.pulling import pulling
from pons_testing.waiting import end_task, until

pytestmark = pytest.mark.anyio

SUBJECT, NAME = "pulled.one", "pulled"


async def test_what_comes_after_a_reader_has_ended_is_the_next_ones(bus: Bus) -> None:
    """A fetch that is cut off is given up at the server: nothing is handed out to nobody."""
    await bus.stream.add_stream(name=NAME, subjects=[SUBJECT])

    async def waiting() -> int:
        return (await bus.stream.consumer_info(NAME, NAME)).num_waiting or 0

    async def one_waits() -> bool:
        return await waiting() == 1

    async def nobody_waits() -> bool:
        return await waiting() == 0

    async def read() -> None:
        feed = await bus.stream.pull_subscribe(SUBJECT, NAME, config=ConsumerConfig(ack_wait=60))
        async with pulling(feed):
            await feed.fetch(1, timeout=60)

    reader = asyncio.create_task(read())
    await until(lambda: any_consumer(bus))
    await until(one_waits)
    await end_task(reader)
    await until(nobody_waits)
    await bus.stream.publish(SUBJECT, b"news")
    feed = await bus.stream.pull_subscribe(SUBJECT, NAME)
    async with pulling(feed):
        (message,) = await feed.fetch(1, timeout=30)
        assert message.data == b"news"
        assert message.metadata.num_delivered == 1
        await message.ack()


async def any_consumer(bus: Bus) -> bool:
    return bool(await bus.stream.consumers_info(NAME))
