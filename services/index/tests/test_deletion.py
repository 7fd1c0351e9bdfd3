# SPDX-License-Identifier: Apache-2.0
"""Deleting resources of every level."""

import asyncio
from typing import Any

import asyncpg
import msgspec
import pytest

from pons.dicom.identity import to_text
from pons.dicom.levels import Level
from pons.errors import NotFound
from pons.messages.events import InstanceReceived
from pons.messages.index import Ancestor, Deleted, ResourceName
from pons.objects import new_key
from pons_testing.events import ids, received

pytestmark = pytest.mark.anyio
Index = Any
OpenIndex = Any


def tree() -> list[InstanceReceived]:
    """One patient with two studies; the first has two series; the first of these two instances."""
    return [
        received("1.1.1.1", study_uid="1.1", series_uid="1.1.1"),
        received("1.1.1.2", study_uid="1.1", series_uid="1.1.1"),
        received("1.1.2.1", study_uid="1.1", series_uid="1.1.2"),
        received("1.2.1.1", study_uid="1.2", series_uid="1.2.1"),
    ]


@pytest.mark.parametrize(
    ("place", "level", "ancestor", "totals"),
    [
        (0, "Instance", "Series", (1, 2, 3, 3)),
        (2, "Instance", "Study", (1, 2, 2, 3)),
        (3, "Instance", "Patient", (1, 1, 2, 3)),
        (0, "Series", "Study", (1, 2, 2, 2)),
        (3, "Series", "Patient", (1, 1, 2, 3)),
        (0, "Study", "Patient", (1, 1, 1, 1)),
        (0, "Patient", None, (0, 0, 0, 0)),
    ],
)
async def test_a_resource_goes_with_what_is_below_and_with_ancestors_it_leaves_empty(
    index: Index, place: int, level: Level, ancestor: Level | None, totals: tuple[int, ...]
) -> None:
    """The answer is the nearest ancestor that survives; the totals are exact."""
    events = tree()
    await index.write(*events)
    own = ids(events[place])
    names = {level: getattr(own, level.lower()) for level in ("Patient", "Study", "Series")}
    deleted = await index.delete(level, getattr(own, level.lower()))
    assert deleted == Deleted(Ancestor(ancestor, names[ancestor]) if ancestor else None)
    assert (await index.totals())[:4] == (await index.counted())[:4] == totals


async def test_nothing_of_a_deleted_resource_remains(index: Index) -> None:
    """Headers, changes, waiting for stability and completion of what is gone are gone too."""
    events = tree()
    header_key = new_key()
    events[0] = msgspec.structs.replace(events[0], header_key=None)
    await index.write(*events)
    await index.database.pool.execute(
        "UPDATE headers SET header_key = $1 FROM instances"
        " WHERE headers.instance_key = instances.instance_key AND object_key = $2",
        header_key,
        events[0].object_key,
    )
    own = ids(events[0])
    await index.delete("Study", own.study)
    assert await index.garbage() == {event.object_key: "deleted" for event in events[:3]} | {
        header_key: "deleted"
    }
    assert await index.value("SELECT count(*) FROM headers") == 1
    left = ids(events[3])
    assert await index.changes() == [
        ("NewPatient", left.patient),
        ("NewInstance", left.instance),
        ("NewSeries", left.series),
        ("NewStudy", left.study),
    ]
    assert await index.value("SELECT count(*) FROM unstable") == 3


async def test_surviving_ancestors_are_refreshed(index: Index) -> None:
    """LastUpdate of the ancestors is the time of the delete; other branches keep theirs."""
    events = tree()
    await index.write(*events)
    await index.database.pool.execute(
        "UPDATE patients SET last_update = 'epoch'; UPDATE studies SET last_update = 'epoch';"
        "UPDATE series SET last_update = 'epoch'"
    )
    await index.delete("Instance", ids(events[0]).instance)
    for table, refreshed in (("patients", 1), ("studies", 1), ("series", 1)):
        assert refreshed == await index.value(
            f"SELECT count(*) FROM {table} WHERE last_update > now() - interval '1 minute'"
        )


@pytest.mark.parametrize("level", ["Patient", "Study", "Series", "Instance"])
async def test_an_unknown_identifier_is_not_found(index: Index, level: Level) -> None:
    """Neither an unknown id, nor one of another level, nor a text that is no id deletes a thing."""
    event = received("1.1")
    await index.write(event)
    own = ids(event)
    wrong = own.study if level == "Series" else own.series
    for identifier in (wrong, "0" * 8 + "-00000000" * 4, "..", ""):
        with pytest.raises(NotFound):
            await index.delete(level, identifier)
    assert await index.totals() == await index.counted()


