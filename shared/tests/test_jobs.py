# SPDX-License-Identifier: Apache-2.0
"""Jobs on a real nats-server: who does them, in which order, and what survives what."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path

import anyio
import msgspec
import pytest

from pons.bus import Bus, open_bus
from pons.errors import Conflict, NotFound, RemoteFailure, TooLarge, Unavailable
from pons.jobs import DeadLetters, Handler, Job, JobRequest, Jobs, Run, Worker, failure_of
from pons.jobs import document as document_module
from pons.jobs.run import ClaimLost
from pons.jobs.worker import RELEASE_SECONDS
from pons.settings import JobsSettings
from pons_testing.nats import NatsServer
from pons_testing.nats import nats_server as run_server

pytestmark = pytest.mark.anyio

REQUEST = JobRequest("Count", "tester", arguments={"steps": 3}, content={"Description": "test"})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    with run_server(tmp_path_factory.mktemp("nats")) as server:
        yield server


@pytest.fixture
async def bus(server: NatsServer) -> AsyncIterator[Bus]:
    async with server.bus() as bus:
        yield bus


@pytest.fixture
def jobs(bus: Bus) -> Jobs:
    return Jobs(bus, JobsSettings())


class Counting:
    """A handler that does `steps` steps, one for each permission that it gets."""

    def __init__(self, permissions: int = 1000) -> None:
        self.permissions = asyncio.Semaphore(permissions)
        self.done: list[tuple[str, int]] = []
        self.began: list[str] = []

    async def __call__(self, run: Run) -> None:
        self.began.append(run.id)
        steps = run.request.arguments["steps"]
        for step in range(run.document.position or 0, steps):
            await self.permissions.acquire()
            self.done.append((run.id, step))
            await run.step((step + 1) / steps, {"Steps": step + 1}, step + 1)

    def allow(self, permissions: int) -> None:
        for _ in range(permissions):
            self.permissions.release()


@asynccontextmanager
async def working(
    bus: Bus,
    handler: Handler,
    *,
    slots: int = 2,
    history: int = 100,
    lease: float = 12.0,
    settings: JobsSettings | None = None,
    one_each: bool = False,
) -> AsyncIterator[asyncio.Task[None]]:
    """A worker at work; it is asked to end after the block."""
    settings = settings or JobsSettings(concurrent=slots, history=history)
    handlers = {"Count": handler}
    worker = Worker(bus, settings, "tester", handlers, lease=lease, one_each=one_each)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(worker.run())
        yield task
        task.cancel()


async def until(reached: Callable[[], Awaitable[bool]], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not await reached():
        assert time.monotonic() < deadline, "not reached in time"
        await anyio.sleep(0.01)


async def until_state(jobs: Jobs, job_id: str, state: str) -> Job:
    async def reached() -> bool:
        return (await jobs.get(job_id)).document.state == state

    await until(reached)
    return await jobs.get(job_id)


async def position(jobs: Jobs, job_id: str) -> int:
    return (await jobs.get(job_id)).document.position or 0


async def test_a_job_is_done(bus: Bus, jobs: Jobs) -> None:
    """A submitted job is found, done, and waited for, with its content and runtime."""
    async with working(bus, Counting()):
        job = await jobs.wait_for(await jobs.submit(REQUEST), 10)
    assert (job.document.state, job.document.progress, job.document.error_code) == ("Success", 1, 0)
    assert job.content == {"Description": "test", "Steps": 3}
    assert 0 < job.document.runtime < 5
    assert job.document.completed is not None


async def test_a_job_waits_for_a_worker_of_its_kind(bus: Bus, jobs: Jobs) -> None:
    """What no worker here can do stays pending, and does not block what it can do."""
    other = await jobs.submit(JobRequest("Count", "somebody else"), priority=9)
    unknown = await jobs.submit(JobRequest("Paint", "tester"), priority=9)
    async with working(bus, Counting()):
        await jobs.wait_for(await jobs.submit(REQUEST), 10)
    assert (await jobs.get(other)).document.state == "Pending"
    assert (await jobs.get(unknown)).document.state == "Pending"


async def test_higher_priority_first(bus: Bus, jobs: Jobs) -> None:
    """Of those that wait the highest priority comes first, then the oldest."""
    ids = [await jobs.submit(REQUEST, priority) for priority in (0, 5, -1, 5)]
    counting = Counting()
    async with working(bus, counting, slots=1):
        await jobs.wait_for(ids[2], 10)
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
        await asyncio.gather(*(jobs.wait_for(job_id, 10) for job_id in ids))
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
        await asyncio.gather(*(jobs.wait_for(job_id, 20) for job_id in ids))
    assert sorted(first.began + second.began) == sorted(ids)
    assert len(first.done + second.done) == 120


async def test_a_failure_is_told(bus: Bus, jobs: Jobs) -> None:
    """A handler's error is the job's, and can be raised again by whoever waited."""

    async def refused(_run: Run) -> None:
        raise RemoteFailure("refused by 192.0.2.1:104")

    async with working(bus, refused):
        job = await jobs.wait_for(await jobs.submit(REQUEST), 10)
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
            await jobs.submit(JobRequest("Count", "tester", {"steps": 0})), 10
        )
        right = await jobs.wait_for(await jobs.submit(REQUEST), 10)
    assert (wrong.document.error_code, right.document.state) == (-1, "Success")


async def test_our_own_trouble_is_tried_again(
    bus: Bus, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that meets a backing service that is away goes on where it was once that is back."""
    monkeypatch.setattr(document_module, "RETRY_DELAYS", (0.05, 0.1, 0.2))
    counting, tries = Counting(), []

    async def hampered(run: Run) -> None:
        tries.append(run.document.position)
        if len(tries) == 1:
            await run.step(1 / 3, {"Steps": 1}, 1)
        if len(tries) <= 3:
            raise Unavailable("the object store is away")
        await counting(run)

    async with working(bus, hampered):
        job = await jobs.wait_for(await jobs.submit(REQUEST), 10)
    assert (job.document.state, tries) == ("Success", [None, 1, 1, 1])
    assert [step for _, step in counting.done] == [1, 2]


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
        assert (await jobs.wait_for(job_id, 10)).document.state == "Success"
    assert counting.done == [(job_id, 0), (job_id, 1), (job_id, 2)]


