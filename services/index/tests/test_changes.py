# SPDX-License-Identifier: Apache-2.0
"""The change log: its numbers, stability, its way to the stream; the exports log."""

import asyncio
import time
from typing import Any

import msgspec
import pytest

from pons.bus import Bus
from pons.errors import BadRequest
from pons.messages.events import Change, Changes
from pons.messages.index import ClearChanges, ClearExports, Export, LogExports
from pons.messages.services import Done
from pons.objects import Objects
from pons_index.commands import Commands
from pons_index.database import Database
from pons_index.records import Records
from pons_index.relay import Relay
from pons_index.stable import settle, settle_due
from pons_index.statements import SQL
from pons_index.tombstones import Tombstones
from pons_index.turns import Turn
from pons_testing.events import ids, received

pytestmark = pytest.mark.anyio
Index = Any
OpenIndex = Any


@pytest.fixture
def commands(database: Database, bus: Bus, objects: Objects) -> Commands:
    return commands_of(database, bus, objects, log_exports=True)


def commands_of(database: Database, bus: Bus, objects: Objects, *, log_exports: bool) -> Commands:
    return Commands(
        database,
        Relay(database, bus),
        None,  # type: ignore[arg-type]  # collects nothing
        log_exports=log_exports,
        tombstones=Tombstones(database, objects),
        records=Records(database, objects),
        bus=bus,
    )


async def published(bus: Bus) -> list[Changes]:
    """Every message in the stream of changes."""
    state = (await bus.stream.stream_info(bus.names.changes_stream)).state
    messages = [
        await bus.stream.get_msg(bus.names.changes_stream, number)
        for number in range(state.first_seq, state.last_seq + 1)
    ]
    return [msgspec.msgpack.decode(message.data or b"", type=Changes) for message in messages]


async def test_no_number_appears_below_one_that_was_seen(open_index: OpenIndex) -> None:
    """Who polls the log while writers race sees it only grow at its end, without a gap."""
    writers = [open_index() for _ in range(3)]
    reader = open_index()
    done = False

    async def write(number: int) -> None:
        for batch in range(25):
            await writers[number].write(
                *(
                    received(f"1.{number}.{batch}.{place}", patient_id=f"P{number}")
                    for place in range(3)
                )
            )

    async def poll() -> int:
        seen: list[int] = []
        polls = 0
        while not done:
            now = [row["seq"] for row in await reader.fetch("SELECT seq FROM changes ORDER BY seq")]
            assert now[: len(seen)] == seen
            assert now == list(range(1, len(now) + 1))
            seen, polls = now, polls + 1
        return polls

    async with asyncio.TaskGroup() as group:
        polling = group.create_task(poll())
        async with asyncio.TaskGroup() as writing:
            for number in range(3):
                writing.create_task(write(number))
        done = True
    assert polling.result() > 10
    assert await reader.value("SELECT last_change FROM totals") == 3 * (25 * 3 + 3)


async def test_the_log_reaches_the_stream_whole_and_in_order(index: Index, bus: Bus) -> None:
    """What is published is what is logged, with numbers, names and dates."""
    first, second = received("1.1"), received("1.2")
    relay = Relay(index.database, bus)
    await index.write(first)
    await relay.publish_all()
    await index.write(second)
    await relay.publish_all()
    await relay.publish_all()
    one, two = await published(bus)
    assert [change.seq for change in one.changes] == [1, 2, 3, 4]
    [change] = two.changes
    assert change == Change(5, "NewInstance", "Instance", ids(second).instance, change.date)
    assert abs(change.date - time.time()) < 60


async def test_a_run_cut_differently_after_a_crash_loses_nothing(index: Index, bus: Bus) -> None:
    """A relay that died after publishing, before saying so, repeats changes; none is dropped."""
    relay = Relay(index.database, bus)
    await index.write(received("1.1"))
    await relay.publish_all()
    await index.database.pool.execute("UPDATE relay SET relayed = 0")
    await index.write(received("1.2"))
    await relay.publish_all()
    runs = [[change.seq for change in run.changes] for run in await published(bus)]
    assert runs == [[1, 2, 3, 4], [1, 2, 3, 4, 5]]


