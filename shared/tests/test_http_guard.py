# SPDX-License-Identifier: Apache-2.0
"""What one client can do to the others: nothing. Real connections to a server with short times."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import psutil
import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from pons.http.bounds import Admission, Bounds
from pons.http.serving import address, serving

pytestmark = pytest.mark.anyio

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
async def placed(*, keep_alive: float = 5, **bounds: Any) -> AsyncIterator[Place]:
    app = App()
    async with (
        serving(
            app, "127.0.0.1", 0, bounds=Bounds(**bounds), timeout_keep_alive=keep_alive
        ) as server,
        AsyncExitStack() as stack,
    ):
        yield Place(app, stack, address(server))


async def answer(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Status and body of an answer that tells its length."""
    async with asyncio.timeout(10):
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        return head.split(b" ")[1], await reader.readexactly(length)


async def ended(reader: asyncio.StreamReader) -> bytes:
    """What comes until the connection has ended."""
    received = b""
    async with asyncio.timeout(10):
        with suppress(ConnectionError):
            while piece := await reader.read(MB):
                received += piece
    return received


def refused(reason: str) -> float:
    name = "pons_http_refused_connections_total"
    return REGISTRY.get_sample_value(name, {"reason": reason}) or 0.0


async def test_a_header_without_end_stops_nobody() -> None:
    """431, little memory, and answers for others while 300 MB of it are sent."""
    async with placed() as place:
        before = psutil.Process().memory_info().rss
        reader, writer = await place.connect()
        writer.write(b"GET / HTTP/1.1\r\nX: ")
        reading = asyncio.create_task(ended(reader))
        piece, peak, longest = b"x" * MB, 0, 0.0
        with suppress(ConnectionError):
            for _ in range(300):
                writer.write(piece)
                began = asyncio.get_running_loop().time()
                assert await place.ask() == b"200"
                longest = max(longest, asyncio.get_running_loop().time() - began)
                peak = max(peak, psutil.Process().memory_info().rss)
                await writer.drain()
        received = await reading
        assert received.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
        assert received.endswith(b"must not be longer than 65536 bytes.\n")
        assert peak - before < 40 * MB
        assert longest < 1


async def test_a_client_that_never_stops_is_cut_off() -> None:
    """It is told once, and has a second to listen."""
    async with placed() as place:
        reader, writer = await place.connect()
        reading = asyncio.create_task(ended(reader))
        began = asyncio.get_running_loop().time()
        with suppress(ConnectionError):
            while True:
                writer.write(b"x" * MB)
                await writer.drain()
        assert asyncio.get_running_loop().time() - began < 5
        assert (await reading).startswith(b"HTTP/1.1 414 ")


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /" + b"x" * 65_506 + b" HTTP/1.1\r\nHost: abcd\r\n\r\n", b"200"),
        (b"GET /" + b"x" * 65_507 + b" HTTP/1.1\r\nHost: abcd\r\n\r\n", b"431"),
        (b"GET /" + b"x" * 65_536 + b" HTTP/1.1\r\nHost: abcd\r\n\r\n", b"414"),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 100 + b"\r\n", b"200"),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 101 + b"\r\n", b"431"),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 10_000 + b"\r\n", b"431"),
    ],
)
@pytest.mark.parametrize("step", [1_000_000, 1000])
async def test_a_head_may_be_so_long(head: bytes, status: bytes, step: int) -> None:
    """To the byte and to the header, in one piece and in many."""
    async with placed() as place:
        reader, writer = await place.connect()
        for at in range(0, len(head), step):
            writer.write(head[at : at + step])
            await asyncio.sleep(0)
        assert (await answer(reader))[0] == status
        assert await place.ask() == b"200"


async def test_a_refusal_waits_for_the_answer_before_it() -> None:
    """A client that sends much too early still gets whole answers, in their order."""
    async with placed() as place:
        reader, writer = await place.connect()
        writer.write(GET % b"slow" + b"GET / HTTP/1.1\r\nX: " + b"x" * 200_000)
        assert await answer(reader) == (b"200", b"/slow")
        assert (await answer(reader))[0] == b"431"
        assert await ended(reader) == b""


async def test_a_request_is_begun_after_the_one_before_it() -> None:
    """A thousand requests in one packet are answered in order, and take one place."""
    async with placed() as place:
        reader, writer = await place.connect()
        writer.write(b"".join(GET % b"%d" % one for one in range(1000)))
        for one in range(1000):
            assert await answer(reader) == (b"200", b"/%d" % one)
        assert place.app.most_at_once == 1


MESSAGES = (
    b"POST /a HTTP/1.1\r\nContent-Length: 8\r\n\r\n\r\n\r\n\r\n\r\n"
    b"\r\n"
    b"GET /b HTTP/1.1\r\nContent-Length: 0\r\n\r\n"
    b"POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"7\r\n0\r\n\r\n\r\n\r\n3;x=y\r\nabc\r\n0\r\nLast: one\r\n\r\n"
    b"PUT /early HTTP/1.1\r\ncontent-LENGTH:  0003 \r\n\r\nxyz"
    b"POST /d HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    b"GET /e HTTP/1.0\r\n\r\n"
)
BODIES = [b"/a\r\n\r\n\r\n\r\n", b"/b", b"/c0\r\n\r\n\r\nabc", b"/early", b"/d", b"/e"]


