# SPDX-License-Identifier: Apache-2.0
"""Instances that come again, replace others, or are refused."""

import json
import math
from typing import Any

import msgspec
import pytest

from pons.messages.events import InstanceReceived
from pons.objects import Objects, new_key
from pons_testing.events import ids, numbered, received

pytestmark = pytest.mark.anyio
Index = Any
OpenIndex = Any


async def test_a_redelivered_event_changes_nothing(index: Index) -> None:
    """The same announcement again is Success; rows, totals, change log and garbage stay."""
    events = [numbered(1), numbered(2)]
    await index.write(*events)
    before = (await index.changes(), await index.totals(), await index.garbage())
    assert await index.write(*reversed(events), events[0]) == ["Success"] * 3
    assert (await index.changes(), await index.totals(), await index.garbage()) == before


async def test_a_deleted_instance_does_not_come_back(index: Index) -> None:
    """Its announcement, delivered again after the delete, is answered Success and ignored."""
    event = numbered(1)
    await index.write(event)
    await index.delete("Instance", ids(event).instance)
    assert await index.write(event) == ["Success"]
    assert await index.totals() == (0, 0, 0, 0, 0)


async def put(objects: Objects, event: InstanceReceived, size: int | None = None) -> None:
    """The object of an instance, whole unless a size says otherwise."""
    await objects.put(event.object_key, bytes(event.stored_size if size is None else size))


@pytest.mark.parametrize("damage", ["gone", "truncated"])
@pytest.mark.parametrize("mode", ["Never", "IfChanged"])
async def test_the_same_file_restores_an_object_that_was_lost(
    open_index: OpenIndex, objects: Objects, damage: str, mode: str
) -> None:
    """Who sends a file again whose object is gone or truncated repairs it; labels stay."""
    index = open_index(overwrite_instances=mode)
    lost, again = (received("1.1", content=b"a") for _ in range(2))
    assert await index.write(lost) == ["Success"]
    if damage == "truncated":
        await put(objects, lost, 0)
    await index.database.pool.execute(
        "INSERT INTO labels SELECT instance_key, 'seen' FROM instances"
    )
    assert await index.write(again) == ["Success"]
    assert await index.value("SELECT object_key FROM instances") == again.object_key
    assert (
        await index.value(
            "SELECT count(*) FROM labels JOIN instances ON resource_key = instance_key"
        )
        == 1
    )
    assert await index.garbage() == {lost.object_key: "replaced"}
    assert await index.totals() == await index.counted()
    await put(objects, again)
    assert await index.write(received("1.1", content=b"a")) == ["AlreadyStored"]


async def test_another_file_takes_the_place_of_one_that_is_gone(
    index: Index, objects: Objects
) -> None:
    """Where nothing is left to keep, even Never takes what comes; what is only damaged stays."""
    gone, damaged = numbered(1), numbered(2)
    await index.write(gone, damaged)
    await put(objects, damaged, 0)
    others = [
        msgspec.structs.replace(numbered(number), checksum=b"other", object_key=new_key())
        for number in (1, 2)
    ]
    assert await index.write(*others) == ["Success", "AlreadyStored"]
    rows = await index.fetch("SELECT object_key FROM instances ORDER BY sop_instance_uid")
    assert [row["object_key"] for row in rows] == [others[0].object_key, damaged.object_key]
    assert await index.totals() == await index.counted()


async def test_a_second_file_is_already_stored(index: Index, objects: Objects) -> None:
    """Never: the new file and its header become garbage, the old one stays."""
    first = numbered(1)
    await put(objects, first)
    second = msgspec.structs.replace(numbered(1), header_key=new_key())
    assert await index.write(first) == ["Success"]
    assert await index.write(second, numbered(2)) == ["AlreadyStored", "Success"]
    assert await index.garbage() == {
        second.object_key: "duplicate",
        second.header_key: "duplicate",
    }
    assert await index.totals() == await index.counted() == (1, 1, 1, 2, 18)


