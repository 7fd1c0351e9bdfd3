# SPDX-License-Identifier: Apache-2.0
"""Steps of a running job: each is kept and wakes nobody; who asks or takes over reads the last."""

import asyncio
from contextlib import aclosing

import msgspec
import pytest

from pons.bus import Bus
from pons.bus.watch import Entry, Snapshot
from pons.errors import Unavailable
from pons.jobs import JobOverview, Jobs, Run
from pons.jobs.board import decode
from pons.jobs.document import JobDocument
from pons.jobs.leftovers import remove_leftovers
from pons.jobs.run import ClaimLost, PauseWanted
from pons.jobs.steps import key_of
from pons.jobs.transitions import claimed
from pons_testing.waiting import until

from .working_jobs import REQUEST, Counting, position, running, working

pytestmark = pytest.mark.anyio


async def steps(run: Run, *positions: int) -> None:
    for number in positions:
        await run.step(number / 100, {"Steps": number}, number)


async def test_nobody_hears_of_steps(bus: Bus, jobs: Jobs) -> None:
    """Whoever follows all jobs, as each replica does, hears that one is there, claimed and over."""
    counting, heard = Counting(), []
    request = msgspec.structs.replace(REQUEST, arguments={"steps": 200})
    async with aclosing(jobs.bucket.watch("*")) as changes:
        assert await anext(changes) == Snapshot({})
        async with working(bus, counting, lease=3600.0):
            await jobs.submit(request)
            async for change in changes:
                assert isinstance(change, Entry)
                assert change.value
                heard.append(decode(change.value))
                if heard[-1].finished:
                    break
    assert [one.state for one in heard] == ["Pending", "Running", "Success"]
    assert heard[-1].content == {"Steps": 200}


async def test_who_follows_a_job_sees_how_far_it_is(bus: Bus, jobs: Jobs) -> None:
    """It is looked for while the job runs; of its end everything is told."""
    counting = Counting(permissions=0)
    async with working(bus, counting, lease=3600.0):
        job_id = await jobs.submit(REQUEST)
        async with aclosing(jobs.follow(job_id)) as documents:
            for done in (1, 2):
                counting.allow(1)
                async with asyncio.timeout(60):
                    async for document in documents:
                        if document.position == done:
                            break
                assert document.content == {"Steps": done}
            counting.allow(1)
            async with asyncio.timeout(60):
                *_, last = [one async for one in documents]
    assert (last.state, last.content) == ("Success", {"Steps": 3})


