# SPDX-License-Identifier: Apache-2.0
"""Waiting in tests: for something to hold, with a deadline."""

import inspect
import time
from collections.abc import Callable

import anyio

PATIENCE = 120.0
"""Seconds after which something never holds: far more than it takes on a busy machine."""


async def until(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Return as soon as `condition`, which may be a coroutine function, holds."""
    deadline = time.monotonic() + seconds
    while True:
        holds = condition()
        if inspect.isawaitable(holds):
            holds = await holds
        if holds:
            return
        name = getattr(condition, "__name__", condition)
        assert time.monotonic() < deadline, f"{name} did not hold in {seconds:g} s"
        await anyio.sleep(0.01)


def wait_until(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """As `until`, for tests without an event loop; `condition` is a plain function."""
    deadline = time.monotonic() + seconds
    while not condition():
        name = getattr(condition, "__name__", condition)
        assert time.monotonic() < deadline, f"{name} did not hold in {seconds:g} s"
        time.sleep(0.01)
