# SPDX-License-Identifier: Apache-2.0
"""The store's index, for reading: each question is one statement, so each answer one snapshot."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import zstandard

from pons.attributes import LEVELS, MAIN_TAGS, Tags, main_tags
from pons.bus import Bus
from pons.catalog.archived import to_archived_instance, to_archived_series
from pons.catalog.browse import Browser
from pons.catalog.connection import Reader, open_reader
from pons.catalog.dead_letters import DeadLetters
from pons.catalog.finder import MAX_HEADER_BYTES, Finder
from pons.catalog.logs import changes_page, exports_page
from pons.catalog.metadata import (
    ATTACHMENT_NUMBERS,
    LABELS,
    METADATA,
    READ_DICOM_FILE,
    metadata_column,
    read_attachment,
    read_value,
    read_written,
)
from pons.catalog.records import (
    ArchivedInstance,
    ArchivedSeries,
    ChangesPage,
    ExportsPage,
    InstanceToSend,
    MetadataValue,
    Statistics,
    StoredAttachment,
    StoredHeader,
    StoredObject,
    Totals,
)
from pons.damage import telling_header
from pons.events import Level
from pons.identity import to_bytes, to_text
from pons.metadata import DICOM_FILE
from pons.objects import Objects, open_objects
from pons.ownership import Owner, require_own
from pons.settings import Settings
from pons.sql import load_statements

STATEMENTS = load_statements(Path(__file__).with_name("catalog.sql"))

HEADERS_PAGE = 50
"""Headers that one statement of many gives."""

STATISTICS: dict[Level, str] = {
    "Patient": "patient_statistics",
    "Study": "study_statistics",
    "Series": "series_statistics",
    "Instance": "instance_statistics",
}


class Catalog(Finder):
    """Reads of the index. Open it with `open_catalog`; one per process, shared by its tasks.

    Resources are found as `Finder` says; here is what is asked beside them.
    """

    def __init__(
        self,
        reader: Reader,
        searcher: Reader,
        planned: Reader,
        objects: Objects,
        main: Tags = MAIN_TAGS,
    ) -> None:
        super().__init__(reader, searcher, planned, objects, main)
        self.browser = Browser(reader)
        self.dead_letters = DeadLetters(reader)

    async def check(self) -> None:
        """Raise `Unavailable` unless the index can be read."""
        await self._reader.check()

    async def peek(self, statement: str) -> Any:
        """The first row of whatever database the settings name, whoever's it is."""
        return await self._reader.peek(statement)

    async def known(self, identifiers: list[str]) -> set[str]:
        """Those of the identifiers that name a resource, of whatever level."""
        digests = [digest for digest in map(to_bytes, identifiers) if digest]
        rows = await self._reader.rows(STATEMENTS["known_resources"], digests)
        return {to_text(row["id"]) for row in rows}

    async def metadata(self, level: Level, identifier: str) -> dict[int, str] | None:
        """All metadata of a resource by number; a value that is no text is empty."""
        row = await self._row(read_value(level, METADATA[level]), identifier)
        return msgspec.json.decode(row["value"], type=dict[int, str]) if row else None

    async def find_metadata(
        self, level: Level, identifier: str, number: int
    ) -> MetadataValue | None:
        """One metadata of a resource as it was written; None too when it is not set."""
        expression = metadata_column(level, number)
        if expression is None:
            row = await self._row(read_written(level), identifier, number)
            return MetadataValue(**row) if row else None
        row = await self._row(read_value(level, expression), identifier)
        text = row and row["value"]
        return None if text is None else MetadataValue(text.encode(), 0)

    async def labels(self, level: Level, identifier: str) -> list[str] | None:
        """The labels of a resource, sorted."""
        row = await self._row(read_value(level, LABELS[level]), identifier)
        return row["value"] if row else None

    async def all_labels(self) -> list[str]:
        """Every label that some resource has, sorted."""
        return [row["label"] for row in await self._reader.rows(STATEMENTS["all_labels"])]

    async def attachments(self, level: Level, identifier: str) -> list[int] | None:
        """The numbers of a resource's attachments, ascending."""
        row = await self._row(read_value(level, ATTACHMENT_NUMBERS[level]), identifier)
        if not row:
            return None
        return [DICOM_FILE, *row["value"]] if level == "Instance" else list(row["value"])

    async def find_attachment(
        self, level: Level, identifier: str, number: int
    ) -> StoredAttachment | None:
        """One attachment of a resource; an instance's DICOM file is one of them."""
        if number == DICOM_FILE:
            row = level == "Instance" and await self._row(READ_DICOM_FILE, identifier)
        else:
            row = await self._row(read_attachment(level), identifier, number)
        return StoredAttachment(**row, owner=identifier) if row else None

    async def totals(self) -> Totals:
        """How much the store holds, at the same cost for any size."""
        row = await self._reader.row(STATEMENTS["totals"])
        assert row is not None
        return Totals(
            patients=row["patients"],
            studies=row["studies"],
            series=row["series"],
            instances=row["instances"],
            size=row["size"],
            stored_size=row["stored_size"],
        )

    async def statistics(self, level: Level, identifier: str) -> Statistics | None:
        """What hangs below a resource."""
        digest = to_bytes(identifier)
        row = digest and await self._reader.row(STATEMENTS[STATISTICS[level]], digest)
        return Statistics(**row) if row else None

    async def changes(
        self,
        since: int | None = None,
        limit: int = 100,
        to: int | None = None,
        types: list[int] | None = None,
    ) -> ChangesPage:
        """Changes after `since`, up to `to`; with `to` alone, the latest ones up to it."""
        backwards = since is None and to is not None
        if backwards:
            values: tuple[Any, ...] = (to, types, limit)
            rows = await self._reader.rows(STATEMENTS["latest_changes"], *values)
            return changes_page(rows[::-1], limit, backwards=True)
        values = (since or 0, to, types, limit + 1)
        return changes_page(await self._reader.rows(STATEMENTS["changes"], *values), limit)

    async def latest_change(self) -> ChangesPage:
        """The one latest change, if any."""
        rows = await self._reader.rows(STATEMENTS["latest_changes"], None, None, 1)
        return changes_page(rows, 1)

    async def exports(self, since: int = 0, limit: int = 100) -> ExportsPage:
        """Instances that were sent, after number `since`."""
        rows = await self._reader.rows(STATEMENTS["exports"], since, limit + 1)
        return exports_page(rows, since, limit)

    async def latest_export(self) -> ExportsPage:
        """The one latest export, if any."""
        return exports_page(await self._reader.rows(STATEMENTS["latest_exports"], 1), 0, 1)

    async def find_object(self, instance_id: str) -> StoredObject | None:
        """Where the instance's bytes are, and what is in them."""
        digest = to_bytes(instance_id)
        row = digest and await self._look_ups.row(STATEMENTS["object"], digest)
        return StoredObject(**_without_id(row), owner=instance_id) if row else None

    async def find_header(self, instance_id: str) -> StoredHeader | None:
        """The instance's header as DICOM JSON; a very large one comes from the object store."""
        digest = to_bytes(instance_id)
        row = digest and await self._look_ups.row(STATEMENTS["header"], digest)
        return await self._stored_header(row) if row else None

    async def header_pages(
        self, level: Level, identifier: str
    ) -> AsyncIterator[list[tuple[str, StoredHeader]]]:
        """The headers of the instances of a resource, by identifier, in order of arrival.

        In pages; nothing at all when there is no such resource.
        """
        digest = to_bytes(identifier)
        if digest is None:
            return
        below = STATEMENTS["instance_keys_below"]
        keys = [row[0] for row in await self._reader.rows(below, LEVELS.index(level), digest)]
        for start in range(0, len(keys), HEADERS_PAGE):
            page = keys[start : start + HEADERS_PAGE]
            rows = await self._reader.rows(STATEMENTS["headers"], page)
            yield [(to_text(row["id"]), await self._stored_header(row)) for row in rows]

    async def series_indices(self, series_id: str) -> dict[str, int | None]:
        """The index in the series of each of its instances; empty for an unknown series."""
        digest = to_bytes(series_id)
        rows = await self._reader.rows(STATEMENTS["series_indices"], digest) if digest else []
        return {to_text(row["id"]): row["index_in_series"] for row in rows}

    async def _stored_header(self, row: Any) -> StoredHeader:
        packed = row["header"]
        with telling_header(row["header_key"], to_text(row["id"])):
            if row["header_key"] is not None:
                packed = await self._objects.read(row["header_key"])
            json = zstandard.ZstdDecompressor().decompress(packed, MAX_HEADER_BYTES)
        return StoredHeader(
            json=json,
            meta=row["meta"],
            pixel_vr=None if row["pixel_offset"] is None else row["pixel_vr"] or "OW",
        )

    async def read_header(self, instance_id: str) -> bytes | None:
        """The instance's header as DICOM JSON, up to the pixel data."""
        header = await self.find_header(instance_id)
        return header.json if header else None

    async def instances_of(self, resource_ids: list[str]) -> list[InstanceToSend]:
        """The instances of resources of any level, each once, the same order every time.

        Studies and series come one after the other, instances by their index in the series.
        """
        digests = [digest for digest in map(to_bytes, resource_ids) if digest]
        rows = await self._reader.rows(STATEMENTS["instances_to_send"], digests)
        return [_to_send(row) for row in rows]

    async def archived_series(self, resource_ids: list[str]) -> list[ArchivedSeries]:
        """The series of resources of any level, each once, in an order that keeps studies and
        patients together."""
        rows = await self._reader.rows(STATEMENTS["archived_series"], _digests(resource_ids))
        return [to_archived_series(row) for row in rows]

    async def archived_instances(
        self, series: ArchivedSeries, resource_ids: list[str]
    ) -> list[ArchivedInstance]:
        """The instances of `series`, all or those of them in `resource_ids`, in its order."""
        named = None if series.whole else _digests(resource_ids)
        rows = await self._reader.rows(STATEMENTS["archived_instances"], series.series_key, named)
        return [to_archived_instance(row) for row in rows]

    async def archived_totals(
        self, series: list[ArchivedSeries], resource_ids: list[str]
    ) -> Statistics:
        """How many instances `archived_instances` gives for all of `series`, and their bytes."""
        whole = [one.series_key for one in series if one.whole]
        row = await self._reader.row(STATEMENTS["archived_totals"], whole, _digests(resource_ids))
        assert row is not None
        return Statistics(size=row["size"], stored_size=row["size"], instances=row["instances"])

    async def _row(self, statement: str, identifier: str, *values: Any) -> Any:
        digest = to_bytes(identifier)
        return digest and await self._reader.row(statement, digest, *values)


