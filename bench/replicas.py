# SPDX-License-Identifier: Apache-2.0
"""More processes of a service beside a running store, and the CPU time that each takes."""

import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from pons_embedded.ports import free_port
from stores import RunningStore

DEADLINE = 120.0
SECTIONS = {"render": "RENDER", "gateway": "HTTP", "ingress": "DICOM"}
"""Services that have a port beside that of their health, and the settings with it."""


@dataclass(frozen=True)
class Replica:
    """A process of a service, with those that it has started."""

    process: psutil.Process
    variables: dict[str, str]

    @property
    def cpu_seconds(self) -> float:
        """Of it and of those that it has started, those that have ended too."""
        family = [self.process, *self.process.children(recursive=True)]
        ended = self.process.cpu_times()
        return sum(sum(one.cpu_times()[:2]) for one in family) + sum(ended[2:4])


@contextmanager
def replicas(store: RunningStore, kind: str, number: int, folder: Path) -> Iterator[list[Replica]]:
    """So many processes of a service, `index` say: the store's own, and others beside it."""
    with ExitStack() as opened:
        first = first_of(store, kind)
        more = [
            opened.enter_context(_another(first, kind, folder / f"{kind}-{one}.log"))
            for one in range(2, number + 1)
        ]
        yield [first, *more]


def first_of(store: RunningStore, kind: str) -> Replica:
    """The process that the launcher runs."""
    family = psutil.Process(store.pid).children(recursive=True)
    first = next(process for process in family if f"pons_{kind}" in process.cmdline())
    return Replica(first, first.environ())


@contextmanager
def _another(first: Replica, kind: str, log: Path) -> Iterator[Replica]:
    """One more, of which the launcher knows nothing."""
    health = free_port()
    own = {"PONS_HEALTH_PORT": str(health), "PONS_HEALTH_ENDS_WITH_INPUT": "false"}
    if section := SECTIONS.get(kind):
        own[f"PONS_{section}_PORT"] = str(free_port())
    variables = {**first.variables, **own}
    with log.open("wb") as output:
        process = psutil.Popen(
            first.process.cmdline(),
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_ready(kind, health, log)
        yield Replica(process, variables)
    finally:
        process.terminate()
        process.wait(60)


def _wait_until_ready(kind: str, port: int, log: Path) -> None:
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=5).close()
            return
        except (OSError, urllib.error.URLError):
            time.sleep(0.1)
    raise SystemExit(f"{kind} is not ready:\n{log.read_text(errors='replace')[-2000:]}")


def used(replicas: Sequence[Replica], before: Sequence[float]) -> float:
    """CPU seconds since `before`, all together."""
    return sum(one.cpu_seconds - was for one, was in zip(replicas, before, strict=True))
