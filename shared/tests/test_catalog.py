# SPDX-License-Identifier: Apache-2.0
"""The catalog on real rows: what each question finds, and what it does while PostgreSQL is away."""

import json
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import zstandard

from pons.catalog import (
    Catalog,
    Fields,
    InstanceToSend,
    MetadataValue,
    Search,
    Statistics,
    StoredHeader,
    StoredObject,
    Totals,
    open_catalog,
)
from pons.catalog.browse import BROWSE
from pons.catalog.fields import ATTACHMENTS, metadata_text, read_value, select_fields
from pons.catalog.resources import series_status, to_texts
from pons.catalog.schema import Columns, is_related
from pons.catalog.selection import by_condition
from pons.catalog.statements import STATEMENTS
from pons.dicom.attributes import MAIN_TAGS
from pons.dicom.identity import ResourceIds, resource_ids, to_bytes, to_text
from pons.dicom.levels import LEVELS, Level
from pons.errors import DamagedObject, Unavailable
from pons.objects import FileObjects, new_key
from pons.settings import DatabaseSettings, Settings
from pons_testing.postgres import MIGRATIONS, PostgresServer, postgres_server

pytestmark = pytest.mark.anyio

MOMENT = datetime(2024, 1, 2, 11, 12, 13, tzinfo=UTC)
NOBODY = "00000000-00000000-00000000-00000000-00000000"


def itself(header: StoredHeader) -> StoredHeader:
    """For small headers, which may be kept."""
    return header


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with postgres_server(tmp_path_factory.mktemp("catalog-postgres")) as server:
        yield server


@dataclass
class Rows:
    """Writes rows as the index does, a whole branch at a time."""

    connection: Any
    keys: dict[str, int] = field(default_factory=dict)

    async def instance(
        self, patient: str, study: str, series: str, sop: str, index: int | None = None, **more: Any
    ) -> ResourceIds:
        ids = resource_ids(patient, study, series, sop)
        await self._once(
            ids.patient,
            "INSERT INTO patients (id, patient_id, tags, last_update) VALUES ($1, $2, $3, $4) "
            "RETURNING patient_key",
            patient,
            json.dumps({"00100020": patient, "00100010": "Ärger^Ünal"}),
            MOMENT,
        )
        await self._once(
            ids.study,
            "INSERT INTO studies (id, patient_key, study_uid, tags, patient_tags, last_update) "
            "VALUES ($1, $2, $3, $4, $5, $6) RETURNING study_key",
            self.keys[ids.patient],
            study,
            json.dumps({"0020000D": study}),
            json.dumps({"00100020": patient}),
            MOMENT,
        )
        await self._once(
            ids.series,
            "INSERT INTO series (id, study_key, series_uid, tags, remote_aet, instances, "
            "expected_instances, last_update) VALUES ($1, $2, $3, $4, '', 1, $5, $6) "
            "RETURNING series_key",
            self.keys[ids.study],
            series,
            json.dumps({"00080060": "CT"}),
            more.get("expected"),
            MOMENT,
        )
        await self._once(
            ids.instance,
            "INSERT INTO instances (id, series_key, sop_instance_uid, sop_class_uid, "
            "transfer_syntax, tags, index_in_series, received_at, origin, object_key, size, "
            "stored_size, compression, checksum, pixel_offset, pixel_length, pixel_vr) "
            "VALUES ($1, $2, $3, '1.2.840.10008.5.1.4.1.1.2', '1.2.840.10008.1.2.1', $4, $5, $6, "
            "'{}', $7, 1000, 800, '', 'checksum', 500, -1, 'OW') RETURNING instance_key",
            self.keys[ids.series],
            sop,
            json.dumps({"00080018": sop}),
            index,
            MOMENT,
            more.get("object_key", new_key()),
        )
        return ids

    async def _once(self, identifier: str, statement: str, *values: Any) -> None:
        if identifier not in self.keys:
            key = await self.connection.fetchval(statement, to_bytes(identifier), *values)
            self.keys[identifier] = key

    async def unstable(self, identifier: str) -> None:
        await self.connection.execute(
            "INSERT INTO unstable VALUES ($1, 0, $2, now())",
            self.keys[identifier],
            to_bytes(identifier),
        )

    async def change(self, seq: int, change_type: int, identifier: str = NOBODY) -> None:
        await self.connection.execute(
            "INSERT INTO changes VALUES ($1, $2, 1, 1, $3, $4)",
            seq,
            change_type,
            to_bytes(identifier),
            MOMENT,
        )
        await self.connection.execute("UPDATE totals SET last_change = $1", seq)


