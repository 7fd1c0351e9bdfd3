# SPDX-License-Identifier: Apache-2.0
"""Traces from an announcement to the changes that come of it, whichever replica publishes them."""

from collections.abc import Iterator

import msgspec
import pytest

from pons.bus import Bus
from pons.messages.events import Announcement, Change, Changes, InstanceReceived
from pons.traces.tracing import Destination, tracing
from pons_index.arrival import arrivals
from pons_index.relay import Relay
from pons_index.traces import Traces
from pons_testing.collector import collecting
from pons_testing.events import ids, received
from pons_testing.waiting import until

from .conftest import Index

pytestmark = pytest.mark.anyio
TRACE_ID, OTHER_ID = "4bf92f3577b34da6a3ce929d0e0e4736", "0af7651916cd43dd8448eb211c80319c"
NEW = ("NewInstance", "NewSeries", "NewStudy", "NewPatient")


@pytest.fixture(autouse=True)
def traced() -> Iterator[None]:
    """Spans are recorded."""
    with collecting() as collector, tracing(Destination(collector.endpoint), "index", "main"):
        yield


def of_trace(trace_id: str, event: InstanceReceived) -> InstanceReceived:
    return msgspec.structs.replace(event, trace=f"00-{trace_id}-00f067aa0ba902b7-01")


async def written(index: Index, traces: Traces, *events: InstanceReceived) -> None:
    """Written together, as the consumer does it."""
    with await traces.written(arrivals(Announcement("tests", list(events)))):
        await index.write(*events)


async def published(bus: Bus) -> list[Change]:
    """Every change in the stream."""
    state = (await bus.stream.stream_info(bus.names.changes_stream)).state
    found: list[Change] = []
    for number in range(state.first_seq, state.last_seq + 1):
        message = await bus.stream.get_msg(bus.names.changes_stream, number)
        found += msgspec.msgpack.decode(message.data or b"", type=Changes).changes
    return found


def trace_ids(changes: list[Change]) -> list[tuple[str, str]]:
    return [(one.change_type, one.trace.split("-")[1] if one.trace else "") for one in changes]


async def test_changes_are_published_with_the_trace_of_what_they_come_of(
    index: Index, bus: Bus
) -> None:
    """Those of instances without a trace have none; a series is new by its first instance."""
    traces = Traces(bus)
    relay = Relay(index.database, bus, traces=traces)
    first, second = of_trace(TRACE_ID, received("1.1")), of_trace(OTHER_ID, received("1.2"))
    await written(index, traces, first, second)
    untold = received("2.1", patient_id="P2", study_uid="2", series_uid="2.2")
    await written(index, traces, untold)
    await relay.publish_all()
    told = trace_ids(await published(bus))
    assert told[:4] == [(kind, TRACE_ID) for kind in NEW]
    assert told[4:] == [("NewInstance", OTHER_ID), *((kind, "") for kind in NEW)]


async def test_a_change_that_could_not_be_published_keeps_its_trace(
    index: Index, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told when it is published; what comes later of the same resource has its own."""
    traces = Traces(bus)
    relay = Relay(index.database, bus, traces=traces)
    event = of_trace(TRACE_ID, received("1.1"))
    await written(index, traces, event)

    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("not now")

    with monkeypatch.context() as patched:
        patched.setattr(bus, "publish", broken)
        with pytest.raises(RuntimeError):
            await relay.publish_all()
    await relay.publish_all()
    await index.delete("Patient", ids(event).patient)
    await written(index, traces, of_trace(OTHER_ID, received("1.1")))
    await relay.publish_all()
    told = trace_ids(await published(bus))
    assert told[:4] == [(kind, TRACE_ID) for kind in NEW]
    assert told[-4:] == [(kind, OTHER_ID) for kind in NEW]


async def test_a_replica_that_publishes_knows_what_another_writes(index: Index, bus: Bus) -> None:
    """Whoever has the turn publishes what all of them have written."""
    writing, publishing = Traces(bus), Traces(bus)
    await publishing.listen()
    event = of_trace(TRACE_ID, received("1.1"))
    await written(index, writing, event)
    [arrival] = arrivals(Announcement("tests", [event]))
    await until(lambda: publishing.change("NewPatient", arrival.patient, 0).traceparent)
    await Relay(index.database, bus, traces=publishing).publish_all()
    assert trace_ids(await published(bus)) == [(kind, TRACE_ID) for kind in NEW]


async def test_what_is_told_is_forgotten_although_its_own_words_come_back(bus: Bus) -> None:
    """What a replica tells others does not make it remember what it has published meanwhile."""
    one, other = Traces(bus), Traces(bus)
    await one.listen()
    [told] = arrivals(Announcement("tests", [of_trace(TRACE_ID, received("1.1"))]))
    await one.written([told])
    one.told("NewInstance", told.instance)
    event = of_trace(OTHER_ID, received("2.1", patient_id="P2", study_uid="2", series_uid="2.2"))
    [last] = arrivals(Announcement("tests", [event]))
    await other.written([last])  # comes behind its own
    await until(lambda: one.change("NewInstance", last.instance, 0).traceparent)
    assert not one.change("NewInstance", told.instance, 0).traceparent


def test_the_release_before_reads_announcements_and_changes_with_traces() -> None:
    """It knows no such field, and passes over it; what it sends has none."""
    fields = [name for name in InstanceReceived.__struct_fields__ if name != "trace"]
    before = msgspec.defstruct(
        "InstanceReceived",
        [(name, InstanceReceived.__annotations__[name]) for name in fields],
        array_like=True,
        namespace={"__module__": InstanceReceived.__module__},
    )
    event = of_trace(TRACE_ID, received("1.1"))
    read = msgspec.msgpack.decode(msgspec.msgpack.encode(event), type=before)
    assert [getattr(read, name) for name in fields] == [getattr(event, name) for name in fields]
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(read), type=InstanceReceived)
    assert again == msgspec.structs.replace(event, trace="")
