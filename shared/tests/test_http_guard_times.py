# SPDX-License-Identifier: Apache-2.0
"""How long the guard waits for clients that say nothing, stop, or read slowly."""

import asyncio
import socket

import pytest

from .guarded import GET, MB, Place, Streams, answer, ended, placed, refused

pytestmark = pytest.mark.anyio


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
    async with placed(head=2, keep_alive=1) as place:
        reader, writer = await place.connect()
        writer.write(GET % b"one")
        assert (await answer(reader))[0] == b"200"
        began = asyncio.get_running_loop().time()
        for byte in b"GET / HTTP":
            writer.write(bytes([byte]))
            await asyncio.sleep(0.15)
        assert (await answer(reader))[0] == b"408"
        assert await ended(reader) == b""
        assert 1.5 < asyncio.get_running_loop().time() - began < 30


async def test_half_a_body_ends_the_request() -> None:
    """The application learns that its client is gone. One that goes on sending has its time."""
    async with placed(body=1.5) as place:
        reader, writer = await place.connect()
        writer.write(b"POST /half HTTP/1.1\r\nContent-Length: 12\r\n\r\nabc")
        steady, sender = await place.connect()
        sender.write(b"POST / HTTP/1.1\r\nContent-Length: 8\r\n\r\n")
        for _ in range(8):
            sender.write(b"y")
            await asyncio.sleep(0.25)
        assert await answer(steady) == (b"200", b"/yyyyyyyy")
        assert await ended(reader) == b""
        assert place.app.left == ["/half"]


async def test_a_body_that_nobody_asks_for_is_not_late() -> None:
    """A client that waits for 100 Continue waits as long as the application does."""
    async with placed(body=0.4) as place:
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
    async with placed(answer=2.5, body=1, head=1, first_byte=1, keep_alive=1) as place:
        reader, writer = await narrow(place)
        writer.write(GET % b"large8")
        received = 0
        async with asyncio.timeout(30):
            for _ in range(12):
                await asyncio.sleep(0.4)
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
        for _ in range(1200):
            if refused("answer_time") > before and not place.app.at_once:
                break
            await asyncio.sleep(0.05)
        assert refused("answer_time") == before + 1
        assert place.app.at_once == 0
