# SPDX-License-Identifier: Apache-2.0
"""What clients see of the HTTP server, byte by byte."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from pons.http.serving import address, serving
from pons_testing.waiting import timers_at_rest

pytestmark = pytest.mark.anyio

GET = b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n"
LENGTH_2 = [(b"content-length", b"2")]
Send = Callable[[dict[str, Any]], Awaitable[None]]


async def echo(scope: Any, receive: Any, send: Send) -> None:
    """Answers as the first segment of the path says."""
    kind = scope["path"].partition("/")[2]
    if kind == "fails":
        await start(send, LENGTH_2)
        raise RuntimeError("between head and body")
    if kind == "fails-at-once":
        raise RuntimeError("before the head")
    if kind == "streamed":
        await start(send, [])
        await send({"type": "http.response.body", "body": b"ab", "more_body": True})
        await send({"type": "http.response.body", "body": b"cde"})
    elif kind == "split":
        await start(send, [(b"x-name", b"a\r\nx-other: b"), *LENGTH_2])
        await send({"type": "http.response.body", "body": b"ab"})
    elif kind == "short":
        await start(send, [(b"content-length", b"3")])
        await send({"type": "http.response.body", "body": b"ab"})
    else:
        if kind == "slow":
            await asyncio.sleep(0.05)
        told = f"{scope['client'][0]} {scope['scheme']}" if kind == "client" else kind
        body = (told or scope["method"]).encode()
        await start(send, [(b"content-length", b"%d" % len(body))])
        await send({"type": "http.response.body", "body": body})


async def start(send: Send, headers: list[tuple[bytes, bytes]]) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": headers})


@asynccontextmanager
async def connected(
    **options: Any,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    async with serving(echo, "127.0.0.1", 0, **options) as server:
        reader, writer = await asyncio.open_connection(*address(server))
        try:
            yield reader, writer
        finally:
            writer.close()
            await writer.wait_closed()


async def answer(reader: asyncio.StreamReader) -> tuple[bytes, dict[bytes, bytes], bytes]:
    """Status line, headers and body of an answer that tells its length."""
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")[:-2]
    headers = dict(line.split(b": ", 1) for line in lines)
    return first, headers, await reader.readexactly(int(headers.get(b"content-length", b"0")))


@pytest.mark.parametrize(
    ("proxies", "told"),
    [
        ([], b"127.0.0.1 http"),
        (["192.0.2.0/24"], b"127.0.0.1 http"),
        (["127.0.0.1"], b"203.0.113.9 https"),
        (["192.0.2.0/24", "127.0.0.0/8"], b"203.0.113.9 https"),
    ],
)
async def test_only_trusted_proxies_name_another_client(proxies: list[str], told: bytes) -> None:
    """A client of this machine cannot say that it comes from elsewhere, unless it is such a one."""
    forwarded = b"X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n\r\n"
    async with connected(trusted_proxies=proxies) as (reader, writer):
        writer.write(GET.removesuffix(b"\r\n") % b"client" + forwarded)
        assert (await answer(reader))[2] == told


async def test_a_connection_serves_one_request_after_the_other() -> None:
    """Head and body arrive whole, with a date, and the connection stays open."""
    async with connected() as (reader, writer):
        for word in (b"one", b"two"):
            writer.write(GET % word)
            status, headers, body = await answer(reader)
            assert (status, body) == (b"HTTP/1.1 200 OK", word)
            assert set(headers) == {b"date", b"content-length"}


async def test_requests_sent_at_once_are_answered_in_their_order() -> None:
    """A slow answer is not overtaken by the one to the next request of the same connection."""
    async with connected() as (reader, writer):
        writer.write(GET % b"slow" + GET % b"two" + GET % b"three")
        bodies = [(await answer(reader))[2] for _ in range(3)]
        assert bodies == [b"slow", b"two", b"three"]


async def test_a_streamed_answer_comes_in_chunks() -> None:
    """Without a length, the pieces are chunks of their own."""
    async with connected() as (reader, writer):
        writer.write(GET % b"streamed")
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"transfer-encoding: chunked" in head
        assert await reader.readuntil(b"0\r\n\r\n") == b"2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n"


async def test_head_has_no_body() -> None:
    """HEAD tells the length and sends nothing after the headers."""
    async with connected() as (reader, writer):
        writer.write(b"HEAD /word HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        everything = await reader.read()
        assert b"content-length: 4" in everything
        assert everything.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    "request_text",
    [b"GET /w HTTP/1.0\r\nHost: x\r\n\r\n", b"GET /w HTTP/1.1\r\nConnection: close\r\n\r\n"],
)
async def test_a_client_that_wants_no_more_is_let_go(request_text: bytes) -> None:
    """HTTP/1.0 and `Connection: close` end the connection, and the answer says so."""
    async with connected() as (reader, writer):
        writer.write(request_text)
        everything = await reader.read()
        assert b"connection: close" in everything
        assert everything.endswith(b"\r\n\r\nw")


async def test_clients_of_a_server_that_is_leaving_connect_anew() -> None:
    """The next answer of a connection that was kept is its last, and says so."""
    leaving = False
    async with connected(leaving=lambda: leaving) as (reader, writer):
        writer.write(GET % b"one")
        assert b"connection" not in (await answer(reader))[1]
        leaving = True
        writer.write(GET % b"two")
        _, headers, body = await answer(reader)
        assert (headers[b"connection"], body) == (b"close", b"two")
        assert await reader.read() == b""


async def test_a_failure_in_an_answer_ends_the_connection(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The head may have left, so the client learns by the missing body."""
    async with connected() as (reader, writer):
        writer.write(GET % b"fails")
        assert (await reader.read()).endswith(b"content-length: 2\r\n\r\n")
    assert "between head and body" in caplog.text


