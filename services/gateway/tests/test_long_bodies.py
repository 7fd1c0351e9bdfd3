# SPDX-License-Identifier: Apache-2.0
"""Long JSON bodies: as many at a time as there is room for, whatever they hold."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from pons.errors import Unavailable
from pons.limits import MEGABYTE
from pons.messages.index import DeleteResources
from pons.messages.services import Done
from pons_gateway.backends import BODIES_AT_A_TIME
from pons_gateway.bodies.json import LONG, LONGEST_BODY

from .conftest import PATIENT, Open, Store

pytestmark = pytest.mark.anyio

PATH = "/tools/bulk-delete"


def body_of(size: int) -> bytes:
    """One identifier with spaces behind it, which make it long."""
    return b'{"Resources": ["%b"]%b}' % (PATIENT.encode(), b" " * size)


async def test_long_bodies_take_turns(open_client: Open, store: Store) -> None:
    """Only so many are worked on, the rest wait without memory; short ones do not wait."""
    working, go_on = asyncio.Semaphore(0), asyncio.Event()
    ask = store.services.ask

    async def slow(*arguments: Any, **options: Any) -> Any:
        working.release()
        await go_on.wait()
        return await ask(*arguments, **options)

    store.services.answers[DeleteResources] = Done()
    client = open_client(ask=slow)
    at_a_time = BODIES_AT_A_TIME // LONGEST_BODY
    long = body_of(LONGEST_BODY - MEGABYTE)
    async with client, asyncio.timeout(60), asyncio.TaskGroup() as group:
        posts = [group.create_task(client.post(PATH, content=long)) for _ in range(at_a_time + 2)]
        for _ in range(at_a_time):
            await working.acquire()
        posts.append(group.create_task(client.post(PATH, content=body_of(LONG // 2))))
        await working.acquire()
        await asyncio.sleep(0.2)
        assert working.locked()
        go_on.set()
    assert {post.result().status_code for post in posts} == {200}
    assert store.backends.body_room.free == BODIES_AT_A_TIME


async def test_a_failure_leaves_room(client: httpx.AsyncClient, store: Store) -> None:
    """Whatever becomes of a long body, its room and its file are free afterwards."""
    store.services.answers[DeleteResources] = Unavailable("nobody there")
    assert (await client.post(PATH, content=body_of(2 * LONG))).status_code == 503
    assert (await client.post(PATH, content=b"[" + b" " * 2 * LONG)).status_code == 400

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b" " * MEGABYTE

    assert (await client.post(PATH, content=endless())).status_code == 413
    assert store.backends.body_room.free == BODIES_AT_A_TIME
    with store.backends.objects.spool() as spool:
        assert [path for path in spool.path.parent.iterdir() if path.stat().st_size] == []


@pytest.mark.parametrize("path", [PATH, "/tools/create-archive", "/tools/bulk-content"])
async def test_one_wrong_item_is_told(client: httpx.AsyncClient, path: str) -> None:
    """Of many wrong items the first one, in an answer of usual length."""
    answer = await client.post(path, json={"Resources": [PATIENT] + [1] * 50_000})
    assert answer.status_code == 400
    assert "Resources.1" in answer.json()["Details"]
    assert len(answer.content) < 1000