def _digests(identifiers: list[str]) -> list[bytes]:
    return [digest for digest in map(to_bytes, identifiers) if digest]


def _to_send(row: Any) -> InstanceToSend:
    values = _without_id(row)
    parents = tuple(map(to_text, values.pop("parents")))
    return InstanceToSend(instance_id=to_text(row["id"]), parents=parents, **values)


def _without_id(row: Any) -> dict[str, Any]:
    values = dict(row)
    del values["id"]
    return values


def below(level: Level) -> Level | None:
    """The level below, or None for an instance."""
    position = LEVELS.index(level) + 1
    return LEVELS[position] if position < len(LEVELS) else None


@asynccontextmanager
async def open_catalog(
    settings: Settings, objects: Objects | None = None, owner: Owner | None = None
) -> AsyncIterator[Catalog]:
    """A catalog as long as the block runs; it connects with the first question.

    Parameters
    ----------
    owner
        Whose the database must be; None: anybody's.
    objects
        Where very large headers are read from; None opens the configured object store.
    """
    own = objects or open_objects(settings.storage, settings.store.name)
    reader = open_reader(settings.database, owner=owner)
    searcher = open_reader(settings.database, "force_custom_plan", owner)
    planned = open_reader(settings.database, "force_generic_plan", owner)
    try:
        main = main_tags(settings.index.extra_main_tags)
        yield Catalog(reader, searcher, planned, own, main)
    finally:
        for opened in (reader, searcher, planned):
            opened.close()
        if objects is None:
            await own.close()


@asynccontextmanager
async def open_own_catalog(
    settings: Settings, objects: Objects, bus: Bus | None = None
) -> AsyncIterator[Catalog]:
    """A catalog, once database, objects and streams are known to be of one store.

    Raises `PonsError` when they are not: a service asks before it listens.
    """
    async with open_catalog(settings, objects, Owner(objects, settings)) as catalog:
        await require_own(settings, objects, bus, catalog.peek)
        yield catalog
