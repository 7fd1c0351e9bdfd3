# SPDX-License-Identifier: Apache-2.0
"""What a supervisor writes down about the processes it started, so that others can find them."""

import contextlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from pons_embedded.processes import lives
from pons_embedded.secrets import write_private

POSTGRES = "postgres"
CLOCK_SLACK = 3.0
"""Seconds by which a start time may differ when it is read twice: the boot time is rounded, and
moves with the clock."""


@dataclass(frozen=True)
class Record:
    """One process: its id alone says little, since ids come again; id and start time say it all."""

    name: str
    pid: int
    started: float
    host: str = ""
    port: int = 0
    """Where it answers /health/ready; 0 when it does not speak HTTP."""
    path: str = ""

    def process(self) -> psutil.Process | None:
        """The process itself, or None when it has ended."""
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(self.pid)
            if abs(process.create_time() - self.started) < CLOCK_SLACK and lives(process):
                return process
        return None


@dataclass(frozen=True)
class State:
    """What one store runs now."""

    store: str
    supervisor: Record
    http: str
    dicom: str
    ready: bool = False
    processes: tuple[Record, ...] = ()


def record(name: str, pid: int, host: str = "", port: int = 0, path: str = "") -> Record | None:
    """The record of a running process; None when it has just ended."""
    with contextlib.suppress(psutil.Error):
        return Record(name, pid, psutil.Process(pid).create_time(), host, port, path)
    return None


def write_state(path: Path, state: State) -> None:
    """Keep `state`. Raises `Refusal` when it cannot be written."""
    write_private(path, json.dumps(asdict(state), indent=1))


def read_state(path: Path) -> State | None:
    """The state that `path` tells, or None when there is none or it cannot be understood."""
    try:
        known = json.loads(path.read_bytes())
        known["supervisor"] = Record(**known["supervisor"])
        known["processes"] = tuple(Record(**one) for one in known["processes"])
        return State(**known)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def survivors(state: State | None) -> list[psutil.Process]:
    """The processes of `state` that still run, with their children.

    Neither the supervisor nor PostgreSQL, which ends in its own way.
    """
    found: list[psutil.Process] = []
    for one in state.processes if state else ():
        if one.name != POSTGRES and (process := one.process()):
            with contextlib.suppress(psutil.Error):
                found.extend(process.children(recursive=True))
            found.append(process)
    return found
