# SPDX-License-Identifier: Apache-2.0
"""A store within its limits: who makes room, who is refused, and what is kept all the same."""

import asyncio
from typing import Any

import msgspec
import pytest

from pons.bus.requests import ask
from pons.messages.events import InstanceReceived, StoreFull
from pons.messages.index import ProtectPatient
from pons.messages.services import Done
from pons.objects import Objects, new_key
from pons.settings import StorageSettings
from pons_index.arrival import Arrival
from pons_testing.events import ids, received

pytestmark = pytest.mark.anyio
Index = Any
OpenIndex = Any
OpenStore = Any

MEGABYTE = 1024 * 1024


def image(patient: int, number: int = 1, megabytes: float = 0) -> InstanceReceived:
    """An instance of patient P<patient>, whose object takes so much room."""
    event = received(
        f"1.{patient}.{number}",
        patient_id=f"P{patient}",
        study_uid=f"1.{patient}",
        series_uid=f"1.{patient}.0",
    )
    size = int(megabytes * MEGABYTE) or event.size
    return msgspec.structs.replace(event, size=2 * size, stored_size=size)


def limits(**settings: Any) -> StorageSettings:
    return StorageSettings(**settings)


async def willing(_arrival: Arrival) -> bool:
    return True


async def patients(index: Index) -> list[str]:
    rows = await index.fetch("SELECT patient_id FROM patients ORDER BY patient_id")
    return [row["patient_id"] for row in rows]


async def test_the_patient_updated_longest_ago_makes_room(open_index: OpenIndex) -> None:
    """A patient that was updated lately stays, however long it has been there."""
    index = open_index(limits(maximum_patients=2))
    first, second = image(1), image(2)
    for event in (first, second, image(1, 2), image(3)):
        assert await index.write(event) == ["Success"]
    assert await patients(index) == ["P1", "P3"]
    assert await index.garbage() == {second.object_key: "deleted"}
    assert await index.totals() == await index.counted()
    assert ids(second).patient not in {resource for _, resource in await index.changes()}


async def test_room_is_counted_as_it_is_stored(open_index: OpenIndex) -> None:
    """As many patients go as the newcomer needs, by the bytes of objects, not of files."""
    index = open_index(limits(maximum_size_mb=10))
    for patient in (1, 2, 3):
        await index.write(image(patient, megabytes=3))
    assert await index.write(image(4, megabytes=1)) == ["Success"]
    assert await patients(index) == ["P1", "P2", "P3", "P4"]
    assert await index.write(image(5, megabytes=5)) == ["Success"]
    assert await patients(index) == ["P3", "P4", "P5"]
    assert await index.value("SELECT stored_size FROM totals") == 9 * MEGABYTE


async def test_protected_patients_stay(open_index: OpenIndex) -> None:
    """A protected patient is passed over; once released it goes to the end of the queue."""
    index = open_index(limits(maximum_patients=3))
    for patient in (1, 2, 3):
        await index.write(image(patient))
    await index.database.pool.execute(
        "UPDATE patients SET protected = true WHERE patient_id = 'P1'"
    )
    await index.write(image(4))
    assert await patients(index) == ["P1", "P3", "P4"]
    await index.database.pool.execute(
        "UPDATE patients SET protected = false, unprotected_at = clock_timestamp()"
        " WHERE patient_id = 'P1'"
    )
    await index.write(image(5))
    assert await patients(index) == ["P1", "P4", "P5"]


async def test_a_patient_being_written_is_never_recycled(open_index: OpenIndex) -> None:
    """What comes in together, and would push itself out, comes in one after the other."""
    index = open_index(limits(maximum_patients=1), willing)
    events = [image(1), image(2), image(2, 2), image(3)]
    assert await index.write(*events) == ["Success"] * 4
    assert await patients(index) == ["P3"]
    assert set(await index.garbage()) == {event.object_key for event in events[:3]}
    assert await index.totals() == await index.counted()


