# SPDX-License-Identifier: Apache-2.0
"""The client of NATS: how a connection begins and ends, and what of it is logged."""

import asyncio
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import nats.errors
import structlog
from nats.aio.client import Client

from pons.bus.transports import BoundedTransport, SecuredTransport
from pons.errors import Unavailable
from pons.settings import NatsSettings
from pons.tls.contexts import Terms
from pons.tls.servers import NATS, asking_context, no_tls

CLOSE_TIMEOUT = 3.0
"""Seconds that a server which hangs may hold up the end of a service."""
AGAIN = 0.1
"""Seconds until a task of the client that has not ended is told once more to end."""
REPEAT_LOG = 10.0
"""Seconds until a connection failure that goes on is logged again."""

ENDED_BY_NATS = (ConnectionError, nats.errors.UnexpectedEOF)
"""What a client meets when the server has ended the connection: a reset, a broken pipe, an end."""

log = structlog.get_logger()


class Connection:
    """A client's connection: its beginning and end, and what the client tells of it."""

    def __init__(self) -> None:
        self._closed = asyncio.Event()
        self._leaving = False
        self._hosts = ""
        self._shows_nothing = False
        """Whether it speaks TLS, and has no certificate of its own."""
        self._told = ("", 0.0)
        self.reconnected_at = float("-inf")
        """When the client had lost the server last and found it, on the monotonic clock."""
        self._on_found: list[Callable[[], None]] = []

    async def open(self, settings: NatsSettings) -> Client:
        """A connected client; tries until it is.

        Raises `Unavailable` where files of its TLS cannot be used.
        """
        urls = [url.strip() for url in settings.url.split(",")]
        self._hosts = ", ".join(url.rpartition("@")[2].rpartition("/")[2] for url in urls)
        client = Client()
        client._transport = BoundedTransport()
        options: dict[str, Any] = {}
        if settings.tls_ca or any(url.startswith("tls://") for url in urls):
            options["tls"] = await asyncio.to_thread(_context, settings)
            self._shows_nothing = not settings.tls_certificate
            client._transport = SecuredTransport()
        try:
            await client.connect(
                urls,
                **options,
                allow_reconnect=True,
                max_reconnect_attempts=-1,
                reconnect_time_wait=0.25,  # type: ignore[arg-type] # sleeps it, whatever its type
                connect_timeout=2,
                ping_interval=10,
                max_outstanding_pings=2,
                pending_size=64 * 1024 * 1024,
                error_cb=self._on_error,
                disconnected_cb=self._on_disconnected,
                reconnected_cb=self._on_reconnected,
                closed_cb=self._on_closed,
            )
        except BaseException:
            await self.close(client)
            raise
        return client

    async def watch(self) -> None:
        """Raise `Unavailable` when the client has given the connection up, which it does seldom."""
        await self._closed.wait()
        raise Unavailable("NATS has ended the connection", "see the log for its reason")

    def when_reconnected(self) -> asyncio.Event:
        """An event of the caller's own, which is set each time that the server is found again."""
        event = asyncio.Event()
        self._on_found.append(event.set)
        return event

    @contextmanager
    def telling_of_reconnections(self, told: Callable[[], None]) -> Iterator[None]:
        """Call `told` each time that the server is found again, as long as the block runs."""
        self._on_found.append(told)
        try:
            yield
        finally:
            self._on_found.remove(told)

    async def close(self, client: Client) -> None:
        self._leaving = True
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await _end(client._reconnection_task)
                await client.close()
        except (OSError, RuntimeError) as error:
            # The server is away: TimeoutError is an OSError, and uvloop's word for writing to a
            # connection that is closed is RuntimeError.
            log.warning("nats does not take leave", error=repr(error))
            # What the server has not read would keep the event loop from closing as well.
            writer = getattr(client._transport, "_io_writer", None)
            if isinstance(writer, asyncio.StreamWriter):
                writer.transport.abort()

    async def _on_error(self, error: Exception) -> None:
        """The connection's failures, while they last; a subscriber's own are bugs."""
        if not isinstance(error, nats.errors.Error | OSError | TimeoutError):
            log.error("nats callback failed", exc_info=error)
            return
        failure, since = self._told
        if repr(error) != failure or time.monotonic() > since + REPEAT_LOG:
            self._told = (repr(error), time.monotonic())
            log.warning("nats error", error=self._described(error))

    def _described(self, error: Exception) -> str:
        if told := no_tls(f"NATS at {self._hosts}", error, NATS):
            return told
        if self._shows_nothing and isinstance(error, ENDED_BY_NATS):
            # TLS 1.3 tells only after the handshake, and the client not at all: what it meets is
            # a connection that is gone, on reading or on writing.
            return f"{error!r}; if NATS asks for a certificate: setting {NATS.certificate}"
        return repr(error)

    async def _on_disconnected(self) -> None:
        if not self._leaving:
            log.warning("nats disconnected")

    async def _on_reconnected(self) -> None:
        self._told = ("", 0.0)
        self.reconnected_at = time.monotonic()
        for told in self._on_found:
            told()
        log.info("nats reconnected")

    async def _on_closed(self) -> None:
        self._closed.set()


def check_cancelled() -> None:
    """Raise `CancelledError` when this task was cancelled and nats-py lost that.

    Before Python 3.12, `asyncio.wait_for`, which each of its requests ends in, forgets a
    cancellation that arrives together with the answer. A loop around requests would never end.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def _end(connecting: asyncio.Task[None] | None) -> None:
    """End the client's task that connects anew, which may lose its cancellation likewise: it would
    go on for as long as the process."""
    while connecting is not None and not connecting.done():
        connecting.cancel()
        await asyncio.wait((connecting,), timeout=AGAIN)


def _context(settings: NatsSettings) -> ssl.SSLContext:
    return asking_context(
        Terms(
            NATS,
            certificate=settings.tls_certificate,
            private_key=settings.tls_key,
            trusted=settings.tls_ca,
        )
    )
