# SPDX-License-Identifier: Apache-2.0
"""Reading all keys of a bucket while others write into it, and erase."""

import asyncio

import pytest

from pons.bus import Bus, watch
from pons.jobs import Jobs

pytestmark = pytest.mark.anyio


async def test_a_key_that_is_erased_while_all_are_read(
    bus: Bus, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for it, whatever else is written meanwhile."""
    existing, asked = watch._existing, 0

    async def once_more(*about: str) -> set[str]:
        nonlocal asked
        asked += 1
        found = await existing(*about)
        return found | {"erased"} if asked == 1 else found

    async def write() -> None:
        number = 0
        while True:
            await jobs.bucket.put(f"key{number % 7}", b"x")
            number += 1
            await asyncio.sleep(0.02)

    monkeypatch.setattr(watch, "_existing", once_more)
    writing = asyncio.create_task(write())
    try:
        async with asyncio.timeout(60):
            await jobs.bucket.all(">")
    finally:
        writing.cancel()
        await asyncio.wait([writing])
    assert asked > 1


async def test_a_key_that_is_erased_and_nothing_else_happens(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No message tells of it, and none comes by which anybody would look again."""
    existing, asked = watch._existing, 0

    async def once_more(*about: str) -> set[str]:
        nonlocal asked
        asked += 1
        found = await existing(*about)
        return found | {"erased"} if asked == 1 else found

    await jobs.bucket.put("stays", b"x")
    monkeypatch.setattr(watch, "_existing", once_more)
    async with asyncio.timeout(60):
        assert [entry.key for entry in await jobs.bucket.all(">")] == ["stays"]
    assert asked > 1
