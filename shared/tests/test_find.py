# SPDX-License-Identifier: Apache-2.0
"""Searches on real rows: what they find, in which order, and what they show."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import zstandard

from pons.catalog import Catalog, Fields, Order, Part, Search, open_catalog
from pons.dicom.identity import ResourceIds, resource_ids, to_bytes
from pons.dicom.levels import LEVELS
from pons.dicom.main_tags import main_sequences
from pons.dicom.tag_names import display_tag
from pons.errors import BadRequest
from pons.objects import FileObjects, new_key
from pons.settings import Settings
from pons_testing.postgres import PostgresServer

pytestmark = pytest.mark.anyio

NAME, PATIENT_ID, BIRTH, SEX = "00100010", "00100020", "00100030", "00100040"
STUDY_UID, DATE, ACCESSION, DESCRIPTION = "0020000D", "00080020", "00080050", "00081030"
SERIES_UID, MODALITY, NUMBER = "0020000E", "00080060", "00200011"
SOP_UID, INSTANCE_NUMBER, ROWS = "00080018", "00200013", "00280010"
MODALITIES, CLASSES = "00080061", "00080062"
KEYS = {"Patient": "patient", "Study": "study", "Series": "series", "Instance": "instance"}


@dataclass
class Store:
    """A catalog and a connection that writes what it is to find."""

    catalog: Catalog
    connection: Any

    async def instance(self, uids: str, **tags: str) -> ResourceIds:
        """An instance `patient/study/series/sop`; tags by level and tag: `s00080020="..."`."""
        patient, study, series, sop = uids.split("/")
        ids = resource_ids(patient, study, series, sop)
        own: dict[str, dict[str, str]] = {
            "p": {PATIENT_ID: patient},
            "s": {STUDY_UID: study},
            "r": {SERIES_UID: series},
            "i": {SOP_UID: sop},
            "h": {},
        }
        for name, value in tags.items():
            own[name[0]][name[1:]] = value
        run = self.connection.execute
        await run(
            "INSERT INTO patients (id, patient_id, tags, last_update) VALUES ($1, $2, $3, now())"
            " ON CONFLICT DO NOTHING",
            to_bytes(ids.patient),
            patient,
            json.dumps(own["p"]),
        )
        await run(
            "INSERT INTO studies (id, patient_key, study_uid, tags, patient_tags, last_update)"
            " SELECT $1, patient_key, $3, $4, tags, now() FROM patients WHERE id = $2"
            " ON CONFLICT DO NOTHING",
            to_bytes(ids.study),
            to_bytes(ids.patient),
            study,
            json.dumps(own["s"]),
        )
        await run(
            "INSERT INTO series (id, study_key, series_uid, tags, remote_aet, instances,"
            " last_update, sequences) SELECT $1, study_key, $3, $4, 'CT1', 0, now(), $5"
            " FROM studies WHERE id = $2 ON CONFLICT DO NOTHING",
            to_bytes(ids.series),
            to_bytes(ids.study),
            series,
            json.dumps(own["r"]),
            '{"00400275": {"vr": "SQ", "Value": [{"00401001": {"vr": "SH", "Value": ["R7"]}}]}}',
        )
        await run("UPDATE series SET instances = instances + 1 WHERE id = $1", to_bytes(ids.series))
        key = await self.connection.fetchval(
            "INSERT INTO instances (id, series_key, sop_instance_uid, sop_class_uid,"
            " transfer_syntax, tags, index_in_series, received_at, origin, object_key, size,"
            " stored_size, compression, checksum) SELECT $1, series_key, $3, '1.2.840.10008.1',"
            " '1.2.840.10008.1.2.1', $4, 1, now(), '{\"kind\": \"RestApi\"}', $5, 9, 8, '', ''"
            " FROM series WHERE id = $2 RETURNING instance_key",
            to_bytes(ids.instance),
            to_bytes(ids.series),
            sop,
            json.dumps(own["i"]),
            new_key(),
        )
        header = {
            tag: {"vr": "LO", "Value": [value]} if value else {"vr": "LO"}
            for tag, value in own["h"].items()
        }
        await run(
            "INSERT INTO headers VALUES ($1, $2, NULL, '{}')",
            key,
            zstandard.ZstdCompressor().compress(json.dumps(header).encode()),
        )
        return ids

    async def key(self, level: str, identifier: str) -> int:
        table = {"Study": "studies", "Series": "series"}.get(level, f"{level.lower()}s")
        column = KEYS[level] + "_key"
        return int(
            await self.connection.fetchval(
                f"SELECT {column} FROM {table} WHERE id = $1", to_bytes(identifier)
            )
        )

    async def label(self, level: str, identifier: str, *labels: str) -> None:
        for label in labels:
            await self.connection.execute(
                "INSERT INTO labels VALUES ($1, $2)", await self.key(level, identifier), label
            )

    async def metadata(self, level: str, identifier: str, number: int, text: str) -> None:
        await self.connection.execute(
            "INSERT INTO metadata (resource_key, number, value, text_value)"
            " VALUES ($1, $2, $3, $4)",
            await self.key(level, identifier),
            number,
            text.encode(),
            text,
        )

    async def ids(self, level: Any, query: dict[str, str] | None = None, **more: Any) -> list[str]:
        search = Search(level, query=tuple((query or {}).items()), **more)
        return [found async for page in self.catalog.search_ids(search) for found in page]

    async def objects(self, search: Search, wanted: Fields = Fields()) -> list[Any]:  # noqa: B008 frozen
        pages = self.catalog.search(search, wanted)
        return [resource async for page in pages for resource in page]


@pytest.fixture
async def store(postgres: PostgresServer, tmp_path: Path) -> AsyncIterator[Store]:
    objects = FileObjects(tmp_path, "test", fsync=False)
    async with (
        postgres.database() as database,
        open_catalog(Settings(database=database), objects) as catalog,
    ):
        connection = await asyncpg.connect(database.url)
        try:
            yield Store(catalog, connection)
        finally:
            await connection.close()


@dataclass
class Three:
    """Three studies of two patients."""

    store: Store
    head: ResourceIds
    knee: ResourceIds
    pet: ResourceIds

    async def studies(self, query: dict[str, str], **more: Any) -> str:
        """First letters of the studies that a query finds, in the order of their arrival."""
        letters = {self.head.study: "h", self.knee.study: "k", self.pet.study: "p"}
        return "".join(letters[found] for found in await self.store.ids("Study", query, **more))


@pytest.fixture
async def three(store: Store) -> Three:
    head = await store.instance(
        "A_1/1.1/1.1.1/1.1.1.1",
        **{f"p{NAME}": "Émile^Zoë", f"p{SEX}": "M", f"p{BIRTH}": "19500101"},
        **{f"s{DATE}": "20240102", f"s{DESCRIPTION}": "Head 100%", f"s{ACCESSION}": "acc-1"},
        **{f"r{MODALITY}": "CT", f"r{NUMBER}": "10", f"i{INSTANCE_NUMBER}": "1"},
        **{f"h{ROWS}": "512", "h00104000": "Claustrophobic"},
    )
    knee = await store.instance(
        "B/1.2/1.2.1/1.2.1.1",
        **{f"p{NAME}": "ROE^[RICHARD]", f"s{DATE}": "20240203", f"s{DESCRIPTION}": "Knee"},
        **{f"r{MODALITY}": "MR", f"r{NUMBER}": "9", f"h{ROWS}": "256", "h00104000": ""},
    )
    pet = await store.instance(
        "B/1.3/1.3.1/1.3.1.1",
        **{f"s{DESCRIPTION}": "Whole body", f"r{MODALITY}": "PT", f"r{NUMBER}": "zero"},
    )
    await store.instance("B/1.3/1.3.2/1.3.2.1", **{f"r{MODALITY}": "CT"})
    return Three(store, head, knee, pet)


@pytest.mark.parametrize(
    ("tag", "value", "found"),
    [
        (NAME, "", "hkp"),
        (NAME, "émile^zoë", "h"),
        (NAME, "ÉMILE*", "h"),
        (NAME, "EMILE*", ""),
        (NAME, "*roe*", "kp"),
        (NAME, "ROE^[*]", "kp"),
        (NAME, "R_E*", ""),
        (NAME, "?OE^*", "kp"),
        (NAME, "*", "hkp"),
        (NAME, "nobody\\ROE^[RICHARD]", "kp"),
        (NAME, "nobody\\É*", "h"),
        (PATIENT_ID, "a_1", "h"),
        (PATIENT_ID, "_", ""),
        (PATIENT_ID, "B", "kp"),
        (SEX, "*", "h"),
        (SEX, "M", "h"),
        (BIRTH, "19500101", "h"),
        (DATE, "20240102", "h"),
        (DATE, "20240102\\20240203", "hk"),
        (DATE, "20240101-20240131", "h"),
        (DATE, "-20240201", "h"),
        (DATE, "20240103-", "k"),
        (ACCESSION, "ACC-1", "h"),
        (DESCRIPTION, "*100%", "h"),
        (DESCRIPTION, "*0%0*", ""),
        (STUDY_UID, "1.2\\1.3", "kp"),
        (STUDY_UID, "*", "hkp"),
        (MODALITIES, "CT", "hp"),
        (MODALITIES, "MR\\PT", "kp"),
        (MODALITIES, "US", ""),
        (MODALITY, "PT", "p"),
        (CLASSES, "1.2.840.10008.1", "hkp"),
        (CLASSES, "1.2", ""),
        (NUMBER, "10", ""),
        (SOP_UID, "1.1.1.1", ""),
        (ROWS, "256", "k"),
        (ROWS, "256\\512", "hk"),
        ("00104000", "claustro*", "h"),
        ("00104000", "*", "hk"),
    ],
)
async def test_matching(three: Three, tag: str, value: str, found: str) -> None:
    """Values, lists, ranges and wildcards find what they mean, whatever its case."""
    assert await three.studies({tag: value}) == found


async def test_case(three: Three) -> None:
    """With regard to case, only the exact text matches, in columns and in headers."""
    assert await three.studies({NAME: "*roe*"}, case_sensitive=True) == ""
    assert await three.studies({NAME: "*ROE*"}, case_sensitive=True) == "kp"
    assert await three.studies({NAME: "x\\ROE^[RICHARD]"}, case_sensitive=True) == "kp"
    assert await three.studies({ACCESSION: "ACC-1"}, case_sensitive=True) == ""
    assert await three.studies({"00104000": "claustro*"}, case_sensitive=True) == ""


async def test_levels(three: Three) -> None:
    """Tags of upper levels are searched at every level, those of lower levels match nothing."""
    store = three.store
    assert await store.ids("Patient", {NAME: "*roe*"}) == [three.knee.patient]
    assert await store.ids("Patient", {DATE: "20240102"}) == []
    assert await store.ids("Patient", {MODALITIES: "CT"}) == []
    assert len(await store.ids("Series", {NAME: "*roe*"})) == 3
    assert len(await store.ids("Series", {MODALITIES: "PT"})) == 2
    assert len(await store.ids("Instance", {MODALITIES: "PT", PATIENT_ID: "B"})) == 2
    query = {PATIENT_ID: "A_1", STUDY_UID: "1.1", SERIES_UID: "1.1.1", SOP_UID: "1.1.1.1"}
    assert await store.ids("Instance", query) == [three.head.instance]


async def test_labels(three: Three) -> None:
    """All, any or none of some labels; none of no labels means to have none."""
    await three.store.label("Study", three.head.study, "a", "b")
    await three.store.label("Study", three.knee.study, "a")
    for labels, constraint, found in (
        (("a",), "All", "hk"),
        (("a", "b"), "All", "h"),
        (("b", "c"), "Any", "h"),
        (("b",), "None", "kp"),
        ((), "All", "hkp"),
        ((), "Any", "hkp"),
        ((), "None", "p"),
    ):
        more = {"labels": labels, "labels_constraint": constraint}
        assert await three.studies({}, **more) == found, more
    shown = await three.store.objects(Search("Study"))
    assert [study.labels for study in shown] == [["a", "b"], ["a"], []]


async def test_metadata(three: Three) -> None:
    """Metadata of clients and of the store itself are searched and shown alike."""
    store = three.store
    await store.metadata("Series", three.head.series, 1234, "Left")
    await store.metadata("Series", three.knee.series, 1234, "Left lower")
    for text, count in (("LEFT", 1), ("left*", 2), ("x\\left", 1), ("*", 2), ("", 4)):
        assert len(await store.ids("Series", metadata=((1234, text),))) == count, text
    assert len(await store.ids("Series", metadata=((3, "ct1"),))) == 4
    assert await store.ids("Series", metadata=((3, "CT2"),)) == []
    wanted = Fields(frozenset((Part.METADATA,)))
    shown = (await store.objects(Search("Series", limit=1), wanted))[0]
    assert (shown.metadata[1234], shown.metadata[3]) == ("Left", "CT1")


async def test_order(three: Three) -> None:
    """Sorting by text or number, by own and upper levels; without the key comes last."""
    store = three.store

    async def numbers(*order: Order) -> list[str]:
        found = await store.objects(Search("Series", order=order))
        return [series.tags.get(NUMBER, "-") for series in found]

    assert await numbers(Order(NUMBER)) == ["10", "9", "zero", "-"]
    assert await numbers(Order(NUMBER, descending=True)) == ["zero", "9", "10", "-"]
    assert await numbers(Order(NUMBER, kind="integer")) == ["9", "10", "zero", "-"]
    assert await numbers(Order(NUMBER, kind="float", descending=True)) == ["10", "9", "zero", "-"]
    assert await numbers(Order(DATE, descending=True)) == ["9", "10", "zero", "-"]
    assert await numbers(Order(ROWS)) == ["10", "9", "zero", "-"]
    await store.metadata("Series", three.pet.series, 1234, "1e400")
    await store.metadata("Series", three.knee.series, 1234, "7.5")
    by_metadata = Order(metadata=1234, kind="float")
    assert await numbers(by_metadata) == ["9", "zero", "10", "-"]


async def test_windows(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """`since` and `limit` cut any search alike, however many pages it takes."""
    monkeypatch.setattr("pons.catalog.catalog.IDS_PAGE", 2)
    monkeypatch.setattr("pons.catalog.catalog.HEADERS_PAGE", 2)
    arrived = [
        (await store.instance(f"P/1/1/{n}", **{f"i{INSTANCE_NUMBER}": f"{9 - n}", f"h{ROWS}": "1"}))
        for n in range(7)
    ]
    ids = [found.instance for found in arrived]
    number = (Order(INSTANCE_NUMBER, kind="integer"),)
    for since in (0, 1, 4, 7, 9):
        for limit in (0, 1, 2, 3, 5, 100):
            window = slice(since, since + limit if limit else None)
            cut = {"since": since, "limit": limit}
            assert await store.ids("Instance", **cut) == ids[window], cut
            assert await store.ids("Instance", {PATIENT_ID: "P"}, **cut) == ids[window], cut
            assert await store.ids("Instance", order=number, **cut) == ids[::-1][window], cut
            if not since:
                found = await store.ids("Instance", {ROWS: "1"}, limit=limit)
                assert found == ids[window], cut
                found = await store.ids("Instance", {ROWS: "1"}, order=number, limit=limit)
                assert found == ids[::-1][window], cut
    assert await store.ids("Instance", {ROWS: "1"}, candidates=5) == ids[:5]
    with pytest.raises(BadRequest, match="Since cannot be used"):
        await store.ids("Instance", {ROWS: "1"}, since=1)


async def test_parents(three: Three) -> None:
    """A search can be about what is below one resource; below an unknown one is nothing."""
    store, head = three.store, three.head
    assert await store.ids("Instance", parent=("Patient", head.patient)) == [head.instance]
    assert await store.ids("Series", parent=("Study", head.study)) == [head.series]
    assert await store.ids("Series", {MODALITY: "MR"}, parent=("Study", head.study)) == []
    for unknown in ("x", head.instance):
        assert await store.ids("Series", parent=("Study", unknown)) == []
    with pytest.raises(BadRequest, match="has no study below it"):
        await store.ids("Study", parent=("Series", head.series))


async def test_requested_tags(three: Three) -> None:
    """Requested tags come from any level above, from a header below, or are computed."""
    store = three.store
    tags = (NAME, DATE, ROWS, "00400275", "00104000", *MODALITIES_AND_COUNTS)
    wanted = Fields(frozenset(), tags)
    for level, computed in (
        ("Patient", {"00201200": "1", "00201202": "1", "00201204": "1"}),
        ("Study", {"00080061": "CT", "00080062": "1.2.840.10008.1", "00201206": "1"}),
        ("Series", {"00201209": "1"}),
        ("Instance", {"00080056": "ONLINE"}),
    ):
        found = await store.catalog.find(level, getattr(three.head, KEYS[level]), wanted)  # type: ignore[arg-type]
        assert found is not None
        above = {NAME: "Émile^Zoë"} | ({DATE: "20240102"} if level != "Patient" else {})
        assert found.requested == above | computed, level
        assert json.loads(found.elements[ROWS]) == {"vr": "LO", "Value": ["512"]}
        assert ("00400275" in found.elements) == (level in ("Series", "Instance"))
        assert found.labels == []
    pages = await store.objects(Search("Study", query=((DESCRIPTION, "whole*"),)), wanted)
    assert pages[0].requested["00080061"] == "CT\\PT"
    assert pages[0].requested["00201206"] == "2"


async def test_main_sequences_of_each_level(three: Three) -> None:
    """Shown with the main tags of their own level, requested from those below; without a header,
    which lacks them here; and told as metadata and in the list of main tags."""
    run, ids = three.store.connection.execute, three.head
    item = '[{"00080100": {"vr": "SH", "Value": ["X"]}}]'
    for table, tag in (
        ("patients", "00102293"),
        ("studies", "00081032"),
        ("instances", "00081140"),
    ):
        kept = f'{{"{tag}": {{"vr": "SQ", "Value": {item}}}}}'
        await run(f"UPDATE {table} SET sequences = $1", kept)
    sequences = main_sequences(
        {
            "Patient": ["PatientBreedCodeSequence"],
            "Study": ["ProcedureCodeSequence"],
            "Instance": ["ReferencedImageSequence"],
        }
    )
    old = three.store.catalog
    catalog = Catalog(*([old._reader] * 3), old.headers._objects, sequences=sequences)
    own = {"Patient": "00102293", "Study": "00081032", "Series": "00400275", "Instance": "00081140"}
    for position, level in enumerate(LEVELS):
        identifier = getattr(ids, KEYS[level])
        plain = await catalog.find(level, identifier)
        assert plain is not None
        assert list(plain.sequences) == [own[level]]
        wanted = Fields(frozenset(), tuple(sorted(own.values())))
        found = await catalog.find(level, identifier, wanted)
        assert found is not None
        assert set(found.elements) == {own[above] for above in LEVELS[: position + 1]}
        assert json.loads(found.elements["00102293"]) == {"vr": "SQ", "Value": json.loads(item)}
        metadata = await catalog.metadata(level, identifier)
        assert metadata is not None
        told = json.loads(metadata[16])
        shown = told["Sequences"][display_tag(own[level])]
        assert (len(told["Sequences"]), told["Version"]) == (1, 1)
        assert (shown["Type"], len(shown["Value"])) == ("Sequence", 1)
        one = await catalog.find_metadata(level, identifier, 16)
        assert one is not None
        assert json.loads(one.value) == told
        parts = Fields(frozenset([Part.METADATA]))
        resource = await catalog.find(level, identifier, parts)
        assert resource is not None
        assert resource.metadata == metadata
        pages = [page async for page in catalog.search(Search(level))]
        assert {tuple(one.sequences) for page in pages for one in page} == {(own[level],)}


MODALITIES_AND_COUNTS = (
    "00080056",
    "00080061",
    "00080062",
    "00201200",
    "00201202",
    "00201204",
    "00201206",
    "00201209",
)


async def test_parts(three: Three) -> None:
    """Only what is asked for is read; a DICOM file is an attachment of its instance."""
    store = three.store
    await store.metadata("Study", three.head.study, 5, three.knee.study)
    study = await store.catalog.find("Study", three.head.study)
    assert study is not None
    assert study.sources == {5: three.knee.study}
    bare = await store.catalog.find("Study", three.head.study, Fields(frozenset()))
    assert bare is not None
    assert (bare.parent, bare.children, bare.tags, bare.last_update) == ("", [], {}, None)
    attached = Fields(frozenset((Part.ATTACHMENTS,)))
    instance = await store.catalog.find("Instance", three.head.instance, attached)
    assert instance is not None
    assert instance.attachments[0]["UncompressedSize"] == 9


async def test_counting(three: Three) -> None:
    """Counting agrees with finding; what only headers tell cannot be counted."""
    catalog = three.store.catalog
    await three.store.connection.execute("UPDATE totals SET studies = 3, series = 4")
    for level, expected in (("Study", 3), ("Series", 4)):
        assert await catalog.count(Search(level)) == expected  # type: ignore[arg-type]
    assert await catalog.count(Search("Study", query=((NAME, "*roe*"),))) == 2
    assert await catalog.count(Search("Series", parent=("Patient", three.knee.patient))) == 3
    with pytest.raises(BadRequest, match="Only main DICOM tags can be counted"):
        await catalog.count(Search("Study", query=((ROWS, "256"),)))


async def test_lookup(three: Three) -> None:
    """An identifier of DICOM's finds its resource, whole and in any case."""
    catalog = three.store.catalog
    assert await catalog.look_up("a_1") == [("Patient", three.head.patient)]
    assert await catalog.look_up(" 1.1\n") == [("Study", three.head.study)]
    assert await catalog.look_up("1.1.1") == [("Series", three.head.series)]
    assert await catalog.look_up("1.1.1.1") == [("Instance", three.head.instance)]
    for nothing in ("", " ", "_", "%", "acc-1", "a\0"):
        assert await catalog.look_up(nothing) == []


async def test_bulk(three: Three) -> None:
    """Resources of any level come in the order asked, or as those of one level, once each."""
    catalog, head, knee = three.store.catalog, three.head, three.knee

    async def bulk(ids: list[str], level: Any = None) -> list[str]:
        return [found.id async for page in catalog.bulk(ids, level) for found in page]

    asked = [head.instance, "nonsense", knee.patient, head.study, head.series]
    assert await bulk(asked) == [head.instance, knee.patient, head.study, head.series]
    assert await bulk(asked, "Patient") == [head.patient, knee.patient]
    assert await bulk(asked, "Study") == [head.study, knee.study, three.pet.study]
    for level in LEVELS:
        assert await bulk([head.instance], level) == [getattr(head, KEYS[level])]
        assert await bulk([head.patient], level) == [getattr(head, KEYS[level])]


async def test_what_cannot_be_asked(three: Three) -> None:
    """Computed numbers and the character NUL are refused, not ignored."""
    with pytest.raises(BadRequest, match="computed"):
        await three.studies({"00201206": "2"})
    with pytest.raises(BadRequest, match="NUL"):
        await three.studies({NAME: "a\0b"})
    with pytest.raises(BadRequest, match="NUL"):
        await three.studies({}, labels=("a\0",))
