# SPDX-License-Identifier: Apache-2.0
"""Jobs about another system: tried again, one at a time, and kept as dead letters."""

import msgspec
import pytest

from pons.bus import Bus
from pons.errors import NotFound, RemoteFailure
from pons.jobs import DeadLetters, Jobs, Run
from pons.settings import JobsSettings
from pons_testing.waiting import until

from .working_jobs import REQUEST, Counting, working

pytestmark = pytest.mark.anyio


class Refusing(Counting):
    """A handler whose other system is down for its first `failures` tries, or for ever."""

    def __init__(self, failures: float) -> None:
        super().__init__()
        self.failures = failures

    async def __call__(self, run: Run) -> None:
        if len(self.began) < self.failures:
            self.began.append(run.id)
            await run.step(0.0, {"Steps": 0}, run.document.position)
            raise RemoteFailure("Modality 'pacs': connection refused")
        await super().__call__(run)


IMPATIENT = JobsSettings(retries=2, retry_delay=0.05, dead_letters=2)
DELIVERY = msgspec.structs.replace(REQUEST, destination="modality:pacs", retry=True)


async def test_a_peer_that_comes_back(bus: Bus, jobs: Jobs) -> None:
    """A job that asks for it outlasts an outage; one that does not fails at once."""
    refusing = Refusing(failures=2)
    async with working(bus, refusing, settings=IMPATIENT):
        job = await jobs.wait_for(await jobs.submit(DELIVERY), 60)
        assert (job.document.state, len(refusing.began)) == ("Success", 3)
        refusing.failures = 9
        job = await jobs.wait_for(await jobs.submit(REQUEST), 60)
    assert (job.document.state, job.document.error) == ("Failure", "RemoteFailure")
    assert await DeadLetters(jobs).listed() == []


async def test_one_job_of_a_destination_at_a_time(bus: Bus, jobs: Jobs) -> None:
    """Many jobs for one destination, as after a retry of all, leave slots to the others."""
    first = [await jobs.submit(DELIVERY) for _ in range(3)]
    other = await jobs.submit(msgspec.structs.replace(DELIVERY, destination="webhook:log"))
    counting = Counting(permissions=0)
    async with working(bus, counting, slots=2, one_each=True):

        async def both() -> bool:
            return set(counting.began) == {first[0], other}

        await until(both)
        counting.allow(12)
        for job_id in (*first, other):
            assert (await jobs.wait_for(job_id, 60)).document.state == "Success"
    assert [job_id for job_id in counting.began if job_id in first] == first


async def test_other_destinations_come_before_a_second_job(bus: Bus, jobs: Jobs) -> None:
    """What hangs takes no second slot while something waits for somebody else; alone it may."""
    request = msgspec.structs.replace(REQUEST, destination="modality:pacs", arguments={"steps": 1})
    other = msgspec.structs.replace(request, destination="modality:other")
    same = [await jobs.submit(request) for _ in range(3)]
    elsewhere = await jobs.submit(other)
    counting = Counting(permissions=0)
    async with working(bus, counting, slots=2):
        await until(lambda: counting.began == [same[0], elsewhere])
        counting.allow(2)
        await until(lambda: counting.began == [same[0], elsewhere, *same[1:]])
        counting.allow(2)
        for job_id in same:
            await jobs.wait_for(job_id, 60)


async def test_dead_letters(bus: Bus, jobs: Jobs) -> None:
    """What fails for good is listed by destination with the cause, and bounded apart from the
    history; it can be retried, which takes it off the list, or deleted."""
    letters, refusing = DeadLetters(jobs), Refusing(failures=float("inf"))
    elsewhere = msgspec.structs.replace(DELIVERY, destination="webhook:log")
    async with working(bus, refusing, settings=IMPATIENT):
        ids = [await jobs.submit(DELIVERY) for _ in range(3)]
        other = await jobs.submit(elsewhere)
        for job_id in (*ids, other):
            await jobs.wait_for(job_id, 60)

        async def bounded() -> bool:
            return len(await jobs.ids()) == 3

        await until(bounded)
        dead = [job_id for job_id in await jobs.ids() if job_id in ids]
        assert {letter.id for letter in await letters.listed("modality:pacs")} == set(dead)
        assert [letter.id for letter in await letters.listed("webhook:log")] == [other]
        assert await jobs.counted() == {"Failure": 3, "dead letter": 3}
        cause = (await letters.find(other)).document.error_details
        assert cause == "Modality 'pacs': connection refused"

        refusing.failures = 0
        assert set(await letters.retry_all("modality:pacs")) == set(dead)
        for job_id in dead:
            assert (await jobs.wait_for(job_id, 60)).document.state == "Success"
        for refused in (letters.retry(dead[0]), letters.find(dead[0]), letters.delete(dead[0])):
            with pytest.raises(NotFound):
                await refused
        await letters.delete(other)
        assert await letters.listed() == []
