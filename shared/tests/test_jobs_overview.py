# SPDX-License-Identifier: Apache-2.0
"""Jobs as people follow them, on a real nats-server, and what is done to many at once."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

import msgspec
import pytest

from pons.bus import Bus
from pons.jobs import JobNews, JobOverview, JobRequest, Jobs, act
from pons.settings import JobsSettings
from pons_testing.jobs import until_state
from pons_testing.waiting import until

from .working_jobs import REQUEST, Counting, working

pytestmark = pytest.mark.anyio

NOBODYS = JobRequest("Count", "nobody")


@pytest.fixture
def stop() -> asyncio.Event:
    return asyncio.Event()


@pytest.fixture
def overview(jobs: Jobs, stop: asyncio.Event) -> JobOverview:
    return JobOverview(jobs, stop)


async def told(news: AsyncIterator[JobNews], holds: Callable[[JobNews], bool]) -> JobNews:
    """The first of the news that is so."""
    async with asyncio.timeout(60):
        async for one in news:
            if holds(one):
                return one
    raise AssertionError("the news ended")


async def test_who_comes_while_the_last_one_leaves(jobs: Jobs, overview: JobOverview) -> None:
    """As a page that is loaded anew: what the other one's watch knew and how it ends is nothing to
    it."""
    for count in range(3):
        leaver = overview.news()
        await told(leaver, lambda one: True)
        leaving = asyncio.ensure_future(leaver.aclose())
        await asyncio.sleep(0)  # it has begun to leave, and its watch has not ended
        assert not leaving.done()
        async with aclosing(overview.news()) as news:
            await jobs.submit(NOBODYS)
            await told(news, lambda one: one.states == {"Pending": count + 1})  # noqa: B023 it is called here
            await leaving


async def test_news_of_a_job(bus: Bus, jobs: Jobs, overview: JobOverview) -> None:
    """Who follows hears how it is, then of a job that comes, how far it is, and how it ends."""
    async with aclosing(overview.news()) as news:
        assert await told(news, lambda one: True) == JobNews({}, 0.0, 0.0, [])
        counting = Counting(permissions=0)
        async with working(bus, counting):
            job_id = await jobs.submit(REQUEST)
            await told(news, lambda one: one.states == {"Running": 1})
            counting.allow(2)
            further = await told(news, lambda one: one.progress > 0.6)
            assert (further.latest[0].id, round(further.progress, 2)) == (job_id, 0.67)
            counting.allow(1)
            ended = await told(news, lambda one: one.states == {"Success": 1})
            assert ended.latest[0].actions == ["forget"]
        await jobs.delete(job_id)
        await told(news, lambda one: one.states == {})


async def test_those_who_follow_share_one_watch(jobs: Jobs, overview: JobOverview) -> None:
    """The last one to leave ends it; whoever comes later begins anew, and sees what happened."""
    async with aclosing(overview.news()) as first, aclosing(overview.news()) as second:
        await told(first, lambda one: True)
        await told(second, lambda one: True)
        await first.aclose()
        await jobs.submit(NOBODYS)
        await told(second, lambda one: one.states == {"Pending": 1})
        assert [job.state for job in await overview.all()] == ["Pending"]
    await jobs.submit(NOBODYS)
    assert len(await overview.all()) == 2
    async with aclosing(overview.news()) as again:
        await told(again, lambda one: one.states == {"Pending": 2})


async def test_a_watch_that_ended_begins_anew(jobs: Jobs, overview: JobOverview) -> None:
    """Also while one who follows does not read on; nothing old is told meanwhile."""
    async with aclosing(overview.news()) as stuck:
        await told(stuck, lambda one: True)
        async with aclosing(overview.news()) as news:
            await told(news, lambda one: True)
            await jobs.bucket.put("unreadable", b"\xc1")
            with pytest.raises(msgspec.DecodeError):
                await told(news, lambda one: False)
        await jobs.bucket.delete("unreadable")
        await jobs.submit(NOBODYS)
        assert [job.state for job in await overview.all()] == ["Pending"]
        async with aclosing(overview.news()) as again:
            await told(again, lambda one: one.states == {"Pending": 1})


async def test_following_ends_with_the_service(stop: asyncio.Event, overview: JobOverview) -> None:
    """A gateway that stops is not held up by who looks."""
    news = overview.news()
    await told(news, lambda one: True)
    stop.set()
    async with asyncio.timeout(10):
        assert [one async for one in news] == []


async def test_news_are_few(bus: Bus, jobs: Jobs, overview: JobOverview) -> None:
    """A hundred steps of a job that follow each other at once are told a few times."""
    count = 0
    async with aclosing(overview.news()) as news, working(bus, Counting()):
        await told(news, lambda one: True)
        await jobs.submit(JobRequest("Count", "tester", arguments={"steps": 100}))
        async for one in news:
            count += 1
            if one.states == {"Success": 1}:
                break
    assert count < 50


async def test_acting_on_many(bus: Bus, jobs: Jobs) -> None:
    """Each is paused, resumed or cancelled that can be; the others are named with why."""
    ids = [await jobs.submit(NOBODYS) for _ in range(40)]
    assert await act(jobs, [*ids, *ids], "pause") == {}
    assert {job.document.state for job in await jobs.list()} == {"Paused"}
    gone = "00000000-0000-0000-0000-000000000000"
    refused = await act(jobs, [*ids, gone], "pause")
    assert set(refused) == {*ids, gone}
    assert refused[ids[0]] == f"Job {ids[0]} is Paused"
    assert refused[gone] == f"There is no job {gone!r}"
    assert await act(jobs, ids[:20], "resume") == {}
    assert await act(jobs, ids, "cancel") == {}
    assert {job.document.error_code for job in await jobs.list()} == {37}
    assert await act(jobs, ids[:39], "forget") == {}
    assert await jobs.ids() == ids[39:]
    assert set(await act(jobs, ids, "cancel")) == set(ids)


async def test_many_that_are_cancelled_leave_the_history_bounded(bus: Bus) -> None:
    """No more stay listed than of jobs that end one by one."""
    jobs = Jobs(bus, JobsSettings(history=5))
    ids = [await jobs.submit(NOBODYS) for _ in range(30)]
    assert await act(jobs, ids, "cancel") == {}
    assert len(await jobs.ids()) == 5


async def test_a_running_job_is_cancelled_with_others(bus: Bus, jobs: Jobs) -> None:
    """It ends shortly after, by its worker."""
    async with working(bus, Counting(permissions=0)):
        job_id = await jobs.submit(REQUEST)
        await until_state(jobs, job_id, "Running")
        assert await act(jobs, [job_id], "cancel") == {}
        assert (await jobs.wait_for(job_id, 60)).document.error_code == 37
        assert await act(jobs, [job_id], "retry") == {}

        async def again() -> bool:
            return (await jobs.get(job_id)).document.state == "Running"

        await until(again)
