# SPDX-License-Identifier: Apache-2.0
"""The log of deletions: what it has of what is gone, and for how long."""

from typing import Any

import pytest

from pons.catalog.connection import Reader
from pons.catalog.deletion_log import DeletionLog
from pons.messages.events import InstanceReceived
from pons.messages.index import Deleter, DeleteResource, DeleteResources, ResourceName
from pons.settings import DatabaseSettings, StorageSettings
from pons_index.deletion import delete_resource, delete_resources
from pons_testing.events import ids, received

from .expiring import NM, image

pytestmark = pytest.mark.anyio
Index = Any
OpenIndex = Any


async def logged(index: Index) -> dict[str, tuple[int, str, str]]:
    rows = await index.fetch("SELECT resource_id, level, cause, by FROM deletion_log")
    return {row["resource_id"].hex(): (row["level"], row["cause"], row["by"]) for row in rows}


def named(identifier: str) -> str:
    return identifier.replace("-", "")


def gone_of(event: InstanceReceived) -> tuple[str, ...]:
    """What is logged where the study of an instance goes, which is its patient's only one."""
    own = ids(event)
    return own.patient, own.study, own.series


async def test_a_study_goes_with_its_series_and_its_patient(index: Index) -> None:
    """All three of them are logged with the user who asked, instances are not."""
    event = received("1.1.1.1", study_uid="1.1", series_uid="1.1.1")
    await index.write(event)
    own = ids(event)
    command = DeleteResource("Study", own.study, Deleter("asked", "alice"))
    await index.database.run(lambda one: delete_resource(one, command, lambda _removed: None))
    assert await logged(index) == {
        named(own.series): (2, "asked", "alice"),
        named(own.study): (1, "asked", "alice"),
        named(own.patient): (0, "asked", "alice"),
    }


async def test_what_is_told_of_it(index: Index, database_settings: DatabaseSettings) -> None:
    """Who looks for what is gone reads what it was, when it went and by whom."""
    event = received("1.1.1.1", study_uid="1.1", series_uid="1.1.1")
    await index.write(event)
    before = await index.value("SELECT now()")
    study = ids(event).study
    by = Deleter("asked", "a\0" + "x" * 300)
    await index.database.run(
        lambda one: delete_resources(one, DeleteResources([ResourceName(study)], by))
    )
    reader = Reader(database_settings.reader_url, 1)
    try:
        log = DeletionLog(reader)
        found = await log.find(study)
        assert found is not None
        assert (found.level, found.by) == ("Study", Deleter("asked", "a" + "x" * 255))
        assert before <= found.at <= await index.value("SELECT now()")
        assert await log.recent_studies() == [study]
        await index.write(received("1.1.1.1", study_uid="1.1", series_uid="1.1.1"))
        assert await log.recent_studies() == []
        await index.delete("Study", study)
        assert await log.recent_studies() == [study]
        assert await log.find(ids(event).instance) is None
        assert await log.find("none") is None
        await index.database.pool.execute("UPDATE deletion_log SET at = at - interval '1 year'")
        assert (await log.find(study), await log.recent_studies()) == (None, [])
    finally:
        reader.close()


async def test_parts_of_a_study_that_stays(index: Index) -> None:
    """A series that goes is logged, and an instance of a series that stays."""
    events = [
        received("1.1.1.1", study_uid="1.1", series_uid="1.1.1"),
        received("1.1.1.2", study_uid="1.1", series_uid="1.1.1"),
        received("1.1.2.1", study_uid="1.1", series_uid="1.1.2"),
    ]
    await index.write(*events)
    gone = [ResourceName(ids(events[0]).instance), ResourceName(ids(events[2]).series)]
    await index.database.run(lambda one: delete_resources(one, DeleteResources(gone)))
    assert await logged(index) == {
        named(ids(events[0]).instance): (3, "asked", ""),
        named(ids(events[2]).series): (2, "asked", ""),
    }


async def test_the_last_deletion_counts(index: Index) -> None:
    """What came back and went again was deleted by who did it last."""
    for user in ("alice", "bob"):
        event = received("1.1.1.1", study_uid="1.1", series_uid="1.1.1")
        own = ids(event)
        assert await index.write(event) == ["Success"]
        command = DeleteResource("Patient", own.patient, Deleter("asked", user))
        await index.database.run(
            lambda one, command=command: delete_resource(one, command, lambda _removed: None)
        )
    assert set((await logged(index)).values()) == {(level, "asked", "bob") for level in range(3)}


