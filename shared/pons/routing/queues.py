# SPDX-License-Identifier: Apache-2.0
"""What waits for destinations: a queue for each of them, in one stream on disk."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import msgspec
import nats.js.errors
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, RawStreamMsg

from pons.bus import Bus, check_cancelled
from pons.bus.connection import AWAY
from pons.dicom.levels import Level
from pons.errors import Unavailable
from pons.messages.destinations import parts

HELD_SECONDS = 30.0
"""After which what somebody took out of a queue and did not hand on is there again."""
AT_HAND = 1000
"""What may be taken out of a queue and not handed on, of all replicas together."""
LOOKED_AT = 64
"""Messages that are looked at together."""


class Waiting(msgspec.Struct, frozen=True):
    """A change that a rule wants a destination to have."""

    rule: str
    seq: int
    change_type: str
    level: Level
    resource_id: str
    date: float
    """Seconds since the epoch."""
    trace: str = ""
    """The span that the change was published in (W3C traceparent), where a trace is told."""


class Queues:
    """The store's queues. What asks NATS raises `Unavailable` while that is away."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def put(self, destination: str, waiting: Waiting) -> None:
        """Append to a queue. May be repeated: within two minutes the same counts once."""
        await self._bus.publish(
            self._subject(destination),
            msgspec.msgpack.encode(waiting),
            message_id=f"{waiting.seq} {waiting.rule} {destination}",
        )

    async def lengths(self) -> dict[str, int]:
        """How much waits, by destination; those with nothing are left out."""
        prefix = self._bus.names.routed("")
        with _answering():
            info = await self._bus.stream.stream_info(
                self._bus.names.routes_stream, subjects_filter=f"{prefix}>"
            )
        found = info.state.subjects or {}
        return {
            subject.removeprefix(prefix).replace(".", ":", 1): number
            for subject, number in sorted(found.items())
        }

    async def look(self) -> AsyncIterator[tuple[str, Waiting]]:
        """Everything that waits, with its destination, oldest first. It stays where it is."""
        number = 1
        while (first := await self._message(number, later=True)) is not None:
            check_cancelled()
            number = (first.seq or number) + 1
            # Where there is one there mostly are more; what left the queue leaves gaps.
            following = range(number, number + LOOKED_AT)
            found = await asyncio.gather(*(self._message(one) for one in following))
            number += LOOKED_AT
            for message in (first, *found):
                if message is not None and (waiting := _waiting(message)) is not None:
                    subject = (message.subject or "").removeprefix(self._bus.names.routed(""))
                    yield subject.replace(".", ":", 1), waiting

    async def _message(self, number: int, *, later: bool = False) -> RawStreamMsg | None:
        """The message of this number, or the next `later` one; None where there is none."""
        subject = self._bus.names.routed(">") if later else None
        with _answering():
            try:
                return await self._bus.stream.get_msg(
                    self._bus.names.routes_stream, number, subject, next=later
                )
            except nats.js.errors.NotFoundError:
                return None

    async def open(self, destination: str) -> JetStreamContext.PullSubscription:
        """The end of a queue from which any number of replicas may take."""
        stream, name = self._bus.names.routes_stream, "-".join(parts(destination))
        with _answering():
            try:
                await self._bus.stream.consumer_info(stream, name)
            except nats.js.errors.NotFoundError:
                config = ConsumerConfig(
                    durable_name=name,
                    filter_subject=self._subject(destination),
                    ack_policy=AckPolicy.EXPLICIT,
                    ack_wait=HELD_SECONDS,
                    max_ack_pending=AT_HAND,
                )
                await self._bus.stream.add_consumer(stream, config)
            return await self._bus.stream.pull_subscribe_bind(name, stream=stream)

    def _subject(self, destination: str) -> str:
        return self._bus.names.routed(".".join(parts(destination)))


def _waiting(message: RawStreamMsg) -> Waiting | None:
    """What waits; None for what nobody can read."""
    try:
        return msgspec.msgpack.decode(message.data or b"", type=Waiting)
    except msgspec.DecodeError:
        return None


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except AWAY as error:
        raise Unavailable("The queues of routing cannot be reached now") from error