async def test_overwriting_really_deletes_the_old_instance(open_index: OpenIndex) -> None:
    """Always: the only instance takes its ancestors with it; all of them are new, with new tags."""
    index = open_index(overwrite_instances="Always")
    old = numbered(1, t00100010=("PN", "Doe^Jane"))
    new = numbered(1, t00100010=("PN", "Roe^Joan"))
    await index.write(old)
    key = await index.value("SELECT patient_key FROM patients")
    assert await index.write(new) == ["Success"]
    assert await index.value("SELECT patient_key FROM patients") > key
    assert json.loads(await index.value("SELECT tags FROM patients"))["00100010"] == "Roe^Joan"
    assert [name for name, _ in await index.changes()] == [
        "NewInstance",
        "NewSeries",
        "NewStudy",
        "NewPatient",
    ]
    assert await index.value("SELECT min(seq) FROM changes") == 5
    assert await index.garbage() == {old.object_key: "replaced"}
    assert await index.totals() == await index.counted() == (1, 1, 1, 1, 9)
    assert await index.value("SELECT count(*) FROM unstable") == 3


async def test_overwriting_one_of_several_keeps_the_ancestors(open_index: OpenIndex) -> None:
    """Always: only the instance is new when its series has others."""
    index = open_index(overwrite_instances="Always")
    await index.write(numbered(1), numbered(2))
    key = await index.value("SELECT series_key FROM series")
    await index.write(numbered(1))
    assert await index.value("SELECT series_key FROM series WHERE instances = 2") == key
    assert [name for name, _ in await index.changes()][-2:] == ["NewInstance", "NewInstance"]


async def test_of_files_of_one_instance_in_a_batch_the_last_wins(open_index: OpenIndex) -> None:
    """Always: three files of one instance in one batch leave the third."""
    index = open_index(overwrite_instances="Always")
    events = [numbered(1), numbered(1), numbered(2), numbered(1)]
    assert await index.write(*events) == ["Success"] * 4
    assert set(await index.garbage()) == {events[0].object_key, events[1].object_key}
    assert await index.totals() == await index.counted() == (1, 1, 1, 2, 18)


async def test_an_equal_file_does_not_overwrite(open_index: OpenIndex, objects: Objects) -> None:
    """IfChanged: the same bytes are AlreadyStored, others replace them."""
    index = open_index(overwrite_instances="IfChanged")
    old, same, other = (received("1.1", content=content) for content in (b"a", b"a", b"b"))
    await put(objects, old)
    assert await index.write(old) == ["Success"]
    assert await index.write(same, other) == ["AlreadyStored", "Success"]
    assert await index.garbage() == {same.object_key: "duplicate", old.object_key: "replaced"}


async def test_what_the_database_refuses_does_not_hold_up_the_rest(index: Index) -> None:
    """One impossible event among many is refused with a reason; the others are written."""
    events = [numbered(number) for number in range(1, 10)]
    events[3] = msgspec.structs.replace(events[3], size=2**63)
    events[6] = msgspec.structs.replace(events[6], header=b"no zstd")
    events[8] = msgspec.structs.replace(events[8], received_at=math.inf)
    statuses = await index.write(*events)
    assert [place for place, status in enumerate(statuses) if status == ""] == [3, 6, 8]
    assert [arrival.event for arrival, _ in index.refused] == [events[3], events[6], events[8]]
    assert [reason.split(":")[0] for _, reason in index.refused] == [
        "the database refuses a value (SQLSTATE 22000)",
        "the header cannot be read",
        "received_at is inf, not a time",
    ]
    assert await index.totals() == await index.counted() == (1, 1, 1, 6, 54)


async def test_one_object_for_two_instances_is_refused(index: Index) -> None:
    """An object that belongs to an instance is never given to another."""
    first = numbered(1)
    await index.write(first)
    thief = msgspec.structs.replace(numbered(2), object_key=first.object_key)
    assert await index.write(thief, numbered(3)) == ["", "Success"]
    assert index.refused[0][1] == "the database refuses a value (SQLSTATE 23505)"
