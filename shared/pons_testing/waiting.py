# SPDX-License-Identifier: Apache-2.0
"""Waiting in tests: for something to hold, or a task to end, with a deadline."""

import asyncio
import inspect
import itertools
import time
from collections.abc import Callable
from typing import Any

import anyio
import pytest

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


async def end_task(task: asyncio.Task[Any], seconds: float = PATIENCE) -> None:
    """Cancel a task until it has ended, as services do with theirs.

    Before Python 3.12 `asyncio.wait_for`, which nats-py waits with, forgets a cancellation that
    arrives together with what it waits for.
    """
    deadline = time.monotonic() + seconds
    while not task.done():
        assert time.monotonic() < deadline, f"{task.get_name()} did not end in {seconds:g} s"
        task.cancel()
        await asyncio.wait((task,), timeout=0.5)


async def timers_at_rest(monkeypatch: pytest.MonkeyPatch, seconds: float = 2.5) -> int:
    """How many timers the event loop is asked for in so many seconds, two at most of them here."""
    await anyio.sleep(0.1)
    loop, calls = asyncio.get_running_loop(), itertools.count()

    def counted(plain: Callable[..., asyncio.TimerHandle]) -> Callable[..., asyncio.TimerHandle]:
        def call(*args: Any, **options: Any) -> asyncio.TimerHandle:
            next(calls)
            return plain(*args, **options)

        return call

    with monkeypatch.context() as counting:
        for name in ("call_at", "call_later"):  # of which neither asks the other everywhere
            counting.setattr(loop, name, counted(getattr(loop, name)))
        await anyio.sleep(seconds)
    return next(calls)
