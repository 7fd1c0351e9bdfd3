# SPDX-License-Identifier: Apache-2.0
"""Announcing durable instances to the index, and hearing its answers.

What is ready together leaves in one message: an announcement waits, for a moment, until half of
what this process is storing has come to it. So one association sends one instance a message and
waits for nobody, sixteen share the cost of a message, of a transaction and of an answer.
"""

import asyncio
import secrets
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from weakref import WeakValueDictionary

import msgspec
from nats.aio.msg import Msg

from pons.bus import MAX_EVENT_BYTES, Bus
from pons.errors import Unavailable
from pons.ingest.steps import INDEX, UNANSWERED
from pons.messages.events import Indexed, IndexedBatch, InstanceReceived, StoreFull
from pons.traces.attributes import Attribute
from pons.traces.spans import span

PUBLISH_DEADLINE = 10.0
"""Seconds after which an announcement that JetStream does not keep is given up."""
RETRY_DELAY = 0.2
GATHER = 0.02
"""Seconds that an announcement waits at most for others that are expected."""
MAX_INSTANCES = 500
REMEMBERED = 10_000
"""Refusals that are remembered, since the index may ask again."""


class _Gathered(msgspec.Struct, frozen=True, array_like=True):
    """An `Announcement` whose instances are encoded already: one that cannot be fails alone."""

    process: str
    instances: list[msgspec.Raw]
    awaited: bool


class Announced:
    """One announcement's way: kept by JetStream, then answered by the index.

    An answer that comes when nobody holds this any more is passed over.
    """

    __slots__ = (
        *("__weakref__", "_answer", "_kept_at", "_late", "_refusable"),
        *("awaited", "deadline", "event", "kept"),
    )

    def __init__(self, event: bytes, deadline: float, *, awaited: bool, refusable: bool) -> None:
        loop = asyncio.get_running_loop()
        self.event = event
        self.deadline = deadline
        self.awaited = awaited
        self._refusable = refusable
        self.kept: asyncio.Future[str] = loop.create_future()
        """Empty once JetStream keeps it, or why that was given up."""
        self._kept_at = 0.0
        self._late = False
        self._answer: asyncio.Future[Indexed] = loop.create_future()

    async def answer(self, seconds: float) -> Indexed | None:
        """What the index says; None when it has not said it `seconds` after the event was kept.

        From then on it cannot be refused any more.
        """
        if not self._answer.done():
            left = self._kept_at + seconds - time.monotonic()
            if left > 0:
                await asyncio.wait((self._answer,), timeout=left)
        # The answer may have come in the last moment, and a refusal must be told.
        self._refusable = False
        if self._answer.done():
            return self._answer.result()
        if not self._late:  # who asks again hears the same, and it is one instance
            self._late = True
            UNANSWERED.inc()
        return None

    def hear(self, answer: Indexed) -> None:
        if not self._answer.done():
            self._answer.set_result(answer)
            if not self._late:
                # The index may be quicker than JetStream's word that it is kept.
                INDEX.observe(time.monotonic() - self._kept_at if self._kept_at else 0.0)

    def refuse(self, answer: Indexed) -> bool:
        """Whether the sender will hear this answer, which is a refusal."""
        if not self._refusable or self._answer.done():
            return False
        self._answer.set_result(answer)
        return True

    def decide(self, failure: str = "") -> None:
        if not self.kept.done():
            self._kept_at = time.monotonic()
            self.kept.set_result(failure)


