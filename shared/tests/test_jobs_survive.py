# SPDX-License-Identifier: Apache-2.0
"""Jobs whose worker ends, dies or loses its server go on elsewhere, and repeat nothing."""

import asyncio
import sys
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest

from pons.bus import Bus, open_bus
from pons.errors import Unavailable
from pons.jobs import Jobs, Run, Worker
from pons.jobs.run import ClaimLost
from pons.jobs.worker import RELEASE_SECONDS
from pons.settings import JobsSettings
from pons_testing.jobs import until_state
from pons_testing.nats import NatsServer
from pons_testing.nats import nats_server as run_server
from pons_testing.waiting import until

from .working_jobs import REQUEST, Counting, position, working

pytestmark = pytest.mark.anyio


async def test_a_worker_that_ends_gives_its_jobs_back(bus: Bus, jobs: Jobs) -> None:
    """After an orderly end another worker goes on at once, at the step where the first was."""
    first, second = Counting(permissions=2), Counting()
    job_id = await jobs.submit(REQUEST)
    async with working(bus, first):

        async def two_steps() -> bool:
            return await position(jobs, job_id) == 2

        await until(two_steps)
    assert (await jobs.get(job_id)).document.state == "Pending"
    async with working(bus, second):
        await jobs.wait_for(job_id, 60)
    assert second.done == [(job_id, 2)]


async def test_a_former_owner_stops(bus: Bus, jobs: Jobs) -> None:
    """A worker whose job was taken over meanwhile does no further step of it."""
    first, second = Counting(permissions=1), Counting(permissions=0)
    # The first never gives a sign of life: its lease is an hour.
    async with working(bus, first, lease=3600.0):
        job_id = await jobs.submit(REQUEST)

        async def one_step() -> bool:
            return await position(jobs, job_id) == 1

        await until(one_step)
        async with working(bus, second, lease=0.3):

            async def taken() -> bool:
                return second.began == [job_id]

            await until(taken)
            first.allow(5)
            second.allow(5)
            assert (await jobs.wait_for(job_id, 60)).document.state == "Success"
    assert first.done == [(job_id, 0)]
    assert second.done == [(job_id, 1), (job_id, 2)]


async def test_nothing_is_written_behind_the_end(bus: Bus, jobs: Jobs) -> None:
    """A step that a handler left undone is not kept in a job that was given back."""
    runs: list[Run] = []

    async def handler(run: Run) -> None:
        runs.append(run)
        await run.step(0.5, {}, 1)
        await asyncio.sleep(60)

    async with working(bus, handler):
        job_id = await jobs.submit(REQUEST)

        async def one_step() -> bool:
            return await position(jobs, job_id) == 1

        await until(one_step)
    with pytest.raises(ClaimLost):
        await runs[0].step(0.9, {}, 2)
    document = (await jobs.get(job_id)).document
    assert (document.state, document.position, document.progress) == ("Pending", 1, 0.5)


WORKER_PROGRAM = """
import asyncio, sys
from pons.bus import open_bus
from pons.jobs import Worker
from pons.settings import load_settings

async def main():
    settings = load_settings()
    log = open(sys.argv[1], "a", buffering=1)

    async def handler(run):
        for step in range(run.document.position or 0, 60):
            log.write(f"{step}\\n")
            await asyncio.sleep(0.01)
            await run.step((step + 1) / 60, {"Steps": step + 1}, step + 1)

    async with open_bus(settings) as bus:
        await Worker(bus, settings.jobs, "tester", {"Count": handler}, lease=1.5).run()

asyncio.run(main())
"""


