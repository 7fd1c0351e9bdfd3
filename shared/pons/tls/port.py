# SPDX-License-Identifier: Apache-2.0
"""A port that speaks TLS alone: a handshake first, with the certificates as they are then."""

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Protocol, Self

import structlog

log = structlog.get_logger()
NO_ROOM = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
AGAIN = 1.0
"""Seconds after which to accept again when this process had no room for a connection."""


class Guest(Protocol):
    """Somebody who has connected, and may begin a handshake."""

    def protocol(self) -> asyncio.BaseProtocol:
        """What the connection is given to once the handshake is done."""
        ...

    def failed(self, why: OSError | None) -> None:
        """The handshake has failed, or was not done in time (None)."""
        ...

    def gone(self) -> None:
        """The handshake is over, whether the protocol has the connection now or nobody has."""
        ...


class TlsPort:
    """Accepts connections as long as its block runs, each with the certificates as they are then.

    A server of the event loop has one context for all of its life, and tells nobody why a
    handshake failed.

    Parameters
    ----------
    context
        Gives that of the next handshake; may read files.
    admit
        Who comes from an address; None where he may not.
    patience
        Seconds that a handshake may take.
    farewell
        Seconds that the end of a connection may take, with all that waits to be sent.
    to_http
        What is said, without TLS, to who speaks HTTP without TLS.
    """

    def __init__(
        self,
        listening: Sequence[socket.socket],
        context: Callable[[], ssl.SSLContext],
        admit: Callable[[str], Guest | None],
        patience: float,
        farewell: float | None = None,
        to_http: bytes = b"",
    ) -> None:
        self.sockets = tuple(listening)
        self._context = context
        self._admit = admit
        self._patience = patience
        self._farewell = farewell
        self._to_http = to_http
        self._tasks: set[asyncio.Task[None]] = set()
        self._ending: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
        await self.wait_closed()

    def start(self) -> None:
        """Accept connections from now on."""
        for listener in self.sockets:
            self._start(self._serve(listener))

    def close(self) -> None:
        """Accept no more, and end the handshakes that run; connections made of others go on."""
        if self._ending is None:
            self._ending = asyncio.get_running_loop().create_task(self._end())

    async def wait_closed(self) -> None:
        """Return once that is so."""
        if self._ending is not None:
            await self._ending

    async def _end(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for listener in self.sockets:
            listener.close()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, peer = await loop.sock_accept(listener)
            except OSError as error:
                if error.errno in NO_ROOM:
                    log.error("no room for a connection", error=error.strerror)
                    await asyncio.sleep(AGAIN)
                continue  # else it is gone already
            address = str(peer[0])
            if (guest := self._admit(address)) is None:
                connection.close()
            else:
                self._start(self._receive(guest, connection, address))

    async def _receive(self, guest: Guest, connection: socket.socket, address: str) -> None:
        # The event loop closes the connection when the handshake fails; this one still speaks.
        spare: socket.socket | None = None
        try:
            if self._to_http:
                spare = connection.dup()
            await self._shake_hands(guest, connection)
        except ConnectionResetError:  # how load balancers probe a port
            log.debug("connection without handshake", remote_ip=address)
        except ConnectionAbortedError:
            guest.failed(None)
        except OSError as error:
            guest.failed(error)
            if spare and isinstance(error, ssl.SSLError) and error.reason == "HTTP_REQUEST":
                with suppress(OSError):
                    spare.send(self._to_http)
        except Exception:  # the edge: a bug, which costs this connection alone
            log.exception("handshake failed", remote_ip=address)
        finally:
            if spare:
                spare.close()
            guest.gone()

    async def _shake_hands(self, guest: Guest, connection: socket.socket) -> None:
        try:
            context = await asyncio.to_thread(self._context)
        except BaseException:
            connection.close()
            raise
        await asyncio.get_running_loop().connect_accepted_socket(
            guest.protocol,
            connection,
            ssl=context,
            ssl_handshake_timeout=self._patience,
            ssl_shutdown_timeout=self._farewell,
        )


def listen(host: str, port: int, backlog: int, *, share: bool) -> list[socket.socket]:
    """Sockets that listen on every address of `host`, as a server of the event loop has them.

    `share`: other processes listen there, too. Raises `OSError`, and `ValueError` where a system
    cannot share.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    listening: list[socket.socket] = []
    try:
        for family, _, _, _, address in dict.fromkeys(found):
            server = socket.create_server(address, family=family, backlog=backlog, reuse_port=share)
            listening.append(server)
            server.setblocking(False)
    except BaseException:
        for server in listening:
            server.close()
        raise
    return listening
