# SPDX-License-Identifier: Apache-2.0
"""The supervisor with programs that misbehave."""

import asyncio
import os
import signal
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

import pons_embedded.supervisor as supervisor_module
from pons_embedded import liveness, supervised
from pons_embedded.command import Command, last_line
from pons_embedded.errors import Refusal
from pons_embedded.processes import wait_gone
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
    assert time.monotonic() - began < 11
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


@pytest.mark.anyio
async def test_what_hangs_is_ended_and_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that answers no more is told to end, then killed, with what it started itself."""
    monkeypatch.setattr(liveness, "TICK", 0.05)
    monkeypatch.setattr(liveness, "INTERVAL", 0.05)
    monkeypatch.setattr(supervised, "HURRY_PATIENCE", 0.2)
    child = tmp_path / "child"
    code = (
        f"import pathlib, subprocess, sys; {DEAF}\n"
        "one = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"pathlib.Path({str(child)!r}).write_text(f'{{one.pid}} '); time.sleep(60)"
    )
    told: list[str] = []
    lives = True

    async def answers() -> bool:
        if not lives:
            await asyncio.Event().wait()
        return True

    def say(line: str) -> None:
        told.append(line)
        if "starting it again" in line:
            supervisor.wishes.stop.set()

    def hang() -> None:
        """As soon as it has started its child."""
        nonlocal lives
        lives = not (child.exists() and child.read_text().endswith(" "))
        if lives:
            asyncio.get_running_loop().call_later(0.02, hang)

    hanging = replace(program(tmp_path, "hanging", code), lives=answers, patience=0.5)
    supervisor = Supervisor([hanging], [], say, lambda _: None)
    await supervisor.run(hang)
    assert told == [
        "hanging has not answered for 0.5 s and is ended",
        "hanging was ended by SIGKILL; starting it again in 0.2 s",
    ]
    with suppress(psutil.NoSuchProcess):
        assert wait_gone([psutil.Process(int(child.read_text()))], 60) == []


@pytest.mark.anyio
async def test_what_answers_and_cannot_work_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two looks in a row must find the same; the reason is told."""
    monkeypatch.setattr(supervised, "TROUBLE_INTERVAL", 0.05)
    monkeypatch.setattr(supervised, "DELAYS", (0.05,))
    looks = ["", "once", "", "one", "another", "lost files", "lost files"]
    told: list[str] = []

    def say(line: str) -> None:
        told.append(line)
        if "starting it again" in line:
            supervisor.wishes.stop.set()

    code = "import time; print(1, flush=True); time.sleep(60)"
    server = replace(
        program(tmp_path, "server", code), trouble=lambda: looks.pop(0) if looks else ""
    )
    supervisor = Supervisor([server], [], say, lambda _: None)
    await supervisor.run(lambda: None)
    assert told == [
        "lost files: server is started again",
        "server was ended by SIGTERM; starting it again in 0.05 s",
    ]


@pytest.mark.anyio
async def test_a_door_opens_after_all_others(tmp_path: Path) -> None:
    """What opens last is started with the others, and told to open when they are ready."""
    started = tmp_path / "started"
    slow = program(
        tmp_path,
        "slow",
        f"import pathlib, time\nfor _ in range(3000):\n  time.sleep(0.01)\n"
        f"  if pathlib.Path({str(started)!r}).exists(): break\n"
        "print(time.time(), flush=True); time.sleep(60)",
    )
    code = (
        f"import pathlib, sys, time; began = time.time(); pathlib.Path({str(started)!r}).touch()\n"
        "assert sys.stdin.readline() == 'open\\n'\n"
        "print(began, time.time(), flush=True); time.sleep(60)"
    )
    door = replace(program(tmp_path, "door", code), opens_last=True)
    supervisor = Supervisor([], [door, slow], lambda _: None, lambda _: None)
    await supervisor.run(supervisor.wishes.stop.set)
    began, opened = map(float, last_line(door.log).split())
    assert began < float(last_line(slow.log)) < opened


@pytest.mark.anyio
async def test_a_door_that_comes_back_does_not_wait_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When another service is down later, the door opens all the same."""
    monkeypatch.setattr(supervisor_module, "OPEN_PATIENCE", 0.3)
    once = tmp_path / "once"
    code = (
        f"import pathlib, time; once = pathlib.Path({str(once)!r})\n"
        "if not once.exists(): once.touch(); print('up', flush=True)\n"
        "time.sleep(60)"
    )
    other = program(tmp_path, "other", code)
    door = replace(
        program(tmp_path, "door", "import sys; print(sys.stdin.readline(), flush=True); input()"),
        opens_last=True,
    )
    supervisor = Supervisor([], [door, other], lambda _: None, lambda _: None)

    def kill_both() -> None:
        for file in (door.log, other.log):
            file.write_text("")
        for one in supervisor.running:
            os.kill(one.pid, signal.SIGKILL)
        stop_when_open()

    def stop_when_open() -> None:
        loop = asyncio.get_running_loop()
        late = loop.time() > deadline
        if late or last_line(door.log) == "open":
            supervisor.wishes.stop.set()
        else:
            loop.call_later(0.02, stop_when_open)

    deadline = asyncio.get_running_loop().time() + 20
    await supervisor.run(kill_both)
    assert (last_line(door.log), last_line(other.log)) == ("open", "")
