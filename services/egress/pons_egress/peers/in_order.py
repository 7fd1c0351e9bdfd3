# SPDX-License-Identifier: Apache-2.0
"""Some things at a time, finished in their order, so that a position tells all that is done."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


async def started_in_order(
    work: Callable[[Item], Awaitable[Result]],
    items: Iterable[Item],
    at_once: int,
    ahead: deque[tuple[Item, asyncio.Task[Result]]],
) -> AsyncGenerator[tuple[Item, asyncio.Task[Result]], None]:
    """Each item with the task that does `work` on it, of which `at_once` run at a time.

    They are given in their order. Those that were begun and not given yet are in `ahead`, twice as
    many as run at most: a slow one soon holds up the others, and what they have made is bounded.
    """
    free = asyncio.Semaphore(at_once)

    async def when_free(item: Item) -> Result:
        async with free:
            return await work(item)

    try:
        for item in items:
            ahead.append((item, asyncio.create_task(when_free(item))))
            if len(ahead) >= 2 * at_once:
                yield ahead.popleft()
        while ahead:
            yield ahead.popleft()
    finally:
        for _, task in ahead:
            task.cancel()
        await asyncio.gather(*(task for _, task in ahead), return_exceptions=True)