async def test_a_study_of_5000_instances_is_deleted_in_a_fixed_number_of_statements(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number of statements does not depend on the number of instances."""
    statements: list[str] = []
    execute = asyncpg.Connection._execute

    async def counting(self: Any, query: str, *values: Any, **options: Any) -> Any:
        statements.append(query)
        return await execute(self, query, *values, **options)

    monkeypatch.setattr(asyncpg.Connection, "_execute", counting)
    events = [received(f"1.1.{number}") for number in range(5000)]
    await index.write(events[0])
    await index.delete("Study", ids(events[0]).study)
    statements.clear()
    await index.write(received("1.1.0"))
    written = len(statements)
    await index.delete("Study", ids(events[0]).study)
    few = len(statements) - written
    for start in range(1, 5000, 1000):
        await index.write(*events[start : start + 1000])
    statements.clear()
    assert await index.delete("Study", ids(events[0]).study) == Deleted(None)
    assert len(statements) == few
    assert await index.totals() == await index.counted() == (0, 0, 0, 0, 0)
    assert await index.value("SELECT count(*) FROM changes") == 0


async def test_deletes_and_stores_at_once_leave_a_whole_tree(open_index: OpenIndex) -> None:
    """While instances of a study arrive, it is deleted again and again: rows and totals agree."""
    store, delete = open_index(), open_index()
    done = asyncio.Event()

    async def storing() -> None:
        for number in range(150):
            events = [
                received(f"1.{number}.{place}", series_uid=f"1.{number % 3}") for place in range(4)
            ]
            assert set(await store.write(*events)) == {"Success"}
        done.set()

    async def deleting(level: Level) -> int:
        deleted = 0
        event = received("1.0.0", series_uid="1.0")
        while not done.is_set():
            try:
                await delete.delete(level, getattr(ids(event), level.lower()))
                deleted += 1
            except NotFound:
                await asyncio.sleep(0.001)
        return deleted

    async with asyncio.TaskGroup() as group:
        group.create_task(storing())
        deletions = [group.create_task(deleting(level)) for level in ("Study", "Series")]
    assert all(task.result() for task in deletions)
    index = store
    assert await index.totals() == await index.counted()
    assert (
        await index.value(
            "SELECT count(*) FROM changes LEFT JOIN instances ON instance_key = resource_key"
            " WHERE level = 3 AND instance_key IS NULL"
        )
        == 0
    )
    assert (
        await index.value(
            "SELECT count(*) FROM series"
            " WHERE instances <> (SELECT count(*) FROM instances WHERE instances.series_key ="
            " series.series_key)"
        )
        == 0
    )
    assert await index.deadlocks() == 0
    live = await index.value("SELECT count(*) FROM instances")
    assert await index.value("SELECT count(*) FROM garbage") == 600 - live


async def test_deleting_many(index: Index) -> None:
    """Resources of every level go in one transaction, each once; unknown ones are passed over."""
    events = [
        received(
            f"1.{patient}.{series}.{number}",
            patient_id=f"P{patient}",
            study_uid=f"1.{patient}",
            series_uid=f"1.{patient}.{series}",
        )
        for patient in range(3)
        for series in range(2)
        for number in range(2)
    ]
    await index.write(*events)
    named = [ids(event) for event in events]
    before = await index.value("SELECT pg_current_xact_id()::text::bigint")
    await index.delete_many(
        ResourceName(named[0].patient),
        ResourceName(named[0].series),
        ResourceName(named[4].series, "Series"),
        ResourceName(named[8].instance),
        ResourceName(named[9].instance, "Study"),
        ResourceName("00000000-00000000-00000000-00000000-00000000"),
        ResourceName("no identifier"),
    )
    assert await index.totals() == await index.counted() == (2, 2, 3, 5, 35)
    assert await index.value("SELECT pg_current_xact_id()::text::bigint") == before + 2
    left = {to_text(row["id"]) for row in await index.fetch("SELECT id FROM instances")}
    assert left == {one.instance for one in (*named[6:8], *named[9:])}
    assert sum(await index.value("SELECT array_agg(instances) FROM series")) == 5
    await index.delete_many(ResourceName(named[0].patient))
    assert (await index.totals())[0] == 2
