# SPDX-License-Identifier: Apache-2.0
"""Jobs as people follow them, on a real nats-server, and what is done to many at once."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from itertools import pairwise

import msgspec
import pytest

from pons.bus import Bus
from pons.bus.watch import Entry, Snapshot
from pons.errors import Unavailable
from pons.jobs import JobNews, JobOverview, JobRequest, Jobs, act
from pons.jobs.overview import NEWS_EVERY
from pons.jobs.steps import key_of
from pons.jobs.transitions import succeeded
from pons.settings import JobsSettings
from pons_testing.jobs import until_state
from pons_testing.waiting import until

from .working_jobs import REQUEST, Counting, running, working

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
        async with working(bus, counting, lease=3600.0):  # no sign of life tells of steps
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


async def test_news_are_few(jobs: Jobs, overview: JobOverview) -> None:
    """A hundred changes that follow each other at once are told a few times."""
    came: list[float] = []

    async def submit() -> None:
        for _ in range(100):
            await jobs.submit(NOBODYS)

    async with aclosing(overview.news()) as news, asyncio.TaskGroup() as group:
        await told(news, lambda one: True)
        group.create_task(submit())
        async for one in news:
            came.append(time.monotonic())
            if one.states == {"Pending": 100}:
                break
    assert len(came) < 100
    assert all(after - before >= 0.9 * NEWS_EVERY for before, after in pairwise(came))


async def test_steps_are_told_to_all_who_follow(
    bus: Bus, jobs: Jobs, overview: JobOverview
) -> None:
    """Each hears of every one that is not followed by the next at once."""
    counting = Counting(permissions=0)

    async def progress(heard: list[float]) -> None:
        async with aclosing(overview.news()) as news:
            async for one in news:
                heard.append(one.progress)
                if one.states == {"Success": 1}:
                    return

    every: list[list[float]] = [[], [], []]
    async with working(bus, counting, lease=3600.0), asyncio.TaskGroup() as group:
        for heard in every:
            group.create_task(progress(heard))
        await jobs.submit(msgspec.structs.replace(REQUEST, arguments={"steps": 4}))
        for done in (0.25, 0.5, 0.75):
            counting.allow(1)
            await until(lambda: all(heard[-1:] == [done] for heard in every))  # noqa: B023
        counting.allow(1)


async def test_the_first_news_tell_how_far_jobs_are(jobs: Jobs, overview: JobOverview) -> None:
    run = await running(jobs)
    await run.step(0.5, {}, 1)
    async with aclosing(overview.news()) as news:
        assert (await anext(news)).progress == 0.5


async def test_one_that_cannot_be_asked_for_holds_up_no_other(
    jobs: Jobs, overview: JobOverview, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether NATS fails to tell it or does not answer."""
    ours, late, failing = [await running(jobs) for _ in range(3)]
    get = jobs.bucket.get

    async def slow(key: str) -> Entry | None:
        if key == key_of(late.id):
            await asyncio.sleep(60)
        if key == key_of(failing.id):
            raise Unavailable("NATS is away")
        return await get(key)

    monkeypatch.setattr(jobs.bucket, "get", slow)
    async with aclosing(overview.news()) as news:
        await told(news, lambda one: one.states == {"Running": 3})
        await ours.step(0.9, {}, 1)
        await told(news, lambda one: one.progress == pytest.approx(0.3))
        await ours.end(succeeded)
        await told(news, lambda one: one.states == {"Running": 2, "Success": 1})


async def test_an_end_that_is_heard_during_a_look_stays(
    jobs: Jobs, overview: JobOverview, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How far a job was is nothing to one that is over."""
    run = await running(jobs)
    get, looked = jobs.bucket.get, asyncio.Event()
    async with aclosing(overview.news()) as news, aclosing(overview.news()) as other:
        await told(news, lambda one: one.states == {"Running": 1})

        async def slow(key: str) -> Entry | None:
            entry = await get(key)
            if key == key_of(run.id):
                looked.set()
                await asyncio.sleep(0.5)
            return entry

        monkeypatch.setattr(jobs.bucket, "get", slow)
        look = asyncio.ensure_future(told(other, lambda one: "Success" in one.states))
        await looked.wait()
        await run.end(succeeded)
        assert (await look).states == {"Success": 1}
        assert [job.state for job in await overview.all()] == ["Success"]
        await asyncio.sleep(1)  # the look is over
        assert [job.state for job in await overview.all()] == ["Success"]


async def test_progress_never_goes_back(jobs: Jobs, overview: JobOverview) -> None:
    """Documents say less of it: of a job that somebody wants to rest, and of all that are told anew
    once NATS is back."""
    run = await running(jobs)
    await run.step(0.5, {}, 1)
    async with aclosing(overview.news()) as news:
        await told(news, lambda one: one.progress == 0.5)
        await jobs.pause(run.id)
        wanted = await told(news, lambda one: one.latest[0].wanted == "pause")
        assert wanted.progress == 0.5
        entry = await jobs.bucket.get(run.id)
        assert entry is not None
        overview._learn(Snapshot({run.id: entry}))
        assert overview._known is not None
        assert overview._known[run.id].progress == 0.5


async def test_of_a_running_job_nothing_is_held_that_no_row_tells(
    jobs: Jobs, overview: JobOverview
) -> None:
    """Its own notes and the names of what failed may be long; the counts are told all the same."""
    run = await running(jobs)
    counts = {"InstancesCount": 9, "FailedInstancesCount": 4}
    async with aclosing(overview.news()) as news:
        for progress in (0.25, 0.5):
            long = ["name" * 10] * 100
            await run.step(progress, {**counts, "FailedInstances": long}, {"unlogged": long})
            (row,) = (await told(news, lambda one: one.progress == progress)).latest  # noqa: B023
            assert (row.count, row.failed) == (9, 4)
            assert len(msgspec.msgpack.encode(overview._running[run.id])) < 1000
        entry = await jobs.bucket.get(run.id)
        assert entry is not None
        overview._learn(entry)  # whose document tells nothing of this
        assert overview._known is not None
        row = overview._known[run.id]
        assert (row.progress, row.count, row.failed) == (0.5, 9, 4)


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
