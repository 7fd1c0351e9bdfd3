# SPDX-License-Identifier: Apache-2.0
"""`span`: a piece of work that a trace tells of, with the pieces inside it.

A trace begins where something comes in (an association, an HTTP request: kind `server`), or goes
on where somebody else's traceparent says so. Everything else is part of the trace that it happens
in, and without one it is not told.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from types import TracebackType
from typing import Literal, Protocol, Self

from pons.traces.attributes import Attribute

Kind = Literal["internal", "server", "client", "producer", "consumer"]
Attributes = Mapping[Attribute, str | int | float]
HEADER = "traceparent"
"""The header of HTTP, and of messages, that says which span something belongs to (W3C)."""


class Span:
    """A piece of work that nobody records: every call does nothing. Others record theirs.

    Its block is the piece of work; what raises out of it is told by its type alone. Without a
    block, `end` has to be called.
    """

    __slots__ = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return None

    def set(self, attribute: Attribute, value: str | int | float) -> None:
        """Say something that is known only now."""

    def rename(self, name: str) -> None:
        """Call it otherwise, by what is known only now."""

    def fail(self, kind: str) -> None:
        """Say that it went wrong, with the kind of error: never its words."""

    def end(self) -> None:
        """The work is done, for who does not use a block."""

    @property
    def traceparent(self) -> str:
        """What others go on from (W3C Trace Context); empty where nothing is recorded."""
        return ""

    @property
    def header(self) -> str:
        """What is said to others that are asked now; also that nothing of it is to be recorded."""
        return self.traceparent


class Recorder(Protocol):
    """What records spans."""

    def begin(
        self,
        name: str,
        kind: Kind,
        attributes: Attributes | None,
        parent: str,
        started: int | None,
    ) -> Span:
        """A span that has begun."""


NOTHING = Span()


class _Process:
    """Traces are the process' own, as its logs and metrics are: nobody hands them around."""

    __slots__ = ("recorder",)

    def __init__(self) -> None:
        self.recorder: Recorder | None = None


PROCESS = _Process()
CURRENT: ContextVar[Span | None] = ContextVar("pons_span", default=None)
"""The span whose block this task is in."""


def span(
    name: str,
    kind: Kind = "internal",
    attributes: Attributes | None = None,
    *,
    parent: str = "",
    started: int | None = None,
) -> Span:
    """A span that has begun, or did at `started` (nanoseconds since the epoch).

    `parent` is a traceparent that came from elsewhere; one that cannot be read counts as none.
    """
    recorder = PROCESS.recorder
    if recorder is None:
        return NOTHING
    return recorder.begin(name, kind, attributes, parent, started)


def traceparent() -> str:
    """What others go on from, who are told something by this task now; empty without a trace."""
    current = CURRENT.get()
    return "" if current is None else current.traceparent


def trace_headers() -> dict[str, str]:
    """What says to others that are asked which trace they are part of; empty without one."""
    current = CURRENT.get()
    told = "" if current is None else current.header
    return {HEADER: told} if told else {}