async def test_who_follows_goes_on_when_nats_was_away(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await running(jobs)
    get, away = jobs.bucket.get, asyncio.Event()

    async def failing(key: str) -> Entry | None:
        if key == key_of(run.id) and not away.is_set():
            away.set()
            raise Unavailable("NATS is away")
        return await get(key)

    async with aclosing(jobs.follow(run.id)) as documents:
        await anext(documents)
        monkeypatch.setattr(jobs.bucket, "get", failing)
        await steps(run, 7)
        async with asyncio.timeout(60):
            assert (await anext(documents)).position == 7
    assert away.is_set()


async def test_lists_tell_how_far_jobs_are(jobs: Jobs) -> None:
    """Of a running job what it has kept, and not only what its document says."""
    run = await running(jobs)
    await steps(run, 1, 2)
    assert (await jobs.read(run.id))[0].position is None
    (listed,) = await jobs.list()
    (row,) = await JobOverview(jobs, asyncio.Event()).all()
    assert (listed.document.progress, listed.content["Steps"], row.progress) == (0.02, 2, 0.02)


async def test_the_last_step_is_told_while_the_next_takes_long(bus: Bus, jobs: Jobs) -> None:
    """A job that stands still shows how far it has got."""
    counting = Counting(permissions=2)
    async with working(bus, counting, lease=3600.0):
        job_id = await jobs.submit(REQUEST)

        async def two_steps() -> bool:
            return await position(jobs, job_id) == 2

        await until(two_steps)
        counting.allow(1)
        await jobs.wait_for(job_id, 60)


async def test_steps_of_a_job_that_is_gone_go_too(bus: Bus, jobs: Jobs) -> None:
    """Whoever dies while it forgets a job leaves them; those of other jobs stay."""
    kept, forgotten = await running(jobs), await running(jobs)
    await steps(kept, 1, 2)
    await steps(forgotten, 1, 2)
    for key in (forgotten.id, f"{forgotten.id}.request"):
        await jobs.bucket.purge(key)
    await remove_leftovers(jobs)
    assert [entry.key for entry in await jobs.bucket.all("*.step")] == [f"{kept.id}.step"]
    assert (await jobs.last_step(forgotten.id))[0] is None


async def test_who_takes_over_goes_on_behind_the_last_step(bus: Bus, jobs: Jobs) -> None:
    """The document of a dead owner is behind what it has kept."""
    dead = await running(jobs)
    await steps(dead, 1, 2)
    document, revision = await jobs.read(dead.id)
    assert (document.position, revision) == (None, dead.revision)
    counting = Counting()
    async with working(bus, counting, lease=0.3):
        job = await jobs.wait_for(dead.id, 60)
    assert counting.done == [(dead.id, 2)]
    assert job.content["Steps"] == 3


async def test_the_document_may_be_further_than_the_last_step(bus: Bus, jobs: Jobs) -> None:
    """The release before writes some steps there and not beside it."""
    dead = await running(jobs)
    await steps(dead, 1, 2)
    await dead.write(lambda one, now: msgspec.structs.replace(one, changed=now, position=3))
    assert await position(jobs, dead.id) == 3
    counting = Counting(permissions=0)
    async with working(bus, counting, lease=0.3):
        await jobs.wait_for(dead.id, 60)
    assert counting.began == [dead.id]


async def test_two_owners_that_die_lose_no_step(bus: Bus, jobs: Jobs) -> None:
    """Who takes the job over and dies before its first step leaves what it took."""
    dead = await running(jobs)
    await steps(dead, 1, 2)
    former, revision = await jobs.read(dead.id)
    second = claimed(former, former.changed + 60, "second")
    await jobs.replace(second, revision)
    taken, _ = await jobs.take_over(second, former)
    assert (taken.position, taken.changed) == (2, second.changed)
    counting = Counting()
    async with working(bus, counting, lease=0.3):
        await jobs.wait_for(dead.id, 60)
    assert counting.done == [(dead.id, 2)]


async def test_who_claims_and_dies_loses_no_step(bus: Bus, jobs: Jobs) -> None:
    """Before it could take the job over: the claim alone says how far the owner before was."""
    dead = await running(jobs)
    await steps(dead, 1, 2)
    took = asyncio.Event()

    async def hang(*_: object) -> None:
        took.set()
        await asyncio.sleep(60)

    with pytest.MonkeyPatch.context() as patching:
        patching.setattr(Jobs, "take_over", hang)
        async with working(bus, Counting(), lease=0.3):
            await took.wait()
    counting = Counting()
    async with working(bus, counting, lease=0.3):
        await jobs.wait_for(dead.id, 60)
    assert counting.done == [(dead.id, 2)]


async def test_a_wish_that_overtakes_an_answer_is_heard(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written behind a sign of life, and heard before that was acknowledged."""
    run = await running(jobs)
    await steps(run, 1)
    replace = jobs.replace

    async def overtaken(document: JobDocument, revision: int) -> int:
        written = await replace(document, revision)
        monkeypatch.undo()
        await jobs.pause(run.id)
        run.hear(*await jobs.read(run.id))
        return written

    monkeypatch.setattr(jobs, "replace", overtaken)
    assert await run.wants() == "pause"
    assert run.document.position == 1
    with pytest.raises(PauseWanted):
        await steps(run, 2)


async def test_steps_of_another_run_are_not_taken(bus: Bus, jobs: Jobs) -> None:
    """What an older run kept says nothing of one that a version without such steps has claimed."""
    old = await running(jobs)
    await steps(old, 1, 2)
    document, revision = await jobs.read(old.id)
    other = msgspec.structs.replace(document, claim="second", position=0)
    await jobs.replace(other, revision)
    counting = Counting()
    async with working(bus, counting, lease=0.3):
        await jobs.wait_for(old.id, 60)
    assert counting.done == [(old.id, number) for number in range(3)]


@pytest.mark.parametrize("before", [0, 1, 2])
async def test_a_former_owner_keeps_no_step(jobs: Jobs, before: int) -> None:
    """Once the job has another owner, also where the former one has kept none yet."""
    run = await running(jobs)
    await steps(run, *range(1, before + 1))
    document, revision = await jobs.read(run.id)
    taken = msgspec.structs.replace(document, claim="second")
    await jobs.replace(taken, revision)
    taken, _ = await jobs.take_over(taken, document)
    assert (taken.position or 0) == before
    for _ in range(2):
        with pytest.raises(ClaimLost):
            await steps(run, 50)
    step, _ = await jobs.last_step(run.id)
    assert step is not None
    assert (step.claim, step.position or 0) == ("second", before)


async def test_a_job_that_rested_goes_on(jobs: Jobs) -> None:
    """What its former run kept is in the way of nothing."""
    run = await running(jobs)
    await steps(run, 1, 2)
    await jobs.pause(run.id)
    document, revision = await jobs.read(run.id)
    run.hear(document, revision)
    with pytest.raises(PauseWanted):
        await steps(run, 2)
    assert (await jobs.last_step(run.id))[0] is not None
    document = msgspec.structs.replace(run.document, state="Running", claim="next", wanted="")
    revision = await jobs.replace(document, run.revision)
    again = Run(jobs, document, revision)
    await steps(again, 3, 4)
    step, _ = await jobs.last_step(run.id)
    assert step is not None
    assert (step.claim, step.position) == ("next", 4)
    assert again.document.position == 4


async def test_nothing_is_left_of_a_job_that_is_forgotten(jobs: Jobs) -> None:
    """Of one too that ended in the hands of a worker that died."""
    run = await running(jobs)
    await steps(run, 1, 2)
    document, revision = await jobs.read(run.id)
    await jobs.replace(msgspec.structs.replace(document, state="Success"), revision)
    await jobs.delete(run.id)
    assert await jobs.bucket.all(">") == []
