# SPDX-License-Identifier: Apache-2.0
"""Functions of scripts and jobs: each event once and in its order, whenever it is read."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import msgspec
import nats.js.errors
import pytest

from pons.bus import Bus
from pons.bus.connection import SCRIPTS
from pons.errors import BadRequest, NotFound, Unavailable
from pons.jobs import JobDocument, JobRequest, Jobs, Run, Worker
from pons.jobs.document import Output
from pons.jobs.transitions import claimed, failed, resubmitted, succeeded
from pons.settings import JobsSettings
from pons_egress.lua.feed import Feed
from pons_egress.lua.jobs import JobEvents, job_events
from pons_testing.waiting import until

pytestmark = pytest.mark.anyio

REQUEST = JobRequest("Test", "testing")


class Told:
    """What functions were told, and whether they can be."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.away = 0

    async def __call__(self, function: str, job_id: str) -> None:
        if self.away:
            self.away -= 1
            raise Unavailable("The scripts are being loaded")
        self.events.append(f"{function} {job_id}")

    def of(self, job_id: str) -> list[str]:
        return [one.split()[0] for one in self.events if one.endswith(job_id)]


@asynccontextmanager
async def reading(bus: Bus, told: Told) -> AsyncIterator[None]:
    jobs = JobEvents(bus, told)
    feed = Feed(bus, SCRIPTS, jobs.stream, jobs.take, jobs.subject)
    task = asyncio.create_task(feed.run())
    try:
        await until(lambda: is_read(bus))
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def is_read(bus: Bus) -> bool:
    try:
        await bus.stream.consumer_info(f"KV_{bus.names.jobs_bucket}", SCRIPTS)
    except nats.js.errors.NotFoundError:
        return False
    return True


async def drained(bus: Bus) -> bool:
    info = await bus.stream.consumer_info(f"KV_{bus.names.jobs_bucket}", SCRIPTS)
    return info.num_pending == 0 and info.num_ack_pending == 0


async def run_and(jobs: Jobs, job_id: str, *, fail: bool) -> None:
    """Do a job at once, as a worker would."""
    await jobs.change(job_id, lambda document, now: claimed(document, now, "c"))
    await jobs.change(
        job_id,
        lambda document, now: (
            failed(document, now, BadRequest("x")) if fail else succeeded(document, now)
        ),
    )


async def test_jobs_of_a_worker(bus: Bus) -> None:
    """However often a job is written, each event is told once; a second failure is another."""
    told, jobs = Told(), Jobs(bus, JobsSettings())

    async def work(run: Run) -> None:
        for number in range(5):
            await run.step(number / 5, {"n": number}, number)
        if run.request.arguments["fails"]:
            raise BadRequest("as it should")

    worker = Worker(bus, JobsSettings(), "testing", {"Test": work})
    async with reading(bus, told):
        working = asyncio.create_task(worker.run())
        good, bad = [
            await jobs.submit(JobRequest("Test", "testing", arguments={"fails": fails}))
            for fails in (False, True)
        ]
        await until(lambda: len(told.events) >= 4)
        await jobs.resubmit(bad)
        await until(lambda: len(told.events) >= 5)
        await until(lambda: drained(bus))
        working.cancel()
        await asyncio.wait([working])
    assert told.of(good) == ["OnJobSubmitted", "OnJobSuccess"]
    assert told.of(bad) == ["OnJobSubmitted", "OnJobFailure", "OnJobFailure"]


