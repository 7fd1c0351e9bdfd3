# SPDX-License-Identifier: Apache-2.0
"""Jobs on a real nats-server: who does them, in which order, and what becomes of them."""

import asyncio
import time
from contextlib import suppress

import pytest

from pons.bus import Bus
from pons.errors import Conflict, NotFound, RemoteFailure, TooLarge, Unavailable
from pons.jobs import JobRequest, Jobs, Run, failure_of, transitions
from pons.jobs.actions import act
from pons_testing.jobs import until_state
from pons_testing.waiting import until

from .working_jobs import REQUEST, Counting, working

pytestmark = pytest.mark.anyio


async def test_a_job_is_done(bus: Bus, jobs: Jobs) -> None:
    """A submitted job is found, done, and waited for, with its content and runtime."""
    began = time.monotonic()
    async with working(bus, Counting()):
        job = await jobs.wait_for(await jobs.submit(REQUEST), 60)
    assert (job.document.state, job.document.progress, job.document.error_code) == ("Success", 1, 0)
    assert job.content == {"Description": "test", "Steps": 3}
    assert 0 < job.document.runtime < time.monotonic() - began
    assert job.document.completed is not None


async def test_a_job_waits_for_a_worker_of_its_kind(bus: Bus, jobs: Jobs) -> None:
    """What no worker here can do stays pending, and does not block what it can do."""
    other = await jobs.submit(JobRequest("Count", "somebody else"), priority=9)
    unknown = await jobs.submit(JobRequest("Paint", "tester"), priority=9)
    async with working(bus, Counting()):
        await jobs.wait_for(await jobs.submit(REQUEST), 60)
    assert (await jobs.get(other)).document.state == "Pending"
    assert (await jobs.get(unknown)).document.state == "Pending"


async def test_higher_priority_first(bus: Bus, jobs: Jobs) -> None:
    """Of those that wait the highest priority comes first, then the oldest."""
    ids = [await jobs.submit(REQUEST, priority) for priority in (0, 5, -1, 5)]
    counting = Counting()
    async with working(bus, counting, slots=1):
        await jobs.wait_for(ids[2], 60)
    assert counting.began == [ids[1], ids[3], ids[0], ids[2]]


async def test_no_more_at_once_than_configured(bus: Bus, jobs: Jobs) -> None:
    """A worker with two slots begins a third job only when one has ended."""
    ids = [await jobs.submit(REQUEST) for _ in range(3)]
    counting = Counting(permissions=0)
    async with working(bus, counting, slots=2):
        await until_state(jobs, ids[0], "Running")
        await until_state(jobs, ids[1], "Running")
        assert (await jobs.get(ids[2])).document.state == "Pending"
        counting.allow(9)
        await asyncio.gather(*(jobs.wait_for(job_id, 60) for job_id in ids))
    assert set(counting.began[:2]) == set(ids[:2])


async def test_two_workers_share_without_doing_anything_twice(bus: Bus, jobs: Jobs) -> None:
    """Forty jobs and two workers: each job is begun once, and both work."""
    first, second = Counting(permissions=0), Counting(permissions=0)
    async with working(bus, first), working(bus, second):
        ids = [await jobs.submit(REQUEST) for _ in range(40)]

        async def full() -> bool:
            return len(first.began) == len(second.began) == 2

        await until(full)
        first.allow(120)
        second.allow(120)
        await asyncio.gather(*(jobs.wait_for(job_id, 60) for job_id in ids))
    assert sorted(first.began + second.began) == sorted(ids)
    assert len(first.done + second.done) == 120


async def test_a_failure_is_told(bus: Bus, jobs: Jobs) -> None:
    """A handler's error is the job's, and can be raised again by whoever waited."""

    async def refused(_run: Run) -> None:
        raise RemoteFailure("refused by 192.0.2.1:104")

    async with working(bus, refused):
        job = await jobs.wait_for(await jobs.submit(REQUEST), 60)
    assert (job.document.state, job.document.error_code) == ("Failure", 9)
    with pytest.raises(RemoteFailure, match=r"192\.0\.2\.1:104"):
        raise failure_of(job)


async def test_a_bug_does_not_end_the_worker(bus: Bus, jobs: Jobs) -> None:
    """After a handler with a bug, the worker takes the next job."""
    counting = Counting()

    async def buggy(run: Run) -> None:
        if run.request.arguments["steps"] == 0:
            raise KeyError("bug")
        await counting(run)

    async with working(bus, buggy):
        wrong = await jobs.wait_for(
            await jobs.submit(JobRequest("Count", "tester", {"steps": 0})), 60
        )
        right = await jobs.wait_for(await jobs.submit(REQUEST), 60)
    assert (wrong.document.error_code, right.document.state) == (-1, "Success")


