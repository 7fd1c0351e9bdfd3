# SPDX-License-Identifier: Apache-2.0
"""What still waits for studies: the change feed, the queues of destinations, and jobs.

A change passes from the feed into a queue and from there into a job, or by a Lua script into a job
at once, each time before it leaves where it was. So who looks in this order misses nothing.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import nats.js.errors

from pons.bus import Bus, check_cancelled
from pons.bus.connection import AWAY, ROUTER, SCRIPTS
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
"""Seconds to wait for routing and scripts to have seen the last changes."""
BEHIND = "routing has not seen all changes yet"
UNTOLD = "functions of Lua scripts have not heard of all changes yet"
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
        if behind := await self._behind():
            return [replace(one, kept=one.kept or behind) for one in verdicts]
        reasons: dict[str, str] = {}
        page: dict[str, str] = {}
        async for identifier, what in self._named():
            page.setdefault(identifier, what)
            if len(page) >= AT_ONCE:
                reasons |= await self._of_studies(page, going)
                page.clear()
        reasons |= await self._of_studies(page, going)
        return [replace(one, kept=one.kept or reasons.get(one.study.id, "")) for one in verdicts]

    async def _behind(self) -> str:
        """Who has not seen everything that had changed before, in words; empty: nobody."""
        changes, jobs = self._bus.names.changes_stream, f"KV_{self._bus.names.jobs_bucket}"
        readers = [(BEHIND, changes, ROUTER)] if self._routes() else []
        readers += [
            (UNTOLD, stream, SCRIPTS)
            for stream in (changes, jobs)
            if await self._is_read(stream, SCRIPTS)
        ]
        if not readers:
            return ""
        last, _ = await self._catalog.old_studies.relayed()

        async def relayed() -> bool:
            return (await self._catalog.old_studies.relayed())[1] >= last

        if not await self._soon(relayed):
            return readers[0][0]
        for what, stream, reader in readers:
            if not await self._has_read(stream, reader):
                return what
        return ""

    async def _is_read(self, stream: str, name: str) -> bool:
        """Whether a stream has this reader."""
        with _reaching():
            try:
                await self._bus.stream.consumer_info(stream, name)
            except nats.js.errors.NotFoundError:
                return False
        return True

    async def _has_read(self, stream: str, name: str) -> bool:
        """Whether a reader of a stream soon is done with all that is in it by now."""
        with _reaching():
            end = (await self._bus.stream.stream_info(stream)).state.last_seq

        async def read() -> bool:
            with _reaching():
                reader = await self._bus.stream.consumer_info(stream, name)
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
        raise Unavailable("It cannot be told now what routing and scripts have seen") from error


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