async def test_what_was_written_over_before_it_was_read(bus: Bus) -> None:
    """Between two lives of the reader a job is submitted, fails twice, succeeds; another is even
    deleted, by hand or by the bound of the history. Nothing of it is left out."""
    told, jobs = Told(), Jobs(bus, JobsSettings(history=1))
    async with reading(bus, told):
        first = await jobs.submit(REQUEST)
        await until(lambda: told.events)
    again = await jobs.submit(REQUEST)
    await run_and(jobs, again, fail=True)
    await jobs.resubmit(again)
    await run_and(jobs, again, fail=True)
    await jobs.resubmit(again)
    await run_and(jobs, again, fail=False)
    await run_and(jobs, first, fail=False)  # pushes `again` out of the history
    deleted = await jobs.submit(REQUEST)
    await jobs.cancel(deleted)  # pushes `first` out
    await jobs.delete(deleted)
    for one in (first, again, deleted):
        with pytest.raises(NotFound):
            await jobs.get(one)
    async with reading(bus, told):
        await until(lambda: len(told.events) >= 8)
        await until(lambda: drained(bus))
    assert told.of(first) == ["OnJobSubmitted", "OnJobSuccess"]
    assert told.of(again) == ["OnJobSubmitted", "OnJobFailure", "OnJobFailure", "OnJobSuccess"]
    assert told.of(deleted) == ["OnJobSubmitted", "OnJobFailure"]
    left = await jobs.bucket.all(">")
    assert [entry.key for entry in left] == [], "nothing of deleted jobs is kept"


async def test_what_came_before_scripts_is_told_to_nobody(bus: Bus) -> None:
    """Of a job that waited, ran or had ended when scripts were set, only what follows is told."""
    told, jobs = Told(), Jobs(bus, JobsSettings())
    waits, fails, ended, gone = [await jobs.submit(REQUEST) for _ in range(4)]
    for one in (fails, ended, gone):
        await run_and(jobs, one, fail=True)
    async with reading(bus, told):
        await jobs.pause(waits)
        await jobs.resubmit(fails)
        await run_and(jobs, fails, fail=False)
        await jobs.delete(gone)
        await until(lambda: drained(bus))
    assert told.events == [f"OnJobSuccess {fails}"]
    await jobs.resume(waits)
    await run_and(jobs, waits, fail=False)
    async with reading(bus, told):
        await until(lambda: len(told.events) == 2)
    assert told.of(waits) == ["OnJobSuccess"]


async def test_what_could_not_be_told_comes_again(bus: Bus) -> None:
    """What of a job was told before is not told again."""
    told, jobs = Told(), Jobs(bus, JobsSettings())
    async with reading(bus, told):
        pass
    job_id = await jobs.submit(REQUEST)
    await run_and(jobs, job_id, fail=False)
    told.away = 2
    async with reading(bus, told):
        await until(lambda: len(told.events) == 2)
        await until(lambda: drained(bus))
    assert told.events == [f"OnJobSubmitted {job_id}", f"OnJobSuccess {job_id}"]


async def test_without_scripts_nothing_is_kept(bus: Bus) -> None:
    told, jobs = Told(), Jobs(bus, JobsSettings())
    async with reading(bus, told):
        job_id = await jobs.submit(REQUEST)
        await until(lambda: drained(bus))
        await until(lambda: told.events)
    assert {entry.key for entry in await jobs.bucket.all("*.told")} == {f"{job_id}.told"}
    await JobEvents(bus, told).forget()
    assert await jobs.bucket.all("*.told") == []


async def test_an_output_that_goes_is_no_news(bus: Bus) -> None:
    """What a job has made may go later, as of all but a few archives it does."""
    told, jobs = Told(), Jobs(bus, JobsSettings())
    output = Output(uuid4(), 1, "application/zip", "a.zip", made=5.0)
    async with reading(bus, told):
        job_id = await jobs.submit(REQUEST)
        await jobs.change(
            job_id, lambda one, _: msgspec.structs.replace(one, outputs={"archive": output})
        )
        await run_and(jobs, job_id, fail=False)
        await jobs.drop_output(job_id, "archive")
        await until(lambda: drained(bus))
    assert told.of(job_id) == ["OnJobSubmitted", "OnJobSuccess"]


def test_events_of_a_document() -> None:
    """All endings but the last were failures; one of an earlier version counts its last one."""
    job = JobDocument("1", "Test", "testing", 0, created=1.0, changed=5.0)
    ended = succeeded(resubmitted(failed(job, 6.0, BadRequest("x")), 7.0), 8.0)
    assert job_events(job) == ["OnJobSubmitted"]
    assert job_events(ended) == ["OnJobSubmitted", "OnJobFailure", "OnJobSuccess"]
    earlier = msgspec.structs.replace(ended, endings=0)
    assert job_events(earlier) == ["OnJobSubmitted", "OnJobSuccess"]
