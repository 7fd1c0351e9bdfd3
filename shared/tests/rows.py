# SPDX-License-Identifier: Apache-2.0
"""Rows of resources as the index writes them, and a catalog that reads them."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import asyncpg

from pons.catalog import (
    Catalog,
    StoredHeader,
    open_catalog,
)
from pons.dicom.identity import ResourceIds, resource_ids, to_bytes
from pons.objects import FileObjects, new_key
from pons.settings import DatabaseSettings, Settings

MOMENT = datetime(2024, 1, 2, 11, 12, 13, tzinfo=UTC)
NOBODY = "00000000-00000000-00000000-00000000-00000000"


def itself(header: StoredHeader) -> StoredHeader:
    """For small headers, which may be kept."""
    return header


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


Store = tuple[Catalog, Rows]
