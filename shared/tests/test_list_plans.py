# SPDX-License-Identifier: Apache-2.0
"""What PostgreSQL makes of lists of studies: a page costs the same however many there are."""

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from pons.catalog.list_order import Cursor
from pons.catalog.patient_lists import patient_order, patient_page_statement
from pons.catalog.schema import Columns
from pons.catalog.search import Search
from pons.catalog.selection import select
from pons.catalog.sql import load_statements
from pons.catalog.study_order import study_order
from pons.catalog.study_pages import page_statement
from pons.catalog.words import as_search, read_words
from pons.dicom.attributes import MAIN_TAGS
from pons_testing.postgres import PostgresServer

pytestmark = pytest.mark.anyio

MANY = load_statements(Path(__file__).with_name("many.sql"))
STUDIES = 3000
TODAY = date(2020, 1, 8)
SMALL = {"unstable"}
COLUMNS = Columns(MAIN_TAGS)


@pytest.fixture(scope="module")
async def connection(postgres: PostgresServer) -> AsyncIterator[Any]:
    """Of a database whose planner does as in one that is much larger."""
    values = {"patients": (STUDIES,), "studies": (STUDIES,), "series": (STUDIES, 1)}
    async with postgres.database() as database:
        connection = await asyncpg.connect(database.url)
        try:
            for name, statement in MANY.items():
                await connection.execute(
                    statement, *values.get(name, (1,) if name == "instances" else ())
                )
            await connection.execute("VACUUM ANALYZE")
            # With 3,000 rows, reading all of them costs less than an index.
            await connection.execute("SET enable_seqscan = off")
            await connection.execute("SET enable_hashjoin = off; SET enable_mergejoin = off")
            yield connection
        finally:
            await connection.close()


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


async def plan_of(
    connection: Any, text: str, order: str, after: Cursor | None = None, how: str = ""
) -> dict[str, Any]:
    search = as_search(read_words(text, TODAY)) if text else Search("Study")
    selection = select(search, COLUMNS)
    statement, values = page_statement(selection, study_order(order), after, 101)
    return await explained(connection, statement, values, how)


async def explained(
    connection: Any, statement: str, values: Sequence[Any], how: str = ""
) -> dict[str, Any]:
    found = await connection.fetchval(f"EXPLAIN ({how}FORMAT JSON) {statement}", *values)
    plan: dict[str, Any] = json.loads(found)[0]["Plan"]
    return plan


def scans(plan: dict[str, Any]) -> list[str]:
    """Tables that are read from their start to their end, by a node that is not stopped early."""
    return [
        node["Relation Name"]
        for node in nodes(plan)
        if node["Node Type"] == "Seq Scan"
        and node["Relation Name"] not in SMALL
        and node.get("Actual Loops", 1)
    ]


INDEXED = [
    ("", "-date", "studies_by_time"),
    ("", "date", "studies_by_time"),
    ("", "name", "study_words_by_name"),
    ("", "-name", "study_words_by_name"),
    ("", "-lastUpdate", "study_sums_by_last_update"),
    ("", "id", "studies_by_patient_id_start"),
    ("", "-accession", "studies_by_accession_start"),
    ("", "birthDate", "studies_by_birth_start"),
    ("", "-arrival", "studies_pkey"),
    ("", "description", "studies_by_description"),
    ("", "-description", "studies_by_description"),
    ("", "-size", "study_sums_by_size"),
    ("", "instances", "study_sums_by_instances"),
    ("", "-series", "study_sums_by_series"),
    ("2020-01", "-date", "studies_by_time"),
    ("last week ct", "-date", "studies_by_time"),
    ("family777", "-date", "study_words_by_piece"),
    ("family777 anna", "name", "study_words_by_piece"),
    ("name:family777", "-date", "study_words_by_piece"),
    ("id:id777", "-date", "study_words_by_piece"),
    ("acc2777", "-size", "study_words_by_piece"),
    ("plan991", "-lastUpdate", "study_words_by_piece"),
    ("label:todo", "-date", "labels_by_name"),
    ("origin:nobody", "-date", "series_by_remote_aet"),
    ("station:console77", "-date", "series_by_station"),
    ("station:console7*", "-size", "series_by_station"),
    ("series:cbct", "-date", "series_by_description"),
    ("series:nothing", "-date", "series_by_description"),
    ("is:arriving", "-date", "studies_pkey"),
    ("is:protected", "-date", "patients_protected"),
    ("xa", "-date", "series_by_modality_start"),
    ("1.2.840.777.1", "-date", "instances_by_uid"),
]


