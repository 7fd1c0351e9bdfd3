# SPDX-License-Identifier: Apache-2.0
"""Workers of several kinds in one process follow the jobs together."""

import asyncio
from contextlib import AsyncExitStack

import msgspec
import pytest

from pons.bus import Bus
from pons.bus.bucket import Outdated
from pons.errors import Unavailable
from pons.jobs import JobRequest, Jobs, Worker
from pons.jobs.following import Following
from pons.settings import JobsSettings
from pons_testing.nats import NatsServer
from pons_testing.waiting import end_task, until

from .working_jobs import REQUEST, Counting, working

pytestmark = pytest.mark.anyio

KINDS = ("tester", "another")


async def followers(bus: Bus) -> int:
    """How many consumers hear of each change of each job."""
    bucket = bus.names.jobs_bucket
    known = await bus.stream.consumers_info(f"KV_{bucket}")
    return sum(one.config.filter_subject == f"$KV.{bucket}.*" for one in known)


async def test_workers_of_a_process_hear_of_each_change_once(bus: Bus, jobs: Jobs) -> None:
    """Each does the jobs of its kind and none of the other's, and goes on with those that it hears
    of later; NATS tells both of them by one consumer."""
    counting = {kind: Counting() for kind in KINDS}
    following = Following(jobs)
    workers = [
        Worker(bus, JobsSettings(), kind, {"Count": counting[kind]}, following=following)
        for kind in KINDS
    ]
    submitted: dict[str, list[str]] = {kind: [] for kind in KINDS}

    async def submit() -> None:
        for kind in KINDS:
            request = msgspec.structs.replace(REQUEST, worker=kind)
            submitted[kind].append(await jobs.submit(request))

    async def one_follows() -> bool:
        return await followers(bus) == 1

    await submit()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(following.run())]
        tasks += [group.create_task(worker.run()) for worker in workers]
        for _ in range(2):
            for kind in KINDS:
                job = await jobs.wait_for(submitted[kind][-1], 60)
                assert job.document.state == "Success"
            await submit()
        await until(one_follows)  # what looks for leftovers at the start has ended
        for kind in KINDS:
            await jobs.wait_for(submitted[kind][-1], 60)
        for task in tasks:
            await end_task(task)
    assert {kind: counting[kind].began for kind in KINDS} == submitted


async def test_who_follows_begins_anew_after_a_gap(bus: Bus, jobs: Jobs) -> None:
    """Jobs that went meanwhile are forgotten, and what is seen counts again."""
    following = Following(jobs)
    gone, stays = await jobs.submit(REQUEST), await jobs.submit(REQUEST)
    heard: list[str] = []

    class Listening:
        def begin_anew(self) -> None:
            heard.clear()

        def hear(self, seen: object) -> None:
            heard.append("a job")

        def forget(self, job_id: str) -> None:
            heard.append(job_id)

        def heard_all(self) -> None:
            heard.append("all")

    following.tell(Listening())
    assert not following.is_current
    for left in ([gone, stays], [stays]):
        task = asyncio.create_task(following.run())
        await until(lambda: heard[-1:] == ["all"])
        assert following.is_current
        assert sorted(following.seen) == sorted(left)
        assert heard == ["a job"] * len(left) + ["all"]
        await end_task(task)
        assert not following.is_current
        if gone in left:
            await jobs.cancel(gone)
            await jobs.delete(gone)
        heard.clear()


async def test_who_follows_is_not_current_while_nats_is_away(own_broker: NatsServer) -> None:
    """Nothing is heard then, and silence of an owner means nothing."""
    async with own_broker.bus() as bus:
        following = Following(Jobs(bus, JobsSettings()))
        task = asyncio.create_task(following.run())
        await until(lambda: following.is_current)
        await asyncio.to_thread(own_broker.embedded.stop)
        await until(lambda: not bus.client.is_connected)
        assert not following.is_current
        await asyncio.to_thread(own_broker.embedded.start)
        await until(lambda: following.is_current)
        await end_task(task)


