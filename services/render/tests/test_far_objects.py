# SPDX-License-Identifier: Apache-2.0
"""Pictures of objects that lie far away, as in S3."""

import asyncio
from typing import Any
from uuid import UUID

import httpx
import numpy as np
import pytest

from pons_render.frame_stream import FRAMES_AHEAD
from pons_render.image import Located
from pons_testing.waiting import until

from .asked import Make, example
from .test_frame_records import stream

pytestmark = pytest.mark.anyio


async def test_no_worker_waits_for_an_object(
    client: httpx.AsyncClient, ct: Located, resources: Any
) -> None:
    """While one object is on its way, the only worker makes the picture of another."""
    resources.objects.remote = True
    resources.add("near", example("CT_small.dcm"))
    asked, arrived = asyncio.Event(), asyncio.Event()
    at_once = resources.objects.read_range

    async def read_range(key: UUID, *where: Any) -> bytes:
        if key == ct.object_key:
            asked.set()
            await arrived.wait()
        content: bytes = await at_once(key, *where)
        return content

    resources.objects.read_range = read_range
    far = asyncio.create_task(client.get("/instances/ct/preview"))
    await asked.wait()
    near = await client.get("/instances/near/preview")
    assert near.status_code == 200
    assert not far.done()
    arrived.set()
    assert (await far).content == near.content


async def test_a_picture_costs_one_reading(
    client: httpx.AsyncClient, ct: Located, resources: Any
) -> None:
    """A small object is read once, whole, so that its checksum can be compared."""
    resources.objects.remote = True
    assert (await client.get("/instances/ct/preview")).status_code == 200
    assert resources.objects.reads == [(0, ct.size)]


async def test_frames_of_a_series_are_fetched_several_at_once(
    client: httpx.AsyncClient, resources: Any, make: Make
) -> None:
    """More than workers would decode meanwhile, not all, and they come in the order asked for."""
    resources.objects.remote = True
    for number in range(20):
        resources.add(str(number), make(np.full((4, 4), number, np.uint8)))
    began, arrived = list[UUID](), asyncio.Event()
    at_once = resources.objects.read_range

    async def read_range(key: UUID, *where: Any) -> bytes:
        began.append(key)
        await arrived.wait()
        content: bytes = await at_once(key, *where)
        return content

    resources.objects.read_range = read_range
    asked = [(str(number), 0, 1) for number in range(20)]
    streaming = asyncio.create_task(stream(client, resources, *asked))
    await until(lambda: len(began) > FRAMES_AHEAD)
    await asyncio.sleep(0.05)
    assert len(began) == FRAMES_AHEAD + 1
    arrived.set()
    assert [int(pixels[0, 0]) for _, pixels in await streaming] == list(range(20))
