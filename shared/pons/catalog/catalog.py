# SPDX-License-Identifier: Apache-2.0
"""The store's index, for reading: each question is one statement, so each answer one snapshot."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from pons.bus import Bus
from pons.catalog.archived import to_archived_instance, to_archived_series
from pons.catalog.browse import Browser
from pons.catalog.connection import Reader, open_reader
from pons.catalog.dead_letters import DeadLetters
from pons.catalog.finder import Finder
from pons.catalog.headers import PackedHeader
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
from pons.catalog.resources import SEQUENCES_METADATA, metadata_of, sequences_text
from pons.catalog.sql import load_statements
from pons.dicom.attributes import MAIN_SEQUENCES, MAIN_TAGS, Tags, main_sequences, main_tags
from pons.dicom.identity import to_bytes, to_text
from pons.dicom.levels import LEVELS, Level
from pons.dicom.metadata import DICOM_FILE
from pons.limits.room import AT_A_TIME, Room
from pons.objects import Objects, open_objects
from pons.ownership import Owner, require_own
from pons.settings import Settings

STATEMENTS = load_statements(Path(__file__).with_name("catalog.sql"))

HEADERS_PAGE = 50
"""Headers that one statement of many gives."""

PAGE_BYTES = AT_A_TIME // 16
"""Bytes of unpacked headers after which a page ends, whatever was made of them."""

T = TypeVar("T")

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
        sequences: Tags = MAIN_SEQUENCES,
        room: Room | None = None,
    ) -> None:
        super().__init__(reader, searcher, planned, objects, main, sequences, room)
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
        return metadata_of(row["value"]) if row else None

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
        if text is not None and number == SEQUENCES_METADATA:
            text = sequences_text(text)
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

    async def read_header(self, instance_id: str, use: Callable[[StoredHeader], T]) -> T | None:
        """What `use` makes of an instance's header; None when there is no such instance.

        Headers may be large: `use` must not keep the text, and runs in a thread if it is.
        """
        digest = to_bytes(instance_id)
        row = digest and await self._look_ups.row(STATEMENTS["header"], digest)
        found = await self._read_header(row, use) if row else None
        return found[0] if found else None

    async def header_pages(
        self, level: Level, identifier: str, use: Callable[[StoredHeader], T]
    ) -> AsyncIterator[list[tuple[str, T]]]:
        """What `use` makes of the header of each instance of a resource, as in `read_header`.

        By identifier, in order of arrival, in pages that end where their headers were large;
        nothing at all when there is no such resource.
        """
        digest = to_bytes(identifier)
        if digest is None:
            return
        below = STATEMENTS["instance_keys_below"]
        keys = [row[0] for row in await self._reader.rows(below, LEVELS.index(level), digest)]
        for start in range(0, len(keys), HEADERS_PAGE):
            page = keys[start : start + HEADERS_PAGE]
            made: list[tuple[str, T]] = []
            size = 0
            for row in await self._reader.rows(STATEMENTS["headers"], page):
                if found := await self._read_header(row, use):
                    made.append((to_text(row["id"]), found[0]))
                    size += found[1]
                if size > PAGE_BYTES:
                    yield made
                    made, size = [], 0
            if made:
                yield made

    async def read_first_header(
        self, level: Level, identifier: str, use: Callable[[StoredHeader], T]
    ) -> T | None:
        """What `use` makes of the header of the first instance of a resource; None without one."""
        digest = to_bytes(identifier)
        below = STATEMENTS["instance_keys_below"]
        rows = await self._reader.rows(below, LEVELS.index(level), digest) if digest else []
        for row in await self._reader.rows(STATEMENTS["headers"], [row[0] for row in rows[:1]]):
            if found := await self._read_header(row, use):
                return found[0]
        return None

    async def series_indices(self, series_id: str) -> dict[str, int | None]:
        """The index in the series of each of its instances; empty for an unknown series."""
        digest = to_bytes(series_id)
        rows = await self._reader.rows(STATEMENTS["series_indices"], digest) if digest else []
        return {to_text(row["id"]): row["index_in_series"] for row in rows}

    async def _read_header(
        self, row: Any, use: Callable[[StoredHeader], T]
    ) -> tuple[T, int] | None:
        meta = row["meta"]
        pixel_vr = None if row["pixel_offset"] is None else row["pixel_vr"] or "OW"
        owner = to_text(row["id"])
        header = PackedHeader(row["instance_key"], row["header"], row["header_key"], owner)
        return await self._headers.read(
            header, lambda json: use(StoredHeader(json, meta, pixel_vr))
        )

    async def read_meta(self, instance_id: str) -> bytes | None:
        """The instance's group 0002 as DICOM JSON."""
        digest = to_bytes(instance_id)
        row = digest and await self._look_ups.row(STATEMENTS["header"], digest)
        return row["meta"] if row else None

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
    settings: Settings,
    objects: Objects | None = None,
    owner: Owner | None = None,
    *,
    room: Room | None = None,
) -> AsyncIterator[Catalog]:
    """A catalog as long as the block runs; it connects with the first question.

    Parameters
    ----------
    owner
        Whose the database must be; None: anybody's.
    objects
        Where very large headers are read from; None opens the configured object store.
    room
        What headers may take that are unpacked at a time; None makes one for this catalog alone.
    """
    own = objects or open_objects(settings.storage, settings.store.name)
    reader = open_reader(settings.database, owner=owner)
    searcher = open_reader(settings.database, "force_custom_plan", owner)
    planned = open_reader(settings.database, "force_generic_plan", owner)
    try:
        extra = settings.index.extra_main_tags
        main, sequences = main_tags(extra), main_sequences(extra)
        yield Catalog(reader, searcher, planned, own, main, sequences, room)
    finally:
        for opened in (reader, searcher, planned):
            opened.close()
        if objects is None:
            await own.close()


@asynccontextmanager
async def open_own_catalog(
    settings: Settings, objects: Objects, bus: Bus | None = None, *, room: Room | None = None
) -> AsyncIterator[Catalog]:
    """A catalog, once database, objects and streams are known to be of one store.

    Raises `PonsError` when they are not: a service asks before it listens.
    """
    owner = Owner(objects, settings)
    async with open_catalog(settings, objects, owner, room=room) as catalog:
        await require_own(settings, objects, bus, catalog.peek)
        yield catalog
