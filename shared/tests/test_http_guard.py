# SPDX-License-Identifier: Apache-2.0
"""What one client can do to the others: nothing. Real connections to a server with short times."""

import asyncio
import os
import socket
import time
from contextlib import suppress

import psutil
import pytest

from .guarded import GET, MB, answer, ended, placed

pytestmark = pytest.mark.anyio


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
                began = time.thread_time()  # all of it is done by this thread
                assert await place.ask() == b"200"
                longest = max(longest, time.thread_time() - began)
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
        assert asyncio.get_running_loop().time() - began < 60
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