async def test_an_equal_run_is_published_once(index: Index, bus: Bus) -> None:
    """A relay that died after publishing repeats the same run: JetStream drops it."""
    relay = Relay(index.database, bus)
    await index.write(received("1.1"))
    await relay.publish_all()
    await index.database.pool.execute("UPDATE relay SET relayed = 0")
    await relay.publish_all()
    assert len(await published(bus)) == 1


async def test_relays_at_once_publish_each_change_once(open_index: OpenIndex, bus: Bus) -> None:
    """Two replicas that write and publish at the same time leave one copy, in order."""
    writers = [open_index(), open_index()]

    async def work(index: Index, patient: str) -> None:
        relay = Relay(index.database, bus)
        for number in range(30):
            await index.write(received(f"1.{patient}.{number}", patient_id=patient))
            await relay.publish_all()

    async with asyncio.TaskGroup() as group:
        group.create_task(work(writers[0], "1"))
        group.create_task(work(writers[1], "2"))
    await Relay(writers[0].database, bus).publish_all()
    numbers = [change.seq for run in await published(bus) for change in run.changes]
    assert numbers == list(range(1, 2 * (30 + 3) + 1))


async def test_a_message_of_changes_fits(index: Index, bus: Bus) -> None:
    """The longest run stays under 500 KB, and a longer log becomes several messages."""
    await index.database.pool.execute(
        "INSERT INTO changes SELECT n, 1, 2, n, sha1.id, now() FROM generate_series(1, 4100) n,"
        " (SELECT decode(repeat('ab', 20), 'hex') AS id) sha1"
    )
    await Relay(index.database, bus).publish_all()
    runs = await published(bus)
    assert [len(run.changes) for run in runs] == [2000, 2000, 100]
    assert len(msgspec.msgpack.encode(runs[1])) < 300_000


async def test_clearing_the_log_loses_no_change_for_the_stream(
    index: Index, bus: Bus, commands: Commands
) -> None:
    """ClearChanges publishes first, empties the log, and the numbers go on."""
    await index.write(received("1.1"))
    assert await commands.clear_changes(ClearChanges()) == Done()
    assert await index.changes() == []
    await index.write(received("1.2"))
    assert await index.value("SELECT array_agg(seq) FROM changes") == [5]
    await Relay(index.database, bus).publish_all()
    assert [change.seq for run in await published(bus) for change in run.changes] == [1, 2, 3, 4, 5]


async def settle_all(index: Index) -> int:
    return int(await index.database.run(settle_due))


async def test_resources_become_stable_once_series_first(open_index: OpenIndex) -> None:
    """A quiet series, study and patient are logged in this order, once, however many look."""
    index = open_index(stable_age=0.001)
    event = received("1.1")
    await index.write(event)
    await asyncio.sleep(0.01)
    settled = await asyncio.gather(*(settle_all(index) for _ in range(4)))
    assert sum(settled) == 3
    assert (await index.changes())[4:] == [
        ("StableSeries", ids(event).series),
        ("StableStudy", ids(event).study),
        ("StablePatient", ids(event).patient),
    ]


async def test_who_has_the_turn_logs_all_that_is_stable(open_index: OpenIndex) -> None:
    """Two that share what is due may log a study before its series: the others pass meanwhile."""
    index = open_index(stable_age=0.001)
    await index.write(received("1.1"))
    await asyncio.sleep(0.01)
    async with index.database.pool.acquire() as other, other.transaction():
        assert await other.fetchval(SQL["try_turn"], Turn.SETTLING)
        assert await settle_all(index) == 0
    assert await settle_all(index) == 3


