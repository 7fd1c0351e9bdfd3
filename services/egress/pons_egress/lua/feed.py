# SPDX-License-Identifier: Apache-2.0
"""Messages of a stream, handed to one replica at a time, each in its turn.

The place in the stream is JetStream's: a durable consumer that hands out one message at a time,
whichever replica takes it. What a crash leaves open is handed out once more.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import nats.js.errors
import structlog
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from pons.bus import AWAY, Bus, check_cancelled
from pons.bus.pulling import pulling
from pons.errors import Unavailable
from pons.health.pulse import Pulse

log = structlog.get_logger()

IDLE = 20.0
"""Seconds without a message after which we look whether the stream still knows us."""
SILENCE = 15.0
"""Seconds without a sign of life of who has a message after which it is another's to take."""
PAUSE = 1.0

Take = Callable[[Msg], Awaitable[None]]
"""Deals with a message; one that raises `Unavailable` comes again."""


class Feed:
    """The reader `name` of a stream; with `subject`, of those messages alone."""

    def __init__(self, bus: Bus, name: str, stream: str, take: Take, subject: str = "") -> None:
        self._bus = bus
        self._name = name
        self._stream = stream
        self._subject = subject or None
        self._take = take

    async def run(self) -> None:
        """Work until cancelled."""
        with self._bus.pulses.during(f"lua: {self._stream}") as pulse:
            while True:
                check_cancelled()
                try:
                    await self._bus.ensure_streams()
                    await self._ensure_reader()
                    feed = await self._bus.stream.pull_subscribe_bind(
                        self._name, stream=self._stream
                    )
                    async with pulling(feed):
                        await self._follow(feed, pulse)
                except (Unavailable, *AWAY) as error:
                    pulse.fail(f"scripts cannot be told of events now: {error!r}")
                    log.warning("lua events wait", stream=self._stream, error=repr(error))
                    await asyncio.sleep(PAUSE)

    async def forget(self) -> None:
        """Nothing is kept for scripts any more: what comes while there are none concerns none."""
        with suppress(*AWAY, nats.js.errors.NotFoundError):
            await self._bus.stream.delete_consumer(self._stream, self._name)

    async def _ensure_reader(self) -> None:
        try:
            await self._bus.stream.consumer_info(self._stream, self._name)
        except nats.js.errors.NotFoundError:
            state = (await self._bus.stream.stream_info(self._stream)).state
            config = ConsumerConfig(
                durable_name=self._name,
                deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
                opt_start_seq=state.last_seq + 1,  # what is new, and where that began stays known
                ack_policy=AckPolicy.EXPLICIT,
                ack_wait=SILENCE,
                filter_subject=self._subject,
                max_ack_pending=1,  # whatever follows waits, so that the order is kept
            )
            await self._bus.stream.add_consumer(self._stream, config)

    async def _follow(self, feed: JetStreamContext.PullSubscription, pulse: Pulse) -> None:
        while True:
            check_cancelled()
            try:
                messages = await feed.fetch(1, timeout=IDLE)
            except TimeoutError:
                await feed.consumer_info()
                pulse.succeed()
                continue
            for message in messages:
                await self._deal_with(message)
                pulse.succeed()

    async def _deal_with(self, message: Msg) -> None:
        try:
            async with _kept(message):
                await self._take(message)
        except Unavailable:
            await message.nak(delay=PAUSE)
            raise
        except asyncio.CancelledError:
            with suppress(*AWAY):  # another replica need not wait
                await message.nak()
            raise
        await message.ack()


@asynccontextmanager
async def _kept(message: Msg) -> AsyncIterator[None]:
    """The message stays ours as long as the block runs."""

    async def sign() -> None:
        while True:
            await asyncio.sleep(SILENCE / 3)
            with suppress(*AWAY):
                await message.in_progress()

    signing = asyncio.create_task(sign())
    try:
        yield
    finally:
        signing.cancel()
