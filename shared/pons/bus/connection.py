# SPDX-License-Identifier: Apache-2.0
"""NATS as Pons uses it: one connection, the store's streams, acknowledged publishing."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import nats.errors
import nats.js.errors
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    KeyValueConfig,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.kv import KeyValue

from pons.bus.client import Connection, check_cancelled
from pons.bus.publishing import Publisher
from pons.bus.stream_settings import apply_settings
from pons.errors import PonsError, Unavailable
from pons.health.pulse import Pulses
from pons.messages.names import Names
from pons.settings import Settings

log = structlog.get_logger()

AWAY = (nats.errors.Error, nats.js.errors.Error, TimeoutError)
"""What NATS' client raises when the server cannot answer now."""
PUBLISH_TIMEOUT = 2.0
MAX_EVENT_BYTES = 768 * 1024
"""Kept under NATS' default limit of 1 MiB a message; larger headers become objects."""
DUPLICATE_WINDOW = 120.0
CHANGES_BYTES = 512 * 1024**2
SMALLEST_BYTES = 1024**2
ROUTER = "router"
"""The reader of the change feed that routing is; its place in the feed survives every process."""
SCRIPTS = "lua"
"""The reader of changes, and of jobs, by which functions of scripts hear of them; without scripts,
it is not there."""
ROUTER_SECONDS = 60.0
"""After which changes that somebody took and did not route are another's to take."""
NO_ROOM = (10023, 10028, 10047)
"""nats-server's codes for a stream that it has no room for (insufficient resources, of the account,
of the server)."""
UPLOAD_SECONDS = 3600.0
"""A file that comes in pieces is forgotten when none has come for so long."""
CONTACTS_SECONDS = 90 * 24 * 3600.0
"""A system that was not called for so long is as one that never was."""
NO_SPACE = "no space left"
"""How the server describes a full disk, which health tells apart (`Health.shortages`)."""
CHECK_TIMEOUT = 1.0
ARRIVAL_TIMEOUT = 10.0
"""Seconds until a subscription that the server has not read is left to it."""
REFUSED_FOR = 10.0
"""Seconds for which a message that JetStream did not keep makes a process not ready: when nothing
is published meanwhile, nobody knows whether it would be kept now."""
LEAVE_TIMEOUT = 1.0
FINISH_TIMEOUT = 3.0
"""Seconds that questions under way have to be answered when whoever works on them ends."""

Callback = Callable[[Msg], Awaitable[None]]