async def test_a_new_instance_puts_stability_off(open_index: OpenIndex) -> None:
    """What receives an instance again is stable later, and a stable resource becomes so again."""
    hasty, patient = open_index(stable_age=0.001), open_index(stable_age=3600)
    await hasty.write(received("1.1"))
    await asyncio.sleep(0.01)
    await patient.write(received("1.2"))
    assert await settle_all(hasty) == 0
    await hasty.write(received("1.3"))
    await asyncio.sleep(0.01)
    assert await settle_all(hasty) == 3
    await hasty.write(received("1.4"))
    await asyncio.sleep(0.01)
    assert await settle_all(hasty) == 3


async def test_a_deleted_resource_never_becomes_stable(open_index: OpenIndex) -> None:
    """While replicas log what is due, its deletion leaves no line about it in the log."""
    index = open_index(stable_age=0.001)
    for number in range(20):
        event = received(f"1.{number}")
        await index.write(event)
        await asyncio.gather(
            settle_all(index), settle_all(index), index.delete("Patient", ids(event).patient)
        )
        assert await index.changes() == []
        assert await index.value("SELECT count(*) FROM unstable") == 0


async def test_stability_wakes_when_it_is_due(open_index: OpenIndex) -> None:
    """The loop logs a resource soon after its time, though nobody tells it that there is one."""
    index = open_index(stable_age=0.3)
    woken = asyncio.Event()
    task = asyncio.create_task(settle(index.database, 0.3, woken.set))
    try:
        started = time.monotonic()
        await index.write(received("1.1"))
        async with asyncio.timeout(60):
            await woken.wait()
        assert time.monotonic() - started > 0.25
    finally:
        task.cancel()
        await asyncio.wait((task,))
    assert len(await index.changes()) == 7


def export(number: int) -> Export:
    identifier = ids(received(f"1.{number}")).instance
    return Export("Instance", identifier, "P\0", "1.2.3", "1.2.3.4", f"1.{number}")


async def test_exports_are_logged_once(index: Index, commands: Commands) -> None:
    """A job that reports twice, as after a crash, leaves one row for each instance, in order."""
    command = LogExports("job-1", "PACS", [export(2), export(1), export(2)])
    assert await commands.log_exports(command) == Done()
    assert await commands.log_exports(command) == Done()
    await commands.log_exports(LogExports("job-2", "PACS", [export(2)]))
    rows = await index.fetch("SELECT * FROM exports ORDER BY seq")
    assert [(row["job_id"], row["sop_instance_uid"]) for row in rows] == [
        ("job-1", "1.2"),
        ("job-1", "1.1"),
        ("job-2", "1.2"),
    ]
    assert (rows[0]["level"], rows[0]["remote_modality"], rows[0]["patient_id"]) == (3, "PACS", "P")
    await commands.clear_exports(ClearExports())
    await commands.log_exports(LogExports("job-3", "PACS", [export(1)]))
    assert await index.value("SELECT min(seq) FROM exports") > rows[-1]["seq"]


async def test_an_export_of_nothing_is_refused(commands: Commands) -> None:
    """An identifier that is none is the asker's mistake."""
    with pytest.raises(BadRequest):
        await commands.log_exports(
            LogExports("job", "PACS", [Export("Study", "x", "", "", "", "")])
        )


async def test_exports_are_not_logged_where_that_is_off(
    index: Index, bus: Bus, objects: Objects
) -> None:
    """index.log_exports = false keeps the table empty."""
    commands = commands_of(index.database, bus, objects, log_exports=False)
    await commands.log_exports(LogExports("job", "PACS", [export(1)]))
    assert await index.value("SELECT count(*) FROM exports") == 0


async def test_the_relay_takes_turns(index: Index) -> None:
    """While one replica has the turn, another gets none instead of waiting."""
    async with index.database.pool.acquire() as one, one.transaction():
        assert await one.fetchval(SQL["take_turn"]) == 0
        assert await index.value(SQL["take_turn"]) is None