@asynccontextmanager
async def opened(
    database: DatabaseSettings, objects: FileObjects
) -> AsyncIterator[tuple[Catalog, Rows]]:
    connection = await asyncpg.connect(database.url)
    try:
        async with open_catalog(Settings(database=database), objects) as catalog:
            yield catalog, Rows(connection)
    finally:
        await connection.close()


@pytest.fixture
def objects(tmp_path: Path) -> FileObjects:
    return FileObjects(tmp_path, "test", fsync=False)


@pytest.fixture
async def store(
    postgres: PostgresServer, objects: FileObjects
) -> AsyncIterator[tuple[Catalog, Rows]]:
    async with postgres.database() as database, opened(database, objects) as both:
        yield both


Store = tuple[Catalog, Rows]


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


async def test_statistics(store: Store) -> None:
    """A resource counts what is below it, and its bytes in both forms."""
    catalog, rows = store
    ids = await rows.instance("P", "1", "1", "1")
    await rows.instance("P", "1", "1", "2")
    await rows.instance("P", "1", "2", "1")
    await rows.instance("P", "2", "1", "1")
    await rows.instance("Q", "1", "1", "1")
    assert await catalog.statistics("Patient", ids.patient) == Statistics(4000, 3200, 2, 3, 4)
    study = await catalog.statistics("Study", ids.study)
    assert study == Statistics(3000, 2400, series=2, instances=3)
    series = await catalog.statistics("Series", ids.series)
    assert series == Statistics(2000, 1600, instances=2)
    assert await catalog.statistics("Instance", ids.instance) == Statistics(1000, 800)


async def test_statistics_of_attachments(store: Store) -> None:
    """What clients attached to a resource, and to those below it, is counted beside the files."""
    catalog, rows = store
    ids = await rows.instance("P", "1", "1", "1")
    await rows.instance("P", "1", "1", "2")
    for number, identifier in enumerate((ids.patient, ids.series, ids.series, ids.instance), 1024):
        await rows.connection.execute(
            "INSERT INTO attachments VALUES ($1, $2, $3, 100, 60, 'zstd', '', '')",
            rows.keys[identifier],
            number,
            new_key(),
        )
    levels = {"Patient": ids.patient, "Study": ids.study, "Series": ids.series}
    found = [
        await catalog.statistics(*one) for one in (levels | {"Instance": ids.instance}).items()
    ]
    assert [(one.size, one.stored_size) for one in found if one] == [(2000, 1600)] * 3 + [
        (1000, 800)
    ]
    assert [(one.attached_size, one.attached_stored_size) for one in found if one] == [
        (400, 240),
        (300, 180),
        (300, 180),
        (100, 60),
    ]


async def test_place_of_the_pixel_data(store: Store) -> None:
    """PixelDataOffset is where the element begins, in a file where that is a place."""
    catalog, rows = store
    ids = await rows.instance("P", "1", "2", "3")
    for syntax, meta, offset in (
        ("1.2.840.10008.1.2", '{"00020010":{}}', b"492"),
        ("1.2.840.10008.1.2", "{}", None),
        ("1.2.840.10008.1.2.4.50", "{}", b"488"),
        ("1.2.840.10008.1.2.1.99", '{"00020010":{}}', None),
    ):
        await rows.connection.execute("UPDATE instances SET transfer_syntax = $1", syntax)
        await rows.connection.execute("DELETE FROM headers")
        await rows.connection.execute(
            "INSERT INTO headers VALUES ($1, '', NULL, $2)",
            rows.keys[ids.instance],
            meta.encode(),
        )
        found = await catalog.find_metadata("Instance", ids.instance, 14)
        assert found == (offset and MetadataValue(offset, 0)), (syntax, meta)


