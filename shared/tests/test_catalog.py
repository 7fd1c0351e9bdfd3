# SPDX-License-Identifier: Apache-2.0
"""The catalog on real rows: resources, what is below them, changes and numbers."""

from itertools import permutations
from typing import Any
from uuid import UUID

import pytest

from pons.catalog import (
    Catalog,
    InstanceToSend,
    Search,
    Totals,
)
from pons.catalog.resources import series_status, to_texts
from pons.dicom.identity import resource_ids, to_bytes, to_text
from pons.dicom.levels import LEVELS, Level
from pons.objects import FileObjects, new_key

from .rows import MOMENT, NOBODY, Store, itself

pytestmark = pytest.mark.anyio


async def below(catalog: Catalog, level: Level, parent: tuple[Level, str]) -> list[str]:
    """Identifiers of what is below a resource."""
    pages = catalog.search_ids(Search(level, parent=parent))
    return [identifier async for page in pages for identifier in page]


async def test_patient(store: Store) -> None:
    """A patient comes with its tags in Unicode and its studies in ascending order."""
    catalog, rows = store
    first = await rows.instance("P", "1", "1", "1")
    second = await rows.instance("P", "2", "1", "1")
    patient = await catalog.find("Patient", first.patient)
    assert patient is not None
    assert (patient.id, patient.parent, patient.level) == (first.patient, "", "Patient")
    assert patient.tags == {"00100020": "P", "00100010": "Ärger^Ünal"}
    assert patient.children == sorted([first.study, second.study])
    assert patient.last_update == MOMENT
    assert (patient.stable, patient.protected) == (True, False)


async def test_study_and_series(store: Store) -> None:
    """A study has its own copy of the patient's tags; what still receives is not stable."""
    catalog, rows = store
    ids = await rows.instance("P", "1", "2", "3")
    await rows.unstable(ids.study)
    study, series = await catalog.find("Study", ids.study), await catalog.find("Series", ids.series)
    assert study is not None
    assert series is not None
    assert (study.parent, study.children, study.stable) == (ids.patient, [ids.series], False)
    assert study.patient_tags == {"00100020": "P"}
    assert (series.parent, series.children, series.stable) == (ids.study, [ids.instance], True)


async def test_instance(store: Store) -> None:
    """An instance has the size of its file, its object and its index."""
    catalog, rows = store
    key = new_key()
    ids = await rows.instance("P", "1", "2", "3", 7, object_key=key)
    instance = await catalog.find("Instance", ids.instance)
    assert instance is not None
    assert (instance.parent, instance.size, instance.object_key) == (ids.series, 1000, key)
    assert instance.index_in_series == 7


async def test_nothing_there(store: Store) -> None:
    """What is no identifier, or nobody's, finds nothing."""
    catalog, _ = store
    for identifier in (NOBODY, "", "x", "1-2-3-4-5", "\0"):
        assert await catalog.find("Study", identifier) is None
        assert await catalog.above("Patient", "Instance", identifier) is None
        assert await below(catalog, "Instance", ("Patient", identifier)) == []
        assert await catalog.statistics("Series", identifier) is None
        assert await catalog.find_object(identifier) is None
        assert await catalog.headers.read(identifier, itself) is None
        assert await catalog.headers.meta(identifier) is None
        assert await catalog.headers.first("Study", identifier, itself) is None
        assert await catalog.archive.instances_to_send([identifier]) == []
        assert await catalog.known([identifier]) == set()


class Counting:
    """A reader that notes how many identifiers each statement asks for."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader
        self.asked: list[int] = []

    def within(self, _seconds: float) -> "Counting":
        return self

    async def rows(self, statement: str, identifiers: list[bytes]) -> Any:
        self.asked.append(len(identifiers))
        return await self._reader.rows(statement, identifiers)


async def test_many_identifiers_are_asked_for_in_parts(store: Store, objects: FileObjects) -> None:
    """A client may send as many as a body holds; what the database takes for them has a bound."""
    catalog, rows = store
    known = [(await rows.instance("P", "1", "1", str(number))).instance for number in range(3)]
    unknown = [to_text(number.to_bytes(20, "big")) for number in range(1, 12_001)]
    identifiers = [known[0], *unknown, known[1], *unknown, known[2]]
    reader: Any = Counting(catalog._reader)
    counted = Catalog(reader, reader, reader, objects)
    assert await counted.known(identifiers) == set(known)
    assert reader.asked == [10_000, 10_000, 4_003]


async def test_other_level(store: Store) -> None:
    """An identifier finds its resource at its own level only."""
    catalog, rows = store
    ids = await rows.instance("P", "1", "2", "3")
    assert await catalog.find("Patient", ids.study) is None
    assert await below(catalog, "Instance", ("Study", ids.patient)) == []
    assert await catalog.above("Patient", "Study", ids.patient) is None


async def test_pages(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists come in order of arrival, in pages, from `since` on and up to `limit`."""
    catalog, rows = store
    monkeypatch.setattr("pons.catalog.catalog.IDS_PAGE", 3)
    monkeypatch.setattr("pons.catalog.catalog.EXPANDED_PAGE", 2)
    arrived = [(await rows.instance("P", "1", "1", str(i))).instance for i in range(7)]

    async def ids(**window: int) -> list[list[str]]:
        return [page async for page in catalog.search_ids(Search("Instance", **window))]

    assert await ids() == [arrived[:3], arrived[3:6], arrived[6:]]
    assert await ids(since=5) == [arrived[5:]]
    assert await ids(since=1, limit=4) == [arrived[1:4], arrived[4:5]]
    assert await ids(limit=3) == [arrived[:3]]
    assert await ids(since=7) == []
    expanded = [
        [r.id for r in page] async for page in catalog.search(Search("Instance", since=2, limit=3))
    ]
    assert expanded == [arrived[2:4], arrived[4:5]]


