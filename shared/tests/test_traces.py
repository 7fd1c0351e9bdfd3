# SPDX-License-Identifier: Apache-2.0
"""Spans: what begins a trace, what is part of one, and what a collector that is away costs."""

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from prometheus_client import REGISTRY

from pons.traces.attributes import Attribute
from pons.traces.sender import Sender
from pons.traces.spans import CURRENT, NOTHING, span, trace_headers, traceparent
from pons.traces.tracing import Destination, tracing
from pons_testing.collector import Collector, collecting
from pons_testing.waiting import wait_until

ELSEWHERE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
NOT_ASKED_FOR = ELSEWHERE[:-1] + "0"
SILENT = 0


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@contextmanager
def traced(collector: Collector, spans: int, sample: float = 1.0) -> Iterator[None]:
    """Traces are on in this block; after it, so many spans of it have arrived, and are counted."""
    before = counted()["sent"]
    destination = Destination(collector.endpoint, sample, {"authorization": "Bearer of-a-test"})
    with tracing(destination, "test", "nm"):
        yield
        wait_until(lambda: len(collector.spans) >= spans)
        wait_until(lambda: counted()["sent"] - before >= spans)


def counted() -> Counter[str]:
    """Spans by what became of them, in this process."""
    values = {
        outcome: REGISTRY.get_sample_value("pons_traces_spans_total", {"outcome": outcome})
        for outcome in ("sent", "refused", "dropped")
    }
    return Counter({outcome: int(value or 0) for outcome, value in values.items()})


def test_a_trace_begins_with_what_comes_in_and_has_what_happens_inside(
    collector: Collector,
) -> None:
    """Each span knows the one whose block it is in; all are of one trace, service and store."""
    about = {Attribute.CALLING_AET: "CT"}
    with traced(collector, spans=2), span("outer", "server", about) as outer:
        with span("inner"):
            told = traceparent()
        outer.set(Attribute.REQUESTS, 3)
    [inner] = collector.named("inner")
    [first] = collector.named("outer")
    assert (first.service, first.store, first.kind, first.parent_id) == (
        "pons-test",
        "nm",
        "server",
        "",
    )
    assert first.attributes == {"pons.dicom.calling_aet": "CT", "pons.dicom.requests": 3}
    assert (inner.trace_id, inner.parent_id, inner.kind) == (
        first.trace_id,
        first.span_id,
        "internal",
    )
    assert told.startswith(f"00-{inner.trace_id}-{inner.span_id}-0")
    assert collector.headers[0]["authorization"] == "Bearer of-a-test"


def test_what_happens_outside_of_a_trace_is_not_told(collector: Collector) -> None:
    """Background work, and messages without a traceparent, begin no trace."""
    with traced(collector, spans=1):
        assert span("work") is NOTHING
        assert span("message", "consumer", parent="not a traceparent") is NOTHING
        assert trace_headers() == {}
        with span("request", "server"):
            pass
    assert [one.name for one in collector.spans] == ["request"]


def test_a_traceparent_from_elsewhere_is_gone_on_from(collector: Collector) -> None:
    """Also by work that begins no trace, and whatever share is sampled here."""
    with traced(collector, spans=3, sample=0):
        with span("request", "server", parent=ELSEWHERE), span("work"):
            pass
        with span("message", "consumer", parent=ELSEWHERE):
            pass
    trace_id, parent_id = ELSEWHERE.split("-")[1:3]
    assert {one.trace_id for one in collector.spans} == {trace_id}
    parents = {one.name: one.parent_id for one in collector.spans}
    assert parents["request"] == parents["message"] == parent_id
    assert len(parents) == 3


@pytest.mark.parametrize("told", ["", NOT_ASKED_FOR])
def test_a_trace_that_is_not_sampled_is_not_told_at_all(collector: Collector, told: str) -> None:
    """Neither what is inside it, nor to others, nor by a trace of its own in the middle of it."""
    before = counted()
    sample = 1.0 if told else 0
    with traced(collector, spans=0, sample=sample), span("request", "server", parent=told):
        assert span("work") is NOTHING
        assert span("request in a request", "server") is NOTHING
        assert traceparent() == ""
        flags = int(trace_headers()["traceparent"].rpartition("-")[2], 16)
        assert not flags & 1, "others would begin one of their own"
    assert collector.requests == 0
    assert counted() == before


