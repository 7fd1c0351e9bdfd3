# SPDX-License-Identifier: Apache-2.0
"""Serving an ASGI application by uvicorn, as long as a block runs."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn

from pons.errors import PonsError
from pons.http.protocol import Connection


class Server(uvicorn.Server):
    """uvicorn that leaves signals to the service, which closes its resources in order."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(
    app: Any, host: str, port: int, *, share_port: bool = False, **options: Any
) -> AsyncIterator[Server]:
    """Serve `app` as long as the block runs; requests under way get `options` grace to end.

    With `share_port` other processes may listen there too: the system deals connections out.
    Raises `PonsError` when the address cannot be bound.
    """
    sockets = _shared(host, port) if share_port else None
    server = Server(
        uvicorn.Config(
            app,
            http=Connection,
            host=host,
            port=port,
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            **options,
        )
    )
    task = asyncio.create_task(_serve(server, host, port, sockets))
    try:
        while not server.started and not task.done():  # noqa: ASYNC110 uvicorn has no event for it
            await asyncio.sleep(0.01)
        if task.done():
            await task
        yield server
    finally:
        server.should_exit = True
        await task


def _shared(host: str, port: int) -> list[socket.socket]:
    """Sockets that share each address of `host`; uvicorn closes them."""
    sockets: list[socket.socket] = []
    try:
        for family, *_, place in socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            sockets.append(
                socket.create_server(
                    (str(place[0]), port), family=socket.AddressFamily(family), reuse_port=True
                )
            )
    except (OSError, ValueError) as error:  # ValueError: no SO_REUSEPORT on this system
        for opened in sockets:
            opened.close()
        raise PonsError(f"Cannot listen on {host}:{port}", str(error)) from error
    return sockets


async def _serve(server: Server, host: str, port: int, sockets: list[socket.socket] | None) -> None:
    try:
        await server.serve(sockets)
    except SystemExit:  # uvicorn's way to say that it could not bind
        raise PonsError(f"Cannot listen on {host}:{port}", "is the port in use?") from None


def address(server: Server) -> tuple[str, int]:
    """Where `server` listens, for a port that the system chose."""
    host, port, *_ = server.servers[0].sockets[0].getsockname()
    return host, port
