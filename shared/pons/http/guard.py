# SPDX-License-Identifier: Apache-2.0
"""What stands between clients and the HTTP server: one of them cannot stop it for the others."""

import asyncio
import re
from collections.abc import Callable
from contextvars import ContextVar
from http import HTTPStatus
from typing import Any, cast

from uvicorn.config import HTTP_PROTOCOLS
from uvicorn.importer import import_from_string

from pons.http.body import Body, end_of_head
from pons.http.bounds import Admission, Bounds
from pons.http.exchange import Exchange
from pons.http.head_and_body import HeadAndBody
from pons.http.low_water import low_water, worth_waiting_for
from pons.http.refusals import Refusals
from pons.http.sized_body import SizedBody, sized_body
from pons.http.unsent import TOLD, unsent

LINGER_SECONDS = 1.0
"""How long a client that was refused may take to read why."""
MOST_LINGERING = 64
"""So many at once; the others are closed without it."""

NO_LINE_ENDS = re.compile(rb"[^\r\n]|\Z")

_connection: ContextVar["Connection"] = ContextVar("connection")


class Guard:
    """One for each server: an ASGI application around that of the server, which says when requests
    begin and are answered, and `connect`, which makes the protocol of each connection."""

    def __init__(
        self,
        app: Any,
        bounds: Bounds,
        keep_alive: float,
        leaving: Callable[[], bool] = lambda: False,
    ) -> None:
        self._app = app
        self._leaving = leaving
        self.bounds = bounds
        self.keep_alive = keep_alive
        self.admission = Admission(bounds)
        self.refusals = Refusals()
        self.lingering = 0
        self._stock = import_from_string(HTTP_PROTOCOLS["httptools"])
        self._open: set[Connection] = set()
        self._watching = False
        times = (bounds.first_byte, bounds.head, bounds.body, bounds.answer, keep_alive)
        self.interval = min(1.0, min(times) / 4)

    def connect(self, **arguments: Any) -> "Connection":
        """The protocol of a connection, from what uvicorn gives to its own."""
        return Connection(self, lambda: cast(asyncio.Protocol, self._stock(**arguments)))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = Exchange(_connection.get(), scope, receive, send, self._leaving)
        try:
            await self._app(scope, exchange.receive, exchange.send)
        finally:
            exchange.end()

    def watch(self, connection: "Connection") -> None:
        """Look at this connection now and then, as long as it is open."""
        self._open.add(connection)
        if not self._watching:
            self._watching = True
            asyncio.get_running_loop().call_later(self.interval, self._look)

    def forget(self, connection: "Connection") -> None:
        """The connection has ended."""
        self._open.discard(connection)

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for connection in tuple(self._open):
            connection.look(now)
        self._watching = bool(self._open)
        if self._watching:
            loop.call_later(self.interval, self._look)