def test_a_failure_is_told_by_its_type_alone(collector: Collector) -> None:
    """The words of an error may be a patient's name."""
    failing = pytest.raises(ValueError, match="Doe")
    with traced(collector, spans=1), failing, span("request", "server"):
        raise ValueError("Doe^Jane")
    [told] = collector.spans
    assert told.failed
    assert told.attributes == {"error.type": "ValueError"}
    assert b"Doe" not in collector.wire


def test_a_block_that_ends_leaves_the_span_around_it(collector: Collector) -> None:
    with traced(collector, spans=2):
        with span("outer", "server") as outer:
            with span("inner"):
                pass
            assert CURRENT.get() is outer
        assert CURRENT.get() is None


@pytest.mark.parametrize("mood", [503, 400, 302, SILENT])
def test_spans_that_a_collector_does_not_take_are_counted(collector: Collector, mood: int) -> None:
    """Refused, sent elsewhere or unanswered; who works meanwhile, and who ends, does not wait."""
    before = counted()
    collector.mood = mood
    with traced(collector, spans=0):
        for _ in range(20):
            with span("request", "server"):
                pass
        wait_until(lambda: collector.requests)

    def all_are_lost() -> bool:
        lost = counted() - before
        return lost["refused"] + lost["dropped"] == 20

    wait_until(all_are_lost)
    assert counted()["sent"] == before["sent"]
    assert collector.wire == b""


def test_a_collector_is_told_again_when_it_is_back(collector: Collector) -> None:
    """What it did not take is lost; what comes later is not."""
    before = counted()
    collector.mood = 400
    with traced(collector, spans=1):
        with span("lost", "server"):
            pass
        wait_until(lambda: (counted() - before)["refused"] == 1)
        collector.mood = 200
        with span("told", "server"):
            pass
    assert [one.name for one in collector.spans] == ["told"]


class Held(SpanExporter):
    """Holds up whoever sends until it is let go."""

    def __init__(self) -> None:
        self.asked, self.let_go = threading.Event(), threading.Event()

    def export(self, spans: object) -> SpanExportResult:
        self.asked.set()
        self.let_go.wait()
        return SpanExportResult.SUCCESS


def test_spans_without_room_are_dropped_and_counted() -> None:
    """Memory is bounded, whoever does not take them."""
    before, held = counted(), Held()
    sender = Sender(held, room=3)
    try:
        sender.on_end(ReadableSpan("sending"))
        assert held.asked.wait(60)
        for number in range(5):
            sender.on_end(ReadableSpan(f"{number}"))
        assert counted() - before == Counter(dropped=2)
        held.let_go.set()
        wait_until(lambda: counted() - before == Counter(sent=4, dropped=2))
    finally:
        held.let_go.set()
        sender.shutdown()


def test_a_process_ends_although_nobody_takes_its_spans() -> None:
    """What is left then is counted, and so is what comes after the end."""
    before, held = counted(), Held()
    sender = Sender(held)
    try:
        sender.on_end(ReadableSpan("sending"))
        assert held.asked.wait(60)
        sender.on_end(ReadableSpan("waiting"))
        sender.shutdown()  # would not return
        sender.on_end(ReadableSpan("late"))
        assert counted() - before == Counter(dropped=2)
    finally:
        held.let_go.set()
    wait_until(lambda: (counted() - before)["sent"] == 1)


def test_nothing_of_opentelemetry_is_loaded_without_an_endpoint() -> None:
    """Who has no traces pays neither its memory nor its threads, and no variable turns them on."""
    program = (
        "import sys, threading\n"
        "from pons.traces.tracing import Destination, tracing\n"
        "from pons.traces.spans import NOTHING, span\n"
        "with tracing(Destination(''), 'test', 'nm'):\n"
        "    assert span('request', 'server') is NOTHING\n"
        "    assert threading.active_count() == 1\n"
        "print(sorted(name for name in sys.modules if name.startswith('opentelemetry.sdk')))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_TRACES_EXPORTER": "otlp"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")
