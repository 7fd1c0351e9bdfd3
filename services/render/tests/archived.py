# SPDX-License-Identifier: Apache-2.0
"""A catalog of instances that archives are made of."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import xxhash

from pons.catalog import ArchivedInstance, ArchivedSeries, Statistics, StoredHeader, StoredObject
from pons.header import scan
from pons.objects import FileObjects, new_key
from pons.settings import ArchiveSettings
from pons_render.archive import Archives
from pons_testing.object_folders import Lend

Make = Callable[..., bytes]
LARGE = 9 << 20
"""Bytes above which a file is streamed into the ZIP instead of being read ahead."""


@dataclass
class Stored:
    series: str
    header: bytes
    instance: ArchivedInstance


@dataclass
class FakeCatalog:
    """One patient and one study; series and instances by names of the test's own."""

    objects: FileObjects
    rows: dict[str, Stored] = field(default_factory=dict)
    looked_up: list[str] = field(default_factory=list)
    series_read: int = 0

    def __post_init__(self) -> None:
        self.archive: Any = self
        self.headers: Any = self

    async def add(self, name: str, content: bytes, series: str = "s", **more: Any) -> UUID:
        """Store a DICOM file as the instance `name`; gives the key of its object."""
        header, key = scan(content, default_charset="latin1"), new_key()
        await self.objects.put(key, content)
        stored = StoredObject(
            object_key=key,
            size=more.get("size", len(content)),
            stored_size=len(content),
            compression="",
            transfer_syntax=header.transfer_syntax,
            sop_class_uid=header.sop_class_uid,
            sop_instance_uid=header.sop_instance_uid,
            pixel_offset=None,
            pixel_length=None,
            pixel_vr="",
            owner=name,
            checksum=xxhash.xxh3_128_digest(content),
        )
        instance = ArchivedInstance(name, more.get("index", len(self.rows) + 1), stored)
        self.rows[name] = Stored(series, header.json, instance)
        return key

    async def series(self, resource_ids: list[str]) -> list[ArchivedSeries]:
        found = dict.fromkeys(
            row.series
            for name, row in self.rows.items()
            if name in resource_ids or row.series in resource_ids
        )
        return [
            ArchivedSeries(
                series_key=list(found).index(series),
                whole=series in resource_ids,
                tags={"00080060": "CT", "00200011": series},
                study_key=1,
                study_tags={"00081030": "Study"},
                patient_key=1,
                patient_tags={"00100020": "P1"},
            )
            for series in found
        ]

    async def instances(
        self, series: ArchivedSeries, resource_ids: list[str]
    ) -> list[ArchivedInstance]:
        self.series_read += 1
        return [
            row.instance
            for name, row in self.rows.items()
            if row.series == series.tags["00200011"] and (series.whole or name in resource_ids)
        ]

    async def totals(self, series: list[ArchivedSeries], resource_ids: list[str]) -> Statistics:
        found = [
            instance.stored.size
            for one in series
            for instance in await self.instances(one, resource_ids)
        ]
        return Statistics(sum(found), sum(found), instances=len(found))

    async def find_object(self, instance_id: str) -> StoredObject | None:
        self.looked_up.append(instance_id)
        row = self.rows.get(instance_id)
        return row.instance.stored if row else None

    async def read(self, instance_id: str, use: Callable[[StoredHeader], Any]) -> Any:
        row = self.rows.get(instance_id)
        return use(StoredHeader(row.header, b"{}", None)) if row else None


@pytest.fixture
def objects(tmp_path: Path, lend_objects: Lend) -> FileObjects:
    lend_objects(tmp_path, "test")
    return FileObjects(tmp_path, "test", fsync=False)


@pytest.fixture
def catalog(objects: FileObjects) -> FakeCatalog:
    return FakeCatalog(objects)


@pytest.fixture
def archives(catalog: FakeCatalog, objects: FileObjects) -> Iterator[Archives]:
    with closing(Archives(catalog, objects, ArchiveSettings())) as archives:
        yield archives


@pytest.fixture
def file(make_dicom: Make) -> Callable[..., bytes]:
    """A file whose UIDs follow from a number."""

    def made(number: int, **attributes: Any) -> bytes:
        return make_dicom("P1", "1.1", "1.1.1", f"1.1.1.{number}", **attributes)

    return made