async def test_our_own_trouble_is_tried_again(
    bus: Bus, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that meets a backing service that is away goes on where it was once that is back."""
    monkeypatch.setattr(transitions, "RETRY_DELAYS", (0.05, 0.1, 0.2))
    counting, tries = Counting(), []

    async def hampered(run: Run) -> None:
        tries.append(run.document.position)
        if len(tries) == 1:
            await run.step(1 / 3, {"Steps": 1}, 1)
        if len(tries) <= 3:
            raise Unavailable("the object store is away")
        await counting(run)

    async with working(bus, hampered):
        job = await jobs.wait_for(await jobs.submit(REQUEST), 60)
    assert (job.document.state, tries) == ("Success", [None, 1, 1, 1])
    assert [step for _, step in counting.done] == [1, 2]


async def test_somebody_is_quicker_than_the_next_try(
    bus: Bus, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that waits for its next try is tried at once when asked to, and goes on from there."""
    monkeypatch.setattr(transitions, "RETRY_DELAYS", (3600.0,))
    tries = []

    async def hampered(run: Run) -> None:
        tries.append(run.document.position)
        if len(tries) != 3:
            await run.step(1 / 3, {"Steps": 1}, len(tries))
            raise Unavailable("the object store is away")

    async with working(bus, hampered):
        job_id = await jobs.submit(REQUEST)
        await until_state(jobs, job_id, "Retry")
        assert await act(jobs, [job_id], "retry") == {}

        async def again() -> bool:
            document = (await jobs.get(job_id)).document
            return len(tries) == 2 and document.state == "Retry"

        await until(again)  # it has its delays anew, and has not failed for good
        assert await act(jobs, [job_id], "retry") == {}
        job = await jobs.wait_for(job_id, 60)
    assert (job.document.state, job.document.error_code) == ("Success", 0)
    assert tries == [None, 1, 2]
    assert list(await act(jobs, [job_id], "retry")) == [job_id]


async def test_pause_and_resume(bus: Bus, jobs: Jobs) -> None:
    """A running job pauses after its present step, and resumes there."""
    counting = Counting(permissions=0)
    async with working(bus, counting):
        job_id = await jobs.submit(REQUEST)
        await until_state(jobs, job_id, "Running")
        await jobs.pause(job_id)
        assert (await jobs.get(job_id)).document.state == "Running"
        counting.allow(3)
        job = await until_state(jobs, job_id, "Paused")
        assert job.content["Steps"] == 1
        with pytest.raises(Conflict):
            await jobs.resubmit(job_id)
        await jobs.resume(job_id)
        assert (await jobs.wait_for(job_id, 60)).document.state == "Success"
    assert counting.done == [(job_id, 0), (job_id, 1), (job_id, 2)]


async def test_cancel_of_a_running_job(bus: Bus, jobs: Jobs) -> None:
    """Cancel ends a job in the middle of a step, with code 37, and frees its slot."""
    counting = Counting(permissions=0)
    async with working(bus, counting, slots=1):
        job_id = await jobs.submit(REQUEST)
        await until_state(jobs, job_id, "Running")
        await jobs.cancel(job_id)
        job = await jobs.wait_for(job_id, 60)
        assert (job.document.state, job.document.error_code) == ("Failure", 37)
        counting.allow(3)
        assert (await jobs.wait_for(await jobs.submit(REQUEST), 60)).document.state == "Success"


async def test_a_cancellation_that_a_library_loses(bus: Bus, jobs: Jobs) -> None:
    """A handler inside which a library swallows its cancellation ends at its next step."""

    async def deaf(run: Run) -> None:
        for step in range(1, 1_000_000):
            with suppress(asyncio.CancelledError):  # as asyncio.wait_for did before Python 3.12
                await asyncio.sleep(60)
            await run.step(0.5, {}, step)

    async with working(bus, deaf):
        job_id = await jobs.submit(REQUEST)
        await until_state(jobs, job_id, "Running")
        await jobs.cancel(job_id)
        assert (await jobs.wait_for(job_id, 60)).document.error_code == 37


async def test_a_list_lacks_no_job_that_is_just_changing(bus: Bus, jobs: Jobs) -> None:
    """However often its document is rewritten, a running job is in every list."""
    counting = Counting(permissions=100_000)
    busy = JobRequest("Count", "tester", {"steps": 100_000})
    async with working(bus, counting):
        ids = [await jobs.submit(busy) for _ in range(2)]
        for job_id in ids:
            await until_state(jobs, job_id, "Running")
        assert [await jobs.ids() for _ in range(100)] == [ids] * 100
        assert len(counting.done) > 100


async def test_a_paused_job_is_left_alone_and_can_be_cancelled(bus: Bus, jobs: Jobs) -> None:
    """A job paused before it began is not begun; cancelled, it has failed."""
    job_id = await jobs.submit(REQUEST)
    await jobs.pause(job_id)
    counting = Counting()
    async with working(bus, counting):
        await jobs.wait_for(await jobs.submit(REQUEST), 60)
        await jobs.cancel(job_id)
        assert (await jobs.wait_for(job_id, 60)).document.error_code == 37
    assert job_id not in counting.began


async def test_resubmit(bus: Bus, jobs: Jobs) -> None:
    """A failed job that is resubmitted starts from its first step."""
    counting = Counting(permissions=1)
    async with working(bus, counting):
        job_id = await jobs.submit(REQUEST)
        await until_state(jobs, job_id, "Running")
        await jobs.cancel(job_id)
        await jobs.wait_for(job_id, 60)
        counting.allow(3)
        await jobs.resubmit(job_id)
        await until_state(jobs, job_id, "Success")
        with pytest.raises(Conflict, match="Success"):
            await jobs.resubmit(job_id)
    assert [step for _, step in counting.done] == [0, 0, 1, 2]


async def test_an_unknown_job(jobs: Jobs) -> None:
    """Every question about a job that is not there, or whose name is none, is NotFound."""
    for job_id in ("5e0f7e5c-5f62-4f0c-8a8c-0d8a3b1b2c3d", "*", ">", ""):
        for question in (jobs.get, jobs.cancel, jobs.pause, jobs.resume, jobs.resubmit):
            with pytest.raises(NotFound):
                await question(job_id)
        with pytest.raises(NotFound):
            await jobs.delete(job_id)
        with pytest.raises(NotFound):
            await jobs.wait_for(job_id, 1)


async def test_waiting_has_an_end(jobs: Jobs) -> None:
    """Whoever waits for a job that nobody does is told so, and the job stays."""
    job_id = await jobs.submit(REQUEST)
    with pytest.raises(Unavailable, match=r"not finished within 0\.2 s"):
        await jobs.wait_for(job_id, 0.2)
    assert (await jobs.get(job_id)).document.state == "Pending"


async def test_only_a_finished_job_can_be_deleted(jobs: Jobs) -> None:
    """An unfinished job is not forgotten; a finished one is, with its request."""
    job_id = await jobs.submit(REQUEST)
    with pytest.raises(Conflict, match="Pending"):
        await jobs.delete(job_id)
    await jobs.cancel(job_id)
    await jobs.delete(job_id)
    with pytest.raises(NotFound):
        await jobs.get(job_id)
    assert await jobs.request(job_id) is None
    assert await jobs.ids() == []


async def test_history(bus: Bus, jobs: Jobs) -> None:
    """Of finished jobs the latest stay listed, as many as configured; unfinished ones all do."""
    waiting = await jobs.submit(JobRequest("Count", "somebody else"))
    ids = []
    async with working(bus, Counting(), history=3, slots=1):
        for _ in range(6):
            ids.append(await jobs.submit(REQUEST))
            await jobs.wait_for(ids[-1], 60)

        async def three_left() -> bool:
            return len(await jobs.ids()) == 4

        await until(three_left)
    assert await jobs.ids() == [waiting, *ids[3:]]
    assert [job.document.id for job in await jobs.list()] == [waiting, *ids[3:]]


async def test_a_request_that_is_too_large(jobs: Jobs) -> None:
    """A request that NATS would not carry is refused, with what to do instead."""
    with pytest.raises(TooLarge, match="name studies or patients"):
        await jobs.submit(JobRequest("Count", "tester", {"ids": ["x" * 44] * 20_000}))


async def test_a_list_is_one_read(bus: Bus, jobs: Jobs) -> None:
    """What NATS is asked for the list and for the numbers is the same for one job and for fifty."""

    async def asked() -> tuple[int, int]:
        sent = bus.client.stats["out_msgs"]
        listed = len(await jobs.list())
        counted = (await jobs.counted())["Pending"]
        assert counted == listed
        return listed, bus.client.stats["out_msgs"] - sent

    await jobs.submit(REQUEST)
    one = await asked()
    await asyncio.gather(*(jobs.submit(REQUEST) for _ in range(49)))
    fifty = await asked()
    assert (one[0], fifty[0]) == (1, 50)
    assert fifty[1] < one[1] + 10
