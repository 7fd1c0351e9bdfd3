# SPDX-License-Identifier: Apache-2.0
"""What the catalog tells of the whole store: statistics, changes, exports, and a restored index."""

import json
from datetime import timedelta
from typing import Any

import pytest

from pons.catalog import (
    MetadataValue,
    Statistics,
)
from pons.dicom.identity import to_bytes

from .rows import MOMENT, NOBODY, Store

pytestmark = pytest.mark.anyio


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


async def test_an_index_that_is_restored(store: Store) -> None:
    """As long as objects are compared with it, somebody can tell that it may lack some: from the
    moment on when there are tables, which the index makes before it looks at anything else."""
    catalog, rows = store
    assert await catalog.archive.is_restoring()
    await rows.connection.execute("INSERT INTO continuity (comparing) VALUES ('set back')")
    assert await catalog.archive.is_restoring()
    await rows.connection.execute("UPDATE continuity SET comparing = ''")
    assert await catalog.archive.is_restoring(), "it has not beaten yet"
    await rows.connection.execute("UPDATE continuity SET beaten_at = clock_timestamp()")
    assert not await catalog.archive.is_restoring()
    assert await catalog.archive.is_restoring(0.0), "nothing is so new"
    await rows.connection.execute("UPDATE continuity SET suspected = 2, compared = 1")
    assert await catalog.archive.is_restoring(), "what came last is being compared"
    await rows.connection.execute("UPDATE continuity SET compared = 2")
    assert not await catalog.archive.is_restoring()
    await rows.connection.execute(
        "UPDATE continuity SET beaten_at = clock_timestamp() - interval '1 minute'"
    )
    assert await catalog.archive.is_restoring(), "nobody is there who would notice"
