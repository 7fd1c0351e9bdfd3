# SPDX-License-Identifier: Apache-2.0
"""A port that speaks TLS alone: who has shown who he is gets a channel (PS3.15 B.1)."""

import asyncio
import errno
import socket
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self

import structlog

from pons.remotes.dicom_tls import why_no_tls
from pons_ingress import metrics
from pons_ingress.admission import plain_ip
from pons_ingress.certificates import Certificates
from pons_ingress.channel import Channel

log = structlog.get_logger()
NO_ROOM = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
AGAIN = 1.0
"""Seconds after which to accept again when this process had no room for a connection."""


class TlsPort:
    """Accepts connections as long as its block runs, each with the certificates as they are then.

    A server of the event loop has one context for all of its life, and tells nobody why a
    handshake failed.

    Parameters
    ----------
    accept
        Gives the channel of a connection whose handshake is done.
    patience
        Seconds that a handshake may take.
    """

    def __init__(
        self,
        listening: list[socket.socket],
        certificates: Certificates,
        accept: Callable[[], Channel],
        patience: float,
    ) -> None:
        self._listening = listening
        self._certificates = certificates
        self._accept = accept
        self._patience = patience
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        for listener in self._listening:
            self._start(self._serve(listener))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for listener in self._listening:
            listener.close()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, address = await loop.sock_accept(listener)
            except OSError as error:
                if error.errno in NO_ROOM:
                    log.error("no room for a connection", error=error.strerror)
                    await asyncio.sleep(AGAIN)
                continue  # else it is gone already
            self._start(self._shake_hands(connection, plain_ip(address[0])))

    async def _shake_hands(self, connection: socket.socket, remote_ip: str) -> None:
        loop = asyncio.get_running_loop()
        try:
            try:
                context = await asyncio.to_thread(self._certificates.context)
            except BaseException:
                connection.close()
                raise
            await loop.connect_accepted_socket(
                self._accept, connection, ssl=context, ssl_handshake_timeout=self._patience
            )
        except ConnectionResetError:  # how load balancers probe a port
            log.debug("connection without handshake", remote_ip=remote_ip)
        except ConnectionAbortedError:
            self._tell(remote_ip, f"no handshake within {self._patience:g} s")
        except OSError as error:
            self._tell(remote_ip, why_no_tls(error))
        except Exception:  # the edge: a bug, which costs this connection alone
            log.exception("handshake failed", remote_ip=remote_ip)

    def _tell(self, remote_ip: str, why: str) -> None:
        metrics.ASSOCIATIONS.labels("without TLS").inc()
        log.warning("no TLS with a peer", why=why, remote_ip=remote_ip)


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