async def test_changes(store: Store) -> None:
    """Pages of changes ascend; `done` tells whether there are more; numbers outlive deletion."""
    catalog, rows = store
    empty = await catalog.logs.changes()
    assert (empty.changes, empty.done, empty.last) == ([], True, 0)
    for seq, change_type in enumerate((2, 4, 5, 3, 2, 14), 1):
        await rows.change(seq, change_type)

    async def page(**asked: Any) -> tuple[list[int], bool, int]:
        found = await catalog.logs.changes(**asked)
        return [change.seq for change in found.changes], found.done, found.last

    assert await page() == ([1, 2, 3, 4, 5, 6], True, 6)
    assert await page(limit=2) == ([1, 2], False, 2)
    assert await page(since=4, limit=2) == ([5, 6], True, 6)
    assert await page(since=6) == ([], True, 6)
    assert await page(since=1, to=3) == ([2, 3], True, 3)
    assert await page(since=1, to=4, limit=2) == ([2, 3], False, 3)
    assert await page(to=4, limit=2) == ([3, 4], False, 4)
    assert await page(types=[2]) == ([1, 5], True, 5)
    assert await page(types=[2, 14], limit=2) == ([1, 5], False, 5)
    first = (await catalog.logs.changes()).changes[0]
    assert (first.change_type, first.level, first.resource_id) == ("NewInstance", "Study", NOBODY)
    assert first.date == MOMENT
    latest = await catalog.logs.latest_change()
    assert ([c.change_type for c in latest.changes], latest.last) == (["StableSeries"], 6)
    await rows.connection.execute("DELETE FROM changes")
    assert await page() == ([], True, 6)
    assert (await catalog.logs.latest_change()).last == 6


async def test_exports(store: Store) -> None:
    """Exports come in pages like changes; an empty page tells where it began."""
    catalog, rows = store
    assert (await catalog.logs.exports(since=7)).last == 7
    for number in range(3):
        await rows.connection.execute(
            "INSERT INTO exports (level, resource_id, remote_modality, patient_id, study_uid, "
            "series_uid, sop_instance_uid, job_id, date) "
            "VALUES (3, $1, 'pacs', 'P', '1', '2', '3', $2, $3)",
            to_bytes(NOBODY),
            str(number),
            MOMENT + timedelta(seconds=number),
        )
    page = await catalog.logs.exports(since=1, limit=1)
    assert ([e.seq for e in page.exports], page.done, page.last) == ([2], False, 2)
    export = page.exports[0]
    assert (export.level, export.remote_modality, export.study_uid) == ("Instance", "pacs", "1")
    assert [e.seq for e in (await catalog.logs.latest_export()).exports] == [3]


async def test_object(store: Store) -> None:
    """Whoever needs the bytes learns where they are and where the pixels begin."""
    catalog, rows = store
    key = new_key()
    ids = await rows.instance("P", "1", "2", "3", object_key=key)
    assert await catalog.find_object(ids.instance) == StoredObject(
        object_key=key,
        size=1000,
        stored_size=800,
        compression="",
        transfer_syntax="1.2.840.10008.1.2.1",
        sop_class_uid="1.2.840.10008.5.1.4.1.1.2",
        sop_instance_uid="3",
        pixel_offset=500,
        pixel_length=-1,
        pixel_vr="OW",
        owner=ids.instance,
        checksum=b"checksum",
    )


async def test_header(store: Store, objects: FileObjects) -> None:
    """A header comes back as it was scanned; a very large one from its own object."""
    catalog, rows = store
    text = b'{"00100020":{"vr":"LO","Value":["P"]}}'
    packed = zstandard.ZstdCompressor().compress(text)
    near = await rows.instance("P", "1", "2", "3")
    apart = await rows.instance("P", "1", "2", "4")
    key = new_key()
    await objects.put(key, packed)
    for ids, header, header_key in ((near, packed, None), (apart, b"", key)):
        await rows.connection.execute(
            "INSERT INTO headers VALUES ($1, $2, $3, '{}')",
            rows.keys[ids.instance],
            header,
            header_key,
        )
    for ids in (near, apart):
        found = await catalog.headers.read(ids.instance, itself)
        assert found == StoredHeader(text, b"{}", "OW")
        assert await catalog.headers.meta(ids.instance) == b"{}"


