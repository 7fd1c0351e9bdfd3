# SPDX-License-Identifier: Apache-2.0
"""Spans that OpenTelemetry's SDK records; imported only where traces are on."""

import asyncio
from contextvars import Token
from types import TracebackType
from typing import Self

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from pons.traces.attributes import Attribute
from pons.traces.spans import CURRENT, HEADER, NOTHING, Attributes, Kind, Span

KINDS: dict[Kind, SpanKind] = {
    "internal": SpanKind.INTERNAL,
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
}
NO_FAILURES = (asyncio.CancelledError, GeneratorExit)
"""What ends a block from outside."""
_propagator = TraceContextTextMapPropagator()


class _Attached(Span):
    """A span that is the current one in its block."""

    __slots__ = ("_token",)

    def __init__(self) -> None:
        self._token: Token[Span | None] | None = None

    def __enter__(self) -> Self:
        self._token = CURRENT.set(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._token is not None:
            CURRENT.reset(self._token)
        if error is not None and not isinstance(error, NO_FAILURES):
            self.fail(type(error).__name__)
        self.end()


class Unsampled(_Attached):
    """A trace that is not told: nor is anything inside it, here or wherever it leads to."""

    __slots__ = ("_header",)

    def __init__(self, span: trace.Span) -> None:
        super().__init__()
        self._header = _told(span)

    @property
    def header(self) -> str:
        return self._header


class Recorded(_Attached):
    """A span of the SDK."""

    __slots__ = ("span",)

    def __init__(self, span: trace.Span) -> None:
        super().__init__()
        self.span = span

    def set(self, attribute: Attribute, value: str | int | float) -> None:
        self.span.set_attribute(attribute.value, value)

    def rename(self, name: str) -> None:
        self.span.update_name(name)

    def fail(self, kind: str) -> None:
        self.set(Attribute.ERROR_TYPE, kind)
        self.span.set_status(Status(StatusCode.ERROR))

    def end(self) -> None:
        self.span.end()

    @property
    def traceparent(self) -> str:
        return _told(self.span)


class SdkRecorder:
    """Begins spans where a trace is told."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def begin(
        self,
        name: str,
        kind: Kind,
        attributes: Attributes | None,
        parent: str,
        started: int | None,
    ) -> Span:
        above = _parent(parent)
        if above is None:
            current = CURRENT.get()
            if isinstance(current, Recorded):
                above = trace.set_span_in_context(current.span, Context())
            elif current is not None or kind != "server":
                return NOTHING
        span = self._tracer.start_span(
            name,
            Context() if above is None else above,
            KINDS[kind],
            {key.value: value for key, value in (attributes or {}).items()},
            start_time=started,
            record_exception=False,  # its words, and the lines of its traceback, may be a person's
            set_status_on_exception=False,
        )
        return Recorded(span) if span.is_recording() else Unsampled(span)


def _told(span: trace.Span) -> str:
    context = span.get_span_context()
    trace_id, span_id = trace.format_trace_id(context.trace_id), context.span_id
    return f"00-{trace_id}-{trace.format_span_id(span_id)}-{context.trace_flags:02x}"


def _parent(told: str) -> Context | None:
    """The context that a traceparent names, if it can be read."""
    if not told:
        return None
    context = _propagator.extract({HEADER: told}, Context())
    return context if trace.get_current_span(context).get_span_context().is_valid else None
