# SPDX-License-Identifier: Apache-2.0
"""What the catalog tells of what happened to one study."""

from datetime import timedelta
from typing import Any

import pytest

from pons.catalog.study_history import SentOfStudy
from pons.dicom.identity import to_bytes

from .rows import MOMENT, NOBODY, Store

pytestmark = pytest.mark.anyio


async def logged(rows: Any, seq: int, change_type: int, level: int, key: int, of: str) -> None:
    await rows.connection.execute(
        "INSERT INTO changes VALUES ($1, $2, $3, $4, $5, $6)",
        seq,
        change_type,
        level,
        key,
        to_bytes(of),
        MOMENT,
    )


async def exported(rows: Any, job: str, level: int, of: str, patient: str, study: str) -> None:
    await rows.connection.execute(
        "INSERT INTO exports (level, resource_id, remote_modality, patient_id, study_uid, "
        "series_uid, sop_instance_uid, job_id, date) "
        "VALUES ($1, $2, 'pacs', $3, $4, '', '', $5, $6)",
        level,
        to_bytes(of),
        patient,
        study,
        job,
        MOMENT + timedelta(seconds=int(job)),
    )


async def test_changes_of_a_study(store: Store) -> None:
    """Its own and those of its series, newest first; not those of others."""
    catalog, rows = store
    ids = await rows.instance("P", "1", "2", "3")
    other = await rows.instance("P", "4", "5", "6")
    key = await rows.connection.fetchval("SELECT study_key FROM studies WHERE study_uid = '1'")
    series = await rows.connection.fetchval(
        "SELECT series_key FROM series WHERE study_key = $1", key
    )
    foreign = await rows.connection.fetchval("SELECT study_key FROM studies WHERE study_uid = '4'")
    await logged(rows, 1, 5, 1, key, ids.study)
    await logged(rows, 2, 5, 1, foreign, other.study)
    await logged(rows, 3, 4, 2, series, ids.series)
    await logged(rows, 4, 13, 1, key, ids.study)
    found = await catalog.study_history.changes(ids.study, 10)
    assert [(one.change_type, one.level, one.resource_id) for one in found] == [
        ("StableStudy", "Study", ids.study),
        ("NewSeries", "Series", ids.series),
        ("NewStudy", "Study", ids.study),
    ]
    assert len(await catalog.study_history.changes(ids.study, 2)) == 2
    assert await catalog.study_history.changes(NOBODY, 10) == []


async def test_what_was_sent_of_a_study(store: Store) -> None:
    """A row for each job and destination; another patient's study of the same UID is not it."""
    catalog, rows = store
    ids = await rows.instance("P", "1", "2", "3")
    await exported(rows, "1", 3, ids.instance, "P", "1")
    await exported(rows, "1", 3, ids.series, "P", "1")
    await exported(rows, "2", 1, ids.study, "P", "1")
    await exported(rows, "3", 1, ids.study, "Q", "1")
    found = await catalog.study_history.sent(ids.study, 10)
    assert found == [
        SentOfStudy("2", "pacs", "Study", 1, MOMENT + timedelta(seconds=2)),
        SentOfStudy("1", "pacs", "Instance", 2, MOMENT + timedelta(seconds=1)),
    ]
