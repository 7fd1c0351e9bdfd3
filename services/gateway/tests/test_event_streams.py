# SPDX-License-Identifier: Apache-2.0
"""What becomes of a stream of events when its client goes away."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.sse import EventSourceResponse, ServerSentEvent

from pons_gateway.routing import Router, TreeRouter

from .conftest import http_scope

pytestmark = pytest.mark.anyio

WRITTEN = 20
"""Events after which those who write wait for the client: buffers have one."""


def streaming(fails_at: int = 0) -> FastAPI:
    """Sends events without end, or until one that cannot be made."""
    app, router = FastAPI(), Router("Events", "")

    @router.get("/stream", response_class=EventSourceResponse)
    async def stream() -> AsyncIterator[ServerSentEvent]:
        number = 0
        while number != fails_at or not fails_at:
            yield ServerSentEvent(data=number)
            number += 1
        raise ValueError("a bug of ours")

    app.router = tree = TreeRouter()
    tree.grow(router.routes)
    return app


async def ask(app: FastAPI, leaves: bool) -> list[bytes]:
    """What came until the client left, with the first event, or the stream was at its end."""
    got: list[bytes] = []
    left = asyncio.Event()
    asked = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> Any:
        for message in asked:
            return message
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            got.append(message.get("body", b""))
            if leaves:
                for _ in range(WRITTEN):
                    await asyncio.sleep(0)  # the endpoint goes on until nobody takes any more
                left.set()
                await asyncio.Event().wait()

    async with asyncio.timeout(60):
        await app(http_scope("GET", "/stream"), receive, send)
    return got


async def test_a_client_that_leaves() -> None:
    """It is no error, whoever was writing just then."""
    assert await ask(streaming(), leaves=True) == [b"data: 0\n\n"]


async def test_a_bug_is_told() -> None:
    """What an endpoint raises is not taken for a client that has gone."""
    with pytest.raises(ExceptionGroup) as raised:
        await ask(streaming(fails_at=3), leaves=False)
    assert raised.group_contains(ValueError, match="a bug of ours")
