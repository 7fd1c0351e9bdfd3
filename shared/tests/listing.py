# SPDX-License-Identifier: Apache-2.0
"""Studies to be listed, and how a test asks for them."""

import json
from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import asyncpg
import pytest

from pons.catalog import Catalog, open_catalog
from pons.catalog.list_order import read_cursor
from pons.catalog.search import Search
from pons.catalog.study_order import study_order
from pons.catalog.study_pages import StudyRow
from pons.catalog.words import as_search, read_words
from pons.dicom.identity import resource_ids, to_bytes
from pons.objects import FileObjects, new_key
from pons.settings import Settings
from pons_testing.postgres import PostgresServer

TODAY = date(2026, 5, 14)
ID = "00100020"


class Lists:
    """A catalog, and studies for it to list."""

    def __init__(self, catalog: Catalog, connection: Any) -> None:
        self.catalog = catalog
        self.connection = connection

    async def study(
        self,
        uid: str,
        patient: str = "P1",
        *,
        modalities: tuple[str, ...] = ("CT",),
        origin: str = "CT1",
        station: str = "",
        series_description: str = "",
        size: int = 1000,
        **tags: str,
    ) -> str:
        """A study of one series of each modality, each of one instance; tags as `t00100010=`."""
        ids = resource_ids(patient, uid, "", "")
        own = {tag[1:]: text for tag, text in tags.items()}
        of_patient = {tag: text for tag, text in own.items() if tag.startswith("0010")}
        patient_tags = json.dumps({ID: patient} | of_patient)
        value = self.connection.fetchval
        await self.connection.execute(
            "INSERT INTO patients (id, patient_id, tags, last_update) VALUES ($1, $2, $3, now())"
            " ON CONFLICT DO NOTHING",
            to_bytes(ids.patient),
            patient,
            patient_tags,
        )
        key = await value(
            "INSERT INTO studies (id, patient_key, study_uid, tags, patient_tags, last_update)"
            " SELECT $1, patient_key, $2, $3, $4, clock_timestamp() FROM patients WHERE id = $5"
            " RETURNING study_key",
            to_bytes(ids.study),
            uid,
            json.dumps({"0020000D": uid} | {t: x for t, x in own.items() if t not in of_patient}),
            patient_tags,
            to_bytes(ids.patient),
        )
        told = {"00081010": station, "0008103E": series_description}
        for number, modality in enumerate(modalities):
            series = f"{uid}.{number}"
            below = resource_ids(patient, uid, series, f"{series}.1")
            series_key = await value(
                "INSERT INTO series (id, study_key, series_uid, tags, remote_aet, instances,"
                " last_update) VALUES ($1, $2, $3, $4, $5, 1, clock_timestamp())"
                " RETURNING series_key",
                to_bytes(below.series),
                key,
                series,
                json.dumps(
                    {"00080060": modality} | {tag: text for tag, text in told.items() if text}
                ),
                origin,
            )
            await self.connection.execute(
                "INSERT INTO instances (id, series_key, sop_instance_uid, sop_class_uid,"
                " transfer_syntax, tags, received_at, origin, object_key, size, stored_size,"
                " compression, checksum)"
                " VALUES ($1, $2, $3, '', '', '{}', now(), '{}', $4, $5, $5, '', '')",
                to_bytes(below.instance),
                series_key,
                f"{series}.1",
                new_key(),
                size,
            )
        return ids.study

    async def key(self, identifier: str) -> int:
        statement = "SELECT study_key FROM studies WHERE id = $1"
        return int(await self.connection.fetchval(statement, to_bytes(identifier)))

    async def found(self, text: str) -> set[str]:
        """UIDs of the studies that a text finds."""
        search = as_search(read_words(text, TODAY))
        page = await self.catalog.study_lists.page(search, study_order(), None, 500)
        count = await self.catalog.study_lists.count(search)
        assert (len(page.rows), True) == count
        return {row.study_uid for row in page.rows}

    async def pages(self, order: str, limit: int, search: Search | None = None) -> list[StudyRow]:
        """All rows of a list, so many at a time."""
        parsed, after, rows = study_order(order), None, []
        while True:
            page = await self.catalog.study_lists.page(
                search or Search("Study"), parsed, after, limit
            )
            rows += page.rows
            if page.next is None:
                return rows
            assert len(page.rows) == limit
            after = read_cursor(page.next.encode(), parsed)
            assert after == page.next


@pytest.fixture
async def lists(postgres: PostgresServer, objects: FileObjects) -> AsyncIterator[Lists]:
    async with (
        postgres.database() as database,
        open_catalog(Settings(database=database), objects) as catalog,
    ):
        connection = await asyncpg.connect(database.url)
        try:
            yield Lists(catalog, connection)
        finally:
            await connection.close()
