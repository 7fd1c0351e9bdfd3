# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: S603 - a test starts what it tests
"""A store on stand-ins for the five services, run through the command line; for tests."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pons
import pons_embedded
from pons_embedded.ports import free_port

DEADLINE = 120.0
STAND_IN = Path(__file__).with_name("stand_in.py")


def until(condition: Callable[[], Any], what: str) -> Any:
    """The first true result of `condition`, which has to come before the deadline."""
    deadline = time.monotonic() + DEADLINE
    while not (result := condition()):
        assert time.monotonic() < deadline, f"{what}: not within {DEADLINE:g} s"
        time.sleep(0.02)
    return result


@dataclass
class Store:
    """A store with stand-ins for services, run through the command line."""

    data: Path
    environment: dict[str, str]
    http_port: int = field(default_factory=free_port)
    dicom_port: int = field(default_factory=free_port)
    process: "subprocess.Popen[str] | None" = None

    @property
    def state(self) -> dict[str, Any]:
        try:
            known: dict[str, Any] = json.loads((self.data / "state.json").read_text())
        except OSError:
            return {}
        return known

    def pid(self, name: str) -> int:
        """The process id of a program; 0 while it does not run."""
        pids = [one["pid"] for one in self.state.get("processes", ()) if one["name"] == name]
        return pids[0] if pids else 0

    def send(self, name: str, number: signal.Signals) -> int:
        """Send a signal to a program once it runs; its process id.

        Never to process 0, which is the test's own group: a program may just be started again.
        """
        pid: int = until(lambda: self.pid(name), f"{name} runs")
        os.kill(pid, number)
        return pid

    def pons(self, command: str, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-P", "-m", "pons_embedded", command, *words],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )

    def ports(self) -> list[str]:
        return ["--http-port", str(self.http_port), "--dicom-port", str(self.dicom_port)]

    def start(self, *words: str) -> None:
        where = ["--data", str(self.data), *self.ports(), *words]
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "pons_embedded", "up", *where],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def up(self, *words: str) -> None:
        self.start(*words)
        until(lambda: self.is_ready() or self.ended(), "ready")
        assert self.is_ready(), self.output()

    def is_ready(self) -> bool:
        """Whether the supervisor that `start` started says so."""
        known = self.state
        mine = (
            self.process is not None and known.get("supervisor", {}).get("pid") == self.process.pid
        )
        return mine and known["ready"] is True

    def ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def output(self) -> str:
        """Everything `up` said, once it has ended."""
        assert self.process is not None
        return self.process.communicate(timeout=DEADLINE)[0]

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=DEADLINE)
        return self.process.returncode


@contextmanager
def ending(store: Store) -> Iterator[Store]:
    """Whatever a test does to a store, nothing of it runs afterwards."""
    try:
        yield store
    finally:
        if store.process is not None:
            store.stop()
        store.pons("down", "--data", str(store.data))


def stand_in_environment(folder: Path) -> dict[str, str]:
    """An environment in which `python -m pons_<service>` is a stand-in, found in `folder`."""
    for service in ("gateway", "ingress", "index", "render", "egress"):
        start = (
            f"import runpy\nrunpy.run_path({str(STAND_IN)!r}, {{'name_of_service': {service!r}}})\n"
        )
        (folder / f"pons_{service}.py").write_text(start)
    sources = [Path(str(package.__file__)).parents[1] for package in (pons, pons_embedded)]
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("PONS_")}
    return inherited | {
        "PYTHONPATH": os.pathsep.join(map(str, (folder, *sources))),
        # Stand-ins need nothing of what services share.
        "PONS_STORE_FORK_SERVICES": "false",
    }
