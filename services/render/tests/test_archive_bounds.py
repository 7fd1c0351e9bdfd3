# SPDX-License-Identifier: Apache-2.0
"""How many archives there are at once, and what they take of the memory together."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from pons.errors import Unavailable
from pons_render.archive.bounds import Places, ReadAhead

pytestmark = pytest.mark.anyio


async def test_who_finds_no_place_waits_for_one() -> None:
    """A place is given to the next when an archive ends, however it ends."""
    places = Places(1)
    entered: list[str] = []

    async def enter(name: str) -> None:
        async with places.place():
            entered.append(name)

    async with AsyncExitStack() as first:
        await first.enter_async_context(places.place())
        waiting = asyncio.create_task(enter("second"))
        await asyncio.sleep(0.02)
        assert entered == []
    await asyncio.wait_for(waiting, 60)
    with pytest.raises(ZeroDivisionError):
        async with places.place():
            raise ZeroDivisionError
    await asyncio.wait_for(enter("third"), 60)
    assert entered == ["second", "third"]


async def test_nobody_waits_for_ever() -> None:
    """After a while, who waits is told to come again; so is who finds too many waiting."""
    places = Places(1, patience=0.05)
    async with places.place():
        with pytest.raises(Unavailable):
            async with places.place():
                raise AssertionError
    crowded = Places(1, patience=60, waiting=1)
    async with crowded.place():
        waiting = asyncio.create_task(crowded.place().__aenter__())
        await asyncio.sleep(0.02)
        with pytest.raises(Unavailable):
            await crowded.place().__aenter__()
        waiting.cancel()


def test_room_for_what_is_read_ahead() -> None:
    """Bytes count until they are given back."""
    ahead = ReadAhead(100)
    ahead.take(60)
    assert ahead.has_room(40)
    assert not ahead.has_room(41)
    ahead.give_back(60)
    assert ahead.has_room(100)
