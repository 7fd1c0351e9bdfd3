# SPDX-License-Identifier: Apache-2.0
"""Searches that take long, and clients that do not wait for them."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from pons_gateway.responses import wanted
from pons_testing.waiting import until

from ..conftest import STUDY, Store, http_scope, opened_app

pytestmark = pytest.mark.anyio


class Looking:
    """A search that finds something once it may."""

    def __init__(self) -> None:
        self.began, self.ended = False, False
        self.may_find = asyncio.Event()

    async def __call__(self, *_: Any) -> AsyncIterator[list[str]]:
        self.began = True
        try:
            await self.may_find.wait()
            yield [STUDY]
        finally:
            self.ended = True


@pytest.fixture
def looking(store: Store, monkeypatch: pytest.MonkeyPatch) -> Looking:
    looks = Looking()
    monkeypatch.setattr(store.catalog, "search_ids", looks, raising=False)
    monkeypatch.setattr(wanted, "LONG_SECONDS", 0.01)
    return looks


async def find(store: Store, left: asyncio.Event, sent: list[Any]) -> None:
    """Ask as a client does that may leave."""
    body = json.dumps({"Level": "Study", "Query": {"0019,1000": "7"}}).encode()
    asked = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> Any:
        for message in asked:
            return message
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = ((b"host", b"localhost"), (b"content-length", b"%d" % len(body)))
    scope = http_scope("POST", "/tools/find", *headers)
    await opened_app(store.backends)(scope, receive, send)


async def test_a_search_ends_with_its_client(store: Store, looking: Looking) -> None:
    """Nobody reads ten million headers for somebody who has gone."""
    left, sent = asyncio.Event(), list[Any]()
    asking = asyncio.create_task(find(store, left, sent))
    await until(lambda: looking.began)
    await asyncio.sleep(0.05)
    assert not looking.ended
    left.set()
    async with asyncio.timeout(30):
        await asking
    assert looking.ended
    assert sent == []


async def test_who_waits_gets_the_answer(store: Store, looking: Looking) -> None:
    """However long it takes."""
    sent = list[Any]()
    asking = asyncio.create_task(find(store, asyncio.Event(), sent))
    await until(lambda: looking.began)
    await asyncio.sleep(0.05)
    looking.may_find.set()
    await asking
    assert sent[0]["status"] == 200
    assert json.loads(sent[1]["body"]) == [STUDY]
