# SPDX-License-Identifier: Apache-2.0
"""What each background task says of itself: when it last got on, since when it waits, and why.

Whoever answers for a process (`pons.http.health`) reads this. A task that waits for longer than its
patience, or for what does not pass by itself, makes the process not ready.
"""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from prometheus_client import Gauge

PATIENCE = 30.0
"""Seconds that a task may wait before the process is not ready any more."""

LAST_SUCCESS = Gauge(
    "pons_task_last_success_timestamp_seconds", "When a task last got on; 0: never.", ["task"]
)
WAITING = Gauge("pons_task_waiting_seconds", "For how long a task has not got on.", ["task"])
FAILING = Gauge("pons_task_failing", "1 while a task keeps the process from being ready.", ["task"])


class Pulse:
    """One task's word. Every call costs a look at the clock and no more."""

    __slots__ = ("_lasting", "_patience", "_since", "_succeeded", "cause", "name")

    def __init__(self, name: str, patience: float = PATIENCE) -> None:
        self.name = name
        self.cause = ""
        """Why it does not get on, as far as it knows."""
        self._patience = patience
        self._since: float | None = None
        self._succeeded: float | None = None
        self._lasting = False

    def begin(self) -> None:
        """Something is to be done now; what has been waiting goes on waiting."""
        if self._since is None:
            self._since = time.monotonic()

    def fail(self, cause: str, *, lasting: bool = False) -> None:
        """It did not work, and is tried again. `lasting`: somebody has to repair something."""
        self.begin()
        self.cause, self._lasting = cause, lasting

    def succeed(self) -> None:
        """What was to be done is done."""
        self._since, self.cause, self._lasting = None, "", False
        self._succeeded = time.monotonic()

    @property
    def waiting(self) -> float:
        """Seconds since something was to be done that is not done yet."""
        return 0.0 if self._since is None else time.monotonic() - self._since

    @property
    def trouble(self) -> str:
        """Why the process is not ready; empty when it is, as far as this task is concerned."""
        if self._since is None or not (self._lasting or self.waiting > self._patience):
            return ""
        cause = self.cause or "it has not ended, and nothing was said"
        return f"waiting for {self.waiting:.0f} s: {cause}"

    def as_json(self) -> dict[str, Any]:
        """When it last got on and since when it waits, where it did or does, and why."""
        known = {"last_success": self._succeeded, "waiting_since": self._since}
        told: dict[str, Any] = {
            name: _clock(moment) for name, moment in known.items() if moment is not None
        }
        return told | ({"cause": self.cause} if self.cause else {})

    def measure(self) -> None:
        """Tell the metrics."""
        succeeded = 0.0 if self._succeeded is None else _wall(self._succeeded)
        LAST_SUCCESS.labels(self.name).set(succeeded)
        WAITING.labels(self.name).set(self.waiting)
        FAILING.labels(self.name).set(bool(self.trouble))


class Pulses:
    """The tasks of a process, or of a part of it."""

    def __init__(self) -> None:
        self._pulses: list[Pulse] = []
        self._parts: list[Pulses] = []

    def add(self, name: str, patience: float = PATIENCE) -> Pulse:
        """A task that runs as long as the process; infinite patience: only lasting causes count."""
        pulse = Pulse(name, patience)
        self._pulses.append(pulse)
        return pulse

    @contextmanager
    def during(self, name: str, patience: float = PATIENCE) -> Iterator[Pulse]:
        """A task that runs as long as the block."""
        pulse = self.add(name, patience)
        try:
            yield pulse
        finally:
            self._pulses.remove(pulse)
            for gauge in (LAST_SUCCESS, WAITING, FAILING):
                gauge.remove(name)

    def include(self, part: "Pulses") -> None:
        """Also the tasks of a part that has its own list, as a bus has."""
        self._parts.append(part)

    def __iter__(self) -> Iterator[Pulse]:
        yield from self._pulses
        for part in self._parts:
            yield from part

    def troubles(self) -> dict[str, str]:
        """Why the process is not ready, by task."""
        return {pulse.name: trouble for pulse in self if (trouble := pulse.trouble)}


NEVER_TOO_LONG = math.inf
"""The patience of a task whose work may take hours."""


def _wall(moment: float) -> float:
    """Seconds since the epoch of a moment on the monotonic clock."""
    return time.time() - (time.monotonic() - moment)


def _clock(moment: float) -> str:
    return datetime.fromtimestamp(_wall(moment), UTC).isoformat(timespec="seconds")
