# SPDX-License-Identifier: Apache-2.0
"""What PostgreSQL makes of searches: none of them reads all instances, however many there are."""

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from pons.catalog import Catalog, Fields, Order, Search, open_catalog
from pons.catalog.fields import needs_header, select_fields
from pons.catalog.schema import Columns
from pons.catalog.selection import select
from pons.catalog.sql import load_statements
from pons.dicom.attributes import MAIN_TAGS
from pons.dicom.metadata import SYSTEM_METADATA
from pons.objects import FileObjects
from pons.settings import Settings
from pons_testing.postgres import PostgresServer

pytestmark = pytest.mark.anyio

STUDIES, INSTANCES = 3000, 3
MANY = load_statements(Path(__file__).with_name("many.sql"))
COLUMNS = Columns(MAIN_TAGS)
NAME, PATIENT_ID, DATE, ACCESSION = "00100010", "00100020", "00080020", "00080050"
STUDY_UID, SERIES_UID, SOP_UID = "0020000D", "0020000E", "00080018"
MODALITY, MODALITIES, DESCRIPTION = "00080060", "00080061", "00081030"
LABELLED = "3" * 8 + "-33333333" * 4


@pytest.fixture(scope="module")
async def store(
    postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Catalog, Any]]:
    """A store large enough that its planner does as in one a thousand times as large."""
    objects = FileObjects(tmp_path_factory.mktemp("objects"), "test", fsync=False)
    async with (
        postgres.database() as database,
        open_catalog(Settings(database=database), objects) as catalog,
    ):
        connection = await asyncpg.connect(database.url)
        try:
            await fill(connection, STUDIES, INSTANCES)
            yield catalog, connection
        finally:
            await connection.close()


SMALL = {"unstable"}
"""Tables that hold what came within the last minute."""


async def fill(connection: Any, studies: int, instances: int) -> None:
    """Write `studies` studies of two series of `instances` instances, half as many patients."""
    values: dict[str, tuple[int, ...]] = {
        "patients": (studies,),
        "studies": (studies,),
        "series": (studies, instances),
        "instances": (instances,),
    }
    for name, statement in MANY.items():
        await connection.execute(statement, *values.get(name, ()), timeout=3600)


def scans(plan: dict[str, Any]) -> Iterator[str]:
    """Tables that a plan reads from their start to their end."""
    if plan["Node Type"] == "Seq Scan" and plan["Relation Name"] not in SMALL:
        yield plan["Relation Name"]
    for child in plan.get("Plans", []):
        yield from scans(child)


async def plan_of(store: tuple[Catalog, Any], search: Search, wanted: Fields) -> dict[str, Any]:
    _, connection = store
    selection = select(search, COLUMNS)
    assert not selection.after
    assert not needs_header(search.level, wanted, COLUMNS)
    statement = selection.page(select_fields(search.level, wanted, COLUMNS))
    values = (*selection.values, search.limit or 500, 0)
    text = await connection.fetchval(f"EXPLAIN (FORMAT JSON) {statement}", *values)
    plan: dict[str, Any] = json.loads(text)[0]["Plan"]
    return plan


SELECTIVE = [
    Search("Patient", ((PATIENT_ID, "id777"),)),
    Search("Patient", ((NAME, "family777^*"),)),
    Search("Study", ((PATIENT_ID, "id777"),)),
    Search("Study", ((PATIENT_ID, "ID777"),), case_sensitive=True),
    Search("Study", ((PATIENT_ID, "id777\\id778"),)),
    Search("Study", ((NAME, "family777*"),)),
    Search("Study", ((DATE, "20200101-20200107"),)),
    Search("Study", ((DATE, "20200101"),)),
    Search("Study", ((DATE, "20200101\\20200102"),)),
    Search("Study", ((ACCESSION, "acc777"),)),
    Search("Study", ((ACCESSION, "acc777" * 50),)),
    Search("Study", ((ACCESSION, "acc777" * 50 + "\\acc778"),)),
    Search("Study", ((NAME, "family777" * 50 + "*"),)),
    Search("Study", ((STUDY_UID, "1.2.777"),)),
    Search("Study", ((STUDY_UID, "1.2.777\\1.2.778\\1.2.779"),)),
    Search("Study", ((MODALITIES, "XA"),)),
    Search("Study", labels=("todo",)),
    Search("Series", ((SERIES_UID, "1.2.777.1"),)),
    Search("Series", ((PATIENT_ID, "id777"),)),
    Search("Series", ((DATE, "20200101"), (MODALITY, "CT"))),
    Search("Series", metadata=((1234, "plan 777"),)),
    Search("Series", metadata=((1234, "PLAN 777*"),)),
    Search("Series", parent=("Patient", LABELLED)),
    Search("Instance", ((SOP_UID, "1.2.777.1.1"),)),
    Search("Instance", ((SERIES_UID, "1.2.777.1"),)),
    Search("Instance", ((STUDY_UID, "1.2.777"),)),
    Search("Instance", ((PATIENT_ID, "id777"),), limit=20),
    Search("Instance", ((NAME, "family777*"),), limit=20),
    Search("Instance", ((DATE, "20200101"),), limit=20),
    Search("Instance", ((MODALITIES, "XA"), (DATE, "20200101-20200107")), limit=20),
    Search("Instance", parent=("Patient", LABELLED)),
    Search("Instance", parent=("Study", LABELLED), limit=20),
    Search("Instance", parent=("Series", LABELLED)),
]


