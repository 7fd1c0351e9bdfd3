# SPDX-License-Identifier: Apache-2.0
"""Workers of a kind for tests, on a real nats-server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pons.bus import Bus
from pons.jobs import Handler, JobRequest, Jobs, Run, Worker
from pons.jobs.transitions import claimed
from pons.settings import JobsSettings

REQUEST = JobRequest("Count", "tester", arguments={"steps": 3}, content={"Description": "test"})


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


async def position(jobs: Jobs, job_id: str) -> int:
    return (await jobs.get(job_id)).document.position or 0


async def running(jobs: Jobs) -> Run:
    """A job of which nobody gives signs of life, in our hands."""
    job = await jobs.get(await jobs.submit(REQUEST))
    document = claimed(job.document, 1.0, "first")
    revision = await jobs.replace(document, job.revision)
    return Run(jobs, document, revision)