@pytest.mark.parametrize("mode", ["Recycle", "Reject"])
async def test_where_nothing_makes_room_newcomers_are_refused(
    open_index: OpenIndex, mode: str
) -> None:
    """A store full of protected patients, or one that never recycles, says so and changes nothing;
    the same announcement gets the same answer again."""
    index = open_index(limits(maximum_size_mb=4, maximum_mode=mode), willing)
    await index.write(image(1, megabytes=3))
    await index.database.pool.execute("UPDATE patients SET protected = true")
    before = await index.totals(), await index.changes()
    large, small = image(2, megabytes=2), image(1, 2, megabytes=0.5)
    assert await index.write(large) == ["StorageFull"]
    assert (await index.totals(), await index.changes()) == before
    assert await index.garbage() == {large.object_key: "rejected"}
    assert await index.write(large, small) == ["StorageFull", "Success"]
    huge = image(1, 3, megabytes=100)
    assert await index.write(huge, large, image(1, 4, megabytes=0.1)) == [
        "StorageFull",
        "StorageFull",
        "Success",
    ]
    assert await index.totals() == await index.counted()
    again = msgspec.structs.replace(large, object_key=new_key(), stored_size=10)
    assert await index.write(again) == ["Success"]


async def test_an_instance_that_is_there_needs_no_room(
    open_index: OpenIndex, objects: Objects
) -> None:
    """A full store still knows what it has."""
    index = open_index(limits(maximum_size_mb=1, maximum_mode="Reject"), willing)
    first = image(1, megabytes=1)
    await objects.put(first.object_key, bytes(first.stored_size))
    assert await index.write(first) == ["Success"]
    copy = msgspec.structs.replace(first, object_key=new_key())
    assert await index.write(copy, first, image(2)) == ["AlreadyStored", "Success", "StorageFull"]


async def test_a_larger_file_replaces_only_where_it_fits(open_index: OpenIndex) -> None:
    """Overwriting counts the room that the old file gives back; a refused one leaves the old."""
    storage = limits(maximum_size_mb=4, maximum_mode="Reject")
    index = open_index(storage, willing, overwrite_instances="Always")
    assert await index.write(image(1, megabytes=3)) == ["Success"]
    better = image(1, megabytes=4)
    assert await index.write(better) == ["Success"]
    assert await index.write(image(1, megabytes=5)) == ["StorageFull"]
    assert await index.value("SELECT object_key FROM instances") == better.object_key
    assert await index.totals() == await index.counted()


async def test_what_was_acknowledged_is_kept_beyond_the_limit(open_index: OpenIndex) -> None:
    """Whoever was told Success has its instance, in a full store too."""
    index = open_index(limits(maximum_patients=1, maximum_mode="Reject"))
    assert await index.write(image(1), image(2), image(3)) == ["Success"] * 3
    assert await patients(index) == ["P1", "P2", "P3"]
    assert await index.garbage() == {}


@pytest.mark.parametrize("mode", ["Recycle", "Reject"])
async def test_writers_at_once_stay_within_the_limit(open_index: OpenIndex, mode: str) -> None:
    """Two replicas that fill the last places together do not overfill the store."""
    storage = limits(maximum_patients=5, maximum_mode=mode)
    writers = [open_index(storage, willing) for _ in range(2)]

    async def write(index: Index, first: int) -> list[str]:
        statuses = []
        for patient in range(first, first + 40, 4):
            statuses += await index.write(*(image(patient + n) for n in range(4)))
        return statuses

    one, two = await asyncio.gather(write(writers[0], 0), write(writers[1], 1000))
    index = writers[0]
    assert (await index.totals())[0] == 5
    assert await index.totals() == await index.counted()
    if mode == "Recycle":
        assert set(one + two) == {"Success"}
    else:
        assert (one + two).count("Success") == 5
        assert await index.value("SELECT count(*) FROM garbage WHERE reason = 'rejected'") == 75
    assert await index.deadlocks() == 0


async def test_the_announcing_process_is_asked(open_store: OpenStore) -> None:
    """Only what a living process gives up is thrown away."""
    storage = {"maximum_patients": 1, "maximum_mode": "Reject"}
    async with open_store(limits=storage) as store, store.replica():
        asked: list[int] = []

        async def give_up(message: Any) -> None:
            tokens = msgspec.msgpack.decode(message.data, type=StoreFull).tokens
            asked.extend(tokens)
            await message.respond(msgspec.msgpack.encode(tokens))

        first, refused = image(1), image(2)
        await store.announce(first)
        assert await store.answered(first) == ["Success"]
        subscription = await store.bus.subscribe(store.bus.names.full("tests"), give_up)
        await store.announce(refused)
        assert await store.answered(refused) == ["StorageFull"]
        assert asked == [refused.token]
        await subscription.unsubscribe()
        orphaned = image(3)
        await store.announce(orphaned)
        assert await store.answered(orphaned) == ["Success"]
        protect = ProtectPatient(ids(first).patient, protected=True)
        assert await ask(store.bus, "index", protect, Done) == Done()
