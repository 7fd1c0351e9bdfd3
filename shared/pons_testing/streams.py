# SPDX-License-Identifier: Apache-2.0
"""A TCP server of asyncio's, of which nothing is left when a block ends."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[Any]]


@asynccontextmanager
async def serving_streams(serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """The port of 127.0.0.1 where `serve` is called for each connection.

    Connections that are open when the block ends are cut, their calls cancelled: a transport that
    outlives its event loop fails a later test.
    """
    calls: dict[asyncio.Future[Any], asyncio.StreamWriter] = {}

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls[asyncio.ensure_future(serve(reader, writer))] = writer

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.sleep(0)  # what was being accepted is accepted now
        for call, writer in calls.items():
            call.cancel()
            writer.transport.abort()
        await asyncio.gather(*calls, return_exceptions=True)
        await asyncio.sleep(0)  # cut connections are closed now
