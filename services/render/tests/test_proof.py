# SPDX-License-Identifier: Apache-2.0
import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pons.errors import Unavailable
from pons.health.readiness import Health
from pons_render.pool import Bounds, WorkerPool
from pons_render.proof import prove_decoders, unproven
from pons_render.wire import Task
from pons_testing.waiting import until

from .test_pool import Command, no_read, task

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """The loop that services run on: it words some errors in its own way."""
    return "asyncio", {"use_uvloop": True}


class Installation:
    """A program that decoding processes are started by, which can be taken away and put back."""

    def __init__(self, folder: Path, command: Command) -> None:
        self.program = folder / "decoder"
        self._words = " ".join(map(str, command))

    def repair(self) -> None:
        self.program.write_text(f"#!/bin/sh\nexec {self._words} 268435456\n")
        self.program.chmod(0o755)

    def break_with(self, line: str) -> None:
        self.program.write_text(f"#!/bin/sh\n{line}\n")
        self.program.chmod(0o755)


@pytest.fixture
def installation(tmp_path: Path, hostile_command: Command) -> Installation:
    return Installation(tmp_path, hostile_command)


@asynccontextmanager
async def proving(installation: Installation) -> AsyncIterator[tuple[Health, WorkerPool]]:
    """A service that has nothing but decoding processes."""
    health = Health("render")
    health.started = True
    async with WorkerPool(Bounds(workers=2), (str(installation.program),)) as pool:
        pulse = unproven(health.pulses)
        working = asyncio.create_task(prove_decoders(pool, pulse, again=0.05))
        try:
            yield health, pool
        finally:
            working.cancel()
            await asyncio.wait((working,))


async def ready(health: Health) -> bool:
    return bool((await health.readiness())["ready"])


async def test_ready_once_a_decoder_has_started(installation: Installation) -> None:
    """Not before: the first request would be the one to find out."""
    installation.repair()
    async with proving(installation) as (health, pool):
        assert "no decoding process has started yet" in (await health.failures())["decoders"]
        await until(lambda: ready(health))
        assert pool.idle_workers == 1


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("exit 3", "A render process did not start (exit code 3; what it said is in the log)"),
        ("", "A render process did not start (exit code 0"),
    ],
)
async def test_readiness_tells_why_no_decoder_starts(
    installation: Installation, line: str, cause: str
) -> None:
    """And the service is ready by itself once that is repaired, without a request."""
    installation.break_with(line)
    async with proving(installation) as (health, _):
        await until(lambda: says(health, cause))
        assert not await ready(health)
        installation.repair()
        await until(lambda: ready(health))


async def test_a_program_that_is_not_there_is_named(installation: Installation) -> None:
    """With what the system says of it."""
    async with proving(installation) as (health, _):
        cause = f"{installation.program}: No such file or directory"
        await until(lambda: says(health, cause))


async def says(health: Health, cause: str) -> bool:
    return cause in (await health.failures()).get("decoders", "")


async def test_what_stops_starting_later_is_found_by_the_request(
    installation: Installation,
) -> None:
    """That request is told to come again; then nobody is given any until a process starts."""
    installation.repair()
    async with proving(installation) as (health, pool):
        await until(lambda: ready(health))
        installation.break_with("exit 1")
        both = (answered(pool, task("pid")) for _ in range(2))  # one has the process that is there
        said = await asyncio.gather(*both, return_exceptions=True)
        [refused] = [one for one in said if one is not None]
        assert isinstance(refused, Unavailable)
        await until(lambda: says(health, "exit code 1"))
        assert not await ready(health)
        installation.repair()
        await until(lambda: ready(health))


async def answered(pool: WorkerPool, task: Task) -> None:
    (await pool.run(task, no_read)).close()