class Connection(asyncio.Protocol):
    """A connection of a client. Passes on to uvicorn's protocol what is within the bounds.

    It passes on one request at a time. What comes behind one that is not answered yet waits here,
    and the client with it: so a refusal never gets into the middle of an answer.
    """

    def __init__(self, guard: Guard, make: Any) -> None:
        self._guard = guard
        self._bounds = guard.bounds
        self._make = make
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport = cast(Any, None)
        self._inner: asyncio.Protocol | None = None
        self.answers: HeadAndBody = cast(Any, None)
        self._host: str | None = None
        """Whose connection it is; it counts from then on."""
        self._since = 0.0
        """When the client did last what the present deadline counts from."""
        self._fresh = True
        self._refused = False
        self._head = bytearray()
        """The beginning of a head, all of which has been passed on; empty before and after."""
        self._lines = 0
        self._body: Body | SizedBody | None = None
        """What comes next, up to its end."""
        self._sized: SizedBody | None = None
        """The body of the request that is under way, where the application has it from here."""
        self._full = False
        """Reading is paused, until the application takes what is here."""
        self._low_water = 1
        self._under_way = False
        """A head was passed on whose answer is not complete."""
        self._exchange: Exchange | None = None
        self._held = b""
        self._waits = False
        """Reading is paused, because something was held."""
        self._unsent = 0
        self._progress = 0.0
        self._ended = 0.0
        """Since when the connection is closed here, with nothing left to send."""

    # What a handshake before the connection tells

    def admitted(self, host: str) -> None:
        """It counts already, and is somebody's from `host`."""
        self._host = host

    @property
    def made(self) -> bool:
        """Whether the handshake is done: from then on it leaves by itself."""
        return self._inner is not None

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._since = self._progress = self._loop.time()
        self._guard.watch(self)
        if self._host is None:
            peer = transport.get_extra_info("peername")
            self._host = str(peer[0]) if isinstance(peer, tuple) else ""
            if reason := self._guard.admission.admit(self._host):
                self._refuse(503, reason, "The server has too many connections; try again later")
                return
        self.answers = HeadAndBody(self._transport)
        inner = self._inner = self._make()
        inner.connection_made(cast(asyncio.Transport, self.answers))

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        if self._waits and not self._under_way:
            self._waits = False
            self._transport.resume_reading()  # before uvicorn may pause it
        if self._held:
            data = self._held + data
            self._held = b""
        at = 0
        _connection.set(self)
        while at < len(data) and not self._transport.is_closing():
            if isinstance(self._body, SizedBody):
                at = self._keep_body(self._body, data, at)
            elif self._body is not None:
                at = self._pass_body(self._body, data, at)
            elif self._under_way:
                self._held = data[at:]
                self._waits = True
                self._transport.pause_reading()
                return
            else:
                at = self._pass_head(data, at)

    def eof_received(self) -> bool | None:
        return None if self._inner is None else self._inner.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._guard.forget(self)
        if self._refused:
            self._guard.lingering -= 1
        if self._inner is not None:
            self._guard.admission.leave(self._from)
            self._inner.connection_lost(exc)
        self._held = b""
        self._head.clear()
        self._body = None
        if self._sized is not None:
            self._sized.lose()

    def pause_writing(self) -> None:
        if self._inner is not None:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        if self._inner is not None:
            self._inner.resume_writing()

    # What a request does

    def begins(self, exchange: Exchange) -> SizedBody | None:
        self._exchange = exchange
        return self._sized

    def touch(self) -> None:
        self._since = self._loop.time()

    def taken(self) -> None:
        if self._full:
            self._full = False
            self._transport.resume_reading()

    def answered(self) -> None:
        self._exchange = None
        if self._sized is not None:
            self._sized.drop()
            self._sized = None
            self.taken()
        self._under_way = False
        self.touch()
        if self._waits:
            self._loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        """Take what waited, if nothing that came meanwhile has done so."""
        if self._waits and not self._under_way and not self._transport.is_closing():
            self.data_received(b"")

    def _pass_head(self, data: bytes, at: int) -> int:
        """Pass on what of `data` from `at` on is in the head of a request; to where that is."""
        head, bounds = self._head, self._bounds
        if not head:
            if data[at] in b"\r\n":  # allowed between requests (RFC 9112, 2.2)
                return NO_LINE_ENDS.search(data, at).start()  # type: ignore[union-attr] # finds ""
            self._fresh = False
            self._lines = 0
            self.touch()
        complete = end_of_head(head, data, at, len(data))
        end = complete or len(data)
        room = bounds.head_bytes - len(head)
        if end - at > room:
            if self._lines or data.find(b"\n", at, at + room) >= 0:
                words = f"The head of a request must not be longer than {bounds.head_bytes} bytes"
                self._refuse(431, "head_bytes", words)
            else:
                words = f"A request line must not be longer than {bounds.head_bytes} bytes"
                self._refuse(414, "request_line", words)
            return len(data)
        self._lines += data.count(b"\n", at, end)
        if self._lines - (2 if complete else 1) > bounds.headers:
            words = f"A request must not have more than {bounds.headers} headers"
            self._refuse(431, "headers", words)
            return len(data)
        piece = data[at:end]
        if not complete:
            head += piece
        elif not head and (found := sized_body(piece)):
            self._under_way = True
            self._body, piece = found
            self._sized = self._body
            self._expect(self._body.left - (len(data) - end))
        else:
            self._complete(bytes(head) + piece)
        self._pass(piece)
        return end

    def _complete(self, head: bytes) -> None:
        """The head of a request is complete: what follows is its body, if it has one."""
        self._head.clear()
        self._under_way = True
        lowered = head.lower()
        if b"content-length" in lowered or b"transfer-encoding" in lowered:
            body = Body(head, lowered)
            self._body = None if body.ended else body

    def _expect(self, count: int) -> None:
        """Let the system wait for more of a body of which so much has not come."""
        wanted = worth_waiting_for(count)
        if wanted != self._low_water:
            self._low_water = wanted
            low_water(self._transport, wanted)

    def _keep_body(self, body: SizedBody, data: bytes, at: int) -> int:
        """Keep what of `data` from `at` on is in the body of a request; to where that is."""
        self.touch()
        end = body.take(data, at)
        if body.ended:
            self._body = None
            self._expect(0)
        elif self._low_water > body.left:
            self._expect(body.left)
        elif body.full:
            self._full = True
            self._transport.pause_reading()
        if body.unwanted:
            self._pass(b"")  # so that uvicorn does not take the connection for idle
        return end

    def _pass_body(self, body: Body, data: bytes, at: int) -> int:
        """Pass on what of `data` from `at` on is in the body of a request; to where that is."""
        self.touch()
        end = body.take(data, at)
        self._pass(data[at:end])
        if body.ended:
            self._body = None
        elif body.overhead > self._bounds.head_bytes:
            self._cut("body_overhead")
        if body.broken:  # uvicorn has answered 400, or nothing can be told of what follows
            self._transport.close()
        return end

    def _pass(self, data: bytes) -> None:
        if self._inner is not None:
            self._inner.data_received(data)

    # What it does about a client

    @property
    def _from(self) -> str:
        return self._host or ""

    def look(self, now: float) -> None:
        """End the connection if the client is beyond a deadline."""
        bounds = self._bounds
        if self._refused:
            if now - self._since > LINGER_SECONDS:
                self._transport.abort()
            return
        if waiting := unsent(self._transport):
            if waiting != self._unsent:
                self._progress = now
            elif now - self._progress > bounds.answer:
                self._guard.refusals.add("answer_time", self._from)
                self._transport.abort()
        self._unsent = waiting
        passed = now - self._since
        if self._transport.is_closing():
            if waiting or not self._ended:
                self._ended = now
            elif TOLD and now - self._ended > LINGER_SECONDS:
                self._transport.abort()  # TLS waits until the client says that it has ended, too
            return
        if self._head:
            if passed > bounds.head:
                words = f"The head of the request did not come within {bounds.head:g} seconds"
                self._refuse(408, "head_time", words)
        elif self._body is not None:
            if passed >= self._guard.interval:
                self._expect(0)  # the client is slow
            if self._under_way and not (self._exchange and self._exchange.waiting):
                self._since = now  # nobody waits for the client
            elif passed > bounds.body:
                self._cut("body_time")
        elif self._fresh:
            if passed > bounds.first_byte:
                self._cut("first_byte_time")
        elif not self._under_way and passed > self._guard.keep_alive + 1:
            self._transport.close()  # where uvicorn does not, after a body that nobody read

    def _cut(self, reason: str) -> None:
        """End the connection without a word: an answer may be under way, or nobody asked."""
        self._guard.refusals.add(reason, self._from)
        self._transport.close()

    def _refuse(self, status: int, reason: str, words: str) -> None:
        """Answer and close.

        A connection that is closed while bytes of the client wait is reset, and the client may
        lose the answer. So what it still sends is read, for a moment, and thrown away.
        """
        guard, transport = self._guard, self._transport
        guard.refusals.add(reason, self._from)
        self._refused = True
        guard.lingering += 1
        self.touch()
        self._head.clear()
        body = f"{words}.\n".encode()
        transport.write(
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\n"
            "Connection: close\r\n\r\n".encode()
            + body
        )
        if guard.lingering > MOST_LINGERING:
            transport.close()
        elif transport.can_write_eof():  # TLS cannot; the answer tells where it ends
            transport.write_eof()
