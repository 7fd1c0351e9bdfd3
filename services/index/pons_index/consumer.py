# SPDX-License-Identifier: Apache-2.0
"""Taking announcements from JetStream: what has gathered is written together, then acknowledged."""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import msgspec
import nats.errors
import nats.js.errors
import structlog
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from pons.bus import Bus
from pons.errors import Unavailable
from pons.ingest.backlog import DURABLE
from pons.messages.events import Announcement, Indexed, IndexedBatch
from pons.settings import IndexSettings
from pons_index.arrival import Arrival, arrivals, cut
from pons_index.metrics import BATCH_INSTANCES, INSTANCES, VISIBLE_SECONDS
from pons_index.refusals import Refusals
from pons_index.traces import Traces
from pons_index.writer import Writer

log = structlog.get_logger()

ACK_WAIT = 10.0
"""Seconds after which JetStream hands what a dead replica held to another. A living one that is
held up, or has much to do, says so in time."""
LINGER = 0.02
"""Seconds that instances whose senders do not wait are held, so that others share a transaction."""
SHORT_REPLY = 9
"""Words of the subject that a message is acknowledged on, as most servers write it."""
MIN_PENDING = 64
PENDING_BYTES = 1 << 30
"""More than `max_ack_pending` announcements can be: the client must not drop any."""

_decoder = msgspec.msgpack.Decoder(Announcement)


@dataclass(slots=True)
class Taken:
    """What is written together, and acknowledged after that."""

    messages: list[Msg] = field(default_factory=list)
    batch: list[Arrival] = field(default_factory=list)
    unreadable: list[tuple[Msg, str]] = field(default_factory=list)
    """Messages that are none of ours, with the reason."""
    awaited: bool = False


class Consumer:
    """Writes what is announced. One per process; `open_consumer` subscribes it."""

    def __init__(
        self,
        bus: Bus,
        writer: Writer,
        refusals: Refusals,
        settings: IndexSettings,
        wrote: Callable[[], None],
        traces: Traces | None = None,
    ) -> None:
        self._traces = traces or Traces(bus)
        self._bus = bus
        self._writer = writer
        self._refusals = refusals
        self._batch_size = settings.batch_size
        self._apart = settings.overwrite_instances != "Never"
        self._wrote = wrote
        self._queue: deque[Msg] = deque()
        self._held: dict[int, Msg] = {}
        """What is not acknowledged yet, by its number in the stream."""
        self._more = asyncio.Event()
        self._touched = time.monotonic()

    async def receive(self, message: Msg) -> None:
        """Take an announcement; one that is held already has only come again."""
        number = place(message.reply)
        if number not in self._held:
            self._held[number] = message
            self._queue.append(message)
            self._more.set()

    async def consume(self) -> None:
        """Write what arrives, for ever."""
        while True:
            taken = await self._gather()
            for message, reason in taken.unreadable:
                await self._refusals.refuse_unreadable(message.data, reason)
            for piece in cut(taken.batch, self._batch_size, apart=self._apart):
                await self._stay_in_charge()
                await self._write(piece)
            await self._acknowledge(taken.messages)

    async def give_back(self) -> None:
        """Hand what is not written to another replica at once."""
        for message in self._held.values():
            await self._say(message, b"-NAK")
        self._held.clear()
        self._queue.clear()

    async def _gather(self) -> Taken:
        """Messages in their order: at least one, until somebody waits or they hold a batch."""
        taken = Taken()
        await self._more.wait()
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER):
                while not self._take(taken):
                    await self._more.wait()
        return taken

    def _take(self, taken: Taken) -> bool:
        """Move what is queued to `taken`; says whether that is to be written now."""
        while self._queue and len(taken.batch) < self._batch_size:
            message = self._queue.popleft()
            taken.messages.append(message)
            try:
                announcement = _decoder.decode(message.data)
                arrived = arrivals(announcement)
            except msgspec.DecodeError as error:
                taken.unreadable.append((message, str(error)))
                continue
            except Exception as error:  # a bug, which must not stop the index for all
                log.exception("announcement fails in the index")
                taken.unreadable.append((message, f"{type(error).__name__} while it was read"))
                continue
            taken.awaited |= announcement.awaited
            taken.batch += arrived
        if not self._queue:
            self._more.clear()
        return taken.awaited or len(taken.batch) >= self._batch_size

    async def _write(self, piece: list[Arrival]) -> None:
        BATCH_INSTANCES.observe(len(piece))
        with await self._traces.written(piece) as written:
            answers = await self._writer.write(piece, self._stay_in_charge)
            written.tell(answers)
        self._wrote()
        by_process: dict[str, list[Indexed]] = defaultdict(list)
        now = time.time()
        for arrival, answer in zip(piece, answers, strict=True):
            by_process[arrival.process].append(answer)
            if answer.status:
                VISIBLE_SECONDS.observe(max(now - arrival.event.received_at, 0.0))
            INSTANCES.labels(answer.status or "Refused").inc()
        for process, own in by_process.items():
            try:
                await self._bus.send(
                    self._bus.names.reply(process), msgspec.msgpack.encode(IndexedBatch(own))
                )
            except Unavailable as error:
                # Who announced these goes on without an answer: they are durable all the same.
                log.warning("answer not sent", process=process, error=str(error))

    async def _acknowledge(self, messages: list[Msg]) -> None:
        for message in messages:
            await self._say(message, b"+ACK")
            del self._held[place(message.reply)]

    async def _stay_in_charge(self) -> None:
        """Tell JetStream, now and then, that what is held up here is in good hands."""
        if time.monotonic() - self._touched > ACK_WAIT / 3:
            self._touched = time.monotonic()
            for message in self._held.values():
                await self._say(message, b"+WPI")

    async def _say(self, message: Msg, word: bytes) -> None:
        try:
            await self._bus.client.publish(message.reply, word)
        except nats.errors.Error as error:
            # It comes again, and will be recognised.
            log.warning("acknowledgement not sent", word=word.decode(), error=repr(error))


def place(reply: str) -> int:
    """A message's number in its stream.

    nats-py would make two objects and a time of the same words.
    """
    words = reply.split(".")
    return int(words[5 if len(words) == SHORT_REPLY else 7])  # longer: domain and account, too


@asynccontextmanager
async def open_consumer(bus: Bus, consumer: Consumer, batch_size: int) -> AsyncIterator[None]:
    """Announcements reach `consumer` while the block runs; every replica gets a share of them."""
    names = bus.names
    try:
        await bus.stream.add_consumer(
            names.ingest_stream,
            ConsumerConfig(
                durable_name=DURABLE,
                deliver_subject=names.received_delivery,
                deliver_group=DURABLE,
                deliver_policy=DeliverPolicy.ALL,
                ack_policy=AckPolicy.EXPLICIT,
                ack_wait=ACK_WAIT,
                max_deliver=-1,
                max_ack_pending=max(MIN_PENDING, 2 * batch_size),
            ),
        )
    except nats.js.errors.APIError as error:
        raise Unavailable("NATS does not hand out announcements") from error
    subscription = await bus.client.subscribe(
        names.received_delivery,
        queue=DURABLE,
        cb=consumer.receive,
        pending_bytes_limit=PENDING_BYTES,
    )
    try:
        yield
    finally:
        if not bus.client.is_closed:
            await subscription.unsubscribe()
            await consumer.give_back()
