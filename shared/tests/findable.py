# SPDX-License-Identifier: Apache-2.0
"""An index that holds what searches are to find."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import zstandard

from pons.catalog import Catalog, Fields, Search, open_catalog
from pons.dicom.identity import ResourceIds, resource_ids, to_bytes
from pons.objects import FileObjects, new_key
from pons.settings import Settings
from pons_testing.object_folders import Lend
from pons_testing.postgres import PostgresServer

NAME, PATIENT_ID, BIRTH, SEX = "00100010", "00100020", "00100030", "00100040"
STUDY_UID, DATE, ACCESSION, DESCRIPTION = "0020000D", "00080020", "00080050", "00081030"
SERIES_UID, MODALITY, NUMBER = "0020000E", "00080060", "00200011"
SOP_UID, INSTANCE_NUMBER, ROWS = "00080018", "00200013", "00280010"
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
async def findable(
    postgres: PostgresServer, tmp_path: Path, lend_objects: Lend
) -> AsyncIterator[Store]:
    lend_objects(tmp_path, "test")
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


@pytest.fixture
async def three(findable: Store) -> Three:
    head = await findable.instance(
        "A_1/1.1/1.1.1/1.1.1.1",
        **{f"p{NAME}": "Émile^Zoë", f"p{SEX}": "M", f"p{BIRTH}": "19500101"},
        **{f"s{DATE}": "20240102", f"s{DESCRIPTION}": "Head 100%", f"s{ACCESSION}": "acc-1"},
        **{f"r{MODALITY}": "CT", f"r{NUMBER}": "10", f"i{INSTANCE_NUMBER}": "1"},
        **{f"h{ROWS}": "512", "h00104000": "Claustrophobic"},
    )
    knee = await findable.instance(
        "B/1.2/1.2.1/1.2.1.1",
        **{f"p{NAME}": "ROE^[RICHARD]", f"s{DATE}": "20240203", f"s{DESCRIPTION}": "Knee"},
        **{f"r{MODALITY}": "MR", f"r{NUMBER}": "9", f"h{ROWS}": "256", "h00104000": ""},
    )
    pet = await findable.instance(
        "B/1.3/1.3.1/1.3.1.1",
        **{f"s{DESCRIPTION}": "Whole body", f"r{MODALITY}": "PT", f"r{NUMBER}": "zero"},
    )
    await findable.instance("B/1.3/1.3.2/1.3.2.1", **{f"r{MODALITY}": "CT"})
    return Three(findable, head, knee, pet)
