# SPDX-License-Identifier: Apache-2.0
"""Who is taken for hung, and who is not."""

import asyncio
import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from pons_embedded import liveness
from pons_embedded.liveness import http_answers, postgres_answers, until_hung
from pons_embedded.nats import EmbeddedNats
from pons_embedded.ports import free_port
from pons_embedded.postgres import EmbeddedPostgres
from pons_embedded.testing import until

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tick of a twentieth of a second."""
    monkeypatch.setattr(liveness, "TICK", 0.05)
    monkeypatch.setattr(liveness, "INTERVAL", 0.05)


@contextmanager
def running(code: str) -> Iterator[int]:
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        yield process.pid
        process.kill()


@pytest.fixture
def sleeper() -> Iterator[int]:
    """A process that does nothing."""
    with running("import time; time.sleep(60)") as pid:
        yield pid


def stop(pid: int) -> None:
    """Stop a process; the signal reaches its threads one by one."""
    os.kill(pid, signal.SIGSTOP)
    process = psutil.Process(pid)
    until(lambda: process.status() == psutil.STATUS_STOPPED, "stopped")


async def never() -> bool:
    await asyncio.Event().wait()
    return True


async def computes() -> bool:
    """Never answers, but works in every tick, however little of a processor there is for it."""
    while True:
        enough = time.process_time() + 0.02  # the system counts in hundredths
        while time.process_time() < enough:
            pass
        await asyncio.sleep(0)


async def hung_within(seconds: float, pid: int, ask: liveness.Ask, patience: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await until_hung(pid, ask, patience)
    except TimeoutError:
        return False
    return True


async def test_who_does_not_answer_hangs(sleeper: int) -> None:
    """After the time that is allowed, not before."""
    assert not await hung_within(0.5, sleeper, never, 2)
    assert await hung_within(30, sleeper, never, 0.5)


async def test_who_refuses_the_question_hangs(sleeper: int) -> None:
    """A port on which nobody listens is no answer either."""

    async def refused() -> bool:
        return False

    assert await hung_within(30, sleeper, refused, 0.5)


async def test_who_is_slow_does_not_hang(sleeper: int) -> None:
    """One late answer makes up for everything before it."""

    async def slow() -> bool:
        await asyncio.sleep(0.7)
        return True

    assert not await hung_within(4, sleeper, slow, 2)


async def test_the_first_answer_may_take_longer(sleeper: int) -> None:
    """A process that has just begun is still being read from the disk."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await until_hung(sleeper, never, 0.1, lambda: False)


async def test_a_machine_that_slept_has_nobody_hung(
    sleeper: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much the clock says after a suspension, it is one tick for everybody."""
    loop = asyncio.get_running_loop()
    began, real = loop.time(), loop.time
    # Soon the clock is an hour ahead, as after a suspension of the machine.
    monkeypatch.setattr(loop, "time", lambda: real() + (3600 if real() > began + 0.2 else 0))
    hung = asyncio.create_task(until_hung(sleeper, never, 1.0))
    for _ in range(10):
        await asyncio.sleep(0.05)
    assert not hung.done()
    hung.cancel()


async def test_who_works_has_four_times_as_long() -> None:
    """A long computation is not taken for a deadlock at once; an endless one is in the end."""
    assert not await hung_within(1.0, os.getpid(), computes, 0.5)
    assert await hung_within(60, os.getpid(), computes, 0.2)


async def test_who_cannot_be_asked_is_not_taken_for_hung(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without free ports or descriptors must not have all its services ended."""

    async def no_ports(*_: object) -> None:
        raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")

    assert not await http_answers("127.0.0.1", free_port(), "/health/live")
    monkeypatch.setattr(asyncio, "open_connection", no_ports)
    assert await http_answers("127.0.0.1", free_port(), "/health/live")


async def test_a_stopped_nats_server_does_not_answer(tmp_path: Path) -> None:
    """It does before, and when it goes on."""
    with EmbeddedNats(tmp_path) as server:
        assert await server.lives()
        stop(server.pid)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await server.lives()
        os.kill(server.pid, signal.SIGCONT)
        assert await server.lives()
        port = server.monitor_port
    assert not await http_answers("127.0.0.1", port, "/healthz")


async def test_a_stopped_postgresql_does_not_answer(tmp_path: Path) -> None:
    """It does before, without a line in its log, and when it goes on."""
    with EmbeddedPostgres(tmp_path, durable=False) as server:
        said = server.log.read_text()
        assert await server.lives()
        assert server.log.read_text() == said
        stop(server.pid)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await server.lives()
        os.kill(server.pid, signal.SIGCONT)
        assert await server.lives()
        folder, port = server.socket_folder, server.port
    assert not await postgres_answers(f"{folder}/.s.PGSQL.{port}", "127.0.0.1", port)