async def test_pages_of_headers_end_where_they_are_large(store: Store) -> None:
    """Each of two headers of 5 MB is a page of its own, packed in much or in little."""
    catalog, rows = store
    noise = random.Random(7).randbytes(100_000).hex().encode()
    texts = [
        b'{"00104000":{"vr":"LT","Value":["%b"]}}' % value
        for value in (b"x" * 5_000_000, noise + b"x" * 5_000_000, b"", b"z")
    ]
    for number, text in enumerate(texts):
        ids = await rows.instance("P", "1", "2", str(number))
        await rows.connection.execute(
            "INSERT INTO headers VALUES ($1, $2, NULL, '{}')",
            rows.keys[ids.instance],
            zstandard.ZstdCompressor().compress(text),
        )
    pages = catalog.headers.pages("Series", ids.series, itself)
    found = [[header.json for _, header in page] async for page in pages]
    assert found == [texts[:1], texts[1:2], texts[2:]]
    first = await catalog.headers.first("Series", ids.series, lambda found: len(found.json))
    assert first == len(texts[0])


async def test_a_large_header_that_is_damaged(store: Store, objects: FileObjects) -> None:
    """An instance whose header's object is missing or damaged is known all the same."""
    catalog, rows = store
    ids, key = await rows.instance("P", "1", "2", "3"), new_key()
    statement = "INSERT INTO headers VALUES ($1, '', $2, '{}')"
    await rows.connection.execute(statement, rows.keys[ids.instance], key)
    with pytest.raises(DamagedObject, match=f"keeps of {ids.instance} is missing .*{key}") as error:
        await catalog.headers.read(ids.instance, itself)
    assert error.value.what == "missing"
    await objects.put(key, zstandard.ZstdCompressor().compress(b'{"a":"b"}')[:-4])
    with pytest.raises(DamagedObject, match=f"keeps of {ids.instance} is damaged .*{key}"):
        await catalog.headers.read(ids.instance, itself)


async def test_metadata_of_columns(store: Store) -> None:
    """What ingest knows of a resource is its metadata, with Orthanc's numbers."""
    catalog, rows = store
    ids = await rows.instance("P", "1", "2", "3", 7, expected=20)
    await rows.connection.execute(
        "UPDATE instances SET origin = $1",
        json.dumps(
            {"kind": "DicomProtocol", "remote_ip": "::1", "remote_aet": "CT", "called_aet": "PONS"}
        ),
    )
    instance = await catalog.metadata("Instance", ids.instance)
    assert instance is not None
    assert instance.pop(15).startswith("0008,0012;0008,0013;0008,0018;")
    assert instance == {
        1: "7",
        2: "20240102T111213",
        3: "CT",
        8: "DicomProtocol",
        9: "1.2.840.10008.1.2.1",
        10: "1.2.840.10008.5.1.4.1.1.2",
        11: "::1",
        12: "PONS",
        14: "488",
    }
    series = await catalog.metadata("Series", ids.series)
    assert series is not None
    assert (series[3], series[4], series[7]) == ("", "20", "20240102T111213")
    assert json.loads(series[16]) == {"Sequences": {}, "Version": 1}
    for level, identifier in (("Patient", ids.patient), ("Study", ids.study)):
        found = await catalog.metadata(level, identifier)  # type: ignore[arg-type]
        assert sorted(found or {}) == [7, 15], level
    assert await catalog.metadata("Study", ids.patient) is None


