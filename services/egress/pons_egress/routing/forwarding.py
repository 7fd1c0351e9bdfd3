# SPDX-License-Identifier: Apache-2.0
"""From the queues of destinations to jobs: one at a time for each, of what has gathered."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec
import structlog
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from pons.bus import Bus, check_cancelled
from pons.bus.connection import AWAY
from pons.bus.pulling import pulling
from pons.errors import PonsError, Unavailable
from pons.health.pulse import Pulse
from pons.messages.destinations import parts
from pons.routing.queues import Queues, Waiting
from pons.routing.rules import Rules
from pons.traces.attributes import Attribute
from pons.traces.spans import Attributes, span
from pons_egress.routing.lanes import Lanes

log = structlog.get_logger()

LOOK = 1.0
"""Seconds after which a destination that a rule names for the first time is seen: in memory."""
IDLE = 20.0
PAUSE = 1.0

Submit = Callable[[str, Sequence[Waiting]], Awaitable[str]]
"""Makes a job for the system of a name that brings it what waits; gives the job's id."""


class Forwarding:
    """Hands on what waits. Any number of replicas take from the same queues.

    A message leaves its queue when the job that brings it is kept. So a destination that is down
    has one job that is tried again, and the rest waits on disk.
    """

    def __init__(
        self, bus: Bus, rules: Rules, lanes: Lanes, submit: Mapping[str, Submit], batch: int
    ) -> None:
        """`submit` by kind of destination; `batch` is what one job takes at most."""
        self._bus = bus
        self._rules = rules
        self._lanes = lanes
        self._submit = submit
        self._batch = batch
        self._queues = Queues(bus)
        self._forwarded: set[str] = set()

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            left_over: set[str] | None = None
            while True:
                check_cancelled()
                left_over = await self._left_over() if left_over is None else left_over
                named = {one for rule in self._rules.all().values() for one in rule.destinations}
                for destination in sorted(named | (left_over or set())):
                    if destination not in self._forwarded and parts(destination)[0] in self._submit:
                        self._forwarded.add(destination)
                        group.create_task(self._forward(destination))
                await asyncio.sleep(LOOK)

    async def _left_over(self) -> set[str] | None:
        """Destinations for which something waits, though no rule may name them any more."""
        try:
            return set(await self._queues.lengths())
        except Unavailable:
            return None

    async def _forward(self, destination: str) -> None:
        with self._bus.pulses.during(f"queue of {destination}") as pulse:
            while True:
                check_cancelled()
                try:
                    async with pulling(await self._queues.open(destination)) as queue:
                        await self._empty(destination, queue, pulse)
                except (PonsError, *AWAY) as error:
                    pulse.fail(f"nothing can be taken out of the queue: {error!r}")
                    log.warning("queue waits", destination=destination, error=repr(error))
                    await asyncio.sleep(PAUSE)

    async def _empty(
        self, destination: str, queue: JetStreamContext.PullSubscription, pulse: Pulse
    ) -> None:
        """Make a job of what waits whenever the lane is open; raises when somebody is away."""
        while True:
            check_cancelled()
            await self._lanes.until_open(destination)
            try:
                messages = await queue.fetch(self._batch, timeout=IDLE)
            except TimeoutError:
                await queue.consumer_info()
                pulse.succeed()
                continue
            pulse.begin()
            await self._hand_on(destination, messages)
            pulse.succeed()

    async def _hand_on(self, destination: str, messages: Sequence[Msg]) -> None:
        """Make one job of the messages. Raises `PonsError`; then they are in the queue again."""
        kind, name = parts(destination)
        try:
            waiting = [one for message in messages if (one := await _read(message)) is not None]
            if not waiting:
                return
            # A job has one parent: of what goes together, the first that is traced stands for all.
            parent = next((one.trace for one in waiting if one.trace), "")
            about: Attributes = {
                Attribute.DESTINATION: destination,
                Attribute.MESSAGING_BATCH: len(waiting),
            }
            with span("route", "consumer", about, parent=parent):
                job_id = await self._submit[kind](name, waiting)
        except BaseException:
            for message in messages:
                await message.nak()
            raise
        self._lanes.expect(job_id, destination)
        for message in messages:
            await message.ack()
        log.info("handed on", destination=destination, changes=len(waiting), job=job_id)


async def _read(message: Msg) -> Waiting | None:
    """What waits; None for what nobody can read, which leaves the queue."""
    try:
        return msgspec.msgpack.decode(message.data, type=Waiting)
    except msgspec.DecodeError:
        log.exception("message of a queue cannot be read", subject=message.subject)
        await message.term()
        return None