@pytest.mark.parametrize("step", [1, 2, 3, 5, 7, 50, 1000])
async def test_requests_come_in_pieces_of_any_size(step: int) -> None:
    """Bodies with and without a length, and data that looks like an end, however they are cut."""
    async with placed() as place:
        reader, writer = await place.connect()
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(MESSAGES), step):
            writer.write(MESSAGES[at : at + step])
            await asyncio.sleep(0.0005)
        for body in BODIES:
            assert await answer(reader) == (b"200", body)
        assert await ended(reader) == b""


async def test_a_large_body_arrives_whole() -> None:
    """With a length and in chunks, and the requests behind them."""
    data = os.urandom(5 * MB)
    chunks = b"".join(b"%x\r\n%b\r\n" % (70_000, data[:70_000]) for _ in range(50))
    async with placed() as place:
        reader, writer = await place.connect()
        writer.write(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(data) + data)
        writer.write(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)
        writer.write(b"0\r\n\r\n" + GET % b"last")
        assert await answer(reader) == (b"200", b"/" + data)
        assert await answer(reader) == (b"200", b"/" + data[:70_000] * 50)
        assert await answer(reader) == (b"200", b"/last")


@pytest.mark.parametrize(
    "endless", [b"0\r\nX: " + b"x" * MB, b"0\r\n" + b"a: b\r\n" * 200_000, b"1;" + b"x" * MB]
)
async def test_trailers_and_extensions_have_an_end(endless: bytes) -> None:
    """A body in chunks cannot bring without end what is no data."""
    async with placed() as place:
        reader, writer = await place.connect()
        writer.write(b"POST /p HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        writer.write(endless)
        assert await ended(reader) == b""
        assert place.app.left == ["/p"]


@pytest.mark.parametrize(
    "first",
    [
        b"CONNECT /x:1 HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n",
        b"GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
        b"GET /?content-length HTTP/1.1\r\nUpgrade: h2c\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
async def test_no_request_hides_the_next_head(first: bytes) -> None:
    """Whatever was before it, a head has its bounds."""
    async with placed() as place:
        reader, writer = await place.connect()
        writer.write(first + b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 101)
        status, _ = await answer(reader)
        if status == b"200":
            status, _ = await answer(reader)
        assert status == b"431"
        assert await ended(reader) == b""


@pytest.mark.parametrize(
    "request_text",
    [
        b"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\nabc",
        b"GET / HTTP/1.1\nHost: x\n\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n folded: y\r\n\r\n",
        b"\x16\x03\x01\x02",
    ],
)
async def test_what_is_no_http_is_400(request_text: bytes) -> None:
    """At once, also where its end could not be told."""
    async with placed() as place:
        reader, writer = await place.connect()
        writer.write(request_text)
        assert (await ended(reader)).startswith(b"HTTP/1.1 400 ")


async def test_a_client_that_says_nothing_is_let_go() -> None:
    """Without a word: it has asked for none. Empty lines are nothing."""
    async with placed(first_byte=0.3) as place:
        before = refused("first_byte_time")
        silent, _ = await place.connect()
        reader, writer = await place.connect()
        writer.write(b"\r\n")
        assert await ended(silent) == await ended(reader) == b""
        assert refused("first_byte_time") == before + 2


async def test_half_a_head_is_408() -> None:
    """A byte now and then does not help; the second request of a connection is no exception."""
    async with placed(head=0.4, keep_alive=0.2) as place:
        reader, writer = await place.connect()
        writer.write(GET % b"one")
        assert (await answer(reader))[0] == b"200"
        began = asyncio.get_running_loop().time()
        for byte in b"GET / HTTP":
            writer.write(bytes([byte]))
            await asyncio.sleep(0.03)
        assert (await answer(reader))[0] == b"408"
        assert await ended(reader) == b""
        assert 0.3 < asyncio.get_running_loop().time() - began < 2


async def test_half_a_body_ends_the_request() -> None:
    """The application learns that its client is gone. One that goes on sending has its time."""
    async with placed(body=0.4) as place:
        reader, writer = await place.connect()
        writer.write(b"POST /half HTTP/1.1\r\nContent-Length: 12\r\n\r\nabc")
        steady, sender = await place.connect()
        sender.write(b"POST / HTTP/1.1\r\nContent-Length: 8\r\n\r\n")
        for _ in range(8):
            sender.write(b"y")
            await asyncio.sleep(0.1)
        assert await answer(steady) == (b"200", b"/yyyyyyyy")
        assert await ended(reader) == b""
        assert place.app.left == ["/half"]


async def test_a_body_that_nobody_asks_for_is_not_late() -> None:
    """A client that waits for 100 Continue waits as long as the application does."""
    async with placed(body=0.2) as place:
        reader, writer = await place.connect()
        writer.write(b"POST /slow HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"abc")
        assert await answer(reader) == (b"200", b"/slowabc")


async def test_the_rest_of_an_answered_request_is_not_waited_for() -> None:
    """Not for its bytes, and not for another request behind it."""
    async with placed(body=0.3, keep_alive=0.5) as place:
        stalled, writer = await place.connect()
        writer.write(b"POST /early HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc")
        idle, whole = await place.connect()
        whole.write(b"POST /early HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc")
        assert await answer(stalled) == await answer(idle) == (b"200", b"/early")
        whole.write(b"defghi")
        assert await ended(stalled) == await ended(idle) == b""


async def narrow(place: Place) -> Streams:
    """A connection whose buffers are small on this side."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, place.at)
    reader, writer = await asyncio.open_connection(sock=sock, limit=4096)
    return place.hold(reader, writer)


async def test_a_slow_reader_gets_the_whole_answer() -> None:
    """As long as it takes something now and then, although it takes longer than any bound."""
    async with placed(answer=0.8, body=0.3, head=0.3, first_byte=0.3, keep_alive=0.3) as place:
        reader, writer = await narrow(place)
        writer.write(GET % b"large8")
        received = 0
        async with asyncio.timeout(30):
            for _ in range(12):
                await asyncio.sleep(0.2)
                received += len(await reader.readexactly(100_000))
            while received < 8 * MB and (piece := await reader.read(MB)):
                received += len(piece)
        assert received >= 8 * MB


async def test_a_reader_that_stops_is_cut_off() -> None:
    """An answer that nobody takes is not kept."""
    async with placed(answer=0.5) as place:
        before = refused("answer_time")
        _, writer = await narrow(place)
        writer.write(GET % b"large64")
        for _ in range(200):
            if refused("answer_time") > before and not place.app.at_once:
                break
            await asyncio.sleep(0.05)
        assert refused("answer_time") == before + 1
        assert place.app.at_once == 0


async def test_one_connection_too_many_is_503() -> None:
    """It is closed at once; a place that is free again is taken."""
    async with placed(connections=3) as place:
        (_, first), *_ = [await place.connect() for _ in range(3)]
        reader, _ = await place.connect()
        received = await ended(reader)
        assert received.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
        assert b"\r\nConnection: close\r\n" in received
        first.close()
        await eventually(place, b"200")


async def eventually(place: Place, status: bytes, source: str = "127.0.0.1") -> None:
    for _ in range(200):
        if await place.ask(source) == status:
            return
        await asyncio.sleep(0.02)
    assert await place.ask(source) == status


async def test_one_address_cannot_take_every_place() -> None:
    """It is refused where others are served."""
    async with placed(connections=20, loopback_is_one=True) as place:
        held = [await place.connect("127.0.0.2") for _ in range(10)]
        assert await place.ask("127.0.0.2") == b"503"
        assert await place.ask("127.0.0.3") == b"200"
        held[0][1].close()
        await eventually(place, b"200", "127.0.0.2")


async def test_idle_connections_shut_nobody_out() -> None:
    """1,100 of one address, as the server is without any setting."""
    async with placed(connections=2000, loopback_is_one=True, first_byte=3) as place:
        idle = [await place.connect("127.0.0.2") for _ in range(1100)]
        assert await place.ask("127.0.0.3") == b"200"
        before = asyncio.get_running_loop().time()
        await asyncio.gather(*(ended(reader) for reader, _ in idle))
        assert asyncio.get_running_loop().time() - before < 8
        assert await place.ask("127.0.0.2") == b"200"


async def test_the_log_says_it_once_a_minute() -> None:
    """Fifty refusals are one line, and fifty in the metrics."""
    async with placed(connections=1) as place:
        await place.connect()
        before = refused("connections")
        with capture_logs() as lines:
            for _ in range(50):
                assert await place.ask() == b"503"
        assert refused("connections") == before + 50
        assert [(line["reason"], line["last_address"]) for line in lines] == [
            ("connections", "127.0.0.1")
        ]


def test_networks_of_ipv6_count_as_one_address() -> None:
    """A client has 2**64 addresses there. IPv4 in IPv6 is IPv4, and loopback is not counted."""
    admission = Admission(Bounds(connections=100, connections_per_address=1))
    assert admission.admit("2001:db8::1") is None
    assert admission.admit("2001:db8::2") == "connections_per_address"
    assert admission.admit("2001:db8:0:1::2") is None
    assert admission.admit("::ffff:192.0.2.1") is None
    assert admission.admit("192.0.2.1") == "connections_per_address"
    assert [admission.admit(host) for host in ("::1", "127.0.0.1", "127.0.0.1", "")] == [None] * 4
    admission.leave("2001:db8::1")
    assert admission.admit("2001:db8::7") is None
