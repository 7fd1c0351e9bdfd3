# SPDX-License-Identifier: Apache-2.0
"""The whole service: announcements in from a real stream, answers and rows out."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from pons.bus import Bus
from pons.bus.requests import ask
from pons.errors import BadRequest, NotFound, PonsError, ReadOnly, Unavailable
from pons.health.readiness import Health
from pons.messages.events import Changes, DeadLetter, InstanceReceived
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
from pons.settings import DatabaseSettings, Settings
from pons_embedded.nats import EmbeddedNats
from pons_embedded.postgres import EmbeddedPostgres
from pons_index.service import open_service
from pons_testing.crash import crash
from pons_testing.events import ids, received
from pons_testing.postgres import PostgresServer

pytestmark = pytest.mark.anyio
OpenStore = Any
Store = Any


class Usage(NamedTuple):
    """What `shutil.disk_usage` tells."""

    total: int
    used: int
    free: int


def many(patients: int, instances: int) -> list[InstanceReceived]:
    """`instances` of each of `patients`, in turn."""
    return [
        received(
            f"1.{patient}.1.{number}",
            patient_id=f"P{patient}",
            study_uid=f"1.{patient}",
            series_uid=f"1.{patient}.1",
            t00200013=("IS", str(number + 1)),
            t00181090=("IS", str(instances)),
        )
        for number in range(instances)
        for patient in range(patients)
    ]


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
            async with asyncio.timeout(20):
                while await store.value(waiting):  # noqa: ASYNC110 the database tells no event
                    await asyncio.sleep(0.02)


async def test_changes_reach_the_stream_by_themselves(open_store: OpenStore) -> None:
    """New and stable resources are published without anyone asking."""
    async with open_store(stable_age=0.2) as store, store.replica():
        subscription = await store.bus.stream.subscribe(store.bus.names.changes)
        await store.announce(received("1.1"))
        names: list[str] = []
        while len(names) < 7:
            message = await subscription.next_msg(timeout=10)
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


async def announce_all(store: Store, events: list[InstanceReceived], size: int) -> None:
    for start in range(0, len(events), size):
        await store.announce(*events[start : start + size])


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
            await store.answered(*events, seconds=15)
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


async def test_nothing_is_lost_when_postgresql_is_killed(
    open_store: OpenStore, tmp_path: Path
) -> None:
    """kill -9 of the server, again and again while instances arrive, loses and doubles nothing."""
    with EmbeddedPostgres(tmp_path / "postgres") as server:
        settings = DatabaseSettings(url=server.url, reader_url=server.reader_url, pool_size=6)
        events = many(4, 50)
        async with open_store(settings, batch_size=10) as store, store.replica(), store.replica():
            async with asyncio.TaskGroup() as group:
                group.create_task(announce_all(store, events, 2))
                for _ in range(3):
                    await asyncio.sleep(0.15)
                    await asyncio.to_thread(crash, server)
                    await asyncio.to_thread(server.start)
            await store.answered(*events, seconds=40)
            await store.drained()
            assert await store.value("SELECT instances FROM totals") == 200
            rows = await store.database.pool.fetch("SELECT change_type FROM changes ORDER BY seq")
            assert Counter(row["change_type"] for row in rows) == {2: 200, 3: 4, 4: 4, 5: 4, 1: 4}
            assert await store.value("SELECT max(seq) FROM changes") == 216


async def test_what_is_held_up_stays_where_it_is(
    open_store: OpenStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the database is away, nothing is delivered again and again."""
    monkeypatch.setattr("pons_index.consumer.ACK_WAIT", 2)
    monkeypatch.setattr("pons_index.database.LONGEST_DELAY", 0.5)
    with EmbeddedPostgres(tmp_path / "postgres") as server:
        settings = DatabaseSettings(url=server.url, reader_url=server.reader_url)
        async with open_store(settings) as store, store.replica():
            await asyncio.to_thread(crash, server)
            events = many(1, 10)
            await announce_all(store, events, 1)
            await asyncio.sleep(3.5)
            info = await store.bus.stream.consumer_info(store.bus.names.ingest_stream, "index")
            assert (info.num_ack_pending, info.num_redelivered) == (10, 0)
            await asyncio.to_thread(server.start)
            assert await store.answered(*events) == ["Success"] * 10


