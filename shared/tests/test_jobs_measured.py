# SPDX-License-Identifier: Apache-2.0
"""What /metrics tells of jobs while a worker does them."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from pons.bus import Bus
from pons.errors import RemoteFailure
from pons.health.readiness import Health
from pons.jobs import JobRequest, Jobs, Run, Worker
from pons.settings import JobsSettings
from pons_testing.jobs import until_state
from pons_testing.metrics import Metrics, scrape
from pons_testing.nats import NatsServer
from pons_testing.waiting import until

from .working_jobs import REQUEST, Counting

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def measured(bus: Bus, handler: object, kind: str = "tester") -> AsyncIterator[Health]:
    """A worker for one job at a time, whose service is asked for its metrics."""
    worker = Worker(bus, JobsSettings(concurrent=1, retries=0), kind, {"Count": handler})  # type: ignore[dict-item]
    health = Health("tests")
    health.measures.append(worker.measure)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(worker.run())
        yield health
        task.cancel()


def states(metrics: Metrics, kind: str = "tester") -> dict[str, float]:
    """The states that any job is in, with their numbers."""
    names = ("Pending", "Running", "Success", "Failure", "Paused", "Retry")
    numbers = {name: metrics.get("pons_jobs", worker=kind, state=name) for name in names}
    return {name: number for name, number in numbers.items() if number}


async def test_jobs_by_state(bus: Bus, jobs: Jobs) -> None:
    """One runs, the others wait and grow old, then all have ended; those of others are not told."""
    name, kind = "pons_job_seconds_count", "tester"
    await jobs.submit(JobRequest("Count", "somebody else"))
    counting = Counting(permissions=0)
    async with measured(bus, counting) as health:
        before = await scrape(health)
        ids = [await jobs.submit(REQUEST) for _ in range(3)]
        await until_state(jobs, ids[0], "Running")

        async def two_wait() -> bool:
            return states(await scrape(health)) == {"Running": 1, "Pending": 2}

        await until(two_wait)
        assert (await scrape(health)).get("pons_jobs_oldest_waiting_seconds", worker=kind) > 0
        counting.allow(9)
        await asyncio.gather(*(jobs.wait_for(job_id, 60) for job_id in ids))

        async def all_ended() -> bool:
            return states(await scrape(health)) == {"Success": 3}

        await until(all_ended)
        after = await scrape(health)
    ended = {"type": "Count", "state": "Success"}
    assert after.get(name, **ended) - before.get(name, **ended) == 3
    assert after.get("pons_jobs_oldest_waiting_seconds", worker=kind) == 0


async def test_what_was_given_up(bus: Bus, jobs: Jobs) -> None:
    """Dead letters are told apart from other failures."""

    async def failing(_run: Run) -> None:
        raise RemoteFailure("The other side says no")

    given_up = JobRequest("Count", "tester", destination="modality:pacs", retry=True)
    async with measured(bus, failing) as health:
        await jobs.wait_for(await jobs.submit(REQUEST), 60)
        await jobs.wait_for(await jobs.submit(given_up), 60)

        async def both() -> bool:
            return states(await scrape(health)) == {"Failure": 2}

        await until(both)
        assert (await scrape(health)).get("pons_jobs_dead_letters", worker="tester") == 1


async def test_no_number_is_told_of_what_nobody_sees(own_broker: NatsServer) -> None:
    """While NATS is away, the last number would look like one of now."""
    async with own_broker.bus() as bus, measured(bus, Counting()) as health:

        async def known() -> bool:
            return (await scrape(health)).get("pons_jobs", worker="tester", state="Pending") == 0

        await until(known)
        own_broker.embedded.stop()
        await until(lambda: not bus.client.is_connected)
        told = await scrape(health)
        assert math.isnan(told.get("pons_jobs", worker="tester", state="Pending"))
        assert math.isnan(told.get("pons_jobs_oldest_waiting_seconds", worker="tester"))
        await asyncio.to_thread(own_broker.embedded.start)
