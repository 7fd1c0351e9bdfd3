# SPDX-License-Identifier: Apache-2.0
"""Forgetting announcements that are acknowledged, and only those."""

import asyncio
import time

import pytest
from nats.js.api import AckPolicy, ConsumerConfig
from nats.js.errors import APIError

from pons.bus import Bus
from pons.health.pulse import Pulse
from pons.ingest.backlog import DURABLE, acknowledged, last_announcement
from pons_index.stream import forget_acknowledged
from pons_testing.waiting import until

pytestmark = pytest.mark.anyio


async def numbers(bus: Bus) -> tuple[int, int]:
    """The first and the last number in the stream."""
    state = (await bus.stream.stream_info(bus.names.ingest_stream)).state
    return state.first_seq, state.last_seq


async def test_without_a_consumer_nothing_is_acknowledged(bus: Bus) -> None:
    """A stream that nobody reads keeps everything."""
    await bus.publish(bus.names.received, b"one")
    assert await last_announcement(bus) == 1
    assert await acknowledged(bus) == 0


async def test_only_what_is_acknowledged_is_forgotten(bus: Bus) -> None:
    """An announcement that is held, and all after it, stay in the stream."""
    subscription = await bus.stream.pull_subscribe(
        bus.names.received,
        durable=DURABLE,
        stream=bus.names.ingest_stream,
        config=ConsumerConfig(ack_policy=AckPolicy.EXPLICIT),
    )
    for number in range(5):
        await bus.publish(bus.names.received, b"%d" % number)
    messages = await subscription.fetch(5, timeout=60)
    for message in (*messages[:2], messages[3]):
        await message.ack_sync()
    assert await acknowledged(bus) == 2
    forgetting = asyncio.create_task(forget_acknowledged(bus, 0.05))
    try:
        await becomes(bus, (3, 5))
        await messages[2].ack_sync()
        await messages[4].ack_sync()
        await becomes(bus, (6, 5))
    finally:
        forgetting.cancel()
        await asyncio.wait((forgetting,))


async def test_what_cannot_be_forgotten_is_told(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """Although everything is written: a stream that takes no change takes no announcement soon."""
    pulse = Pulse("announcements", patience=0.2)
    await bus.publish(bus.names.received, b"one")
    subscription = await bus.stream.pull_subscribe(
        bus.names.received, durable=DURABLE, stream=bus.names.ingest_stream
    )
    [message] = await subscription.fetch(1, timeout=60)
    await message.ack_sync()

    async def refuses(*_: object, **__: object) -> None:
        raise APIError(code=500, err_code=10051, description="no such file or directory")

    monkeypatch.setattr(bus.stream, "purge_stream", refuses)
    forgetting = asyncio.create_task(forget_acknowledged(bus, 0.05, pulse))
    try:
        await until(lambda: "NATS does not answer" in pulse.trouble)
    finally:
        forgetting.cancel()
        await asyncio.wait((forgetting,))


async def becomes(bus: Bus, expected: tuple[int, int]) -> None:
    """Return once the stream's first and last numbers are these."""
    deadline = time.monotonic() + 60
    while await numbers(bus) != expected:
        assert time.monotonic() < deadline, await numbers(bus)
        await asyncio.sleep(0.01)


async def test_what_waits_for_too_long_is_told(bus: Bus) -> None:
    """Whoever holds announcements and does not write them, or when nobody takes them at all."""
    pulse = Pulse("announcements", patience=0.1)
    await bus.publish(bus.names.received, b"one")
    forgetting = asyncio.create_task(forget_acknowledged(bus, 0.05, pulse))
    try:
        await until(lambda: pulse.trouble)
        assert pulse.cause == "1 announcements wait, and none of them is written"
        subscription = await bus.stream.pull_subscribe(
            bus.names.received, durable=DURABLE, stream=bus.names.ingest_stream
        )
        [message] = await subscription.fetch(1, timeout=60)
        await message.ack_sync()
        await until(lambda: not pulse.waiting)
    finally:
        forgetting.cancel()
        await asyncio.wait((forgetting,))
