# SPDX-License-Identifier: Apache-2.0
"""Functions of scripts and the change feed: in order, nothing left out, whatever goes wrong."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import nats.js.errors
import pytest

from pons.bus import Bus
from pons.bus.connection import SCRIPTS
from pons.errors import DamagedObject, Unavailable
from pons.lua.scripts import Scripts, open_scripts
from pons.messages.events import Change, Changes, Deletion
from pons.settings import LuaSettings
from pons_egress.lua.events import Events
from pons_egress.lua.feed import Feed
from pons_egress.lua.jobs import JobEvents
from pons_egress.lua.service import open_feeds
from pons_testing.waiting import until

pytestmark = pytest.mark.anyio

SOURCE = """
function OnStoredInstance(id)
    if id == 'wrong' then error('wrong') end
    if id == 'hang' then while true do end end
    SendToModality(id, 'pacs')
end
function OnStableStudy(id) Delete(id) end
function OnDeletedStudy(id) SendToPeer(id, 'deleted') end
function OnUpdatedInstance(id) SendToPeer(id, 'updated') end
"""


class Store:
    """What is told of resources, and what was wanted."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.gone: set[str] = set()
        self.away = 0

    async def tell(self, change: Change) -> list[Any] | None:
        return None if change.resource_id in self.gone else [change.resource_id]

    async def perform(self, operations: Sequence[dict[str, str]]) -> None:
        if self.away:
            self.away -= 1
            raise Unavailable("NATS does not answer")
        self.done += [
            f"{one.get('Peer', one['Operation'])} {one['Resource']}" for one in operations
        ]


@pytest.fixture
async def scripts(tmp_path: Path) -> AsyncIterator[Scripts]:
    file = tmp_path / "events.lua"
    file.write_text(SOURCE)
    async with open_scripts(LuaSettings(scripts=[str(file)]), {}, seconds=5) as scripts:
        yield scripts


def feeds_of(bus: Bus, scripts: Scripts, store: Store) -> list[Feed]:
    events = Events(scripts, store.tell, store.perform)
    return open_feeds(bus, events, JobEvents(bus, events.tell))


@asynccontextmanager
async def working(bus: Bus, scripts: Scripts, store: Store) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        feeds = feeds_of(bus, scripts, store)
        tasks = [group.create_task(feed.run()) for feed in feeds]
        yield
        for task in tasks:
            task.cancel()


async def reader_is_there(bus: Bus) -> bool:
    try:
        for stream in (bus.names.changes_stream, f"KV_{bus.names.jobs_bucket}"):
            await bus.stream.consumer_info(stream, SCRIPTS)
    except nats.js.errors.NotFoundError:
        return False
    return True


async def publish(bus: Bus, *resources: str, kind: str = "NewInstance") -> None:
    level: Any = "Study" if kind == "StableStudy" else "Instance"
    changes = [Change(n, kind, level, one, 0.0) for n, one in enumerate(resources, 1)]
    await bus.stream.publish(bus.names.changes, msgspec.msgpack.encode(Changes(changes)))


async def started(bus: Bus) -> None:
    deadline = time.monotonic() + 60
    while not await reader_is_there(bus):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def test_in_their_order(bus: Bus, scripts: Scripts) -> None:
    """What fails, hangs or is gone is passed over; other kinds of changes concern no function."""
    store = Store()
    store.gone = {"gone"}
    async with working(bus, scripts, store):
        await started(bus)
        await publish(bus, "a", "wrong", "hang", "gone", "b")
        await publish(bus, "c", kind="NewSeries")
        await publish(bus, "d", kind="StableStudy")
        await until(lambda: "delete d" in store.done)
    assert store.done == ["store-scu a", "store-scu b", "delete d"]


async def test_deletions_are_told_between_changes(bus: Bus, scripts: Scripts) -> None:
    """What is deleted and comes again is told in this order; each level has its own function."""
    store = Store()
    changes = [Change(n, "NewInstance", "Instance", str(n), 0.0) for n in (5, 6)]
    deletions = [
        Deletion(*one) for one in ((5, "Study", "s"), (5, "Patient", "p"), (9, "Study", "t"))
    ]
    run = msgspec.msgpack.encode(Changes(changes, deletions))
    async with working(bus, scripts, store):
        await started(bus)
        await bus.stream.publish(bus.names.changes, run)
        await until(lambda: len(store.done) >= 4)
    assert store.done == ["store-scu 5", "deleted s", "store-scu 6", "deleted t"]


