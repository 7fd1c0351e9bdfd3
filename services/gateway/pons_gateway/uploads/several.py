# SPDX-License-Identifier: Apache-2.0
"""Several files of one request, each stored as if it had come alone."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
from typing import Any

import structlog

from pons.errors import BadRequest, OutOfResources, PonsError, Unavailable
from pons.limits import MEGABYTE
from pons.objects import Body
from pons.objects.bodies import freed
from pons_gateway.uploads.zip_files import is_zip

log = structlog.get_logger()

AT_ONCE = 4
"""Files of a request that are stored at a time; as many are in memory, or in spools."""
IN_MEMORY = 2 * MEGABYTE
"""Bytes of each of them that are; what is larger is a spool."""
MOST_FILES = 100
AWAY = (OutOfResources, Unavailable)
"""Why the other files would not fare better either."""

StoreFile = Callable[[Body], Awaitable[Any]]
Told = dict[str, str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a file: what is in the store of it, or why it is not."""

    stored: list[Told] = field(default_factory=list)
    failure: PonsError | None = None

    @property
    def refused_all(self) -> bool:
        """Whether the store took nothing of it because it takes nothing now."""
        return isinstance(self.failure, AWAY) and not self.stored


async def store_several(files: AsyncIterator[Body], store: StoreFile) -> list[Outcome]:
    """What became of each, in their order; they are freed.

    What has come whole is stored also where reading fails behind it, which raises what it raises:
    `BadRequest` above `MOST_FILES`. Raises `Unavailable` or `OutOfResources` where the store could
    not take a single file for that.
    """
    storing = _Storing(store)
    tasks: list[asyncio.Task[Outcome]] = []
    try:
        async for file in files:
            if len(tasks) == MOST_FILES:
                with freed(file):
                    raise BadRequest(f"A request has at most {MOST_FILES} files", "send two")
            tasks.append(storing.begin(file))
            under_way = [task for task in tasks if not task.done()]
            if len(under_way) == AT_ONCE:
                await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await asyncio.gather(*tasks, return_exceptions=True)
    outcomes = [task.result() for task in tasks]
    if storing.away is not None and all(one.refused_all for one in outcomes):
        raise storing.away
    return outcomes


class _Storing:
    """Stores files, until the store cannot take any; one ZIP at a time, which may take memory."""

    def __init__(self, store: StoreFile) -> None:
        self._store = store
        self._unpacking = asyncio.Lock()
        self.away: PonsError | None = None
        """Why the store cannot take any more of them."""

    def begin(self, file: Body) -> asyncio.Task[Outcome]:
        """A task that stores it, and frees it however it ends, be it before its first step."""
        held = ExitStack()
        held.enter_context(freed(file))
        task = asyncio.create_task(self._outcome(file))
        task.add_done_callback(lambda _: held.close())
        return task

    async def _outcome(self, file: Body) -> Outcome:
        """What became of it. Raises only what is a bug."""
        try:
            async with self._unpacking if is_zip(file) else nullcontext():
                if self.away is not None:  # the others would not fare better
                    return Outcome(failure=self.away)
                stored = await self._store(file)
        except PonsError as error:
            if isinstance(error, AWAY):
                self.away = error
            return Outcome(error.told.get("Stored", []), error)
        except Exception:  # the request may have another end to tell of
            log.exception("file of a form not stored")
            raise
        return Outcome(stored if isinstance(stored, list) else [stored])