async def test_metadata_that_was_written(store: Store) -> None:
    """Metadata of the table are listed beside the others; each has its bytes and its revision."""
    catalog, rows = store
    ids = await rows.instance("P", "1", "2", "3")
    await rows.connection.execute(
        "INSERT INTO metadata VALUES ($1, 1024, 'caf\\303\\251', 'café', 2),"
        " ($1, 1025, '\\377', NULL, 0), ($1, 5, 'abc', 'abc', 0)",
        rows.keys[ids.study],
    )
    listed = await catalog.metadata("Study", ids.study) or {}
    assert {number: listed[number] for number in (5, 1024, 1025)} == {
        5: "abc",
        1024: "café",
        1025: "",
    }
    found = await catalog.find_metadata("Study", ids.study, 1024)
    assert found == MetadataValue("café".encode(), 2)
    assert await catalog.find_metadata("Study", ids.study, 1025) == MetadataValue(b"\xff", 0)
    assert await catalog.find_metadata("Study", ids.study, 7) == MetadataValue(
        b"20240102T111213", 0
    )
    for number in (1, 6, 1026):  # of another level, not set, of nobody
        assert await catalog.find_metadata("Study", ids.study, number) is None
    assert await catalog.find_metadata("Series", ids.series, 1024) is None


async def test_metadata_as_an_expression(store: Store) -> None:
    """Conditions and orders see the same text as readers, wherever it lies."""
    _, rows = store
    ids = await rows.instance("P", "1", "2", "3")
    await rows.connection.execute(
        "INSERT INTO metadata VALUES ($1, 1024, 'x', 'x', 0)", rows.keys[ids.patient]
    )
    expected = {"Patient": {1024: "x", 7: "20240102T111213", 1: None}, "Series": {3: "", 4: None}}
    of = {"Patient": ids.patient, "Series": ids.series}
    for level, texts in expected.items():
        for number, text in texts.items():
            statement = read_value(level, metadata_text(level, number))  # type: ignore[arg-type]
            found = await rows.connection.fetchval(statement, to_bytes(of[level]))
            assert found == text, (level, number)


async def test_main_tags_signature(store: Store) -> None:
    """The signature is the list of main tags that was in force when the resource came."""
    catalog, rows = store
    ids = await rows.instance("P", "1", "2", "3")
    await rows.connection.execute(
        "INSERT INTO signatures VALUES (1, $1)",
        json.dumps({"Study": ["0020000D", "0008103E"]}),
    )
    await rows.connection.execute("UPDATE studies SET signature = 1")
    found = await catalog.find_metadata("Study", ids.study, 15)
    assert found == MetadataValue(b"0008,103e;0020,000d", 0)
    built_in = await catalog.find_metadata("Series", ids.series, 15)
    assert built_in is not None
    assert b";0040,0254;0040,0275;0054,0081;" in built_in.value


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


async def test_attachments_as_json(store: Store) -> None:
    """An instance lists its DICOM file before what clients attached."""
    _, rows = store
    key, file = new_key(), new_key()
    ids = await rows.instance("P", "1", "2", "3", object_key=file)
    await rows.connection.execute(
        "INSERT INTO attachments VALUES ($1, 1024, $2, 10, 7, 'zstd', $3, $4)",
        rows.keys[ids.instance],
        key,
        b"\1" * 16,
        b"\2" * 16,
    )
    statement = read_value("Instance", ATTACHMENTS["Instance"])
    of_instance = await rows.connection.fetchval(statement, to_bytes(ids.instance))
    assert json.loads(of_instance) == [
        {
            "Uuid": str(file),
            "ContentType": 1,
            "UncompressedSize": 1000,
            "CompressedSize": 800,
            "UncompressedMD5": "",
            "CompressedMD5": "",
        },
        {
            "Uuid": str(key),
            "ContentType": 1024,
            "UncompressedSize": 10,
            "CompressedSize": 7,
            "UncompressedMD5": "01" * 16,
            "CompressedMD5": "02" * 16,
        },
    ]
    statement = read_value("Series", ATTACHMENTS["Series"])
    of_series = await rows.connection.fetchval(statement, to_bytes(ids.series))
    assert json.loads(of_series) == []


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


async def test_cannot_write(postgres: PostgresServer, objects: FileObjects) -> None:
    """Nothing is written through the catalog, also where it has only the writer's address."""
    async with postgres.database() as database:
        for settings in (database, DatabaseSettings(url=database.url)):
            async with open_catalog(Settings(database=settings), objects) as catalog:
                with pytest.raises(asyncpg.PostgresError):
                    await catalog._reader.row("UPDATE totals SET instances = 7")


