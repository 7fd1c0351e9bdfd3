# SPDX-License-Identifier: Apache-2.0
"""The documents of all jobs as they change, followed once for all workers of a process."""

import asyncio
import time
from dataclasses import dataclass
from typing import Protocol

from pons.bus.watch import Entry, Snapshot, connection_number
from pons.jobs.board import Jobs, decode
from pons.jobs.document import JobDocument
from pons.jobs.leftovers import remove_leftovers_forever


@dataclass(frozen=True, slots=True)
class Seen:
    """A document as it was heard of."""

    document: JobDocument
    revision: int
    since: float
    """When this revision was first seen, on the monotonic clock."""


class Listener(Protocol):
    """Who is told of each change, in order."""

    def begin_anew(self) -> None:
        """Forget all jobs: those that exist come next, as changes may have been missed."""

    def hear(self, seen: Seen) -> None:
        """A job is new or changed."""

    def forget(self, job_id: str) -> None:
        """A job is gone."""

    def heard_all(self) -> None:
        """Those that exist have come."""


class Following:
    """Hears of each job that comes, is claimed, is wanted to stop or ends, in whichever replica:
    so once in a process. Of the steps between, nobody hears."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self._connection = -1
        self._listeners: list[Listener] = []
        self.seen: dict[str, Seen] = {}
        """Every job by its id."""

    def tell(self, listener: Listener) -> None:
        """Tell `listener` of what is heard from now on; before `run`, so that it misses nothing."""
        self._listeners.append(listener)

    @property
    def is_current(self) -> bool:
        """Whether what is seen is all that happens, so that silence means something."""
        bus = self._jobs.bus
        return bus.client.is_connected and connection_number(bus) == self._connection

    async def run(self) -> None:
        """Follow until cancelled, and meanwhile remove what is left of jobs that are gone."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(remove_leftovers_forever(self._jobs))
                await self._follow()
        finally:
            self._connection = -1

    async def _follow(self) -> None:
        async for item in self._jobs.bucket.watch("*"):
            if isinstance(item, Snapshot):
                # After a gap every owner gets a whole lease again: it could not write either.
                self._connection = connection_number(self._jobs.bus)
                self.seen.clear()
                for listener in self._listeners:
                    listener.begin_anew()
                for entry in item.entries.values():
                    self._see(entry)
                for listener in self._listeners:
                    listener.heard_all()
            else:
                self._see(item)

    def _see(self, entry: Entry) -> None:
        if entry.value is None:
            self.seen.pop(entry.key, None)
            for listener in self._listeners:
                listener.forget(entry.key)
            return
        seen = Seen(decode(entry.value), entry.revision, time.monotonic())
        self.seen[entry.key] = seen
        for listener in self._listeners:
            listener.hear(seen)
