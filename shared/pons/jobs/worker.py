# SPDX-License-Identifier: Apache-2.0
"""The side of a service that does jobs: claim the best one, run its handler, tell how it ended."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from uuid import uuid4

import structlog

from pons.bus import Bus, check_cancelled
from pons.bus.bucket import Outdated
from pons.errors import PonsError, Unavailable, log_text
from pons.health.pulse import Pulse
from pons.jobs.board import Jobs
from pons.jobs.document import JobDocument
from pons.jobs.following import Following, Seen
from pons.jobs.measured import forget_jobs, measure_end, measure_jobs
from pons.jobs.run import ClaimLost, PauseWanted, Run
from pons.jobs.steps import reached
from pons.jobs.transitions import (
    Transition,
    claimed,
    ended_by_cancel,
    ended_by_pause,
    failed,
    released,
    succeeded,
)
from pons.objects import Objects
from pons.settings import JobsSettings
from pons.traces.attributes import Attribute
from pons.traces.spans import span

log = structlog.get_logger()

LEASE = 12.0
"""Seconds without a sign of life after which a running job belongs to whoever claims it."""
CLAIM_PAUSE = 0.5
CLAIMABLE = frozenset({"Pending", "Retry", "Running"})
"""States in which a job is or may become somebody's."""
RELEASE_SECONDS = 3.0
"""How long a worker that ends tries to give a job back; then the lease runs out instead."""


Handler = Callable[[Run], Awaitable[None]]
"""Does the work of a job; may be called again for the same job, with its position."""


