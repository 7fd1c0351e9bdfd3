# SPDX-License-Identifier: Apache-2.0
"""The store's index, for reading: each question is one statement, so each answer one snapshot."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from pons.catalog.archive import Archive
from pons.catalog.browse import Browser
from pons.catalog.connection import Reader
from pons.catalog.counting import Counter
from pons.catalog.dead_letters import DeadLetters
from pons.catalog.deletion_log import DeletionLog
from pons.catalog.fields import (
    ATTACHMENT_NUMBERS,
    KNOWN_METADATA,
    LABELS,
    METADATA,
    READ_DICOM_FILE,
    needs_header,
    read_attachment,
    read_value,
    read_written,
    select_fields,
)
from pons.catalog.headers import PAGE_BYTES, Headers
from pons.catalog.history import History
from pons.catalog.logs import Logs
from pons.catalog.look_ups import LookUps
from pons.catalog.patient_lists import PatientLists
from pons.catalog.records import (
    MetadataValue,
    Statistics,
    StoredAttachment,
    StoredObject,
    Totals,
    stored_object,
)
from pons.catalog.resources import (
    SEQUENCES_METADATA,
    Resource,
    metadata_of,
    sequences_of,
    sequences_text,
    to_resource,
)
from pons.catalog.retention import OldStudies
from pons.catalog.rows import Rows
from pons.catalog.schema import TABLES, Columns, is_related
from pons.catalog.search import Fields, Search
from pons.catalog.selection import by_condition, by_keys, select
from pons.catalog.sent import SentLog
from pons.catalog.slices import Slices
from pons.catalog.statements import BULK, STATEMENTS, STATISTICS
from pons.catalog.study_history import StudyHistory
from pons.catalog.study_lists import StudyLists
from pons.catalog.worklists import Worklists
from pons.dicom.attributes import MAIN_SEQUENCES, MAIN_TAGS, Tags
from pons.dicom.identity import digests, to_bytes, to_text
from pons.dicom.levels import LEVELS, Level
from pons.dicom.metadata import DICOM_FILE
from pons.errors import BadRequest
from pons.limits.room import Room
from pons.objects import Objects

EXPANDED = Fields()
ONLY_IDS = Fields(frozenset())

EXPANDED_PAGE = 500
IDS_PAGE = 10_000
"""Rows that one statement of a long list gives; longer lists are several, one after the other."""
ASKED_AT_ONCE = 10_000
"""Identifiers that one statement asks for: of 330,000 a backend of PostgreSQL takes 400 MB."""
HEADERS_PAGE = 100
"""As above, where each row brings the header of an instance."""
MAX_SELECTED = 500
"""Lists of fields whose SQL is kept; how many there are depends on which tags callers request."""


class Catalog:
    """Reads of the index. Open it with `open_catalog`; one per process, shared by its tasks.

    Every method raises `Unavailable` while the database is away, and works again once it is back.
    An identifier that is none, or names nothing, finds nothing.
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
        """`searcher` plans each time, with the values: which index serves depends on them.

        `planned` does so once, for statements that go one way whatever the values.
        """
        self._columns = Columns(main, sequences)
        self._reader = reader
        self._searcher = searcher
        self._rows = Rows(reader, searcher, planned)
        self._look_ups = LookUps(planned)
        self._selected: dict[tuple[Level, Fields, bool], str] = {}
        self._by_identifiers: dict[tuple[Level, Fields], str] = {}
        self._in_header: dict[tuple[Level, tuple[str, ...]], list[str]] = {}
        self.headers = Headers(reader, self._look_ups, objects, room)
        self.logs = Logs(reader)
        self.sent = SentLog(searcher)
        self.slices = Slices(reader)
        self.archive = Archive(reader)
        self.browser = Browser(reader)
        self.dead_letters = DeadLetters(reader)
        self.deletion_log = DeletionLog(reader)
        self.worklists = Worklists(reader)
        self.history = History(reader)
        self.study_history = StudyHistory(reader)
        self.old_studies = OldStudies(reader)
        counter = Counter(searcher)
        self.study_lists = StudyLists(searcher, counter, self._columns)
        self.patient_lists = PatientLists(searcher, counter, self._columns)

    async def check(self) -> None:
        """Raise `Unavailable` unless the index can be read."""
        await self._reader.check()

    async def peek(self, statement: str) -> Any:
        """The first row of whatever database the settings name, whoever's it is."""
        return await self._reader.peek(statement)

    async def find(
        self, level: Level, identifier: str, fields: Fields = EXPANDED
    ) -> Resource | None:
        """The resource of this level."""
        digest = to_bytes(identifier)
        if digest is None:
            return None
        row = await self._look_ups.row(self._of_identifiers(level, fields), digest)
        return await self._resource(level, row, fields) if row else None

    async def above(
        self, level: Level, of: Level, identifier: str, fields: Fields = EXPANDED
    ) -> Resource | None:
        """The one of `level` that the resource `identifier` of level `of` belongs to."""
        statement = by_condition(level, self._select(level, fields), is_related(level, of))
        row = await self._row(statement, identifier)
        return await self._resource(level, row, fields) if row else None

    async def search(
        self, search: Search, fields: Fields = EXPANDED
    ) -> AsyncGenerator[list[Resource], None]:
        """Resources in a stable order, in pages. Raises `BadRequest` for what cannot be asked."""
        heavy = needs_header(search.level, fields, self._columns)
        size = HEADERS_PAGE if heavy else EXPANDED_PAGE
        async for rows in self._pages(search, fields, size):
            async for page in self._resources(((search.level, row) for row in rows), fields):
                yield page

    async def search_ids(self, search: Search) -> AsyncIterator[list[str]]:
        """As `search`, identifiers only."""
        async for rows in self._pages(search, ONLY_IDS, IDS_PAGE):
            yield [to_text(row["id"]) for row in rows]

    async def count(self, search: Search) -> int:
        """How many a search finds. Raises `BadRequest` where only headers could tell."""
        selection = select(replace(search, order=()), self._columns)
        if selection.after:
            raise BadRequest("Only main DICOM tags can be counted", selection.after[0][0])
        if selection.plain:
            return int(getattr(await self.totals(), TABLES[search.level].name))
        row = await self._searcher.row(selection.count(), *selection.values)
        assert row is not None
        return int(row[0])

    async def look_up(self, text: str) -> list[tuple[Level, str]]:
        """Resources whose PatientID or UID this is, in any case; level and identifier."""
        if not text.strip() or "\0" in text:
            return []
        rows = await self._reader.rows(STATEMENTS["look_up"], text.strip())
        return [(LEVELS[row["level"]], to_text(row["id"])) for row in rows]

    async def bulk(
        self, identifiers: Sequence[str], level: Level | None = None, fields: Fields = EXPANDED
    ) -> AsyncIterator[list[Resource]]:
        """Resources of any level in the order of their identifiers, in pages.

        With a level, those of it that they are, belong to or have below, each once.
        """
        statement = STATEMENTS["bulk_any"] if level is None else BULK[level]
        found = await self._reader.rows(statement, digests(identifiers))
        chosen = [(level or LEVELS[row["level"]], row["key"]) for row in found]
        for start in range(0, len(chosen), HEADERS_PAGE):
            rows = await self._chosen(chosen[start : start + HEADERS_PAGE], fields)
            async for page in self._resources(rows, fields):
                yield page

    async def known(self, identifiers: list[str]) -> set[str]:
        """Those of the identifiers that name a resource, of whatever level."""
        found: set[str] = set()
        for start in range(0, len(identifiers), ASKED_AT_ONCE):
            asked = digests(identifiers[start : start + ASKED_AT_ONCE])
            rows = await self._reader.rows(STATEMENTS["known_resources"], asked)
            found.update(to_text(row["id"]) for row in rows)
        return found

    async def totals(self) -> Totals:
        """How much the store holds, at the same cost for any size."""
        row = await self._look_ups.row(STATEMENTS["totals"], True)
        assert row is not None
        return Totals(**{name: row[name] for name in Totals.__slots__})

    async def statistics(self, level: Level, identifier: str) -> Statistics | None:
        """What hangs below a resource."""
        row = await self._row(STATISTICS[level], identifier)
        return Statistics(**row) if row else None

    async def metadata(self, level: Level, identifier: str) -> dict[int, str] | None:
        """All metadata of a resource by number; a value that is no text is empty."""
        row = await self._row(read_value(level, METADATA[level]), identifier)
        return metadata_of(row["value"]) if row else None

    async def find_metadata(
        self, level: Level, identifier: str, number: int
    ) -> MetadataValue | None:
        """One metadata of a resource as it was written; None too when it is not set."""
        expression = KNOWN_METADATA[level].get(number)
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

    async def find_object(self, instance_id: str) -> StoredObject | None:
        """Where the instance's bytes are, and what is in them."""
        digest = to_bytes(instance_id)
        row = digest and await self._look_ups.row(STATEMENTS["object"], digest)
        return stored_object(row) if row else None

    async def _row(self, statement: str, identifier: str, *values: Any) -> Any:
        digest = to_bytes(identifier)
        return digest and await self._reader.row(statement, digest, *values)

    async def _chosen(
        self, chosen: list[tuple[Level, int]], fields: Fields
    ) -> list[tuple[Level, Any]]:
        found: dict[int, tuple[Level, Any]] = {}
        for level in dict.fromkeys(level for level, _ in chosen):
            keys = [key for other, key in chosen if other == level]
            rows = await self._reader.rows(by_keys(level, self._select(level, fields)), keys)
            found |= {row["key"]: (level, row) for row in rows}
        return [found[key] for _, key in chosen if key in found]

    async def _pages(self, search: Search, fields: Fields, size: int) -> AsyncIterator[list[Any]]:
        """Rows of a search in pages: those of a selection, looked through where headers decide."""
        selection = select(search, self._columns)
        selected = self._select(search.level, fields, header=bool(selection.after))
        if not selection.after:
            async for rows in self._rows.pages(
                selection, selected, size, search.since, search.limit
            ):
                yield rows
            return
        if search.since:
            raise BadRequest(
                "Since cannot be used with this query", "it is not about main DICOM tags alone"
            )
        left = search.limit or None
        async for rows in self._rows.pages(selection, selected, HEADERS_PAGE, 0, search.candidates):
            found = [
                row
                for row in rows
                if await self.headers.matches(row, selection.after, search.minds_case)
            ]
            if found:
                yield found[:left]
            left = None if left is None else left - len(found)
            if left is not None and left <= 0:
                return

    async def _resources(
        self, rows: Iterable[tuple[Level, Any]], fields: Fields
    ) -> AsyncIterator[list[Resource]]:
        """The rows as resources, in pages that end where their elements are large."""
        page: list[Resource] = []
        size = 0
        for level, row in rows:
            resource = await self._resource(level, row, fields)
            page.append(resource)
            size += sum(map(len, resource.elements.values()))
            if size > PAGE_BYTES:
                yield page
                page, size = [], 0
        if page:
            yield page

    async def _resource(self, level: Level, row: Any, fields: Fields) -> Resource:
        resource = to_resource(level, row, fields.tags)
        if not fields.tags:
            return resource
        found = sequences_of(row)
        if asked := self._asked_of_header(level, fields.tags):
            found |= await self.headers.elements(row, asked)
        elements = {tag: found[tag] for tag in fields.tags if tag in found}
        return msgspec.structs.replace(resource, elements=elements)

    def _asked_of_header(self, level: Level, tags: tuple[str, ...]) -> list[str]:
        """Those of the tags that only a header tells."""
        known = self._in_header.get((level, tags))
        if known is None:
            known = [tag for tag in tags if self._columns.in_header(level, tag)]
            if len(self._in_header) < MAX_SELECTED:
                self._in_header[level, tags] = known
        return known

    def _of_identifiers(self, level: Level, fields: Fields) -> str:
        """The statement of the resources with the identifiers $1."""
        known = self._by_identifiers.get((level, fields))
        if known is None:
            selected = self._select(level, fields)
            known = by_condition(level, selected, f"{TABLES[level].row}.id = ANY ($1)")
            if len(self._by_identifiers) < MAX_SELECTED:
                self._by_identifiers[level, fields] = known
        return known

    def _select(self, level: Level, fields: Fields, *, header: bool = False) -> str:
        known = self._selected.get((level, fields, header))
        if known is None:
            known = select_fields(level, fields, self._columns, header=header)
            if len(self._selected) < MAX_SELECTED:
                self._selected[level, fields, header] = known
        return known