async def announce_stubbornly(store: Store, events: list[InstanceReceived]) -> None:
    """Announce, again where the stream does not say that it keeps it."""
    for start in range(0, len(events), 2):
        while True:
            try:
                await store.announce(*events[start : start + 2])
                break
            except Unavailable:
                await asyncio.sleep(0.05)


async def test_nothing_is_lost_when_nats_is_killed(
    open_store: OpenStore, postgres: PostgresServer, tmp_path: Path
) -> None:
    """kill -9 of nats-server while instances arrive loses and doubles nothing."""
    with EmbeddedNats(tmp_path / "nats") as server:
        events = many(3, 40)
        async with (
            postgres.database(schema=False) as database,
            open_store(database, server=server, batch_size=10) as store,
            store.replica(),
        ):
            async with asyncio.TaskGroup() as group:
                group.create_task(announce_stubbornly(store, events))
                for _ in range(2):
                    await asyncio.sleep(0.1)
                    await asyncio.to_thread(crash, server)
                    await asyncio.to_thread(server.start)
            await store.drained(40)
            assert await store.value("SELECT instances FROM totals") == 120
            assert await store.value("SELECT count(*) FROM changes") == 120 + 9 + 3


def start_process(store: Store, tmp_path: Path) -> subprocess.Popen[bytes]:
    """The service as a process of its own."""
    config = tmp_path / "pons.toml"
    config.write_text(
        f"[store]\nname = '{store.settings.store.name}'\n"
        f"[nats]\nurl = '{store.settings.nats.url}'\n"
        f"[database]\nurl = '{store.settings.database.url}'\n"
        f"reader_url = '{store.settings.database.reader_url}'\n"
        f"[storage]\npath = '{store.settings.storage.path}'\n"
    )
    environment = os.environ | {
        "PONS_CONFIG": str(config),
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    with (tmp_path / "index.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "pons_index"], env=environment, stdout=log, stderr=log
        )


async def test_a_killed_process_loses_nothing(open_store: OpenStore, tmp_path: Path) -> None:
    """kill -9 of the index while instances arrive; the next process finishes, and ends in order."""
    async with open_store() as store:
        events = many(2, 150)
        process = start_process(store, tmp_path)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(announce_all(store, events[:250], 1))
                await store.answered(events[0])
                process.kill()
                await asyncio.to_thread(process.wait)
            await announce_all(store, events[250:], 1)
            process = start_process(store, tmp_path)
            await store.drained(40)
            assert await store.value("SELECT instances FROM totals") == 300
            assert await store.value("SELECT count(*) FROM changes") == 300 + 6 + 2
            process.terminate()
            assert await asyncio.to_thread(process.wait) == 0
        finally:
            process.kill()
            process.wait()
        assert msgspec.json.decode(await store.objects.notes.read("seen"))["stream"]["drained"]


async def test_a_database_that_is_away_is_unready(open_store: OpenStore, tmp_path: Path) -> None:
    """/health/ready says that the database is missing, and is well again when it is back."""
    with EmbeddedPostgres(tmp_path / "postgres") as server:
        settings = DatabaseSettings(url=server.url, reader_url=server.reader_url)
        async with open_store(settings) as store:
            health = Health("index")
            async with open_service(store.settings, health):
                health.started = True
                assert await health.failures() == {}
                await asyncio.to_thread(crash, server)
                assert list(await health.failures()) == ["database"]
                await asyncio.to_thread(server.start)
                assert await health.failures() == {}


async def test_without_a_database_url_it_says_so() -> None:
    """The index does not start without the role that writes, and says what is missing."""
    with pytest.raises(PonsError, match=r"database\.url is not set"):
        async with open_service(Settings(), Health("index")):
            pass
