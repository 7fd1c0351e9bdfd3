# SPDX-License-Identifier: Apache-2.0
"""The lane of each destination: whether routing may make another job for it."""

import asyncio
from collections import Counter, deque
from contextlib import suppress

from pons.jobs.following import Following, Seen
from pons.jobs.store import ROUTING
from pons.settings import JobsSettings

GLANCE = 30.0
LAST = 256
"""Jobs of which it is kept in mind that they have ended."""


class Lanes:
    """Hears of the jobs of routing. A lane is open when no job of it goes on, and few are dead.

    So a destination that is down costs one job and what waits in its queue, and one that stays down
    is held before its list of dead letters is full. Two replicas may find a lane open at once: then
    it has two jobs for a while.
    """

    def __init__(self, following: Following, settings: JobsSettings) -> None:
        """Before `following` is run: until then no lane is open."""
        self._most_dead = settings.dead_letters // 2
        self._going_on: dict[str, str] = {}
        """Unfinished jobs, to their destinations."""
        self._dead: dict[str, str] = {}
        self._over: deque[str] = deque(maxlen=LAST)
        """Jobs that have ended last: that may be heard before they are expected."""
        self._known = False
        self._news = asyncio.Event()
        following.tell(self)

    def begin_anew(self) -> None:
        self._going_on.clear()
        self._dead.clear()

    def hear(self, seen: Seen) -> None:
        document = seen.document
        self._end(document.id)
        if document.finished:
            self._over.append(document.id)
        if document.worker == ROUTING:
            if not document.finished:
                self._going_on[document.id] = document.destination
            elif document.dead_letter:
                self._dead[document.id] = document.destination
        self._news.set()

    def forget(self, job_id: str) -> None:
        self._end(job_id)
        self._over.append(job_id)
        self._news.set()

    def heard_all(self) -> None:
        self._known = True
        self._news.set()

    def expect(self, job_id: str, destination: str) -> None:
        """A job was just made, of which nothing may have been heard."""
        if job_id not in self._over:
            self._going_on[job_id] = destination

    def is_held(self, destination: str) -> bool:
        """Whether so many dead letters wait for somebody that nothing more is sent."""
        return Counter(self._dead.values())[destination] >= self._most_dead

    async def until_open(self, destination: str) -> None:
        """Return when another job may be made."""
        while not self._is_open(destination):
            self._news.clear()
            with suppress(TimeoutError):  # others may wait for the same event and clear it
                async with asyncio.timeout(GLANCE):
                    await self._news.wait()

    def _is_open(self, destination: str) -> bool:
        busy = destination in self._going_on.values()
        return self._known and not busy and not self.is_held(destination)

    def _end(self, job_id: str) -> None:
        self._going_on.pop(job_id, None)
        self._dead.pop(job_id, None)
