# SPDX-License-Identifier: Apache-2.0
"""The whole service: announcements in from a real stream, answers and rows out."""

import asyncio
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from pons.bus import Bus
from pons.bus.requests import ask
from pons.errors import BadRequest, NotFound, ReadOnly, Unavailable
from pons.health.readiness import Health
from pons.messages.events import Changes, DeadLetter
from pons.messages.index import (
    Ancestor,
    ClearChanges,
    Collected,
    CollectNow,
    Deleted,
    DeleteResource,
    DeleteResources,
    ProtectPatient,
    PutLabel,
    PutMetadata,
    Reconstruct,
    ResourceName,
)
from pons.messages.services import Done
from pons_index.service import open_service
from pons_testing.events import ids, received

from .announcing import announce_all, many

pytestmark = pytest.mark.anyio
OpenStore = Any
Store = Any


class Usage(NamedTuple):
    """What `shutil.disk_usage` tells."""

    total: int
    used: int
    free: int


async def test_every_announcing_process_hears_of_its_own_instances(open_store: OpenStore) -> None:
    """Answers follow the commit: whoever hears Success can read the row."""
    async with open_store() as store, store.replica():
        heard: list[Any] = []

        async def hear(message: Any) -> None:
            heard.append(message.data)

        await store.bus.subscribe(store.bus.names.reply("other"), hear)
        ours, twice = received("1.1"), received("1.1")
        theirs = received("1.2")
        await store.announce(ours, twice)
        await store.announce(theirs, process="other")
        assert await store.answered(ours, twice) == ["Success", "AlreadyStored"]
        assert await store.value("SELECT count(*) FROM instances") >= 1
        await store.drained()
        assert len(heard) == 1


async def test_commands_are_answered(open_store: OpenStore) -> None:
    """Deleting, clearing and collecting work as other services ask for them."""
    async with open_store() as store, store.replica():
        event, sibling = received("1.1"), received("1.2")
        await store.announce(event, sibling)
        await store.answered(event, sibling)
        delete = DeleteResource("Instance", ids(event).instance)
        assert await ask(store.bus, "index", delete, Deleted) == Deleted(
            Ancestor("Series", ids(event).series)
        )
        with pytest.raises(NotFound):
            await ask(store.bus, "index", delete, Deleted)
        protect = ProtectPatient(ids(sibling).patient, protected=True)
        assert await ask(store.bus, "index", protect, Done) == Done()
        assert await store.value("SELECT protected AND unprotected_at IS NULL FROM patients")
        await ask(store.bus, "index", ProtectPatient(ids(sibling).patient, protected=False), Done)
        assert await store.value(
            "SELECT NOT protected AND unprotected_at > last_update FROM patients"
        )
        for nobody in (ids(event).instance, "nobody"):
            with pytest.raises(BadRequest):
                await ask(store.bus, "index", ProtectPatient(nobody, protected=True), Done)
        assert await ask(store.bus, "index", ClearChanges(), Done) == Done()
        assert await ask(store.bus, "index", CollectNow(), Collected) == Collected(1, 0, 0, True)


async def test_a_deletion_waits_for_what_was_acknowledged_before_it(open_store: OpenStore) -> None:
    """An instance that is deleted before it is indexed is gone, and does not appear later."""
    async with open_store() as store, store.replica():
        event = received("1.1")
        delete = DeleteResource("Instance", ids(event).instance)
        many_names = DeleteResources([ResourceName(ids(event).study)])
        for command, answer in ((delete, Deleted(None)), (many_names, Done())):
            event = received("1.1")
            async with store.database.pool.acquire() as connection, connection.transaction():
                await connection.execute("LOCK TABLE headers IN EXCLUSIVE MODE")
                await store.announce(event)
                asking = asyncio.create_task(ask(store.bus, "index", command, type(answer)))
                done, _ = await asyncio.wait((asking,), timeout=0.5)
                assert not done
            assert await asking == answer
            assert await store.answered(event) == ["Success"]
            assert await store.value("SELECT count(*) FROM instances") == 0