async def test_an_instance_that_went_alone_and_later_with_its_series(index: Index) -> None:
    """The log does not tell of the first time as if it were the last; the series tells of that."""
    events = [received(f"1.1.1.{n}", study_uid="1.1", series_uid="1.1.1") for n in (1, 2, 1)]
    own = ids(events[0])
    await index.write(*events[:2])
    await index.delete("Instance", own.instance)
    assert named(own.instance) in await logged(index)
    assert await index.write(events[2]) == ["Success"]
    await index.delete("Series", own.series)
    assert set(await logged(index)) == {named(one) for one in gone_of(events[0])}


async def test_what_is_replaced_is_not_gone(open_index: OpenIndex) -> None:
    """The same instance with other bytes takes the place of the first; nothing is logged."""
    index = open_index(overwrite_instances="Always")
    for _ in range(2):
        await index.write(received("1.1.1.1", study_uid="1.1", series_uid="1.1.1"))
    assert await logged(index) == {}


async def test_a_store_that_is_full(open_index: OpenIndex) -> None:
    """The patient that makes room went for that."""
    index = open_index(StorageSettings(maximum_patients=1))
    first, second = image(1), image(2)
    await index.write(first)
    await index.write(second)
    own = ids(first)
    assert await logged(index) == {
        named(own.series): (2, "room", ""),
        named(own.study): (1, "room", ""),
        named(own.patient): (0, "room", ""),
    }


async def test_rules_of_retention(keeping: Any) -> None:
    """The rule that let a study go is named, and whether it waited for room to be needed."""
    for_room = {"nm": {**NM, "Delete": "WhenRoomIsNeeded"}}
    async with keeping(for_room, {"maximum_size_mb": 2}, room_percent=60) as keeper:
        await keeper.store(image(2, megabytes=2), days=31)
        assert await keeper.expiry.make_room() == 1
        logged_by = set((await logged(keeper.index)).values())
        assert logged_by == {(level, "room", "nm") for level in range(3)}
    async with keeping({"nm": NM}) as keeper:
        await keeper.index.database.pool.execute("DELETE FROM deletion_log")
        await keeper.store(image(1), days=31)
        assert await keeper.expiry.expire() == 1
        logged_by = set((await logged(keeper.index)).values())
        assert logged_by == {(level, "age", "nm") for level in range(3)}


async def test_after_a_year_it_is_forgotten(index: Index) -> None:
    """With the next deletion, and not before a year is over."""
    events = [
        received(f"1.{n}.1.1", patient_id=f"P{n}", study_uid=f"1.{n}", series_uid=f"1.{n}.1")
        for n in range(3)
    ]
    await index.write(*events)
    for event, age in zip(events, ("1 year 1 minute", "364 days", "0"), strict=True):
        await index.delete("Study", ids(event).study)
        await index.database.pool.execute(
            "UPDATE deletion_log SET at = now() - $1::text::interval WHERE resource_id = ANY ($2)",
            age,
            [bytes.fromhex(named(one)) for one in gone_of(event)],
        )
    last = received("1.9.1.1", patient_id="P9", study_uid="1.9", series_uid="1.9.1")
    await index.write(last)
    await index.delete("Study", ids(last).study)
    kept = {named(one) for event in (*events[1:], last) for one in gone_of(event)}
    assert set(await logged(index)) == kept


async def test_what_is_old_goes_as_fast_as_what_is_new_comes(index: Index) -> None:
    """However many go at once, the log does not grow for ever."""
    await index.database.pool.execute(
        "INSERT INTO deletion_log SELECT int4send(n), 3, now() - interval '2 years', 'asked', ''"
        " FROM generate_series(1, 5000) n"
    )
    events = [received(f"1.1.1.{n}", study_uid="1.1", series_uid="1.1.1") for n in range(801)]
    for start in range(0, len(events), 100):
        await index.write(*events[start : start + 100])
    await index.delete_many(*(ResourceName(ids(event).instance) for event in events[1:]))
    assert len(await logged(index)) == 5000 - 2 * 800 + 800