async def test_a_failure_before_an_answer_is_500(caplog: pytest.LogCaptureFixture) -> None:
    """And the connection ends, which the answer says."""
    async with connected() as (reader, writer):
        writer.write(GET % b"fails-at-once")
        everything = await reader.read()
    assert everything.startswith(b"HTTP/1.1 500 ")
    assert b"connection: close" in everything
    assert "before the head" in caplog.text


async def test_a_header_cannot_bring_another(caplog: pytest.LogCaptureFixture) -> None:
    """A value with a line break is never sent."""
    async with connected() as (reader, writer):
        writer.write(GET % b"split")
        assert await reader.read() == b""
    assert "Invalid HTTP header value" in caplog.text


async def test_an_answer_shorter_than_it_says_ends_the_connection() -> None:
    """The client is not left to take the next answer for the missing bytes."""
    async with connected() as (reader, writer):
        writer.write(GET % b"short")
        everything = await reader.read()
        assert everything.endswith(b"\r\n\r\nab")


async def test_an_idle_connection_ends_after_a_while() -> None:
    """The time counts from the last answer."""
    loop = asyncio.get_running_loop()
    async with connected(timeout_keep_alive=1.5) as (reader, writer):
        began = loop.time()
        for word in (b"one", b"two", b"three"):
            writer.write(GET % word)
            await answer(reader)
            await asyncio.sleep(0.6)
        assert await reader.read() == b""
        assert loop.time() - began >= 1.8


async def test_garbage_is_400() -> None:
    """What is no HTTP is refused, and the connection ends."""
    async with connected() as (reader, writer):
        writer.write(b"\x16\x03\x01 what\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 400 ")


async def test_a_server_at_rest_wakes_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """For the date of its answers, which goes on."""
    async with serving(echo, "127.0.0.1", 0) as server:
        dates = {server.server_state.default_headers[0]}
        assert await timers_at_rest(monkeypatch) < 10
        dates.add(server.server_state.default_headers[0])
    assert len(dates) == 2


async def test_a_server_ends_when_it_is_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not only when it looks for the date again."""
    monkeypatch.setattr("pons.http.serving.TICK", 3600.0)
    async with asyncio.timeout(60), serving(echo, "127.0.0.1", 0):
        pass