async def test_database_away(objects: FileObjects) -> None:
    """While nothing listens, questions are answered at once with Unavailable."""
    database = DatabaseSettings(url="postgresql://nobody@127.0.0.1:1/nothing")
    async with open_catalog(Settings(database=database), objects) as catalog:
        with pytest.raises(Unavailable, match="The database does not answer"):
            await catalog.totals()
        with pytest.raises(Unavailable):
            await catalog.check()


async def test_database_not_prepared(postgres: PostgresServer, objects: FileObjects) -> None:
    """Until the index has made its tables, the catalog says so, and then works."""
    async with (
        postgres.database(schema=False) as database,
        opened(database, objects) as (catalog, rows),
    ):
        with pytest.raises(Unavailable, match="not prepared"):
            await catalog.find("Study", NOBODY)
        for migration in sorted(MIGRATIONS.glob("*.sql")):
            await rows.connection.execute(migration.read_text(encoding="utf-8"))
        assert await catalog.find("Study", NOBODY) is None


async def test_broken_connections(store: Store, postgres: PostgresServer) -> None:
    """Connections that die between two questions are replaced without anyone noticing."""
    catalog, rows = store
    await catalog.check()
    name = await rows.connection.fetchval("SELECT current_database()")
    administrator = await asyncpg.connect(postgres.embedded.admin_url)
    try:
        killed = await administrator.fetchval(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE application_name = 'pons-catalog' AND datname = $1",
            name,
        )
    finally:
        await administrator.close()
    assert killed == 1
    assert (await catalog.totals()).instances == 0


async def test_plans_use_indexes(store: Store) -> None:
    """No question about one resource reads a table from its start to its end."""
    _, rows = store
    for number in range(40):
        await rows.instance(f"P{number % 4}", str(number % 8), str(number % 16), str(number))
    await rows.connection.execute("ANALYZE; SET enable_seqscan = off")
    for wanted, known in permutations(LEVELS, 2):
        for shown in (Fields(), Fields(frozenset())):
            selected = select_fields(wanted, shown, Columns(MAIN_TAGS))
            statement = by_condition(wanted, selected, is_related(wanted, known))
            plan = await rows.connection.fetch("EXPLAIN " + statement.replace("$1", r"'\x00'"))
            text = "\n".join(row[0] for row in plan)
            assert "Seq Scan" not in text, text
    for name, values in (
        ("instances_named", {"$1": "ARRAY['1.2']"}),
        ("archived_series", {"$1": r"ARRAY['\x00'::bytea]"}),
        ("archived_instances", {"$1": "1", "$2": "NULL"}),
        ("archived_totals", {"$1": "ARRAY[1]", "$2": r"ARRAY['\x00'::bytea]"}),
    ):
        statement = STATEMENTS[name]
        for place, value in values.items():
            statement = statement.replace(place, value)
        plan = await rows.connection.fetch("EXPLAIN " + statement)
        text = "\n".join(row[0] for row in plan)
        assert "Seq Scan" not in text, text


def test_identifiers_from_bytes() -> None:
    """Identifiers from one run of bytes are those that went in."""
    wanted = [resource_ids(str(i), "", "", "").patient for i in range(3)]
    joined = b"".join(to_bytes(identifier) or b"" for identifier in wanted)
    assert to_texts(joined) == wanted
    assert to_texts(b"") == []


async def test_folders_of_patients_and_studies(store: Store) -> None:
    """The tree is read downwards, and each resource is found by what its name is made of."""
    catalog, rows = store
    browser = catalog.browser
    first = await rows.instance("P1", "1.2", "1.3", "1.4")
    second = await rows.instance("P2", "1.2", "1.3", "1.5")
    assert [one.id async for page in browser.patients() for one in page] == [
        first.patient,
        second.patient,
    ]
    found = await browser.patients_with_id(["P", "P2", "p1"])
    assert [one.id for one in found] == [second.patient]
    studies = await browser.studies_of([found[0].key])
    assert [(one.id, one.above) for one in studies] == [(second.study, found[0].key)]
    both = await browser.studies_with_uid("1.2")
    assert [one.id for one in both] == [first.study, second.study]
    assert [len(page) async for page in browser.studies_by_uid()] == [1]
    series = await browser.series_of([one.key for one in both])
    assert [one.id for one in series] == [first.series, second.series]
    keys = [one.key for one in series]
    instances = [one async for page in browser.instances_of(keys) for one in page]
    assert [(one.id, one.size) for one in instances] == [
        (first.instance, 1000),
        (second.instance, 1000),
    ]
    assert (await browser.instance_with_uid(keys, "1.5")) == instances[1]
    assert (await browser.instance_with_id(keys[1:], second.instance)) == instances[1]
    assert await browser.instance_with_id(keys[:1], second.instance) is None
    assert await browser.instance_with_id(keys, "no identifier") is None