class Bus:
    """A connection to NATS that reconnects by itself. Open it with `open_bus`."""

    def __init__(
        self,
        client: Client,
        names: Names,
        replicas: int,
        group: asyncio.TaskGroup,
        changes_bytes: int = CHANGES_BYTES,
        queries_seconds: float = 24 * 3600.0,
        sessions_seconds: float = 12 * 3600.0,
        connection: Connection | None = None,
    ) -> None:
        self.connection = connection or Connection()
        self.client = client
        self.names = names
        self.stream: JetStreamContext = client.jetstream(timeout=PUBLISH_TIMEOUT)
        self._publisher = Publisher(client)
        self.patience = PUBLISH_TIMEOUT
        """Seconds that JetStream has to keep what is published."""
        self.pulses = Pulses()
        """What the tasks that follow it say of themselves."""
        self._not_kept = ("", float("-inf"))
        """Why JetStream did not keep what was published last, and when."""
        self._replicas = replicas
        self._changes_bytes = changes_bytes
        self._queries_seconds = queries_seconds
        self._sessions_seconds = sessions_seconds
        self._group = group
        self._running: set[asyncio.Task[None]] = set()
        self._shared: list[Subscription] = []
        self._answering: set[asyncio.Task[None]] = set()

    async def publish(self, subject: str, payload: bytes, message_id: str = "") -> None:
        """Publish to a stream and wait until it is kept. May be repeated.

        Raises `Unavailable`; the message may nevertheless have been kept.
        """
        self.require_connection()
        headers = {"Nats-Msg-Id": message_id} if message_id else None
        try:
            await self._publisher.publish(subject, payload, self.patience, headers)
        except AWAY as error:
            self._note_failure(error)
            raise Unavailable("The event stream does not answer") from error
        self._not_kept = ("", float("-inf"))

    def _note_failure(self, error: Exception) -> None:
        """Keep in mind that a message was not kept, unless a full disk is why."""
        why, code = "no acknowledgement", None
        if isinstance(error, nats.js.errors.APIError):
            why, code = error.description or repr(error), error.err_code
        if code not in NO_ROOM and NO_SPACE not in why:
            self._not_kept = (why, time.monotonic())

    async def send(
        self, subject: str, payload: bytes, headers: Mapping[str, str] | None = None
    ) -> None:
        """Publish without a stream: whoever listens now gets it, once at most."""
        try:
            await self.client.publish(subject, payload, headers=dict(headers) if headers else None)
        except nats.errors.Error as error:
            raise Unavailable("NATS does not answer") from error

    async def subscribe(
        self, subject: str, callback: Callback, queue: str = "", concurrent: int = 1
    ) -> Subscription:
        """Call `callback` with each message: in their order, or `concurrent` of them at once.

        Returns once the server knows of it, so that whoever is told to ask now is heard.
        Concurrent callbacks end with the bus, and one that raises ends it.
        """
        called = callback
        if concurrent > 1:
            called = self._concurrently(callback, concurrent, shared=bool(queue))
        subscription = await self.client.subscribe(subject, queue=queue, cb=called)
        try:
            await self._arrive()
        except asyncio.CancelledError:  # nobody is left who would end it
            with suppress(nats.errors.Error):
                await subscription.unsubscribe()
            raise
        if queue:
            self._shared.append(subscription)
        return subscription

    async def _arrive(self) -> None:
        """Wait until the server has read what was sent to it: what we send to ourselves then comes.

        A server that is away hears of each subscription when it is back, from the client that
        reconnects.
        """
        inbox = self.client.new_inbox()
        with suppress(nats.errors.Error, TimeoutError):
            own = await self.client.subscribe(inbox)
            try:
                await self.client.publish(inbox)
                if self.client.is_connected:
                    await own.next_msg(ARRIVAL_TIMEOUT)
            finally:
                await own.unsubscribe()
        check_cancelled()

    async def take_leave(self) -> None:
        """Let what one of a queue is to answer go to the others from now on, and answer the rest.

        A question that is sent to a connection that is being closed is lost, and whoever asked
        waits in vain. So a service calls this before it closes what answers are made of; what is
        not answered `FINISH_TIMEOUT` later ends with the bus. May be repeated.
        """
        shared, self._shared = self._shared, []
        with suppress(nats.errors.Error, TimeoutError):
            async with asyncio.timeout(LEAVE_TIMEOUT):
                await asyncio.gather(*(one.drain() for one in shared))  # type: ignore[no-untyped-call]
        if self._answering:
            await asyncio.wait(self._answering, timeout=FINISH_TIMEOUT)

    def _concurrently(self, callback: Callback, concurrent: int, *, shared: bool) -> Callback:
        room = asyncio.Semaphore(concurrent)

        async def start(message: Msg) -> None:
            await room.acquire()
            task = self.start(_called(callback, message))
            task.add_done_callback(lambda _: room.release())
            if shared:
                self._answering.add(task)
                task.add_done_callback(self._answering.discard)

        return start

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Work that ends with the bus, and ends it when it fails."""
        task = self._group.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    def cancel_work(self) -> None:
        for task in self._running:
            task.cancel()

    def require_connection(self) -> None:
        """Raise `Unavailable` while the client reconnects.

        It would keep what is published meanwhile and send it much later, when whoever asked has
        long been told that it failed.
        """
        if not self.client.is_connected:
            raise Unavailable("NATS is not connected", "it reconnects by itself, try again shortly")

    @property
    def connected_for(self) -> float:
        """Seconds since the server was lost and found again; infinite where it never was lost."""
        return time.monotonic() - self.connection.reconnected_at

    async def bucket(self, name: str) -> KeyValue:
        return await self.stream.key_value(name)

    async def check(self) -> None:
        """Raise `Unavailable` unless JetStream answers within a second, has our streams, and keeps
        what is published."""
        self.require_connection()
        why, since = self._not_kept
        if time.monotonic() < since + REFUSED_FOR:
            raise Unavailable("NATS does not keep what is published", why)
        try:
            # Not `flush`: after a timeout of it, nats-py stops reading at the late answer.
            async with asyncio.timeout(CHECK_TIMEOUT):
                await self.stream.stream_info(self.names.ingest_stream)
        except AWAY as error:
            raise Unavailable("NATS does not answer") from error

    async def ensure_streams(self) -> None:
        """Create what is not there yet; every service does, so that none waits for another."""
        names = self.names
        await self._ensure_stream(
            StreamConfig(
                name=names.ingest_stream,
                subjects=[names.received],
                retention=RetentionPolicy.LIMITS,  # the index forgets what it has acknowledged
                discard=DiscardPolicy.NEW,
            )
        )
        await self._ensure_stream(
            StreamConfig(
                name=names.refused_stream,
                subjects=[names.dead_letters],
                max_bytes=self._changes_bytes // 8,
            )
        )
        await self._ensure_stream(
            StreamConfig(
                name=names.changes_stream,
                subjects=[names.changes],
                max_age=14 * 24 * 3600,
                max_bytes=self._changes_bytes,
                duplicate_window=DUPLICATE_WINDOW,
            )
        )
        await self._ensure_stream(
            StreamConfig(
                name=names.routes_stream,
                subjects=[names.routed(">")],
                retention=RetentionPolicy.WORK_QUEUE,
                duplicate_window=DUPLICATE_WINDOW,
            )
        )
        await self._ensure_router()
        await self._ensure_bucket(names.jobs_bucket)
        await self._ensure_bucket(names.config_bucket)
        await self._ensure_bucket(names.uploads_bucket, UPLOAD_SECONDS)
        await self._ensure_bucket(names.queries_bucket, self._queries_seconds)
        await self._ensure_bucket(names.commitments_bucket)
        await self._ensure_bucket(names.sessions_bucket, self._sessions_seconds)
        await self._ensure_bucket(names.contacts_bucket, CONTACTS_SECONDS)

    async def _ensure_router(self) -> None:
        """The reader of changes that rules are applied by: it begins before anything comes in."""
        stream = self.names.changes_stream
        try:
            await self.stream.consumer_info(stream, ROUTER)
        except nats.js.errors.NotFoundError:
            config = ConsumerConfig(
                durable_name=ROUTER,
                deliver_policy=DeliverPolicy.NEW,
                ack_policy=AckPolicy.EXPLICIT,
                ack_wait=ROUTER_SECONDS,
            )
            await self.stream.add_consumer(stream, config)

    async def _ensure_bucket(self, name: str, seconds: float | None = None) -> None:
        """A bucket whose entries stay, or are forgotten `seconds` after they were written."""
        wanted = KeyValueConfig(bucket=name, history=1, ttl=seconds, replicas=self._replicas)
        try:
            info = await self.stream.stream_info(f"KV_{name}")
        except nats.js.errors.NotFoundError:
            await self.stream.create_key_value(wanted)
        else:
            as_stream = StreamConfig(
                max_age=seconds or 0, num_replicas=self._replicas, discard=None
            )
            await apply_settings(self.stream, info.config, as_stream)

    async def _ensure_stream(self, config: StreamConfig) -> None:
        config.storage = StorageType.FILE
        config.num_replicas = self._replicas
        try:
            info = await self.stream.stream_info(config.name or "")
        except nats.js.errors.NotFoundError:
            await self._add_stream(config)
        else:
            await apply_settings(self.stream, info.config, config)

    async def _add_stream(self, config: StreamConfig) -> None:
        """Make a stream; a smaller one where the server has less room than it would reserve."""
        while True:
            try:
                await self.stream.add_stream(config)
                return
            except nats.js.errors.APIError as error:
                half = (config.max_bytes or 0) // 2
                if error.err_code not in NO_ROOM or half < SMALLEST_BYTES:
                    raise
                log.warning("stream is made smaller", stream=config.name, bytes=half)
                config.max_bytes = half


async def _called(callback: Callback, message: Msg) -> None:
    await callback(message)


@asynccontextmanager
async def open_bus(settings: Settings) -> AsyncIterator[Bus]:
    """A connected bus whose streams exist; waits, and says so, until the server is there.

    A connection that the server ends for good, and with it the block, raises `Unavailable`.
    """
    if not settings.nats.url:
        raise PonsError("There is no NATS server to connect to", "set nats.url")
    connection = Connection()
    client = await connection.open(settings.nats)
    async with asyncio.TaskGroup() as group:
        changes_bytes = settings.nats.changes_mb * 1024**2 or CHANGES_BYTES
        names = Names(settings.store.name)
        bus = Bus(
            client,
            names,
            settings.nats.replicas,
            group,
            changes_bytes,
            queries_seconds=settings.queries.hours * 3600,
            sessions_seconds=settings.http.session_hours * 3600,
            connection=connection,
        )
        watching = group.create_task(connection.watch())
        try:
            await _until_ready(bus)
            yield bus
        finally:
            watching.cancel()
            await bus.take_leave()
            await connection.close(client)
            bus.cancel_work()


async def _until_ready(bus: Bus) -> None:
    delay = 0.1
    while True:
        try:
            await bus.ensure_streams()
            return
        except AWAY as error:
            reason = str(error) or repr(error)
            log.warning("waiting for jetstream", error=reason, retry_seconds=delay)
            await asyncio.sleep(delay)
            delay = min(delay * 1.5, 2.0)
