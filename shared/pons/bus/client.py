# SPDX-License-Identifier: Apache-2.0
"""The client of NATS: how a connection begins and ends, and what of it is logged."""

import asyncio
import time

import nats.errors
import structlog
from nats.aio.client import Client

from pons.errors import Unavailable

CLOSE_TIMEOUT = 3.0
"""Seconds that a server which hangs may hold up the end of a service."""
REPEAT_LOG = 10.0
"""Seconds until a connection failure that goes on is logged again."""

log = structlog.get_logger()


class Connection:
    """A client's connection: its beginning and end, and what the client tells of it."""

    def __init__(self) -> None:
        self._closed = asyncio.Event()
        self._leaving = False
        self._told = ("", 0.0)
        self.reconnected_at = float("-inf")
        """When the client had lost the server last and found it, on the monotonic clock."""
        self.on_reconnected: list[asyncio.Event] = []
        """Set each time that the client has found the server again."""

    async def open(self, urls: list[str]) -> Client:
        """A connected client; tries until it is."""
        client = Client()
        try:
            await client.connect(
                list(urls),
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

    async def close(self, client: Client) -> None:
        self._leaving = True
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
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
            log.warning("nats error", error=repr(error))

    async def _on_disconnected(self) -> None:
        if not self._leaving:
            log.warning("nats disconnected")

    async def _on_reconnected(self) -> None:
        self._told = ("", 0.0)
        self.reconnected_at = time.monotonic()
        for event in self.on_reconnected:
            event.set()
        log.info("nats reconnected")

    async def _on_closed(self) -> None:
        self._closed.set()