class Worker:
    """Does the jobs of one kind; any number of them may, in any number of processes."""

    def __init__(
        self,
        bus: Bus,
        settings: JobsSettings,
        kind: str,
        handlers: Mapping[str, Handler],
        lease: float = LEASE,
        objects: Objects | None = None,
        *,
        one_each: bool = False,
        following: Following | None = None,
    ) -> None:
        """`handlers` by job type; `objects` as of `Jobs`. With `one_each` no two jobs of a
        destination run here at once. `following` is that of several workers, and run beside
        them; without, this one has its own."""
        self._jobs = Jobs(bus, settings, objects)
        self._following = following or Following(self._jobs)
        self._follows = following is None
        self._kind = kind
        self._handlers = handlers
        self._lease = lease
        self._slots = settings.concurrent
        self._one_each = one_each
        self._delays = settings.retry_delays
        self._open: dict[str, Seen] = {}
        """Jobs that have not ended and are of our kind: of each change of one every replica hears,
        and looks through these and not through the whole history."""
        self._runs: dict[str, Run] = {}
        self._contested: dict[str, int] = {}
        self._looks_at = math.inf
        """When it looks for a job by itself, on the monotonic clock; while it does something else
        it looks for whatever may be claimed."""
        self._news = asyncio.Event()
        self._following.tell(self)

    async def run(self) -> None:
        """Work until cancelled; then the jobs under way are given back."""
        bus = self._jobs.bus
        async with asyncio.TaskGroup() as group:
            if self._follows:
                group.create_task(self._following.run())
            with bus.pulses.during(f"{self._kind} jobs") as pulse:
                await self._claim_forever(group, pulse)

    async def measure(self) -> None:
        """Tell the metrics how the jobs of this kind are, as far as is known here."""
        if self._following.is_current:
            seen = [one.document for one in self._following.seen.values()]
            measure_jobs(self._kind, [one for one in seen if one.worker == self._kind])
        else:
            forget_jobs(self._kind)

    async def _claim_forever(self, group: asyncio.TaskGroup, pulse: Pulse) -> None:
        while True:
            check_cancelled()
            self._news.clear()
            best = self._best() if len(self._runs) < self._slots else None
            if best is None:
                pulse.succeed()  # also of what could not be claimed and others have taken
                await self._wait_for_news()
                continue
            try:
                pulse.begin()
                run = await self._claim(best)
                pulse.succeed()
            except Unavailable as error:
                pulse.fail(str(error))
                log.warning("job not claimed", job=best.document.id, error=log_text(error))
                await asyncio.sleep(CLAIM_PAUSE)
                continue
            if run is not None:
                self._runs[run.id] = run
                group.create_task(self._work(run))

    def begin_anew(self) -> None:
        self._open.clear()
        self._contested.clear()

    def heard_all(self) -> None:
        self._news.set()

    def hear(self, seen: Seen) -> None:
        document = seen.document
        run = self._runs.get(document.id)
        if run is not None:
            run.hear(document, seen.revision)
        if document.worker != self._kind:
            return
        if document.state not in CLAIMABLE:
            self.forget(document.id)
            return
        self._open[document.id] = seen
        if time.monotonic() + self._due(seen) < self._looks_at:
            self._news.set()

    def forget(self, job_id: str) -> None:
        self._contested.pop(job_id, None)
        self._open.pop(job_id, None)

    def _best(self) -> Seen | None:
        """Of those with the highest priority the oldest, and before it those that no job here is
        about the destination of: one that hangs must not hold up the others."""
        claimable = [seen for seen in self._open.values() if self._due(seen) <= 0]
        busy = {run.document.destination for run in self._runs.values()} - {""}

        def place(seen: Seen) -> tuple[int, bool, float, str]:
            document = seen.document
            waits = document.destination in busy
            return -document.priority, waits, document.created, document.id

        return min(claimable, key=place, default=None)

    def _due(self, seen: Seen) -> float:
        """Seconds until the job may be claimed here; infinite when only news can change that."""
        document = seen.document
        if (
            document.worker != self._kind
            or document.job_type not in self._handlers
            or document.id in self._runs
            or self._contested.get(document.id) == seen.revision
            or (self._one_each and self._is_busy(document.destination))
        ):
            return math.inf
        if document.state == "Pending":
            return 0.0
        if document.state == "Retry":
            return document.retry_at - time.time()
        if document.state == "Running" and self._following.is_current:
            return seen.since + self._lease - time.monotonic()
        return math.inf

    def _is_busy(self, destination: str) -> bool:
        return any(run.document.destination == destination for run in self._runs.values())

    async def _wait_for_news(self) -> None:
        """Until a job may be claimed here; when full, until one has ended here."""
        self._looks_at = -math.inf
        due = math.inf
        if len(self._runs) < self._slots:
            due = min((self._due(seen) for seen in self._open.values()), default=math.inf)
            self._looks_at = time.monotonic() + due
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(None if due == math.inf else due):
                    await self._news.wait()
        finally:
            self._looks_at = math.inf

    async def _claim(self, seen: Seen) -> Run | None:
        """The job in our hands, or None when it is not to be had. Raises `Unavailable`."""
        # The claim says how far its owner before was: who claims it and dies leaves no less.
        former = await reached(self._jobs.bucket, seen.document)
        document = claimed(former, time.time(), str(uuid4()))
        try:
            revision = await self._jobs.replace(document, seen.revision)
        except Outdated:
            self._contested[document.id] = seen.revision
            return None
        step_revision = 0
        if seen.document.state == "Running":
            log.warning("job taken over", job=document.id, type=document.job_type)
            document, step_revision = await self._take_over(document, former)
        return Run(self._jobs, document, revision, step_revision)

    async def _take_over(
        self, document: JobDocument, former: JobDocument
    ) -> tuple[JobDocument, int]:
        """As `Jobs.take_over`, however long NATS is away: of a job that is claimed already, how far
        it was must not be forgotten."""
        while True:
            check_cancelled()
            try:
                return await self._jobs.take_over(document, former)
            except Unavailable as error:
                log.warning("job waits for its list", job=document.id, error=log_text(error))
                await asyncio.sleep(CLAIM_PAUSE)

    async def _work(self, run: Run) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                beating = group.create_task(run.keep_claim(self._lease / 3))
                try:
                    transition = await self._outcome(run)
                finally:
                    beating.cancel()
            if transition is released:
                await self._give_back(run)
            elif transition is not None and await run.end(transition):
                await self._ended(run)
            else:
                log.warning("job is not ours any more", job=run.id)
        finally:
            del self._runs[run.id]
            self._news.set()

    async def _outcome(self, run: Run) -> Transition | None:
        """Run the handler; how the job is to be written, or None when it is not ours any more."""
        if run.document.wanted:  # its former owner died before it could
            return ended_by_cancel if run.document.wanted == "cancel" else ended_by_pause
        handler = self._handlers[run.document.job_type]
        run.task = asyncio.ensure_future(_handled(handler, run))
        try:
            await run.task
        except asyncio.CancelledError as error:
            if run.lost:
                return None
            ending = asyncio.current_task()
            if ending is not None and ending.cancelling():
                return released  # or what is wanted, of which nobody asks NATS: it may be away
            if await run.wants() == "cancel":
                return ended_by_cancel
            log.exception("job ended itself", job=run.id, type=run.document.job_type)
            return partial(failed, error=RuntimeError(str(error)))
        except PauseWanted:
            return ended_by_pause
        except ClaimLost:
            return None
        except PonsError as error:
            log.warning("job failed", job=run.id, type=run.document.job_type, error=log_text(error))
            return partial(failed, error=error, network=self._delays)
        except Exception as error:  # the edge: anything else is a bug, told as an internal error
            log.exception("job failed", job=run.id, type=run.document.job_type)
            return partial(failed, error=error)
        return succeeded

    async def _give_back(self, run: Run) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(RELEASE_SECONDS):
                await run.end(released)
        log.info("job given back", job=run.id, state=run.document.state)

    async def _ended(self, run: Run) -> None:
        document = run.document
        log.info(
            "job ended",
            job=document.id,
            type=document.job_type,
            state=document.state,
            code=document.code,
            details=document.error_details,
            seconds=round(document.runtime, 3),
        )
        if not document.finished:
            return
        measure_end(document)
        followed = self._following.seen.values()
        known = {seen.document.id: (seen.document, seen.revision) for seen in followed}
        known[document.id] = (document, run.revision)
        try:
            await self._jobs.forget_old(known.values())
        except Unavailable as error:  # the next one that finishes does it
            log.warning("old jobs not forgotten", error=log_text(error))


async def _handled(handler: Handler, run: Run) -> None:
    """Let the handler work, as part of the trace that the job was asked for in.

    What was asked is read only now: of those that want to claim a job, one alone needs it.
    """
    await run.read_request()
    about = {Attribute.JOB_ID: run.id, Attribute.JOB_TYPE: run.document.job_type}
    if run.document.destination:
        about[Attribute.DESTINATION] = run.document.destination
    name = f"job {run.document.job_type}"
    stopped: Exception | None = None  # which is no failure, and not to be told as one
    with span(name, "consumer", about, parent=run.request.trace):
        try:
            await handler(run)
        except (PauseWanted, ClaimLost) as error:
            stopped = error
    if stopped is not None:
        raise stopped
