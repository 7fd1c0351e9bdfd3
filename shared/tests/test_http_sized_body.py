# SPDX-License-Identifier: Apache-2.0
"""Bodies whose length is told come to the application in few messages, and end where they end."""

import asyncio
import os
import socket
import sys
from typing import Any

import httptools
import pytest

from pons.http.guard import Connection
from pons.http.serving import address, serving
from pons.http.sized_body import PIECE, sized_body
from pons_testing.waiting import until

from .guarded import GET, MB, answer, ended, placed, respond

pytestmark = pytest.mark.anyio


class Ends:
    """What uvicorn's parser tells of the end of requests."""

    def __init__(self, data: bytes) -> None:
        self.body = 0
        self.ends = 0
        httptools.HttpRequestParser(self).feed_data(data)

    def on_body(self, data: bytes) -> None:
        self.body += len(data)

    def on_message_complete(self) -> None:
        self.ends += 1


HEADS = [
    b"POST /instances HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\n",
    b"PUT / HTTP/1.1\r\ncontent-LENGTH:\t 00010 \t\r\nX: y\r\n\r\n",
    b"POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length:123456789\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: 999999999999999999\r\n\r\n",
]


@pytest.mark.parametrize("head", HEADS)
def test_the_parser_takes_the_request_for_one_without_a_body(head: bytes) -> None:
    """And of the same request as it came, it says the length that is found."""
    found = sized_body(head)
    assert found is not None
    body, bare = found
    assert len(bare) == len(head)
    assert (Ends(bare).ends, Ends(bare + GET % b"next").ends) == (1, 2)
    if body.length < MB:
        data = bytes(body.length)
        assert (Ends(head + data).ends, Ends(head + data).body) == (1, body.length)
        assert Ends(head + data[1:]).ends == 0


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nContent-Length: 7\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 7\r\nContent-Length: 7\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 7\r\nX: content-length\r\n\r\n",
        b"POST / HTTP/1.1\r\nX-Content-Length: 7\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length : 7\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 7, 7\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: +7\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 7\r\n 1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 9999999999999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 7\r\nExpect: 100-continue\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 7\r\nConnection: Upgrade\r\n\r\n",
        b"POST / HTTP/1.1\r\nA: b\n\nContent-Length: 7\r\nContent-Length: 7\r\n\r\n",
        b"POST / HTTP/1.1\r\nA: b\n\r\nContent-Length: 7\r\n\r\n",
        b"POST / HTTP/1.1\rA: b\r\nContent-Length: 7\r\n\r\n",
    ],
)
def test_what_the_parser_may_see_otherwise_is_left_to_it(head: bytes) -> None:
    assert sized_body(head) is None


class Recorder:
    """Keeps the messages of each request, and answers with the length that its headers tell."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise NotImplementedError(scope["type"])
        more = True
        while more:
            message = await receive()
            self.sizes.append(len(message["body"]))
            more = message["more_body"]
        gone = asyncio.ensure_future(receive())
        await asyncio.sleep(0.05)
        assert not gone.done()  # nothing follows a body but the end of the connection
        gone.cancel()
        await respond(send, dict(scope["headers"])[b"content-length"])


async def test_an_image_is_one_message() -> None:
    """However the network cuts it; what is larger comes in pieces of a megabyte."""
    app = Recorder()
    async with serving(app, "127.0.0.1", 0) as server:
        reader, writer = await asyncio.open_connection(*address(server))
        for size in (1, 70_000, 600_000, PIECE, 2_500_000):
            writer.write(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % size)
            await asyncio.sleep(0.02)
            writer.write(bytes(size))
            assert await answer(reader) == (b"200", b"%d" % size)
        writer.close()
    assert app.sizes[:4] == [1, 70_000, 600_000, PIECE]
    assert sum(app.sizes[4:]) == 2_500_000
    assert all(size >= PIECE for size in app.sizes[4:-1])


@pytest.mark.skipif(sys.platform != "linux", reason="no other system waits for more")
async def test_small_pieces_are_read_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Browsers send 16 KiB at a time, of bodies of any length."""
    read: list[int] = []
    stock = Connection.data_received

    def data_received(self: Connection, data: bytes) -> None:
        read.append(len(data))
        stock(self, data)

    monkeypatch.setattr(Connection, "data_received", data_received)
    data = os.urandom(4_000_000)
    async with placed() as place:
        reader, writer = await place.connect()
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        writer.write(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(data))
        for at in range(0, len(data), 16_384):
            writer.write(data[at : at + 16_384])
            await writer.drain()
            await asyncio.sleep(0.0005)
        assert await answer(reader) == (b"200", b"/" + data)
    assert len(read) < 60  # of 245 pieces


@pytest.mark.parametrize("size", [400_000, 1_500_000])
async def test_a_slow_client_has_its_time(size: int) -> None:
    """Also where the system was to wait for more of the body before it tells of any."""
    data = os.urandom(size)
    async with placed(body=1.5) as place:
        reader, writer = await place.connect()
        writer.write(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(data))
        for at in range(0, size, size // 20):
            writer.write(data[at : at + size // 20])
            await asyncio.sleep(0.1)
        assert await answer(reader) == (b"200", b"/" + data)


@pytest.mark.parametrize("sent", [0, 100_000, 3 * MB])
async def test_a_client_that_leaves_is_noticed(sent: int) -> None:
    """Before its body, within it, and behind pieces of it."""
    async with placed() as place:
        _, writer = await place.connect()
        writer.write(b"POST /left HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (sent + 200_000))
        writer.write(bytes(sent))
        await writer.drain()
        writer.close()
        await until(lambda: place.app.left)
        assert place.app.left == ["/left"]


@pytest.mark.parametrize("length", [500_000, 5 * MB])
async def test_what_nobody_wants_is_read_past(length: int) -> None:
    """The next request on the connection is answered, in its turn."""
    async with placed() as place:
        reader, writer = await place.connect()
        writer.write(b"POST /early HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % length)
        assert await answer(reader) == (b"200", b"/early")
        writer.write(bytes(length) + GET % b"next")
        assert await answer(reader) == (b"200", b"/next")


async def test_a_client_waits_for_an_application_that_does_not_read() -> None:
    """What it sends meanwhile stays with it, but for a piece and what the system takes."""
    async with placed() as place:
        reader, writer = await place.connect()
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * 1024)
        data = os.urandom(24 * MB)
        writer.write(b"POST /slow HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(data) + data)
        await asyncio.sleep(0.3)
        assert writer.transport.get_write_buffer_size() > 8 * MB
        assert (await answer(reader))[1] == b"/slow" + data


async def test_a_body_is_not_mixed_with_the_next_request() -> None:
    """A hundred uploads and questions, cut anywhere."""
    bodies = [os.urandom(int.from_bytes(os.urandom(2), "big") * 3 + 1) for _ in range(50)]
    sent = b"".join(
        b"PUT / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body + GET % b"%d" % at
        for at, body in enumerate(bodies)
    )
    async with placed() as place:
        reader, writer = await place.connect()
        at = 0
        while at < len(sent):
            step = int.from_bytes(os.urandom(2), "big") + 1
            writer.write(sent[at : at + step])
            at += step
            await asyncio.sleep(0)
        for at, body in enumerate(bodies):
            assert await answer(reader) == (b"200", b"/" + body)
            assert await answer(reader) == (b"200", b"/%d" % at)
        writer.write_eof()
        assert await ended(reader) == b""