@pytest.mark.parametrize("search", SELECTIVE, ids=str)
async def test_searches_use_indexes(store: tuple[Catalog, Any], search: Search) -> None:
    """What few resources have is found by an index, and no table is read as a whole."""
    for wanted in (Fields(frozenset()), Fields()):
        assert list(scans(await plan_of(store, search, wanted))) == []


PIECES = [
    (Search("Patient", ((NAME, "*amily777^*"),)), "patients_in_name"),
    (Search("Study", ((NAME, "*amily777^*"),)), "studies_in_name"),
    (Search("Study", ((DESCRIPTION, "*plan991*"),)), "studies_in_description"),
]


@pytest.mark.parametrize(("search", "index"), PIECES, ids=str)
async def test_pieces_of_texts_have_indexes(
    store: tuple[Catalog, Any], search: Search, index: str
) -> None:
    """A piece of a name or description is found by its index, once reading all costs more."""
    await store[1].execute("SET enable_seqscan = off")  # with 3,000 rows, reading all costs less
    try:
        plan = await plan_of(store, search, Fields())
    finally:
        await store[1].execute("SET enable_seqscan = on")
    assert list(scans(plan)) == []
    assert index in json.dumps(plan)


LATEST = (Order(metadata=SYSTEM_METADATA["LastUpdate"], descending=True),)
COMMON = [
    Search("Study", order=LATEST, limit=50),
    Search("Study", ((MODALITIES, "CT"),), order=LATEST, limit=50),
    Search("Study", order=(Order(DATE, descending=True),), limit=20),
    Search("Study", ((MODALITIES, "CT"),), order=(Order(DATE, descending=True),), limit=20),
    Search("Instance", limit=20),
    Search("Instance", ((NAME, "*"),), limit=20),
    Search("Instance", ((MODALITY, "CT"),), limit=20),
    Search("Instance", ((DATE, "20140101-"),), limit=20),
]


@pytest.mark.parametrize("search", COMMON, ids=str)
async def test_a_few_of_many_are_found_on_the_way(
    store: tuple[Catalog, Any], search: Search
) -> None:
    """Where many match and few are wanted, not all of them are sorted."""
    plan = await plan_of(store, search, Fields())
    assert list(scans(plan)) == []
    assert plan["Total Cost"] < 5000


ONLY_KEYS = Fields(frozenset())
SOON = [
    (Search("Study", ((DATE, "20140601-"),)), "studies_by_time"),
    (Search("Study", ((DATE, "20140601-20230101"), (NAME, "F*"))), "studies_by_time"),
    (Search("Study", ((NAME, "f*"),)), "studies_by_name_start"),
    (Search("Study", ((PATIENT_ID, "ID*"), (MODALITIES, "CT"))), "studies_by_patient_id_start"),
    (Search("Study", ((ACCESSION, "ACC*"),)), "studies_by_accession_start"),
    (Search("Patient", ((NAME, "family*"),)), "patients_by_name_start"),
    (Search("Series", ((DATE, "20140601-"), (MODALITY, "CT"))), "studies_by_time"),
]


@pytest.mark.parametrize(("search", "index"), SOON, ids=str)
async def test_the_first_of_many_are_soon_found(
    store: tuple[Catalog, Any], search: Search, index: str
) -> None:
    """In any order, those come first that an index leads to: nothing is sorted before."""
    plan = await plan_of(store, replace(search, any_order=True, limit=100), ONLY_KEYS)
    assert list(scans(plan)) == []
    assert index in json.dumps(plan)
    assert '"Sort"' not in json.dumps(plan)
    assert plan["Startup Cost"] < 10


IN_ANY_ORDER = [
    Search("Study", ((DATE, "20140601-"),)),
    Search("Study", ((NAME, "family1*"),)),
    Search("Study", ((NAME, "*amily1*"), (MODALITIES, "CT"))),
    Search("Study", ((MODALITIES, "XA"),)),
    Search("Series", ((DATE, "20140601-"), (MODALITY, "CT"))),
    Search("Instance", ((NAME, "family12*"),)),
    Search("Study"),
]


@pytest.mark.parametrize("search", IN_ANY_ORDER, ids=str)
@pytest.mark.parametrize("limit", [0, 1, 100, 501, 550, 1200])
async def test_in_any_order_each_is_found_once(
    store: tuple[Catalog, Any], search: Search, limit: int
) -> None:
    """However many pages there are: none is lost, none comes twice, and no more than are wanted."""
    catalog, _ = store
    every = {one async for page in catalog.search_ids(search) for one in page}
    asked = replace(search, any_order=True, limit=limit)
    found = [one.id async for page in catalog.search(asked) for one in page]
    assert len(found) == len(set(found)) == min(limit or len(every), len(every))
    assert set(found) <= every


async def test_the_right_ones_are_found(store: tuple[Catalog, Any]) -> None:
    """What an index leads to is what was searched."""
    catalog, _ = store
    for search, count in (
        (Search("Study", ((PATIENT_ID, "id777"),)), 2),
        (Search("Study", ((NAME, "*amily777^*"),)), 2),
        (Search("Study", ((MODALITIES, "XA"),)), 3),
        (Search("Series", metadata=((1234, "PLAN*"),)), 6000),
        (Search("Instance", ((STUDY_UID, "1.2.777"),)), 6),
    ):
        found = [one async for page in catalog.search_ids(search) for one in page]
        assert (len(set(found)), await catalog.count(search)) == (count, count), search
