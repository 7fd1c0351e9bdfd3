# SPDX-License-Identifier: Apache-2.0
"""What still waits for studies: the change feed, the queues of destinations, and jobs.

A change passes from the feed into a queue and from there into a job, each time before it leaves
where it was. So who looks in this order misses nothing.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from pons.bus import Bus, check_cancelled
from pons.bus.connection import AWAY, ROUTER
from pons.catalog import Catalog, Fields
from pons.errors import Unavailable
from pons.jobs import Jobs
from pons.jobs.board import read_documents
from pons.jobs.document import JobDocument
from pons.retention.judgement import Verdict
from pons.routing.queues import Queues

NOTHING = Fields(frozenset())
AT_ONCE = 1000
"""Identifiers that the index is asked about at once."""
PATIENCE = 10.0
"""Seconds to wait for routing to have seen the last changes."""
BEHIND = "routing has not seen all changes yet"
IDENTIFIER = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{8}){4}")

Found = tuple[str, str]
"""An identifier, and what waits for it."""


class Waits:
    """Finds out which studies something waits for.

    Every method raises `Unavailable` while NATS or the index is away.
    """

    def __init__(
        self,
        bus: Bus,
        catalog: Catalog,
        jobs: Jobs,
        routes: Callable[[], bool],
        patience: float = PATIENCE,
    ) -> None:
        """`routes` tells whether there are routing rules at all."""
        self._patience = patience
        self._bus = bus
        self._catalog = catalog
        self._jobs = jobs
        self._routes = routes
        self._queues = Queues(bus)

    async def consider(self, verdicts: Sequence[Verdict]) -> list[Verdict]:
        """The verdicts; those that something waits for do not go, and say what."""
        going = {one.study.id for one in verdicts if one.goes}
        if not going:
            return list(verdicts)
        if not await self._all_routed():
            return [replace(one, kept=one.kept or BEHIND) for one in verdicts]
        reasons: dict[str, str] = {}
        page: dict[str, str] = {}
        async for identifier, what in self._named():
            page.setdefault(identifier, what)
            if len(page) >= AT_ONCE:
                reasons |= await self._of_studies(page, going)
                page.clear()
        reasons |= await self._of_studies(page, going)
        return [replace(one, kept=one.kept or reasons.get(one.study.id, "")) for one in verdicts]

    async def _all_routed(self) -> bool:
        """Whether the rules were asked of everything that had changed before."""
        if not self._routes():
            return True
        last, _ = await self._catalog.old_studies.relayed()

        async def relayed() -> bool:
            return (await self._catalog.old_studies.relayed())[1] >= last

        if not await self._soon(relayed):
            return False
        stream = self._bus.names.changes_stream
        with _reaching():
            end = (await self._bus.stream.stream_info(stream)).state.last_seq

        async def read() -> bool:
            with _reaching():
                reader = await self._bus.stream.consumer_info(stream, ROUTER)
            floor = reader.ack_floor.stream_seq if reader.ack_floor else 0
            return floor >= end or not (reader.num_pending or reader.num_ack_pending)

        return await self._soon(read)

    async def _soon(self, reached: Callable[[], Awaitable[bool]]) -> bool:
        """Whether it is so before patience ends."""
        waited, delay = 0.0, 0.05
        while not await reached():
            if waited > self._patience:
                return False
            check_cancelled()
            await asyncio.sleep(delay)
            waited, delay = waited + delay, min(delay * 2, 1.0)
        return True

    async def _named(self) -> AsyncIterator[Found]:
        """Every resource that is waited for, with what waits."""
        async for destination, waiting in self._queues.look():
            yield waiting.resource_id, f"it waits for {destination}"
        for document, _ in await read_documents(self._jobs.bus):
            if document.finished and not document.dead_letter:
                continue
            request = await self._jobs.request(document.id)
            for identifier in _identifiers(request.arguments if request else {}):
                yield identifier, _words(document)

    async def _of_studies(self, found: Mapping[str, str], going: set[str]) -> dict[str, str]:
        """The reasons of those of the studies that these are, belong to or have below."""
        named = await self._catalog.known(list(found))
        reasons: dict[str, str] = {}
        for what in dict.fromkeys(found[one] for one in named):
            ids = [one for one in named if found[one] == what]
            async for page in self._catalog.bulk(ids, "Study", NOTHING):
                reasons |= {one.id: what for one in page if one.id in going}
        return reasons


@contextmanager
def _reaching() -> Iterator[None]:
    try:
        yield
    except AWAY as error:
        raise Unavailable("It cannot be told now what routing has seen") from error


def _words(document: JobDocument) -> str:
    if document.dead_letter:
        return f"job {document.id} for {document.destination} failed: see /jobs/dead-letters"
    return f"job {document.id} has not finished"


def _identifiers(value: Any) -> Iterator[str]:
    """Every identifier of a resource in what is asked of a job, of whatever kind."""
    if isinstance(value, str):
        if IDENTIFIER.fullmatch(value):
            yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _identifiers(one)
    elif isinstance(value, Sequence) and not isinstance(value, bytes):
        for one in value:
            yield from _identifiers(one)
