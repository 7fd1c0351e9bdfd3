# SPDX-License-Identifier: Apache-2.0
"""From the change feed to functions of scripts: each change once, in its order.

The place in the feed is JetStream's: a durable consumer that hands out one message at a time,
whichever replica takes it. What a crash leaves open is told once more.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec
import nats.js.errors
import structlog
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from pons.bus import AWAY, Bus, check_cancelled
from pons.errors import PonsError, Unavailable, log_text
from pons.health.pulse import Pulse
from pons.lua.functions import EVENTS
from pons.lua.scripts import ScriptFailed, ScriptLost, Scripts
from pons.messages.events import Change, Changes
from pons_egress.metrics import LUA_EVENTS

log = structlog.get_logger()

READER = "lua"
"""The reader of the change feed."""
IDLE = 20.0
"""Seconds without a change after which we look whether the feed still knows us."""
SILENCE = 15.0
"""Seconds without a sign of life of who has a message after which it is another's to take."""
PAUSE = 1.0

Tell = Callable[[Change], Awaitable[list[Any] | None]]
"""What a function is told of a change; None where there is nothing left to tell of."""
Perform = Callable[[Sequence[dict[str, str]]], Awaitable[None]]


class Events:
    """Tells scripts of changes. Any number of replicas share the feed."""

    def __init__(self, bus: Bus, scripts: Scripts, tell: Tell, perform: Perform) -> None:
        """`perform` does what a function wants done."""
        self._bus = bus
        self._scripts = scripts
        self._tell = tell
        self._perform = perform
        self._begun = (0, 0)
        """The message that was taken last, and the last of its changes that was dealt with."""

    async def run(self) -> None:
        """Work until cancelled."""
        with self._bus.pulses.during("lua events") as pulse:
            while True:
                check_cancelled()
                try:
                    await self._bus.ensure_streams()
                    await self._ensure_reader()
                    stream = self._bus.names.changes_stream
                    feed = await self._bus.stream.pull_subscribe_bind(READER, stream=stream)
                    await self._follow(feed, pulse)
                except (Unavailable, *AWAY) as error:
                    pulse.fail(f"scripts cannot be told of changes now: {error!r}")
                    log.warning("lua events wait", error=repr(error))
                    await asyncio.sleep(PAUSE)

    async def _ensure_reader(self) -> None:
        stream = self._bus.names.changes_stream
        try:
            await self._bus.stream.consumer_info(stream, READER)
        except nats.js.errors.NotFoundError:
            config = ConsumerConfig(
                durable_name=READER,
                deliver_policy=DeliverPolicy.NEW,
                ack_policy=AckPolicy.EXPLICIT,
                ack_wait=SILENCE,
                max_ack_pending=1,  # whatever follows waits, so that the order is kept
            )
            await self._bus.stream.add_consumer(stream, config)

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
                await self._take(message)
                pulse.succeed()

    async def _take(self, message: Msg) -> None:
        try:
            changes = msgspec.msgpack.decode(message.data, type=Changes).changes
        except msgspec.DecodeError:
            log.exception("changes cannot be read")
            await message.term()
            return
        number = message.metadata.sequence.stream
        done = self._begun[1] if self._begun[0] == number else 0
        try:
            async with _kept(message):
                for change in changes:
                    if change.seq > done:
                        await self.take(change)
                    self._begun = (number, change.seq)
        except Unavailable:
            await message.nak(delay=PAUSE)
            raise
        except asyncio.CancelledError:
            with suppress(*AWAY):  # another replica need not wait
                await message.nak()
            raise
        await message.ack()

    async def take(self, change: Change) -> None:
        """Tell scripts of a change.

        An error in a script is logged, as is one that takes too long: the next change may go well.
        Raises `Unavailable` when something of ours is away.
        """
        function = EVENTS.get((change.change_type, change.level))
        if function is None or not self._scripts.defines(function):
            return
        told = await self._tell(change)
        if told is None:
            log.info("lua event passed over", seq=change.seq, reason="the resource is gone")
            return
        try:
            operations = (await self._scripts.call(function, *told, event=True)).operations
        except (ScriptFailed, ScriptLost) as error:
            LUA_EVENTS.labels(function, "failure").inc()
            log.error("lua function failed", seq=change.seq, error=log_text(error))
            return
        try:
            await self._perform(operations)
        except Unavailable:
            raise
        except PonsError as error:
            LUA_EVENTS.labels(function, "failure").inc()
            log.error("what lua wants is not done", seq=change.seq, error=log_text(error))
        else:
            LUA_EVENTS.labels(function, "success").inc()


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


async def forget_reader(bus: Bus) -> None:
    """No change is kept for scripts any more: what comes while there are none concerns none."""
    with suppress(*AWAY, nats.js.errors.NotFoundError):
        await bus.stream.delete_consumer(bus.names.changes_stream, READER)