async def test_a_killed_worker_is_replaced(
    broker: NatsServer, bus: Bus, jobs: Jobs, tmp_path: Path
) -> None:
    """kill -9 in the middle of a job: another worker finishes it, repeating one step at most."""
    program, log = tmp_path / "worker.py", tmp_path / "steps"
    program.write_text(WORKER_PROGRAM)
    environment = {
        "PONS_NATS_URL": broker.embedded.url,
        "PONS_STORE_NAME": bus.names.store,
        "PYTHONPATH": ":".join(sys.path),
    }
    command = [sys.executable, str(program), str(log)]
    job_id = await jobs.submit(REQUEST)
    killed = 0
    process = await asyncio.create_subprocess_exec(*command, env=environment)
    try:
        for fatal_step in (10, 25, 40):

            async def far_enough(step: int = fatal_step) -> bool:
                return await position(jobs, job_id) >= step

            await until(far_enough)
            process.kill()
            await process.wait()
            killed += 1
            process = await asyncio.create_subprocess_exec(*command, env=environment)
        job = await jobs.wait_for(job_id, 60)
    finally:
        process.kill()
        await process.wait()
    steps = [int(line) for line in log.read_text().split()]
    assert job.document.state == "Success"
    assert sorted(set(steps)) == list(range(60))
    assert len(steps) <= 60 + killed


async def test_a_wish_to_a_dead_worker_is_carried_out(bus: Bus, jobs: Jobs) -> None:
    """A running job whose worker is dead ends when it is cancelled, or rests when it is paused."""
    stuck = Counting(permissions=0)
    ids = [await jobs.submit(REQUEST) for _ in range(2)]
    async with working(bus, stuck, lease=3600.0) as dead:
        for job_id in ids:
            await until_state(jobs, job_id, "Running")
        # As after kill -9: nobody of that worker hears the wish, or writes anything any more.
        for job_id in ids:
            document, revision = await jobs.read(job_id)
            left = msgspec.structs.replace(document, claim="somebody who is dead")
            await jobs.replace(left, revision)
        dead.cancel()
    await jobs.cancel(ids[0])
    await jobs.pause(ids[1])
    counting = Counting()
    async with working(bus, counting, lease=0.3):
        assert (await jobs.wait_for(ids[0], 60)).document.error_code == 37
        await until_state(jobs, ids[1], "Paused")
    assert counting.began == []


async def test_jobs_survive_a_restart_of_nats(tmp_path: Path) -> None:
    """A job that runs while NATS restarts goes on, does no step twice, and ends well."""
    with run_server(tmp_path) as server:
        async with open_bus(server.settings()) as bus:
            jobs, counting = Jobs(bus, JobsSettings()), Counting(permissions=2)
            async with working(bus, counting, lease=2.0), working(bus, counting, lease=2.0):
                job_id = await jobs.submit(REQUEST)

                async def two_steps() -> bool:
                    return await position(jobs, job_id) == 2

                await until(two_steps)
                server.embedded.stop()
                counting.allow(1)
                with pytest.raises(Unavailable):
                    await jobs.submit(REQUEST)
                server.embedded.start()

                async def finished() -> bool:
                    try:
                        return (await jobs.get(job_id)).document.state == "Success"
                    except Unavailable:
                        return False

                await until(finished)
                assert counting.done == [(job_id, 0), (job_id, 1), (job_id, 2)]
                counting.allow(3)
                after = await jobs.submit(REQUEST)
                assert (await jobs.wait_for(after, 60)).document.state == "Success"


async def test_a_stop_while_nats_is_away(tmp_path: Path) -> None:
    """It waits for nobody longer than it tries to give its job back, and is no failure."""
    began = asyncio.Event()

    async def handler(run: Run) -> None:
        began.set()
        await asyncio.sleep(3600)

    with ExitStack() as stack:
        server = stack.enter_context(run_server(tmp_path))
        async with open_bus(server.settings()) as bus:
            worker = Worker(bus, JobsSettings(), "tester", {"Count": handler})
            task = asyncio.create_task(worker.run())
            await Jobs(bus, JobsSettings()).submit(REQUEST)
            await began.wait()
            stack.close()
            task.cancel()
            done, _ = await asyncio.wait((task,), timeout=3.5 * RELEASE_SECONDS)
            assert done == {task}
