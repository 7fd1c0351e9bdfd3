# SPDX-License-Identifier: Apache-2.0
"""Questions that may take long end with the client that asks them."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request

LONG_SECONDS = 1.0
"""What is answered before is not worth watching its client."""

Found = TypeVar("Found")


async def while_wanted(request: Request, finding: Coroutine[Any, Any, Found]) -> Found:
    """What is found; nobody goes on to look for it once the client has gone.

    The body of the request has been read. For questions alone: what changes the store goes on.
    Raises ClientDisconnect.
    """
    looking = asyncio.ensure_future(finding)
    tasks: list[asyncio.Future[Any]] = [looking]
    try:
        done, _ = await asyncio.wait(tasks, timeout=LONG_SECONDS)
        if not done:
            tasks.append(asyncio.ensure_future(_leaving(request)))
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if not looking.done():
                raise ClientDisconnect
        return looking.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _leaving(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