class Announcer:
    """Publishes announcements in order of arrival; one per process."""

    def __init__(self, bus: Bus) -> None:
        self.expected = 0
        """Instances that are being stored: all that is in the queue, and what will be soon."""
        self._bus = bus
        self._process = secrets.token_hex(8)
        self._queue: deque[Announced] = deque()
        self._announced: WeakValueDictionary[int, Announced] = WeakValueDictionary()
        self._ready = asyncio.Event()
        """The queue is to leave."""
        self._timer: asyncio.TimerHandle | None = None
        self._refused: dict[int, None] = {}
        """Tokens of those whose sender hears that the store is full, the oldest first."""
        self._last_token = 0
        self._ended = False

    @classmethod
    @asynccontextmanager
    async def open(cls, bus: Bus) -> AsyncIterator["Announcer"]:
        """An announcer that works while the block runs, and ends it when it breaks."""
        announcer = cls(bus)
        names, process = bus.names, announcer._process
        subscriptions = [
            await bus.subscribe(names.reply(process), announcer._hear),
            await bus.subscribe(names.full(process), announcer._hear_full),
        ]
        try:
            async with asyncio.TaskGroup() as group:
                publishing = group.create_task(announcer._publish_forever())
                try:
                    yield announcer
                finally:
                    publishing.cancel()
        finally:
            announcer._end()
            if not bus.client.is_closed:
                for subscription in subscriptions:
                    await subscription.unsubscribe()

    @contextmanager
    def expecting(self) -> Iterator[None]:
        """An instance is announced in this block, probably: others wait for it a moment."""
        self.expected += 1
        try:
            yield
        finally:
            self.expected -= 1
            self._send_when_half()

    async def announce(
        self,
        instance: InstanceReceived,
        within: float = PUBLISH_DEADLINE,
        *,
        awaited: bool = True,
        refusable: bool = False,
    ) -> Announced:
        """Returns once JetStream keeps the event; the index' answer is asked of the result.

        With `awaited` the index takes it at once, otherwise it may wait a moment for others. With
        `refusable` the answer may be `StorageFull`; otherwise a full store takes it all the same,
        for what is acknowledged without asking.

        Raises `Unavailable` when JetStream did not say `within` so many seconds, nor
        `PUBLISH_DEADLINE`, that it keeps the event; it may have.
        """
        if self._ended:
            raise Unavailable("The service is ending", "send the instance again")
        self._last_token += 1
        token = self._last_token
        deadline = time.monotonic() + min(within, PUBLISH_DEADLINE)
        subject = self._bus.names.received
        with span(
            f"send {subject}",
            "producer",
            {Attribute.MESSAGING_SYSTEM: "nats", Attribute.MESSAGING_DESTINATION: subject},
        ) as sending:
            numbered = msgspec.structs.replace(instance, token=token, trace=sending.traceparent)
            event = msgspec.msgpack.encode(numbered)
            announced = Announced(event, deadline, awaited=awaited, refusable=refusable)
            self._announced[token] = announced
            self._queue.append(announced)
            self._send_when_half()
            if failure := await announced.kept:
                raise Unavailable("The instance could not be announced", failure)
        return announced

    def _send_when_half(self) -> None:
        """Let the queue leave when half of what is expected is in it, or in a moment."""
        if not self._queue:
            return
        if 2 * len(self._queue) >= self.expected:
            self._ready.set()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GATHER, self._ready.set)

    async def _publish_forever(self) -> None:
        while True:
            await self._ready.wait()
            batch = self._take()
            if not self._queue:
                self._ready.clear()
                if self._timer is not None:
                    self._timer.cancel()
                    self._timer = None
            await self._publish(batch)

    def _take(self) -> list[Announced]:
        """What fits in one message; whoever waited for the rest has given up."""
        batch: list[Announced] = []
        room = MAX_EVENT_BYTES
        while self._queue and len(batch) < MAX_INSTANCES:
            if self._queue[0].kept.done():
                self._queue.popleft()
                continue
            room -= len(self._queue[0].event)
            if room < 0 and batch:
                break
            batch.append(self._queue.popleft())
        return batch

    async def _publish(self, batch: list[Announced]) -> None:
        while batch:
            events = [msgspec.Raw(announced.event) for announced in batch]
            awaited = any(announced.awaited for announced in batch)
            payload = msgspec.msgpack.encode(_Gathered(self._process, events, awaited))
            try:
                await self._bus.publish(self._bus.names.received, payload)
            except Unavailable as error:
                await asyncio.sleep(RETRY_DELAY)
                now = time.monotonic()
                for announced in batch:
                    if announced.deadline < now:
                        announced.decide(str(error))
                batch = [announced for announced in batch if not announced.kept.done()]
            else:
                for announced in batch:
                    announced.decide()
                return

    async def _hear(self, message: Msg) -> None:
        for answer in msgspec.msgpack.decode(message.data, type=IndexedBatch).answers:
            if (announced := self._announced.get(answer.token)) is not None:
                announced.hear(answer)

    async def _hear_full(self, message: Msg) -> None:
        asked = msgspec.msgpack.decode(message.data, type=StoreFull).tokens
        refused = [token for token in asked if self._refuse(token)]
        # Lost, this keeps more than was promised.
        await message.respond(msgspec.msgpack.encode(refused))

    def _refuse(self, token: int) -> bool:
        """Whether the sender of `token` hears that the store is full; the same when asked again."""
        announced = self._announced.get(token)
        if announced is not None and announced.refuse(Indexed(token, "StorageFull")):
            self._refused[token] = None
            if len(self._refused) > REMEMBERED:
                del self._refused[next(iter(self._refused))]
        return token in self._refused

    def _end(self) -> None:
        self._ended = True
        for announced in list(self._announced.values()):
            announced.decide("the service is ending")
