# SPDX-License-Identifier: Apache-2.0
"""Ways to NATS: one whose end waits for nobody, and one on which nothing is said before TLS."""

import asyncio
from typing import Any
from urllib.parse import ParseResult

import nats.errors
from nats.aio.transport import TcpTransport

NO_TLS = "it does not ask for TLS (settings nats.url, nats.tls_ca)"
END_TIMEOUT = 2.0
"""Seconds in which a server may take what was sent to it, once its connection is given up."""


class BoundedTransport(TcpTransport):
    """A server that takes nothing more, as where its machine was lost, would hold the client up
    until the kernel gives up: a quarter of an hour without any other server.

    Give it to a client before it connects: it makes one of its own where that is false.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # as the others below

    def __bool__(self) -> bool:
        return True

    def close(self) -> None:
        if self._io_writer is not None:  # else it has never connected
            super().close()  # type: ignore[no-untyped-call]

    async def wait_closed(self) -> None:
        """What was not taken in time is lost, as it would be with the server.

        Raises what the connection ended with.
        """
        if self._io_writer is None:
            return
        # A task: the end of a connection is one future for all, and cancelled with who awaits it.
        ending = asyncio.ensure_future(self._io_writer.wait_closed())
        ending.add_done_callback(_look)
        await asyncio.wait((ending,), timeout=END_TIMEOUT)
        if not ending.done():
            self._io_writer.transport.abort()
        await ending

    def at_eof(self) -> bool:
        return self._io_reader is None or self._io_reader.at_eof()


def _look(ended: asyncio.Future[None]) -> None:
    """Take note of what it ended with, though whoever asked may have been cancelled."""
    if not ended.cancelled():
        ended.exception()


class SecuredTransport(BoundedTransport):
    """The client goes on in plain, password and all, where a server does not ask for TLS, whatever
    scheme its address has. Here that is an error before the first word."""

    def __init__(self) -> None:
        super().__init__()
        self._secured = False

    async def connect(self, uri: ParseResult, buffer_size: int, connect_timeout: int) -> None:
        self._secured = False
        await super().connect(uri, buffer_size, connect_timeout)

    async def connect_tls(self, *arguments: Any, **named: Any) -> None:
        await super().connect_tls(*arguments, **named)
        self._secured = True

    def write(self, payload: bytes) -> None:
        self._require_tls()
        super().write(payload)  # type: ignore[no-untyped-call]

    def writelines(self, payload: list[bytes]) -> None:
        self._require_tls()
        super().writelines(payload)  # type: ignore[no-untyped-call]

    def _require_tls(self) -> None:
        if not self._secured:
            raise nats.errors.Error(NO_TLS)