async def test_what_cannot_be_told_or_done(scripts: Scripts) -> None:
    """It ends no service, which would meet it again after each start: the next change is told."""
    store = Store()

    async def tell(change: Change) -> list[Any] | None:
        if change.resource_id == "damaged":
            raise DamagedObject("The header is missing")
        if change.resource_id == "bug":
            raise TypeError("a bug")
        return [change.resource_id]

    async def perform(operations: Sequence[dict[str, str]]) -> None:
        if operations[0]["Resource"] == "odd":
            raise KeyError("Modality")
        await store.perform(operations)

    changes = [
        Change(n, "NewInstance", "Instance", one, 0.0)
        for n, one in enumerate(("damaged", "bug", "odd", "a"), 1)
    ]
    message: Any = SimpleNamespace(
        data=msgspec.msgpack.encode(Changes(changes)),
        metadata=SimpleNamespace(sequence=SimpleNamespace(stream=1)),
    )
    await Events(scripts, tell, perform).take_changes(message)
    assert store.done == ["store-scu a"]


async def test_an_event_that_was_not_asked_about(scripts: Scripts, tmp_path: Path) -> None:
    """While scripts cannot be loaded the feed waits: nothing is passed over."""
    store = Store()
    events = Events(scripts, store.tell, store.perform)
    (tmp_path / "events.lua").write_text("function oops(")
    assert scripts.pid is not None
    os.kill(scripts.pid, signal.SIGKILL)
    with pytest.raises(Unavailable):
        await events.tell("OnStoredInstance", "a")
    (tmp_path / "events.lua").write_text(SOURCE)
    await events.tell("OnStoredInstance", "a")
    assert store.done == ["store-scu a"]


async def test_what_could_not_be_done_is_told_again(bus: Bus, scripts: Scripts) -> None:
    """While something of ours is away the feed waits; what was done before is not done twice."""
    store = Store()
    async with working(bus, scripts, store):
        await started(bus)
        await publish(bus, "a")
        await until(lambda: store.done)
        store.away = 1
        await publish(bus, "b", "c")
        await until(lambda: len(store.done) == 3)
    assert store.done == ["store-scu a", "store-scu b", "store-scu c"]


async def test_nothing_is_lost_between_two_lives(bus: Bus, scripts: Scripts) -> None:
    """What comes while no egress is there is told to the next one."""
    store = Store()
    async with working(bus, scripts, store):
        await started(bus)
    await publish(bus, "a", "b")
    async with working(bus, scripts, store):
        await until(lambda: len(store.done) == 2)
    assert store.done == ["store-scu a", "store-scu b"]


async def test_two_replicas(bus: Bus, scripts: Scripts) -> None:
    """They share the feed, and keep its order all the same."""
    store = Store()
    async with working(bus, scripts, store), working(bus, scripts, store):
        await started(bus)
        for number in range(0, 40, 2):
            await publish(bus, str(number), str(number + 1))
        await until(lambda: len(store.done) == 40)
    assert store.done == [f"store-scu {number}" for number in range(40)]


async def test_without_scripts_nothing_gathers(bus: Bus, scripts: Scripts) -> None:
    """What came while scripts were switched off is told to nobody."""
    store = Store()
    async with working(bus, scripts, store):
        await started(bus)
    for feed in feeds_of(bus, scripts, store):
        await feed.forget()
    assert not await reader_is_there(bus)
    await publish(bus, "a")
    async with working(bus, scripts, store):
        await started(bus)
        await publish(bus, "b")
        await until(lambda: store.done)
    assert store.done == ["store-scu b"]


async def test_updates(bus: Bus, scripts: Scripts) -> None:
    """Metadata and attachments that change are told of at their resource."""
    store = Store()
    async with working(bus, scripts, store):
        await started(bus)
        await publish(bus, "a", kind="UpdatedMetadata")
        await publish(bus, "b", kind="UpdatedAttachment")
        await until(lambda: len(store.done) == 2)
    assert store.done == ["updated a", "updated b"]
