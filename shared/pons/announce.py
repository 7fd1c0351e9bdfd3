# SPDX-License-Identifier: Apache-2.0
"""Announcing durable instances to the index, and hearing its answers.

What gathers while one announcement is on its way, until the index has answered it, leaves in the
next: one association sends one instance a message and waits for nobody, sixteen share the cost of a
message, of a transaction and of an answer. An index that is slow or away holds nothing up for long.
"""

import asyncio
import secrets
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import msgspec
from nats.aio.msg import Msg

from pons.bus import MAX_EVENT_BYTES, Bus
from pons.errors import Unavailable
from pons.events import Indexed, IndexedBatch, InstanceReceived, StoreFull

PUBLISH_DEADLINE = 10.0
"""Seconds after which an announcement that JetStream does not keep is given up."""
RETRY_DELAY = 0.2
GATHER = 0.02
"""Seconds that an announcement waits for the answers to the one before."""
MAX_INSTANCES = 500
REMEMBERED = 10_000
"""Refusals that are remembered, since the index may ask again."""


class _Gathered(msgspec.Struct, frozen=True, array_like=True):
    """An `Announcement` whose instances are encoded already: one that cannot be fails alone."""

    process: str
    instances: list[msgspec.Raw]


class _Waiting:
    """One announcement's way: kept by JetStream, then answered by the index."""

    __slots__ = ("answer", "deadline", "event", "kept", "refusable", "token")

    def __init__(self, token: int, event: bytes, deadline: float, refusable: bool) -> None:
        loop = asyncio.get_running_loop()
        self.token = token
        self.event = event
        self.deadline = deadline
        self.refusable = refusable
        self.kept: asyncio.Future[str] = loop.create_future()
        """Empty once JetStream keeps it, or why that was given up."""
        self.answer: asyncio.Future[Indexed] = loop.create_future()

    def decide(self, failure: str = "") -> None:
        if not self.kept.done():
            self.kept.set_result(failure)


class Announcer:
    """Publishes announcements in order of arrival; one per process."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._process = secrets.token_hex(8)
        self._queue: deque[_Waiting] = deque()
        self._waiting: dict[int, _Waiting] = {}
        self._unanswered: set[int] = set()
        """Tokens of the last announcement that the index has not answered yet."""
        self._answered = asyncio.Event()
        self._more = asyncio.Event()
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

    async def announce(
        self,
        instance: InstanceReceived,
        answer_timeout: float,
        within: float = PUBLISH_DEADLINE,
        *,
        refusable: bool = True,
    ) -> Indexed | None:
        """The index' answer, or None when it has not come `answer_timeout` after the event is kept.

        With `refusable` the answer may be `StorageFull`; otherwise a full store takes it all the
        same, for what was acknowledged before.

        Raises `Unavailable` when JetStream did not say `within` so many seconds, nor
        `PUBLISH_DEADLINE`, that it keeps the event; it may have.
        """
        if self._ended:
            raise Unavailable("The service is ending", "send the instance again")
        self._last_token += 1
        token = self._last_token
        deadline = time.monotonic() + min(within, PUBLISH_DEADLINE)
        event = msgspec.msgpack.encode(msgspec.structs.replace(instance, token=token))
        waiting = _Waiting(token, event, deadline, refusable)
        self._waiting[token] = waiting
        self._queue.append(waiting)
        self._more.set()
        try:
            if failure := await waiting.kept:
                raise Unavailable("The instance could not be announced", failure)
            async with asyncio.timeout(answer_timeout):
                return await waiting.answer
        except TimeoutError:
            # The answer may have come in this very moment, and a refusal must be told.
            late = waiting.answer.done() and not waiting.answer.cancelled()
            return waiting.answer.result() if late else None
        finally:
            self._waiting.pop(token, None)

    async def _publish_forever(self) -> None:
        while True:
            await self._more.wait()
            await self._gather()
            batch = self._take()
            if not self._queue:
                self._more.clear()
            await self._publish(batch)

    async def _gather(self) -> None:
        """Wait for the index to answer what it has, but not for long: meanwhile more comes in."""
        if self._unanswered:
            with suppress(TimeoutError):
                async with asyncio.timeout(GATHER):
                    await self._answered.wait()
            self._unanswered.clear()

    def _take(self) -> list[_Waiting]:
        """What fits in one message; whoever waited for the rest has given up."""
        batch: list[_Waiting] = []
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

    async def _publish(self, batch: list[_Waiting]) -> None:
        while batch:
            self._answered.clear()
            self._unanswered = {waiting.token for waiting in batch}
            events = [msgspec.Raw(waiting.event) for waiting in batch]
            payload = msgspec.msgpack.encode(_Gathered(self._process, events))
            try:
                await self._bus.publish(self._bus.names.received, payload)
            except Unavailable as error:
                await asyncio.sleep(RETRY_DELAY)
                now = time.monotonic()
                for waiting in batch:
                    if waiting.deadline < now:
                        waiting.decide(str(error))
                batch = [waiting for waiting in batch if not waiting.kept.done()]
            else:
                for waiting in batch:
                    waiting.decide()
                return

    async def _hear(self, message: Msg) -> None:
        for answer in msgspec.msgpack.decode(message.data, type=IndexedBatch).answers:
            waiting = self._waiting.get(answer.token)
            if waiting and not waiting.answer.done():
                waiting.answer.set_result(answer)
            self._unanswered.discard(answer.token)
        if not self._unanswered:
            self._answered.set()

    async def _hear_full(self, message: Msg) -> None:
        asked = msgspec.msgpack.decode(message.data, type=StoreFull).tokens
        refused = [token for token in asked if self._refuse(token)]
        # Lost, this keeps more than was promised.
        await message.respond(msgspec.msgpack.encode(refused))

    def _refuse(self, token: int) -> bool:
        """Whether the sender of `token` hears that the store is full; the same when asked again."""
        waiting = self._waiting.get(token)
        if waiting and waiting.refusable and not waiting.answer.done():
            waiting.answer.set_result(Indexed(token, "StorageFull"))
            self._refused[token] = None
            if len(self._refused) > REMEMBERED:
                del self._refused[next(iter(self._refused))]
        return token in self._refused

    def _end(self) -> None:
        self._ended = True
        for waiting in self._waiting.values():
            waiting.decide("the service is ending")