async def test_a_deletion_does_not_say_that_nothing_is_there_when_nobody_knows(
    open_store: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not written in time may be what is to be deleted: that is no 404."""
    monkeypatch.setattr("pons_index.commands.DRAIN_PATIENCE", 0.1)
    async with open_store() as store, store.replica():
        event = received("1.1")
        async with store.database.pool.acquire() as connection, connection.transaction():
            await connection.execute("LOCK TABLE headers IN EXCLUSIVE MODE")
            await store.announce(event)
            delete = DeleteResource("Instance", ids(event).instance)
            with pytest.raises(Unavailable, match="not in the index yet"):
                await ask(store.bus, "index", delete, Deleted)


async def test_a_store_that_is_read_only_changes_nothing(open_store: OpenStore) -> None:
    """Whoever asks; what was accepted before is indexed, and what was deleted is collected."""
    async with open_store() as store:
        whole = store.settings.store.model_copy(update={"read_only": True})
        settings = store.settings.model_copy(update={"store": whole})
        event = received("1.1")
        async with open_service(settings, Health("index")):
            await store.announce(event)
            assert await store.answered(event) == ["Success"]
            for command in (
                DeleteResource("Instance", ids(event).instance),
                ProtectPatient(ids(event).patient, protected=True),
                ClearChanges(),
                PutMetadata("Study", ids(event).study, 1024, b"x"),
                PutLabel("Study", ids(event).study, "x"),
                Reconstruct(),
            ):
                with pytest.raises(ReadOnly):
                    await ask(store.bus, "index", command, Done)
            assert await ask(store.bus, "index", CollectNow(), Collected) == Collected(
                0, 0, 0, True
            )
        assert await store.value("SELECT count(*) FROM instances") == 1
        assert await store.value("SELECT count(*) FROM changes") > 0


async def test_a_deletion_on_a_full_disk_finds_room(
    open_store: OpenStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reserve is gone before anything is written, and the objects soon after the rows."""
    reserve = tmp_path / "reserve"
    reserve.touch()
    async with open_store() as store:
        storage = store.settings.storage.model_copy(update={"reserve": str(reserve)})
        settings = store.settings.model_copy(update={"storage": storage})
        event = received("1.1")
        async with open_service(settings, Health("index")):
            await store.announce(event)
            assert await store.answered(event) == ["Success"]
            await ask(store.bus, "index", PutLabel("Study", ids(event).study, "x"), Done)
            assert reserve.exists()
            monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1 << 40, 1 << 40, 0))
            await ask(store.bus, "index", DeleteResource("Study", ids(event).study), Deleted)
            assert not reserve.exists()
            waiting = "SELECT count(*) FROM garbage WHERE collected IS NULL"
            async with asyncio.timeout(60):
                while await store.value(waiting):  # noqa: ASYNC110 the database tells no event
                    await asyncio.sleep(0.02)


async def test_changes_reach_the_stream_by_themselves(open_store: OpenStore) -> None:
    """New and stable resources are published without anyone asking."""
    async with open_store(stable_age=0.2) as store, store.replica():
        subscription = await store.bus.stream.subscribe(store.bus.names.changes)
        await store.announce(received("1.1"))
        names: list[str] = []
        while len(names) < 7:
            message = await subscription.next_msg(timeout=60)
            run = msgspec.msgpack.decode(message.data, type=Changes)
            names += [change.change_type for change in run.changes]
        assert names == [
            "NewInstance",
            "NewSeries",
            "NewStudy",
            "NewPatient",
            "StableSeries",
            "StableStudy",
            "StablePatient",
        ]


async def test_two_replicas_give_the_same_as_one(open_store: OpenStore) -> None:
    """Both take part, and rows, totals and the set of changes are those of a single one."""
    events = many(6, 40)
    async with open_store(batch_size=16) as single:
        await announce_all(single, events, 5)
        async with single.replica():
            await single.answered(*events)
            one = await single.dump()
    async with open_store(batch_size=16) as double:
        await announce_all(double, events, 5)
        async with double.replica(), double.replica():
            await double.answered(*events)
            both = await double.dump()
    assert one["numbers"] == [(240 + 18 + 6, 1, 264)]
    assert both == one


async def test_a_replica_that_ends_hands_on_what_it_holds(open_store: OpenStore) -> None:
    """Replicas come and go while instances arrive: each is written once, soon."""
    events = many(3, 60)
    async with open_store(batch_size=4) as store, asyncio.TaskGroup() as group:
        group.create_task(announce_all(store, events, 3))
        for _ in range(4):
            async with store.replica():
                await asyncio.sleep(0.1)
        async with store.replica():
            await store.answered(*events, seconds=25)
        assert await store.value("SELECT instances FROM totals") == 180


async def test_what_was_redelivered_is_indexed_once(open_store: OpenStore) -> None:
    """An announcement published three times leaves one instance and no garbage."""
    async with open_store() as store, store.replica():
        event = received("1.1")
        for _ in range(3):
            await store.announce(event)
        await store.drained()
        assert await store.answered(event) == ["Success"]
        assert await store.value("SELECT count(*) FROM instances") == 1
        assert await store.value("SELECT count(*) FROM garbage") == 0
        assert await store.value("SELECT last_change FROM totals") == 4


async def letters(bus: Bus) -> list[DeadLetter]:
    state = (await bus.stream.stream_info(bus.names.refused_stream)).state
    messages = [
        await bus.stream.get_msg(bus.names.refused_stream, number)
        for number in range(state.first_seq, state.last_seq + 1)
    ]
    return [msgspec.msgpack.decode(message.data or b"", type=DeadLetter) for message in messages]


async def test_poison_is_kept_apart(open_store: OpenStore) -> None:
    """What cannot be indexed is answered, kept as a dead letter with its object, and in no way."""
    async with open_store() as store, store.replica():
        good = received("1.1")
        poison = msgspec.structs.replace(received("1.2"), header=b"no zstd")
        await store.bus.publish(store.bus.names.received, b"no announcement")
        await store.announce(good, poison)
        await store.announce(poison)
        assert await store.answered(good, poison) == ["Success", ""]
        await store.drained()
        unreadable, letter = await letters(store.bus)
        assert unreadable.announcement == b"no announcement"
        assert letter.reason.startswith("the header cannot be read")
        assert str(poison.object_key).encode() in letter.announcement
        refused = await store.database.pool.fetch("SELECT * FROM refused ORDER BY refused_key")
        assert [row["object_key"] for row in refused] == [None, poison.object_key]
        assert await store.value("SELECT count(*) FROM garbage") == 0