async def test_empty_store(store: Store) -> None:
    """An empty store has no pages, and totals of nothing."""
    catalog, _ = store
    for level in LEVELS:
        assert [page async for page in catalog.search(Search(level))] == []
    assert await catalog.totals() == Totals(0, 0, 0, 0, 0, 0)


async def test_related(store: Store) -> None:
    """Every level is found from every other one, and nobody else's."""
    catalog, rows = store
    ids = await rows.instance("P", "1", "2", "3")
    await rows.instance("Q", "1", "2", "3")
    of: dict[Level, str] = {
        "Patient": ids.patient,
        "Study": ids.study,
        "Series": ids.series,
        "Instance": ids.instance,
    }
    for wanted, known in permutations(LEVELS, 2):
        if LEVELS.index(wanted) > LEVELS.index(known):
            assert await below(catalog, wanted, (known, of[known])) == [of[wanted]]
        else:
            found = await catalog.above(wanted, known, of[known])
            assert found is not None
            assert found.id == of[wanted], (wanted, known)


async def test_series_status(store: Store) -> None:
    """A series is complete when each index from 1 to the expected number is there."""
    catalog, rows = store
    cases: list[tuple[int | None, list[int | None], str]] = [
        (None, [1, 2], "Unknown"),
        (2, [1, 2], "Complete"),
        (2, [2, 1], "Complete"),
        (3, [1, 2], "Missing"),
        (2, [1, 1], "Missing"),
        (2, [1, 3], "Inconsistent"),
        (2, [0, 1], "Inconsistent"),
        (2, [None, 1], "Missing"),
    ]
    for number, (expected, indices, status) in enumerate(cases):
        for sop, index in enumerate(indices):
            ids = await rows.instance("P", "1", str(number), str(sop), index, expected=expected)
        series = await catalog.find("Series", ids.series)
        assert series is not None
        assert (series.status, series.expected) == (status, expected), indices


def test_series_status_rules() -> None:
    """An index outside wins over one that is missing."""
    assert series_status(3, 1, 1) == "Inconsistent"
    assert series_status(0, 0, 0) == "Complete"


async def test_labels(store: Store) -> None:
    """Labels are sorted by their bytes, belong to one resource, and are listed once in all."""
    catalog, rows = store
    ids = await rows.instance("P", "1", "2", "3")
    assert await catalog.all_labels() == []
    for identifier, label in (
        (ids.study, "b"),
        (ids.study, "Z"),
        (ids.study, "_a"),
        (ids.series, "b"),
        (ids.patient, "a"),
    ):
        await rows.connection.execute(
            "INSERT INTO labels VALUES ($1, $2)", rows.keys[identifier], label
        )
    assert await catalog.labels("Study", ids.study) == ["Z", "_a", "b"]
    assert await catalog.labels("Instance", ids.instance) == []
    assert await catalog.labels("Instance", ids.study) is None
    assert await catalog.all_labels() == ["Z", "_a", "a", "b"]


async def test_instances_of(store: Store) -> None:
    """Resources of any level become their instances: once each, series by series, by index."""
    catalog, rows = store
    second = await rows.instance("P", "1", "1", "b", 2)
    other = await rows.instance("P", "1", "2", "c", 1)
    first = await rows.instance("P", "1", "1", "a", 1)
    last = await rows.instance("P", "1", "1", "z", None)
    await rows.instance("Q", "1", "1", "q")
    expected = [first.instance, second.instance, last.instance, other.instance]
    for asked in ([first.patient], [first.study], [other.series, first.series], expected[::-1]):
        found = await catalog.archive.instances_to_send([*asked, first.instance])
        assert [instance.instance_id for instance in found] == expected
    one = (await catalog.archive.instances_to_send([second.instance]))[0]
    assert isinstance(one, InstanceToSend)
    assert isinstance(one.object_key, UUID)
    assert (one.patient_id, one.study_uid, one.series_uid) == ("P", "1", "1")
    assert one.parents == (second.patient, second.study, second.series)
    assert (one.sop_instance_uid, one.size, one.stored_size) == ("b", 1000, 800)


