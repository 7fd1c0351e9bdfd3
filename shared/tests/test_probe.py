# SPDX-License-Identifier: Apache-2.0
"""The health check that containers start: what it says and how it ends."""

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from pons.errors import Unavailable
from pons.health import probe
from pons.health.readiness import Health
from pons.http.health import health_app
from pons.http.serving import address, serving

pytestmark = pytest.mark.anyio


@pytest.fixture
def health() -> Health:
    return Health("index")


@pytest.fixture
async def port(health: Health) -> AsyncIterator[str]:
    """The health port of a service that has not started yet."""
    async with serving(health_app(health), "127.0.0.1", 0) as server:
        yield str(address(server)[1])


async def check(port: str) -> tuple[int, str]:
    """The health check as an engine starts it: without packages."""
    command = [sys.executable, "-I", "-S", str(Path(probe.__file__)), port]
    done = await anyio.run_process(command, check=False)
    return done.returncode, done.stdout.decode()


async def test_a_service_that_is_ready_is_healthy(health: Health, port: str) -> None:
    """Once it has started; before, the check says what is missing."""
    code, said = await check(port)
    assert code == 1
    assert "still starting" in said
    health.started = True
    assert (await check(port))[0] == 0


async def test_what_is_missing_is_told(health: Health, port: str) -> None:
    """`docker inspect` shows it."""

    async def away() -> None:
        raise Unavailable("PostgreSQL does not answer")

    health.started, health.checks["database"] = True, away
    code, said = await check(port)
    assert code == 1
    assert "PostgreSQL does not answer" in said


def test_nobody_there_is_not_healthy() -> None:
    """The engine hears why."""
    command = [sys.executable, "-I", "-S", str(Path(probe.__file__)), "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout.startswith("the health port does not answer: ")
