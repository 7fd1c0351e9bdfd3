# SPDX-License-Identifier: Apache-2.0
"""From an announced instance to the changes that come of it, where its trace is told.

The database does not keep traces. So the index remembers for a moment which resources it is
writing because of which instance, and tells its other replicas: any of them may be the one that
publishes the changes. What is lost or forgotten costs a span, and nothing else.
"""

import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import msgspec
from nats.aio.msg import Msg

from pons.bus import Bus
from pons.errors import Unavailable
from pons.messages.events import Indexed
from pons.traces.attributes import Attribute
from pons.traces.spans import NOTHING, Span, span
from pons_index.arrival import Arrival

REMEMBERED = 20_000
"""Changes that are waited for at most: some 6 MB."""
SENDER = "Pons-Sender"
"""Header: which of the replicas tells it."""
FRESH = 30.0
"""Seconds after which a change is none of that instance's: as a rule it is published at once."""


class Cause(msgspec.Struct, frozen=True, array_like=True):
    """A change that may come of an instance, and the span that the instance is written in."""

    change_type: str
    resource_id: bytes
    trace: str


class Traces:
    """Which changes come of which instance; one per process, of those that write and publish."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._own = {SENDER: uuid4().hex}
        self._known: dict[tuple[str, bytes], tuple[str, float]] = {}

    async def listen(self) -> None:
        """Hear what other replicas write, as long as the bus is open."""
        await self._bus.subscribe(self._bus.names.traced, self._hear)

    async def written(self, batch: Sequence[Arrival]) -> "Written":
        """The spans of those instances of a batch whose traces are told, as it is written."""
        spans = [
            _span(arrival, len(batch)) if arrival.event.trace else NOTHING for arrival in batch
        ]
        causes = [
            cause
            for arrival, one in zip(batch, spans, strict=True)
            if arrival.event.trace
            for cause in _causes(arrival, one.traceparent or arrival.event.trace)
        ]
        if causes:
            self._remember(causes)
            with suppress(Unavailable):
                payload = msgspec.msgpack.encode(causes)
                await self._bus.send(self._bus.names.traced, payload, self._own)
        return Written(spans)

    def change(self, change_type: str, resource_id: bytes, seq: int) -> Span:
        """The span that a change is published in, if the trace of what it comes of is told."""
        trace, since = self._known.get((change_type, resource_id), ("", 0.0))
        if not trace or since + FRESH < time.monotonic():
            return NOTHING
        subject = self._bus.names.changes
        attributes: dict[Attribute, str | int] = {
            Attribute.MESSAGING_SYSTEM: "nats",
            Attribute.MESSAGING_DESTINATION: subject,
            Attribute.CHANGE_TYPE: change_type,
            Attribute.CHANGE_SEQ: seq,
        }
        return span(f"send {subject}", "producer", attributes, parent=trace)

    def told(self, change_type: str, resource_id: bytes) -> None:
        """A change is published: the next of this kind comes of another instance."""
        self._known.pop((change_type, resource_id), None)

    async def _hear(self, message: Msg) -> None:
        """Its own come back, too, maybe when the changes are published and told already."""
        if (message.headers or {}).get(SENDER) == self._own[SENDER]:
            return
        self._remember(msgspec.msgpack.decode(message.data, type=list[Cause]))

    def _remember(self, causes: Iterable[Cause]) -> None:
        """A series is new by the first of its instances, an instance by what came last."""
        now = time.monotonic()
        for cause in causes:
            place = cause.change_type, cause.resource_id
            known = self._known.get(place)
            if known is None or known[1] + FRESH < now or cause.change_type == "NewInstance":
                self._known.pop(place, None)
                self._known[place] = cause.trace, now
        while len(self._known) > REMEMBERED:
            del self._known[next(iter(self._known))]


class Written:
    """Spans of a batch, until its block ends."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self._spans = spans

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for one in self._spans:
            one.end()

    def tell(self, answers: Sequence[Indexed]) -> None:
        """What became of each."""
        for one, answer in zip(self._spans, answers, strict=True):
            one.set(Attribute.OUTCOME, answer.status or "Refused")


def _span(arrival: Arrival, size: int) -> Span:
    attributes: dict[Attribute, Any] = {
        Attribute.MESSAGING_SYSTEM: "nats",
        Attribute.MESSAGING_OPERATION: "process",
        Attribute.MESSAGING_BATCH: size,
        Attribute.SOP_INSTANCE_UID: arrival.event.sop_instance_uid,
    }
    return span("index instance", "consumer", attributes, parent=arrival.event.trace)


def _causes(arrival: Arrival, trace: str) -> Iterable[Cause]:
    yield Cause("NewInstance", arrival.instance, trace)
    yield Cause("NewSeries", arrival.series, trace)
    yield Cause("NewStudy", arrival.study, trace)
    yield Cause("NewPatient", arrival.patient, trace)
