# SPDX-License-Identifier: Apache-2.0
"""What a task asks of another system now: known to whatever it calls for that, as a trace is."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from pons.errors import RemoteFailure


@dataclass(slots=True)
class Call:
    """Something that is asked of a remote, and what became of it so far."""

    destination: str
    """As `modality:pacs`."""
    did: str
    """What is done there."""
    answered: "Callable[[Call], None]"
    """Called once, in the loop that asks, when the remote takes part for the first time."""
    address: str = ""
    """Where the remote is called; empty until that is known."""
    reached: bool = False
    passed_over: RemoteFailure | None = None
    """The last thing that the remote did not take, and without which the task goes on."""
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)


CURRENT: ContextVar[Call | None] = ContextVar("pons_egress_call", default=None)
"""Of the present task, and of threads that work for it."""


@contextmanager
def during(call: Call) -> Iterator[None]:
    """The block asks for it."""
    token = CURRENT.set(call)
    try:
        yield
    finally:
        CURRENT.reset(token)


def at(address: str) -> None:
    """Note where the remote is called, as `pons.remotes.contacts` writes that."""
    call = CURRENT.get()
    if call is not None:
        call.address = address


def reached() -> None:
    """Note that the remote which is being called takes part: there is an association, or an answer.

    From any thread.
    """
    call = CURRENT.get()
    if call is not None and not call.reached:
        call.reached = True
        call.loop.call_soon_threadsafe(call.answered, call)


def pass_over(error: Exception) -> None:
    """Note that the task goes on without something; it matters if the remote is why."""
    call = CURRENT.get()
    if call is not None and isinstance(error, RemoteFailure):
        call.passed_over = error
