# SPDX-License-Identifier: Apache-2.0
"""The life of a service as whoever starts it sees it: a process, its port, its end."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pons_testing.nats import NatsServer

PROGRAM = """
import asyncio
from contextlib import asynccontextmanager
from pons.bus import open_bus
from pons.errors import Forbidden, NotFound, PonsError, Unavailable
from pons.runtime.service import run_service

@asynccontextmanager
async def open_service(settings, health):
{body}

run_service("index", open_service)
"""

WAITING_FOR_NATS = """
    async with open_bus(settings) as bus:
        health.checks["nats"] = bus.check
        yield
"""


class Service:
    """A running service and what it writes."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path, port: int) -> None:
        self.process = process
        self.port = port
        self._log = log

    @property
    def stderr(self) -> str:
        return self._log.read_text()

    @property
    def stdout(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.read().decode()

    @property
    def events(self) -> list[str]:
        """The events of the log, in order."""
        lines = self.stderr.splitlines()
        return [json.loads(line)["event"] for line in lines if line.startswith("{")]

    def status(self, path: str = "/health/ready") -> int:
        """The answer of the health port, 0 while it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code
        except OSError:
            return 0

    def wait_for(self, condition: Callable[[], object], within: float = 120) -> None:
        deadline = time.monotonic() + within
        while not condition():
            assert self.process.poll() is None, self.stderr
            assert time.monotonic() < deadline, self.stderr
            time.sleep(0.02)

    def end(self, number: int = signal.SIGTERM, within: float = 120) -> int:
        """The exit code after a signal."""
        self.process.send_signal(number)
        return self.process.wait(within)


Start = Callable[..., Service]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a service whose `open_service` has the body given; variables are its settings."""
    processes = []

    def start(body: str, stdin: int = subprocess.DEVNULL, **settings: str) -> Service:
        program, log = tmp_path / "service.py", tmp_path / "log"
        program.write_text(PROGRAM.format(body=body))
        with socket.create_server(("127.0.0.1", 0)) as found:
            port = found.getsockname()[1]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PONS_")}
        environment["PONS_HEALTH_PORT"] = str(port)
        environment["PYTHONPATH"] = str(Path(__file__).parents[1])
        environment["PYTHONWARNINGS"] = "error"
        with log.open("wb") as stderr:
            process = subprocess.Popen(
                [sys.executable, str(program)],
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=environment | settings,
            )
        processes.append(process)
        return Service(process, log, port)

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def last_log(service: Service) -> dict[str, Any]:
    entry: dict[str, Any] = json.loads(service.stderr.splitlines()[-1])
    return entry


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_a_service_is_ready_until_it_is_asked_to_end_and_ends_in_order(
    number: int, start: Start
) -> None:
    """SIGTERM, Ctrl-C and SIGQUIT close what the service opened, and the exit code is 0."""
    service = start(
        """
    try:
        yield
    finally:
        print(f"closed, ready: {health.started}", flush=True)
"""
    )
    service.wait_for(lambda: service.status() == 200)
    assert service.status("/health/live") == 200
    assert service.status("/metrics") == 200
    assert service.end(number) == 0
    assert service.stdout == "closed, ready: False\n"
    assert service.events == ["service started", "service stopped"]


def test_a_service_works_on_while_requests_are_led_elsewhere(start: Start) -> None:
    """Asked to end, it is live and at work but not ready; asked once more, it ends at once."""
    service = start("    yield", PONS_HEALTH_LEAVE_SECONDS="3600")
    service.wait_for(lambda: service.status() == 200)
    service.process.send_signal(signal.SIGTERM)
    service.wait_for(lambda: service.status() == 503)
    assert service.status("/health/live") == 200
    assert service.events == ["service started"]
    assert service.end() == 0
    assert service.events == ["service started", "service stopped"]


def test_a_service_ends_by_itself_after_that(start: Start) -> None:
    """Nobody has to ask twice."""
    service = start("    yield", PONS_HEALTH_LEAVE_SECONDS="0.2")
    service.wait_for(lambda: service.status() == 200)
    assert service.end() == 0


def test_a_service_is_live_but_not_ready_while_it_starts(start: Start) -> None:
    """What waits for a backing service is not restarted for that, and gets no requests."""
    service = start("    await asyncio.Event().wait()\n    yield")
    service.wait_for(lambda: service.status("/health/live") == 200)
    assert service.status() == 503
    assert service.end() == 0
    assert service.events == []


def test_a_wrong_setting_is_one_sentence_and_exit_code_2(start: Start) -> None:
    """No traceback, no retry: a person has to change something."""
    service = start("    yield", PONS_HTTP_PORT="x")
    assert service.process.wait(60) == 2
    assert service.stderr == (
        "index: http.port: Input should be a valid integer, unable to parse string as an integer "
        "(it is 'x')\n"
    )


def test_a_setting_that_a_service_refuses_is_one_sentence_and_exit_code_2(start: Start) -> None:
    """What only the service itself knows to be wrong is told as other settings, not as a bug."""
    service = start(
        """
    from pons.settings import SettingsError
    raise SettingsError("x.y is so")
    yield
"""
    )
    assert service.process.wait(60) == 2
    assert last_log(service)["error"] == "x.y is so"
    assert "Traceback" not in service.stderr


def test_a_misspelt_variable_is_one_sentence_and_exit_code_2(start: Start) -> None:
    """A variable that sets nothing is refused, with what may have been meant."""
    service = start("    yield", PONS_DICOM_PROT="104")
    assert service.process.wait(60) == 2
    assert service.stderr == (
        "index: PONS_DICOM_PROT is not a setting; did you mean PONS_DICOM_PORT?\n"
    )


def test_a_health_port_in_use_is_told_and_ends_the_service(start: Start) -> None:
    """The sentence names the port."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        service = start("    yield", PONS_HEALTH_PORT=str(port))
        assert service.process.wait(60) == 1
    assert last_log(service)["error"] == (
        f"Cannot listen on 127.0.0.1:{port} (is the port in use?)"
    )
    assert "Traceback" not in service.stderr


def test_a_service_without_a_nats_address_says_so(start: Start) -> None:
    """It does not wait for a server that nobody named."""
    service = start(WAITING_FOR_NATS)
    assert service.process.wait(60) == 1
    assert last_log(service)["error"] == "There is no NATS server to connect to (set nats.url)"
    assert "Traceback" not in service.stderr


def test_a_service_that_waits_for_nats_ends_when_it_is_asked_to(start: Start) -> None:
    """SIGTERM does not wait for a server that is not there; nor is the log flooded meanwhile."""
    with socket.create_server(("127.0.0.1", 0)) as rude:
        port = rude.getsockname()[1]
        service = start(WAITING_FOR_NATS, PONS_NATS_URL=f"nats://127.0.0.1:{port}")
        rude.settimeout(20)
        for _attempt in range(4):
            connection, _ = rude.accept()
            connection.close()
        assert service.status() == 503
        began = time.monotonic()
        assert service.end() == 0
        assert time.monotonic() - began < 20
    assert service.events == ["nats error"]
    assert "Traceback" not in service.stderr


def test_a_service_that_waits_for_a_silent_nats_ends_when_it_is_asked_to(start: Start) -> None:
    """A server that takes the connection and says nothing does not hold up SIGTERM either."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        service = start(WAITING_FOR_NATS, PONS_NATS_URL=f"nats://127.0.0.1:{port}")
        silent.settimeout(20)
        connection, _ = silent.accept()
        with connection:
            began = time.monotonic()
            assert service.end() == 0
            assert time.monotonic() - began < 20
    assert "Traceback" not in service.stderr


def test_a_service_starts_once_nats_is_there_and_tells_when_it_goes(
    own_broker: NatsServer, start: Start
) -> None:
    """NATS may start after its clients, go, and come back: readiness follows, nobody restarts."""
    own_broker.embedded.stop()
    service = start(WAITING_FOR_NATS, PONS_NATS_URL=own_broker.embedded.url)
    service.wait_for(lambda: "nats error" in service.stderr)
    own_broker.embedded.start()
    service.wait_for(lambda: service.status() == 200)
    own_broker.embedded.stop()
    service.wait_for(lambda: service.status() == 503)
    assert service.status("/health/live") == 200
    own_broker.embedded.start()
    service.wait_for(lambda: service.status() == 200)
    assert service.end() == 0
    assert "Traceback" not in service.stderr


def test_a_crashed_background_task_ends_the_process_with_its_traceback(start: Start) -> None:
    """Half a service is worse than none: it ends, and whoever runs it starts it again."""
    service = start(
        """
    async with asyncio.TaskGroup() as group:
        async def crash():
            await asyncio.sleep(0.1)
            return {}["the missing key"]
        group.create_task(crash())
        yield
"""
    )
    assert service.process.wait(60) == 1
    assert "service started" in service.events
    assert "Traceback (most recent call last)" in service.stderr
    assert "KeyError: 'the missing key'" in service.stderr


def test_a_reason_not_to_run_is_told_without_a_traceback(start: Start) -> None:
    """Errors of the family are sentences for operators, however many task groups they passed."""
    service = start(
        """
    async with asyncio.TaskGroup(), asyncio.TaskGroup():
        raise Unavailable("The database is not there", "set database.url")
    yield
"""
    )
    assert service.process.wait(60) == 1
    assert last_log(service)["event"] == "service cannot run"
    assert last_log(service)["error"] == "The database is not there (set database.url)"
    assert "Traceback" not in service.stderr


def test_each_reason_is_told_and_a_bug_among_them_with_its_traceback(start: Start) -> None:
    """One reason hides no other, nor a bug that happened with it."""
    service = start(
        """
    raise ExceptionGroup("all", [
        Forbidden("the first"), ExceptionGroup("some", [NotFound("the second"), ValueError("bug")])
    ])
    yield
"""
    )
    assert service.process.wait(60) == 1
    assert "ValueError: bug" in service.stderr
    assert "the first" in service.stderr
    assert "the second" in service.stderr
    assert "unexpected failure" in service.events
    assert last_log(service)["event"] == "service cannot run"
    assert last_log(service)["error"] == "the first; the second; unexpected ValueError: bug"


IN_ORDER = """
    try:
        yield
    finally:
        print("closed", flush=True)
"""


def test_a_service_ends_in_order_when_its_supervisor_is_gone(start: Start) -> None:
    """Nobody hears of kill -9, but the other end of the pipe is closed with the process."""
    reading, writing = os.pipe()
    service = start(IN_ORDER, stdin=reading, PONS_HEALTH_ENDS_WITH_INPUT="true")
    os.close(reading)
    service.wait_for(lambda: service.status() == 200)
    os.close(writing)
    assert service.process.wait(60) == 0
    assert service.stdout == "closed\n"
    assert "the supervisor is gone: ending" in service.events


def test_a_service_on_its_own_minds_no_closed_input(start: Start) -> None:
    """In a container standard input is closed from the beginning."""
    service = start(IN_ORDER)
    service.wait_for(lambda: service.status() == 200)
    assert service.end() == 0


def test_a_service_opens_when_its_supervisor_says_so(start: Start) -> None:
    """Until then it is live and not ready; a service without a supervisor does not wait."""
    reading, writing = os.pipe()
    body = "    await health.may_open.wait()\n    yield"
    told = {"PONS_HEALTH_ENDS_WITH_INPUT": "true", "PONS_HEALTH_OPENS_WHEN_TOLD": "true"}
    service = start(body, stdin=reading, **told)
    os.close(reading)
    service.wait_for(lambda: service.status("/health/live") == 200)
    assert service.status() == 503
    os.write(writing, b"open\n")
    service.wait_for(lambda: service.status() == 200)
    os.close(writing)
    assert service.process.wait(60) == 0
    alone = start(body)
    alone.wait_for(lambda: alone.status() == 200)


def test_a_service_that_hangs_ends_without_its_supervisor(start: Start) -> None:
    """A deadlock does not keep it alive for ever when nobody is there to end it."""
    reading, writing = os.pipe()
    body = """
    import pons.runtime.supervised, time
    pons.runtime.supervised.PATIENCE = 0.5
    print("hanging", flush=True)
    time.sleep(60)
    yield
"""
    service = start(body, stdin=reading, PONS_HEALTH_ENDS_WITH_INPUT="true")
    os.close(reading)
    assert service.process.stdout is not None
    assert service.process.stdout.readline() == b"hanging\n"
    os.close(writing)
    assert service.process.wait(60) == 1
