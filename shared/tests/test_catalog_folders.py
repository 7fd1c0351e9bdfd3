# SPDX-License-Identifier: Apache-2.0
"""The catalog's rows as folders of patients, studies and dates."""

import pytest

from pons.catalog.browse import BROWSE
from pons.dicom.identity import to_bytes

from .rows import Store

pytestmark = pytest.mark.anyio


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
