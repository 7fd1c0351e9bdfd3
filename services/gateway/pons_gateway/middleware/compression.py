# SPDX-License-Identifier: Apache-2.0
"""Answers of text compressed, for clients that take that (setting `http.compress_answers`)."""

import asyncio
import zlib
from collections.abc import Awaitable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pons.http.accept import weights

SMALLEST = 2048
"""Bytes of a whole answer below which compressing does not pay."""
IN_A_THREAD_ABOVE = 256 * 1024
WINDOW = {"gzip": 31, "deflate": 15}
"""zlib's way to say which form, by its name in Accept-Encoding."""
EVENTS = b"text/event-stream"
"""Events are to arrive when they happen, which a compressor would keep until it has enough."""
COMPRESSED = (b"application/json", b"application/xml", b"text/", b"application/javascript")
LEVEL = 1


class Compression:
    """gzip or deflate, for answers of some length whose type is one of text."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http":
            accepted = dict(scope["headers"]).get(b"accept-encoding", b"")
            if coding := coding_of(accepted.decode("latin-1")):
                send = _Compressing(send, coding)
        return self.app(scope, receive, send)


def coding_of(accepted: str) -> str:
    """The coding of ours that the client takes, gzip before deflate; empty for none."""
    taken = dict(weights(accepted))
    return next((name for name in WINDOW if taken.get(name, taken.get("*", 0.0)) > 0), "")


class _Compressing:
    """Compresses one answer as it is sent; one that comes whole is told with its length."""

    def __init__(self, send: Send, coding: str) -> None:
        self._send = send
        self._coding = coding
        self._start: Message | None = None
        self._packer: zlib._Compress | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = dict(message["headers"])
            kind = headers.get(b"content-type", b"")
            text = kind.startswith(COMPRESSED) and not kind.startswith(EVENTS)
            text &= b"content-encoding" not in headers
            if message["status"] == 200 and text:
                self._start = message
                return
        elif self._packer is not None:
            await self._send_packed(self._packer, message)
            return
        elif self._start is not None:
            await self._begin(self._start, message)
            return
        await self._send(message)

    async def _begin(self, start: Message, message: Message) -> None:
        self._start = None
        body = message.get("body", b"")
        if message.get("more_body"):
            self._packer = zlib.compressobj(LEVEL, wbits=WINDOW[self._coding])
            await self._send({**start, "headers": self._told(start)})
            await self._send_packed(self._packer, message)
            return
        if len(body) >= SMALLEST:
            if len(body) > IN_A_THREAD_ABOVE:
                body = await asyncio.to_thread(zlib.compress, body, LEVEL, WINDOW[self._coding])
            else:
                body = zlib.compress(body, LEVEL, WINDOW[self._coding])
            length = (b"content-length", b"%d" % len(body))
            start = {**start, "headers": [*self._told(start), length]}
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body})

    async def _send_packed(self, packer: "zlib._Compress", message: Message) -> None:
        packed = packer.compress(message.get("body", b""))
        more = message.get("more_body", False)
        if not more:
            packed += packer.flush()
        if packed or not more:
            await self._send({"type": "http.response.body", "body": packed, "more_body": more})

    def _told(self, start: Message) -> list[tuple[bytes, bytes]]:
        kept = [item for item in start["headers"] if item[0] != b"content-length"]
        coding = (b"content-encoding", self._coding.encode())
        return [*kept, coding, (b"vary", b"accept-encoding")]
