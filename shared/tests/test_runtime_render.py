# SPDX-License-Identifier: Apache-2.0
"""Asking render while its replicas come and go: what one of them loses, another one does."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from pons.runtime.render import open_render
from pons.settings import RenderSettings, Settings

pytestmark = pytest.mark.anyio

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx"


class Replica:
    """Answers each request, but for the first few: there it hangs up without a word."""

    def __init__(self, hang_ups: int) -> None:
        self.hang_ups = hang_ups
        self.asked: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.asked.append(head.partition(b"\r\n")[0])
                if b"POST" in self.asked[-1]:
                    assert await reader.readexactly(4) == b"what"
                if len(self.asked) <= self.hang_ups:
                    break
                writer.write(ANSWER)
        except asyncio.IncompleteReadError:
            pass  # the client has no more requests
        finally:
            writer.close()


@asynccontextmanager
async def bound() -> AsyncIterator[tuple[socket.socket, httpx.AsyncClient]]:
    """A port on which nobody listens yet, and what asks there."""
    with socket.socket() as port:
        port.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{port.getsockname()[1]}"
        async with open_render(Settings(render=RenderSettings(url=url)), 1) as client:
            yield port, client


async def test_none_listens_for_a_moment() -> None:
    """As between the end of the only replica and the start of the next."""
    replica = Replica(0)
    async with bound() as (port, client):
        asking = asyncio.create_task(client.get("/"))
        await asyncio.sleep(0.2)  # the first try is refused meanwhile
        async with await asyncio.start_server(replica, sock=port):
            assert (await asking).content == b"x"
    assert len(replica.asked) == 1


async def test_none_ever_listens() -> None:
    async with bound() as (_, client):
        with pytest.raises(httpx.ConnectError):
            await client.get("/")


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_connection_that_ends_before_its_answer(method: str) -> None:
    """The question goes to the next one, with its body."""
    replica = Replica(1)
    async with bound() as (port, client), await asyncio.start_server(replica, sock=port):
        content = b"what" if method == "POST" else None
        assert (await client.request(method, "/a", content=content)).content == b"x"
    assert replica.asked == [f"{method} /a HTTP/1.1".encode()] * 2


async def test_every_connection_ends_before_its_answer() -> None:
    """What ends each replica that is asked is not asked for ever."""
    replica = Replica(9)
    async with bound() as (port, client), await asyncio.start_server(replica, sock=port):
        with pytest.raises(httpx.TransportError):
            await client.get("/")
    assert len(replica.asked) == 2


async def test_an_answer_that_breaks_off_is_not_asked_for_again() -> None:
    """Its beginning is with the client already."""
    asked = 0

    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        await reader.readuntil(b"\r\n\r\n")
        asked += 1
        writer.write(ANSWER.replace(b"length: 1", b"length: 2"))
        writer.close()

    async with bound() as (port, client), await asyncio.start_server(half, sock=port):
        with pytest.raises(httpx.TransportError):
            await client.get("/")
    assert asked == 1
