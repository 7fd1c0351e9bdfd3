# SPDX-License-Identifier: Apache-2.0
"""The head of an answer and its body leave together."""

import asyncio
from typing import Any

import pytest

from pons.http.head_and_body import HeadAndBody
from pons.http.serving import address, serving

pytestmark = pytest.mark.anyio


class Sent(asyncio.Transport):
    """Keeps what it is to send, one item for each call of the system."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[bytes | str] = []

    def write(self, data: Any) -> None:
        self.calls.append(bytes(data))

    def writelines(self, list_of_data: Any) -> None:
        self.calls.append(b"".join(list_of_data))

    def close(self) -> None:
        self.calls.append("closed")

    def get_write_buffer_size(self) -> int:
        return 7


def test_head_and_body_are_one() -> None:
    """What is kept goes with what comes next, and nothing else waits."""
    sent = Sent()
    answers = HeadAndBody(sent)
    answers.write(b"early ")
    answers.keep()
    answers.write(b"head ")
    answers.write(b"body")
    answers.write(b"more")
    answers.flush()
    assert sent.calls == [b"early ", b"head body", b"more"]
    assert answers.get_write_buffer_size() == 7


@pytest.mark.parametrize("end", ["flush", "close"])
def test_a_head_alone(end: str) -> None:
    """A head without a body goes when the answer or the connection ends, once."""
    sent = Sent()
    answers = HeadAndBody(sent)
    answers.keep()
    answers.write(b"head")
    getattr(answers, end)()
    answers.flush()
    answers.write(b"next")
    assert sent.calls == [b"head", *(["closed"] if end == "close" else []), b"next"]


async def received(request: bytes, *messages: dict[str, Any]) -> bytes:
    """What a client gets until its connection ends, from an application that sends `messages`."""

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise NotImplementedError
        for message in messages:
            await send(message)

    async with (
        serving(app, "127.0.0.1", 0, timeout_keep_alive=60) as server,
        asyncio.timeout(60),
    ):
        reader, writer = await asyncio.open_connection(*address(server))
        writer.write(request + b" / HTTP/1.1\r\nHost: x\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")  # while the connection stays open
        writer.write_eof()
        text = head + await reader.read()
        writer.close()
    return text


def start(*headers: tuple[bytes, bytes]) -> dict[str, Any]:
    return {"type": "http.response.start", "status": 200, "headers": headers}


BODY = {"type": "http.response.body", "body": b"body"}
LENGTH = (b"content-length", b"4")


async def test_answers_arrive_whole() -> None:
    """With a length, in chunks, and without a body, as HEAD is answered."""
    assert (await received(b"GET", start(LENGTH), BODY)).endswith(b"\r\n\r\nbody")
    assert (await received(b"GET", start(), BODY)).endswith(b"\r\n\r\n4\r\nbody\r\n0\r\n\r\n")
    head = await received(b"HEAD", start(LENGTH), BODY)
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert head.endswith(b"\r\n\r\n")


async def test_an_application_that_stops_behind_the_head() -> None:
    """The client gets what there was, and the end of the connection."""
    assert (await received(b"GET", start(LENGTH))).endswith(b"\r\n\r\n")
