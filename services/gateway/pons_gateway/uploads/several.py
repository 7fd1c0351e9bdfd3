# SPDX-License-Identifier: Apache-2.0
"""Several files of one request, each stored as if it had come alone."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from pons.errors import BadRequest, OutOfResources, PonsError, Unavailable
from pons.limits import MEGABYTE
from pons.objects import Body
from pons.objects.bodies import freed

AT_ONCE = 4
"""Files of a request that are stored at a time; as many are in memory, or in spools."""
IN_MEMORY = 2 * MEGABYTE
"""Bytes of each of them that are; what is larger is a spool."""
MOST_FILES = 100

StoreFile = Callable[[Body], Awaitable[Any]]
Told = dict[str, str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a file: what is in the store of it, or why it is not."""

    stored: list[Told] = field(default_factory=list)
    failure: PonsError | None = None


async def store_several(files: AsyncIterator[Body], store: StoreFile) -> list[Outcome]:
    """What became of each, in their order; they are freed.

    What has come whole is stored also where reading fails behind it, which raises what it raises:
    `BadRequest` above `MOST_FILES`.
    """
    storing = _Storing(store)
    tasks: list[asyncio.Task[Outcome]] = []
    try:
        async for file in files:
            if len(tasks) == MOST_FILES:
                with freed(file):
                    raise BadRequest(f"A request has at most {MOST_FILES} files", "send two")
            tasks.append(asyncio.create_task(storing.outcome(file)))
            under_way = [task for task in tasks if not task.done()]
            if len(under_way) == AT_ONCE:
                await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await asyncio.gather(*tasks, return_exceptions=True)
    return [task.result() for task in tasks]


class _Storing:
    """Stores files, until the store cannot take any."""

    def __init__(self, store: StoreFile) -> None:
        self._store = store
        self._away: PonsError | None = None

    async def outcome(self, file: Body) -> Outcome:
        """What became of it. Raises only what is a bug."""
        try:
            with freed(file):
                if self._away is not None:  # the others would not fare better
                    return Outcome(failure=self._away)
                stored = await self._store(file)
        except PonsError as error:
            if isinstance(error, OutOfResources | Unavailable):
                self._away = error
            return Outcome(error.told.get("Stored", []), error)
        return Outcome(stored if isinstance(stored, list) else [stored])
