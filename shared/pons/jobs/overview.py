# SPDX-License-Identifier: Apache-2.0
"""The jobs of a store as they are now, for people who look at them while they change."""

import asyncio
import heapq
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import msgspec

from pons.bus.watch import Entry, Snapshot
from pons.jobs.board import Jobs, decode, read_documents
from pons.jobs.document import JobDocument
from pons.jobs.listed import ListedJob, row_of, told_by_row
from pons.jobs.steps import LOOK_EVERY, all_reached, as_far_as, look_at_each
from pons.jobs.transitions import step_of

NEWS_EVERY = LOOK_EVERY
"""Seconds between two news at least: sooner nothing new is known of jobs that run."""
LOOK_SECONDS = 1.0
"""What a look at how far jobs are may take: nobody waits longer for what is known already."""
LATEST = 6
"""Jobs that the news name: those under way, then those that ended last."""


class JobNews(msgspec.Struct, frozen=True, rename="camel"):
    """What those who look are told after each change."""

    states: dict[str, int]
    """How many jobs there are in each state."""
    progress: float
    """Of all that run, 0 to 1."""
    newest: float
    """When the newest job was asked for; 0 where there is none."""
    latest: list[ListedJob]


class JobOverview:
    """Follows the jobs while anybody looks; what it holds is small, and of one replica: a row of
    each job, and of those that run what it is made of.

    Without anybody it follows nothing, since each change of each job would cost something.
    """

    def __init__(self, jobs: Jobs, stop: asyncio.Event) -> None:
        """Those who follow end when `stop` is set."""
        self._jobs = jobs
        self._stop = stop
        self._known: dict[str, ListedJob] | None = None
        self._running: dict[str, JobDocument] = {}
        """Those known that run, as far as they are: their documents do not tell that."""
        self._looked_at = 0.0
        self._changed = asyncio.Event()
        self._followers = 0
        self._watching: asyncio.Task[None] | None = None

    async def all(self) -> list[ListedJob]:
        """Every job; from memory while somebody follows, else in one read. Raises `Unavailable`."""
        if self._known is not None:
            await self._look_on()
        if self._known is not None:
            return list(self._known.values())
        documents = [document for document, _ in await read_documents(self._jobs.bus)]
        return [row_of(document) for document in await all_reached(self._jobs.bucket, documents)]

    async def news(self) -> AsyncIterator[JobNews]:
        """How it is now, and then after changes, until `stop` is set. Waits while NATS is away."""
        async with self._follow() as watching:
            told = None
            while not self._stop.is_set():
                changed = self._changed  # before the look, so that no change is missed
                await self._look_on()
                news = told if self._known is None else _news_of(self._known)
                if news is not None and news != told:
                    told = news
                    yield news
                elif not self._running:
                    await self._wait(changed, watching)
                    continue
                await self._wait(self._stop, watching, seconds=NEWS_EVERY)

    async def _look_on(self) -> None:
        """Learn how far running jobs are, once for all who follow. One of which NATS does not tell
        that, or not in time, is as far as it was; the next look asks again."""
        if time.monotonic() < self._looked_at + LOOK_EVERY:
            return
        self._looked_at = time.monotonic()

        def note(was: JobDocument, further: JobDocument) -> None:
            if self._running.get(was.id) is was:  # nothing was heard of it meanwhile
                self._note(further)

        before = list(self._running.values())
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                await look_at_each(self._jobs.bucket, before, note, miss=lambda error: None)

    @asynccontextmanager
    async def _follow(self) -> AsyncIterator[asyncio.Task[None]]:
        """One watch for all who follow; it begins with the first, and ends with the last."""
        self._followers += 1
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self._watch())
        try:
            yield self._watching
        finally:
            self._followers -= 1
            ending = self._watching
            if self._followers == 0 and ending is not None:
                # Whoever comes before it has ended begins another one.
                self._watching = self._known = None
                self._running.clear()
                ending.cancel()
                await asyncio.wait((ending,))

    async def _watch(self) -> None:
        """What is known ends with the watch, whatever ended it: it would grow old."""
        try:
            async for item in self._jobs.bucket.watch("*"):
                self._learn(item)
                self._changed.set()
                self._changed = asyncio.Event()
        finally:
            if self._watching is asyncio.current_task():
                self._known = None
                self._running.clear()

    def _learn(self, item: Snapshot | Entry) -> None:
        if isinstance(item, Snapshot):
            before, self._known, self._running = self._running, {}, {}
            for entry in item.entries.values():
                self._hear(entry, before)
            self._looked_at = 0.0  # whoever waited for this sees how far they are at once
        elif self._known is not None:
            self._hear(item, self._running)

    def _hear(self, entry: Entry, before: dict[str, JobDocument]) -> None:
        if entry.value:
            document = decode(entry.value)
            was = before.get(document.id)
            self._note(as_far_as(document, step_of(was)) if was else document)
        elif self._known is not None:
            self._known.pop(entry.key, None)
            self._running.pop(entry.key, None)

    def _note(self, document: JobDocument) -> None:
        if self._known is not None:
            self._known[document.id] = row_of(document)
        if document.state == "Running":
            self._running[document.id] = told_by_row(document)
        else:
            self._running.pop(document.id, None)

    async def _wait(
        self, event: asyncio.Event, watching: asyncio.Task[None], seconds: float | None = None
    ) -> None:
        """Until the event, the end, or some seconds. Raises what has ended the watch."""
        waiting = [asyncio.ensure_future(one.wait()) for one in {event, self._stop}]
        try:
            await asyncio.wait(
                [*waiting, watching], timeout=seconds, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            for one in waiting:
                one.cancel()
        if watching.done():
            watching.result()


def _news_of(known: dict[str, ListedJob]) -> JobNews:
    running = [job.progress for job in known.values() if job.state == "Running"]
    return JobNews(
        states=dict(Counter(job.state for job in known.values())),
        progress=sum(running) / len(running) if running else 0.0,
        newest=max((job.created for job in known.values()), default=0.0),
        latest=heapq.nlargest(
            LATEST,
            known.values(),
            key=lambda job: (job.under_way, job.completed or job.created, job.id),
        ),
    )
