# SPDX-License-Identifier: Apache-2.0
"""Taking messages: what is held, and what is handed back."""

import asyncio
from typing import Any

import msgspec
import pytest
from nats.aio.msg import Msg

from pons.messages.events import Announcement, Indexed
from pons.messages.names import Names
from pons.settings import IndexSettings
from pons_index.arrival import Arrival
from pons_index.consumer import Consumer, place
from pons_testing.events import received

pytestmark = pytest.mark.anyio


class Line:
    """A bus and its client that note what is said."""

    def __init__(self) -> None:
        self.names = Names("main")
        self.client = self
        self.said: list[tuple[str, bytes]] = []

    async def publish(self, subject: str, payload: bytes) -> None:
        self.said.append((subject, payload))

    async def send(self, subject: str, payload: bytes) -> None:
        pass


class Writes:
    """A writer that notes its batches, and waits until it may go on."""

    def __init__(self) -> None:
        self.batches: list[list[Arrival]] = []
        self.begun = asyncio.Event()
        self.may_end = asyncio.Event()

    async def write(self, batch: list[Arrival], _waiting: Any) -> list[Indexed]:
        self.batches.append(batch)
        self.begun.set()
        await self.may_end.wait()
        return [Indexed(arrival.event.token, "Success") for arrival in batch]


def message(sequence: int, delivery: int = 1, *, awaited: bool = True) -> Msg:
    """The announcement with number `sequence` in the stream, delivered as the `delivery`th."""
    reply = f"$JS.ACK.main-ingest.index.{delivery}.{sequence}.{delivery}.1700000000000000000.0"
    announcement = Announcement("tests", [received(f"1.{sequence}")], awaited)
    data = msgspec.msgpack.encode(announcement)
    return Msg(_client=None, subject="received", reply=reply, data=data)  # type: ignore[arg-type]


def test_where_a_message_stands_is_read_from_its_reply() -> None:
    """In both of the forms that servers write."""
    short = message(7).reply
    assert place(short) == 7 == message(7).metadata.sequence.stream
    long = "$JS.ACK._.hash.main-ingest.index.1.70.3.1700000000000000000.12.random"
    told = Msg(_client=None, subject="received", reply=long).metadata  # type: ignore[arg-type]
    assert place(long) == 70 == told.sequence.stream


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
def writes() -> Writes:
    return Writes()


@pytest.fixture
def consumer(line: Line, writes: Writes) -> Consumer:
    settings = IndexSettings(batch_size=2)
    return Consumer(line, writes, None, settings, lambda: None)  # type: ignore[arg-type]


async def test_what_gathered_is_written_together_and_then_acknowledged(
    consumer: Consumer, line: Line, writes: Writes
) -> None:
    """A batch takes what is there, up to its size; nothing is acknowledged before it is written."""
    for sequence in (1, 2, 3):
        await consumer.receive(message(sequence))
    consuming = asyncio.create_task(consumer.consume())
    await writes.begun.wait()
    assert [len(batch) for batch in writes.batches] == [2]
    assert line.said == []
    writes.may_end.set()
    async with asyncio.timeout(60):
        while len(line.said) < 3:  # noqa: ASYNC110 a list that somebody else fills
            await asyncio.sleep(0)
    assert [len(batch) for batch in writes.batches] == [2, 1]
    assert {word for _, word in line.said} == {b"+ACK"}
    consuming.cancel()
    await asyncio.wait((consuming,))


async def test_what_nobody_waits_for_shares_a_transaction(
    line: Line, writes: Writes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It lies a moment, until there is more, somebody waits, or the moment is over."""
    monkeypatch.setattr("pons_index.consumer.LINGER", 1.0)
    settings = IndexSettings(batch_size=100)
    consumer = Consumer(line, writes, None, settings, lambda: None)  # type: ignore[arg-type]
    writes.may_end.set()
    consuming = asyncio.create_task(consumer.consume())
    await consumer.receive(message(1, awaited=False))
    await asyncio.sleep(0)
    await consumer.receive(message(2, awaited=False))
    await asyncio.sleep(0)
    assert writes.batches == []
    await consumer.receive(message(3))
    await writes.begun.wait()
    assert [len(batch) for batch in writes.batches] == [3]
    writes.begun.clear()
    await consumer.receive(message(4, awaited=False))
    async with asyncio.timeout(60):
        await writes.begun.wait()
    assert [len(batch) for batch in writes.batches] == [3, 1]
    consuming.cancel()
    await asyncio.wait((consuming,))


async def test_what_is_held_is_not_taken_twice(consumer: Consumer, writes: Writes) -> None:
    """A redelivery of what waits here adds nothing to the queue, so an outage cannot fill it."""
    for delivery in range(1, 6):
        await consumer.receive(message(1, delivery))
    await consumer.receive(message(2))
    writes.may_end.set()
    consuming = asyncio.create_task(consumer.consume())
    await writes.begun.wait()
    consuming.cancel()
    await asyncio.wait((consuming,))
    instances = [arrival.event.sop_instance_uid for batch in writes.batches for arrival in batch]
    assert instances == ["1.1", "1.2"]


async def test_what_is_not_written_is_handed_back(
    consumer: Consumer, line: Line, writes: Writes
) -> None:
    """A replica that ends gives its messages to the others at once, those under way too."""
    for sequence in (1, 2, 3):
        await consumer.receive(message(sequence))
    consuming = asyncio.create_task(consumer.consume())
    await writes.begun.wait()
    consuming.cancel()
    await asyncio.wait((consuming,))
    await consumer.give_back()
    assert [word for _, word in line.said] == [b"-NAK"] * 3