async def test_folders_of_dates(store: Store) -> None:
    """Years and months in which there are studies, and the studies of a month by their dates."""
    catalog, rows = store
    browser = catalog.browser
    dates = ("20240229", "20240201", "20240301", "20230115", "", "202402")
    for number, date in enumerate(dates):
        ids = await rows.instance("P", f"1.{number}", "1", f"1.{number}")
        await rows.connection.execute(
            "UPDATE studies SET tags = tags || jsonb_build_object('00080020', $2::text) "
            "WHERE id = $1",
            to_bytes(ids.study),
            date,
        )
    assert await browser.study_date_prefixes(4, "0", "~") == ["2023", "2024"]
    assert await browser.study_date_prefixes(6, "2024", "2024~") == ["202402", "202403"]
    assert await browser.study_date_prefixes(4, "2025", "2025~") == []
    pages = [page async for page in browser.studies_between("202402", "202402~")]
    assert [[one.tags["0020000D"] for one in page] for page in pages] == [["1.5", "1.1", "1.0"]]


async def test_folders_are_read_by_indexes(store: Store) -> None:
    """No question about a folder reads a whole table."""
    _, rows = store
    async with rows.connection.transaction():
        await rows.connection.execute("SET LOCAL enable_seqscan = off")
        await rows.connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        for number, (question, statement) in enumerate(BROWSE.items()):
            parameters = (await rows.connection.prepare(statement)).get_parameters()
            await rows.connection.execute(f"PREPARE browse_{number} AS {statement}")
            values = ", ".join(["NULL"] * len(parameters))
            plan = await rows.connection.fetch(f"EXPLAIN EXECUTE browse_{number} ({values})")
            text = "\n".join(row[0] for row in plan)
            assert "Seq Scan" not in text, f"{question}\n{text}"


async def test_headers_below_a_resource_come_in_pages(
    store: Store,
) -> None:
    """Those of all instances of the resource, in order of arrival, and of no others."""
    catalog, rows = store
    ids = [
        await rows.instance("P", "1", series, f"{series}.{number}")
        for series in ("2", "3")
        for number in range(60)
    ]
    await rows.instance("Q", "9", "9", "9")
    for position, one in enumerate(ids):
        packed = zstandard.ZstdCompressor().compress(b'{"n":%d}' % position)
        await rows.connection.execute(
            "INSERT INTO headers VALUES ($1, $2, NULL, '{}')", rows.keys[one.instance], packed
        )
    for level, identifier, expected in (
        ("Patient", ids[0].patient, range(120)),
        ("Study", ids[0].study, range(120)),
        ("Series", ids[60].series, range(60, 120)),
        ("Instance", ids[7].instance, range(7, 8)),
    ):
        pages = [page async for page in catalog.headers.pages(level, identifier, itself)]
        assert [len(page) for page in pages[:-1]] == [50] * (len(pages) - 1)
        found = [(instance, header.json) for page in pages for instance, header in page]
        assert found == [(ids[n].instance, b'{"n":%d}' % n) for n in expected]
    for nobody in (ids[0].patient, "nobody"):
        assert [page async for page in catalog.headers.pages("Study", nobody, itself)] == []


async def test_indices_of_a_series(store: Store) -> None:
    """Each instance of a series with its index; nothing for what is no series."""
    catalog, rows = store
    ids = await rows.instance("P", "1.1", "1.2", "1.3", index=7)
    assert await catalog.series_indices(ids.series) == {ids.instance: 7}
    assert await catalog.series_indices(ids.study) == {}
    assert await catalog.series_indices("no identifier") == {}
