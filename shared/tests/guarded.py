# SPDX-License-Identifier: Apache-2.0
"""A server behind the guard of connections, and what a client sees of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

from prometheus_client import REGISTRY

from pons.http.bounds import Bounds
from pons.http.serving import address, serving
from pons.tls.certificates import Certificates

GET = b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n"
MB = 1024 * 1024
Send = Callable[[dict[str, Any]], Awaitable[None]]
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class App:
    """Answers with the path and the body of the request; its first segment says how."""

    def __init__(self) -> None:
        self.at_once = self.most_at_once = 0
        self.left: list[str] = []
        """Paths of requests whose client was gone before the end of its body."""

    async def __call__(self, scope: Any, receive: Any, send: Send) -> None:
        if scope["type"] != "http":
            raise NotImplementedError(scope["type"])
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            await self._answer(scope["path"], receive, send)
        finally:
            self.at_once -= 1

    async def _answer(self, path: str, receive: Any, send: Send) -> None:
        body = path.encode()
        if path == "/early":
            await respond(send, body)
            return
        if path.startswith("/slow"):
            await asyncio.sleep(0.5)
        if path.startswith("/large"):
            body = bytes(int(path.removeprefix("/large")) * MB)
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.left.append(path)
                return
            body += message["body"]
            more = message["more_body"]
        await respond(send, body)


async def respond(send: Send, body: bytes) -> None:
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for at in range(0, len(body) or 1, MB):
        more = at + MB < len(body)
        await send({"type": "http.response.body", "body": body[at : at + MB], "more_body": more})


class Place:
    """A server, and connections to it."""

    def __init__(self, app: App, stack: AsyncExitStack, at: tuple[str, int]) -> None:
        self.app = app
        self._stack = stack
        self.at = at
        self._held: list[asyncio.StreamWriter] = []

    async def connect(self, source: str = "127.0.0.1", **options: Any) -> Streams:
        reader, writer = await asyncio.open_connection(
            *self.at, local_addr=(source, 0), limit=8 * MB, **options
        )
        return self.hold(reader, writer)

    def hold(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Streams:
        """Keep a connection open until the block ends."""
        self._held.append(writer)
        self._stack.callback(writer.transport.abort)
        return reader, writer

    async def ask(self, source: str = "127.0.0.1") -> bytes:
        """The status of an answer to a client of its own."""
        reader, writer = await self.connect(source)
        writer.write(GET % b"other")
        status, _ = await answer(reader)
        writer.close()
        return status


@asynccontextmanager
async def placed(
    *, keep_alive: float = 5, tls: Certificates | None = None, **bounds: Any
) -> AsyncIterator[Place]:
    app = App()
    async with (
        serving(
            app, "127.0.0.1", 0, bounds=Bounds(**bounds), timeout_keep_alive=keep_alive, tls=tls
        ) as server,
        AsyncExitStack() as stack,
    ):
        yield Place(app, stack, address(server))


async def answer(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Status and body of an answer that tells its length."""
    async with asyncio.timeout(60):
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        return head.split(b" ")[1], await reader.readexactly(length)


async def ended(reader: asyncio.StreamReader) -> bytes:
    """What comes until the connection has ended."""
    received = b""
    async with asyncio.timeout(60):
        with suppress(ConnectionError):
            while piece := await reader.read(MB):
                received += piece
    return received


def refused(reason: str) -> float:
    name = "pons_http_refused_connections_total"
    return REGISTRY.get_sample_value(name, {"reason": reason}) or 0.0
