# SPDX-License-Identifier: Apache-2.0
"""The supervisor with programs that misbehave."""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from pons_embedded.command import Command, last_line
from pons_embedded.errors import Refusal
from pons_embedded.supervisor import Program, Supervisor, bound_log

DEAF = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True);"


def program(tmp_path: Path, name: str, code: str, stage: int = 0) -> Program:
    """A Python program that is ready as soon as it has written a line."""
    log = tmp_path / f"{name}.log"
    command = Command(name, (sys.executable, "-c", code), os.environ)
    return Program(name, lambda: command, lambda _pid: bool(last_line(log)), log, stage)


@pytest.mark.anyio
async def test_hurry_ends_a_deaf_program_at_once(tmp_path: Path) -> None:
    """A second Ctrl-C does not wait for a program that ignores the first."""
    deaf = program(tmp_path, "deaf", f"{DEAF} time.sleep(60)")
    supervisor = Supervisor([deaf], [], lambda _: None, lambda _: None)

    def stop_and_hurry() -> None:
        supervisor.wishes.stop.set()
        asyncio.get_running_loop().call_later(0.1, supervisor.wishes.hurry.set)

    began = time.monotonic()
    await supervisor.run(stop_and_hurry)
    assert time.monotonic() - began < 5
    assert supervisor.running == []


@pytest.mark.anyio
async def test_services_wait_for_backing(tmp_path: Path) -> None:
    """No service starts before everything behind it is ready."""
    slow_code = "import time; time.sleep(0.4); print(time.time(), flush=True); time.sleep(60)"
    slow = program(tmp_path, "slow", slow_code, stage=1)
    service = program(
        tmp_path, "service", "import time; print(time.time(), flush=True); time.sleep(60)"
    )
    supervisor = Supervisor([slow], [service], lambda _: None, lambda _: None)
    await supervisor.run(supervisor.wishes.stop.set)
    assert float(last_line(slow.log)) < float(last_line(service.log))


@pytest.mark.anyio
async def test_program_that_does_not_exist(tmp_path: Path) -> None:
    """A program that cannot be started at all ends the start with one sentence."""
    command = Command("ghost", (str(tmp_path / "ghost"),), os.environ)
    ghost = Program("ghost", lambda: command, lambda _pid: True, tmp_path / "ghost.log", 0)
    supervisor = Supervisor([ghost], [], lambda _: None, lambda _: None)
    with pytest.raises(Refusal, match="ghost cannot be started"):
        await supervisor.run(lambda: None)


@pytest.mark.anyio
async def test_stop_while_starting(tmp_path: Path) -> None:
    """A store asked to stop before it is ready stops, and never says that it is ready."""
    silent = program(tmp_path, "silent", "import time; time.sleep(60)")
    supervisor = Supervisor([silent], [], lambda _: None, lambda one: one.wishes.stop.set())
    said: list[str] = []
    await supervisor.run(lambda: said.append("ready"))
    assert said == []
    assert supervisor.running == []


@pytest.mark.anyio
async def test_delays_grow(tmp_path: Path) -> None:
    """A program that dies at once is started again less and less often."""
    told: list[str] = []
    first_life = tmp_path / "first-life"
    code = (
        f"import pathlib, sys, time; first = pathlib.Path({str(first_life)!r})\n"
        "print(1, flush=True)\n"
        "if not first.exists(): first.touch(); time.sleep(1)\n"
        "sys.exit(3)"
    )
    dying = program(tmp_path, "dying", code)

    def say(line: str) -> None:
        told.append(line)
        if len(told) == 3:
            supervisor.wishes.stop.set()

    supervisor = Supervisor([dying], [], say, lambda _: None)
    await supervisor.run(lambda: None)
    assert [line.rpartition(" in ")[2] for line in told] == ["0.2 s", "0.5 s", "1.0 s"]
    assert told[0].startswith("dying ended with exit code 3")


def test_log_stays_bounded(tmp_path: Path) -> None:
    """A log beyond its limit moves aside and starts again, while its writer goes on."""
    log = tmp_path / "service.log"
    writer = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(writer, b"a" * 100)
    bound_log(log, limit=99)
    os.write(writer, b"after\n")
    os.close(writer)
    assert log.read_bytes() == b"after\n"
    assert (tmp_path / "service.log.1").read_bytes() == b"a" * 100


def test_last_words_of_a_service_are_for_people(tmp_path: Path) -> None:
    """A line in JSON is told as what happened and why."""
    log = tmp_path / "service.log"
    log.write_text(
        'first\n{"event": "service cannot run", "error": "disk full", "level": "error"}\n\n'
    )
    assert last_line(log) == "service cannot run: disk full"
    log.write_text("pons: http.port: Input should be at most 65535\n")
    assert last_line(log) == "pons: http.port: Input should be at most 65535"
    assert last_line(tmp_path / "nowhere.log") == ""


def test_signals_have_a_polite_and_a_sure_form() -> None:
    """A program is asked with SIGTERM and then killed, unless it says otherwise."""
    command = Command("any", ("any",), {})
    assert (command.stop_signal, command.hurry_signal) == (signal.SIGTERM, None)


@pytest.mark.anyio
async def test_a_failure_of_its_own_leaves_no_process(tmp_path: Path) -> None:
    """Whatever goes wrong while a program is watched, the program ends."""
    one = program(tmp_path, "one", "import time; print('up', flush=True); time.sleep(60)")

    def changed(_supervisor: Supervisor) -> None:
        raise OSError("no room")

    supervisor = Supervisor([one], [], lambda _: None, changed)
    with pytest.raises(OSError, match="no room"):
        await supervisor.run(lambda: None)
    assert supervisor.running == []