async def ended_as(jobs: Jobs, job_id: str, state: str) -> None:
    """Wait for the end of a job, without reading what was asked."""

    async def ended() -> bool:
        document, _ = await jobs.read(job_id)
        return document.finished

    await until(ended)
    assert (await jobs.read(job_id))[0].state == state


async def test_what_was_asked_is_read_by_whoever_got_the_job(
    bus: Bus, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many that want the same job the others need no request; it is read again while NATS is
    away."""
    read: list[str] = []
    asked = Jobs.request

    async def counted(self: Jobs, job_id: str) -> JobRequest | None:
        read.append(job_id)
        if len(read) == 1:
            raise Unavailable("The list of jobs cannot be reached now")
        return await asked(self, job_id)

    monkeypatch.setattr(Jobs, "request", counted)
    counting = Counting()
    async with AsyncExitStack() as stack:
        for _ in range(4):
            await stack.enter_async_context(working(bus, counting))
        job_id = await jobs.submit(REQUEST)
        await ended_as(jobs, job_id, "Success")
    assert (counting.began, read) == ([job_id], [job_id, job_id])


async def test_a_job_whose_request_is_gone_fails(bus: Bus, jobs: Jobs) -> None:
    """Nobody knows what to do; that is told, and no worker tries for ever."""
    job_id = await jobs.submit(REQUEST)
    await jobs.bucket.purge(f"{job_id}.request")
    counting = Counting()
    async with working(bus, counting):
        await ended_as(jobs, job_id, "Failure")
    assert counting.began == []
    assert "not in the bucket any more" in (await jobs.read(job_id))[0].error_details


async def test_who_has_no_room_is_not_woken(
    bus: Bus, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor who has room, by what is claimed and ends: it looks for work when there is some."""
    looks: list[object] = []
    wait = Worker._wait_for_news

    async def counted(self: Worker) -> None:
        looks.append(self)
        await wait(self)

    monkeypatch.setattr(Worker, "_wait_for_news", counted)
    full, counting = Counting(permissions=0), Counting()
    async with working(bus, full, slots=1, lease=3600.0):
        stuck = await jobs.submit(REQUEST)
        await until(lambda: full.began == [stuck])
        async with working(bus, counting, slots=1, lease=3600.0):
            await jobs.wait_for(await jobs.submit(REQUEST), 60)
            others = set(looks)
            looks.clear()
            for _ in range(20):
                await jobs.wait_for(await jobs.submit(REQUEST), 60)
            assert len(others) == 2
            assert len(set(looks)) == 1, "the one that is full looked for work"
            # With the job, when that has made it full, and with nothing to do.
            assert len(looks) <= 3 * 20 + 3
        full.allow(3)
        await jobs.wait_for(stuck, 60)


async def test_a_lost_claim_is_one_request(bus: Bus, jobs: Jobs) -> None:
    job = await jobs.get(await jobs.submit(REQUEST))
    await jobs.replace(job.document, job.revision)
    sent = bus.client.stats["out_msgs"]
    with pytest.raises(Outdated):
        await jobs.replace(job.document, job.revision)
    assert bus.client.stats["out_msgs"] == sent + 1


async def test_a_write_whose_acknowledgement_got_lost_is_ours(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was kept, and is not taken for somebody else's."""
    job = await jobs.get(await jobs.submit(REQUEST))
    replace, tries = jobs.bucket.replace, 0

    async def unacknowledged(key: str, value: bytes, revision: int) -> int:
        nonlocal tries
        tries += 1
        written = await replace(key, value, revision)
        if tries == 1:
            raise Unavailable("The list of jobs cannot be reached now")
        return written

    monkeypatch.setattr(jobs.bucket, "replace", unacknowledged)
    revision = await jobs.replace(job.document, job.revision)
    assert (await jobs.read(job.document.id))[1] == revision > job.revision
    assert tries == 2