async def test_cancel_of_a_running_job(bus: Bus, jobs: Jobs) -> None:
    """Cancel ends a job in the middle of a step, with code 37, and frees its slot."""
    counting = Counting(permissions=0)
    async with working(bus, counting, slots=1):
        job_id = await jobs.submit(REQUEST)
        await until_state(jobs, job_id, "Running")
        await jobs.cancel(job_id)
        job = await jobs.wait_for(job_id, 10)
        assert (job.document.state, job.document.error_code) == ("Failure", 37)
        counting.allow(3)
        assert (await jobs.wait_for(await jobs.submit(REQUEST), 10)).document.state == "Success"


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
        assert (await jobs.wait_for(job_id, 10)).document.error_code == 37


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
        await jobs.wait_for(await jobs.submit(REQUEST), 10)
        await jobs.cancel(job_id)
        assert (await jobs.wait_for(job_id, 10)).document.error_code == 37
    assert job_id not in counting.began


async def test_resubmit(bus: Bus, jobs: Jobs) -> None:
    """A failed job that is resubmitted starts from its first step."""
    counting = Counting(permissions=1)
    async with working(bus, counting):
        job_id = await jobs.submit(REQUEST)
        await until_state(jobs, job_id, "Running")
        await jobs.cancel(job_id)
        await jobs.wait_for(job_id, 10)
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
            await jobs.wait_for(ids[-1], 10)

        async def three_left() -> bool:
            return len(await jobs.ids()) == 4

        await until(three_left)
    assert await jobs.ids() == [waiting, *ids[3:]]
    assert [job.document.id for job in await jobs.list()] == [waiting, *ids[3:]]


async def test_a_request_that_is_too_large(jobs: Jobs) -> None:
    """A request that NATS would not carry is refused, with what to do instead."""
    with pytest.raises(TooLarge, match="name studies or patients"):
        await jobs.submit(JobRequest("Count", "tester", {"ids": ["x" * 44] * 20_000}))


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
        await jobs.wait_for(job_id, 5)
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
            assert (await jobs.wait_for(job_id, 10)).document.state == "Success"
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
        await Worker(bus, settings.jobs, "tester", {"Count": handler}, lease=0.6).run()

asyncio.run(main())
"""


async def test_a_killed_worker_is_replaced(
    server: NatsServer, bus: Bus, jobs: Jobs, tmp_path: Path
) -> None:
    """kill -9 in the middle of a job: another worker finishes it, repeating one step at most."""
    program, log = tmp_path / "worker.py", tmp_path / "steps"
    program.write_text(WORKER_PROGRAM)
    environment = {
        "PONS_NATS_URL": server.embedded.url,
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

            await until(far_enough, 30)
            process.kill()
            await process.wait()
            killed += 1
            process = await asyncio.create_subprocess_exec(*command, env=environment)
        job = await jobs.wait_for(job_id, 30)
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
        assert (await jobs.wait_for(ids[0], 10)).document.error_code == 37
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

                await until(finished, 30)
                assert counting.done == [(job_id, 0), (job_id, 1), (job_id, 2)]
                counting.allow(3)
                after = await jobs.submit(REQUEST)
                assert (await jobs.wait_for(after, 15)).document.state == "Success"


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
            done, _ = await asyncio.wait((task,), timeout=2.5 * RELEASE_SECONDS)
            assert done == {task}


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
        job = await jobs.wait_for(await jobs.submit(DELIVERY), 10)
        assert (job.document.state, len(refusing.began)) == ("Success", 3)
        refusing.failures = 9
        job = await jobs.wait_for(await jobs.submit(REQUEST), 10)
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
            assert (await jobs.wait_for(job_id, 10)).document.state == "Success"
    assert [job_id for job_id in counting.began if job_id in first] == first


async def test_dead_letters(bus: Bus, jobs: Jobs) -> None:
    """What fails for good is listed by destination with the cause, and bounded apart from the
    history; it can be retried, which takes it off the list, or deleted."""
    letters, refusing = DeadLetters(jobs), Refusing(failures=float("inf"))
    elsewhere = msgspec.structs.replace(DELIVERY, destination="webhook:log")
    async with working(bus, refusing, settings=IMPATIENT):
        ids = [await jobs.submit(DELIVERY) for _ in range(3)]
        other = await jobs.submit(elsewhere)
        for job_id in (*ids, other):
            await jobs.wait_for(job_id, 10)

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
            assert (await jobs.wait_for(job_id, 10)).document.state == "Success"
        for refused in (letters.retry(dead[0]), letters.find(dead[0]), letters.delete(dead[0])):
            with pytest.raises(NotFound):
                await refused
        await letters.delete(other)
        assert await letters.listed() == []


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