async def test_instances_named(store: Store) -> None:
    """UIDs name instances exactly, wherever they are; one that is nowhere names nothing."""
    catalog, rows = store
    first = await rows.instance("P", "1", "1", "1.2.a")
    twin = await rows.instance("Q", "9", "9", "1.2.a")
    await rows.instance("P", "1", "1", "1.2.A")
    last = await rows.instance("P", "1", "1", "1.3")
    asked = ["1.2.a", "1.3", "1.3", "nowhere", "", "1.3\0", "'; DROP TABLE instances"]
    found = await catalog.archive.instances_named([*asked, *map(str, range(3000))])
    assert sorted(one.owner for one in found) == sorted(
        (first.instance, twin.instance, last.instance)
    )
    assert {(one.sop_class_uid, one.stored_size) for one in found} == {
        ("1.2.840.10008.5.1.4.1.1.2", 800)
    }
    assert await catalog.archive.instances_named([]) == []


async def test_archived(store: Store) -> None:
    """Overlapping resources become each series once, whole where it or a parent was asked for."""
    catalog, rows = store
    second = await rows.instance("P", "1", "1", "b", 2)
    first = await rows.instance("P", "1", "1", "a", 1)
    other = await rows.instance("P", "1", "2", "c", 1)
    third = await rows.instance("Q", "2", "3", "d")
    fourth = await rows.instance("Q", "2", "3", "e")
    asked = [first.series, first.instance, first.study, third.instance, NOBODY, "x"]
    found = await catalog.archive.series(asked)
    assert [one.series_key for one in found] == [
        rows.keys[ids.series] for ids in (first, other, third)
    ]
    assert [one.whole for one in found] == [True, True, False]
    assert (found[0].tags, found[0].patient_tags) == ({"00080060": "CT"}, {"00100020": "P"})
    assert (found[0].study_tags, found[2].study_key) == ({"0020000D": "1"}, rows.keys[third.study])
    instances = [
        [instance.instance_id for instance in await catalog.archive.instances(one, asked)]
        for one in found
    ]
    assert instances == [[first.instance, second.instance], [other.instance], [third.instance]]
    totals = await catalog.archive.totals(found, asked)
    assert (totals.instances, totals.size) == (4, 4000)
    everything = await catalog.archive.series([first.patient, third.patient, fourth.instance])
    assert [one.whole for one in everything] == [True, True, True]
    assert await catalog.archive.series([]) == []
    assert (await catalog.archive.totals([], [])).instances == 0


async def test_known(store: Store) -> None:
    """Of a list of identifiers, those of every level are known, and no others."""
    catalog, rows = store
    ids = await rows.instance("P", "1", "2", "3")
    everybody = {ids.patient, ids.study, ids.series, ids.instance}
    assert await catalog.known([*everybody, NOBODY, "x"]) == everybody


def test_identifiers_from_bytes() -> None:
    """Identifiers from one run of bytes are those that went in."""
    wanted = [resource_ids(str(i), "", "", "").patient for i in range(3)]
    joined = b"".join(to_bytes(identifier) or b"" for identifier in wanted)
    assert to_texts(joined) == wanted
    assert to_texts(b"") == []


async def test_indices_of_a_series(store: Store) -> None:
    """Each instance of a series with its index; nothing for what is no series."""
    catalog, rows = store
    ids = await rows.instance("P", "1.1", "1.2", "1.3", index=7)
    (slice_,) = await catalog.slices.of_series(ids.series)
    assert (slice_.id, slice_.index) == (ids.instance, 7)
    assert await catalog.slices.of_series(ids.study) == []
    assert await catalog.slices.of_series("no identifier") == []


async def test_the_middle_of_a_series_and_of_a_study(store: Store) -> None:
    """Of the instances that have pixels, in the order of their index; a study shows its largest."""
    catalog, rows = store
    small = await rows.instance("P", "1.1", "1.2", "1.3", index=1)
    slices = [
        await rows.instance("P", "1.1", "1.9", f"1.9.{n}", index=n, object_key=new_key())
        for n in (3, 1, None, 2)
    ]
    for ids, expected in ((slices[0], slices[0]), (small, small)):
        found = await catalog.slices.middle("Series", ids.series)
        assert found is not None
        assert found[0] == expected.instance
    of_study = await catalog.slices.middle("Study", small.study)
    assert of_study == await catalog.slices.middle("Series", slices[0].series)
    await rows.connection.execute("UPDATE instances SET pixel_offset = NULL")
    assert await catalog.slices.middle("Study", small.study) is None
    assert await catalog.slices.middle("Series", NOBODY) is None