@pytest.mark.parametrize(
    ("text", "order", "index"), INDEXED, ids=[f"{t} {o}" for t, o, _ in INDEXED]
)
async def test_an_index_leads_there(connection: Any, text: str, order: str, index: str) -> None:
    """What few have is found, and an order is followed, by an index; rows come by their keys."""
    plan = await plan_of(connection, text, order)
    assert scans(plan) == []
    assert index in json.dumps(plan)


FOLLOWED = [
    ("", "-date", Cursor("-date", 700, False, ("20180101", "101112"))),
    ("", "-lastUpdate", None),
    ("", "name", Cursor("name", 700, False, ("FAMILY777 ANNA",))),
    ("", "id", Cursor("id", 700, False, ("ID777",))),
    ("", "-arrival", Cursor("-arrival", 700, False, ())),
    ("", "description", None),
    ("", "-size", Cursor("-size", 700, False, (500_000,))),
    ("", "-instances", None),
    ("ct", "-date", None),
    ("label:done", "-date", None),
    ("anna", "-date", None),
    ("is:stable", "-date", None),
]


@pytest.mark.parametrize(
    ("text", "order", "after"), FOLLOWED, ids=[f"{t} {o}" for t, o, _ in FOLLOWED]
)
async def test_a_page_of_many_ends_early(
    connection: Any, text: str, order: str, after: Cursor | None
) -> None:
    """Where many match, an index gives them in order: no more are looked at than it takes."""
    plan = await plan_of(connection, text, order, after, how="ANALYZE, ")
    assert scans(plan) == []
    read = [
        node["Actual Rows"] * node["Actual Loops"]
        for node in nodes(plan)
        if node.get("Relation Name") in ("studies", "study_words", "study_sums")
    ]
    assert max(read) <= 1000


@pytest.mark.parametrize("text", ["anna", "label:done", "is:stable"])
async def test_sizes_are_compared_without_the_studies(connection: Any, text: str) -> None:
    """All that match are compared, in small rows; of the studies those of the page are read."""
    plan = await plan_of(connection, text, "-size", how="ANALYZE, ")
    read = [
        node["Actual Rows"] * node["Actual Loops"]
        for node in nodes(plan)
        if node.get("Relation Name") == "studies"
    ]
    assert 0 < sum(read) <= 101


OF_PATIENTS = [
    ("", "name", "patients_by_folded_name"),
    ("", "-name", "patients_by_folded_name"),
    ("", "id", "patients_by_id_start"),
    ("", "-birthDate", "patients_by_birth_start"),
    ("", "-arrival", "patients_pkey"),
    ("family777", "name", "study_words_by_piece"),
    ("xa", "name", "series_by_modality_start"),
    ("anna", "name", "patients_by_folded_name"),
]


@pytest.mark.parametrize(
    ("text", "order", "index"), OF_PATIENTS, ids=[f"{t} {o}" for t, o, _ in OF_PATIENTS]
)
async def test_patients_by_an_index(connection: Any, text: str, order: str, index: str) -> None:
    """Few are found by what their studies have; of many the order is followed."""
    search = as_search(read_words(text, TODAY)) if text else Search("Study")
    statement, values = patient_page_statement(search, COLUMNS, patient_order(order), None, 101)
    plan = await explained(connection, statement, values, "ANALYZE, ")
    assert scans(plan) == []
    assert index in json.dumps(plan)
    read = [
        node["Actual Rows"] * node["Actual Loops"]
        for node in nodes(plan)
        if node.get("Relation Name") in ("patients", "studies")
    ]
    assert max(read) <= 1000


async def test_a_patient_of_very_many_studies(connection: Any) -> None:
    """Where all that is anonymous is one patient: its studies are counted in their index."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(
            "UPDATE studies SET patient_key = (SELECT min(patient_key) FROM patients)"
        )
        search, order = Search("Study"), patient_order("arrival")
        statement, values = patient_page_statement(search, COLUMNS, order, None, 11)
        plan = await explained(connection, statement, values, "ANALYZE, ")
        assert (await connection.fetchrow(statement, *values))["studies"] == STUDIES
    finally:
        await transaction.rollback()
    of_studies = [node for node in nodes(plan) if node.get("Relation Name") == "studies"]
    assert len(of_studies) == 2
    for node in of_studies:
        assert node["Index Name"] == "studies_of_patient_by_date"
        assert node["Node Type"] == "Index Only Scan" or node["Actual Rows"] <= 1
