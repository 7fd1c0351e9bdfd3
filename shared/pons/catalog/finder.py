# SPDX-License-Identifier: Apache-2.0
"""Reading resources: a page of them, with everything that was asked of each, is one statement."""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import msgspec

from pons.catalog.columns import TABLE, Columns
from pons.catalog.compose import Selection, select
from pons.catalog.connection import Reader
from pons.catalog.headers import Headers, PackedHeader
from pons.catalog.look_ups import LookUps
from pons.catalog.matching import accepts
from pons.catalog.resources import ID, KEY, RELATED, Resource, to_resource
from pons.catalog.search import Search, Wanted
from pons.catalog.shown import PIECES, needs_header, shown_columns
from pons.dicom.attributes import MAIN_SEQUENCES, MAIN_TAGS, Tags
from pons.dicom.identity import to_bytes, to_text
from pons.dicom.levels import LEVELS, Level
from pons.dicom.orthanc_json import element_text
from pons.dicom.tag_names import display_tag
from pons.errors import BadRequest, TooLarge
from pons.header.json_elements import find_element
from pons.limits.room import AT_A_TIME, Room
from pons.objects import Objects

EXPANDED_PAGE = 500
IDS_PAGE = 10_000
"""Rows that one statement of a long list gives; longer lists are several, one after the other."""
HEADERS_PAGE = 100
"""As above, where each row brings the header of an instance."""

SEQUENCES = ("patient_sequences", "study_sequences", "series_sequences", "sequences")
"""Columns with main sequences, a resource's own last."""
PAGE_BYTES = AT_A_TIME // 16
"""Bytes of elements of headers after which a page ends."""
MAX_REQUESTED = 4 * 1024 * 1024
"""Bytes of DICOM JSON of a sequence that can be requested; `/instances/{id}/tags` has any."""
_SEQUENCE = b'{"vr":"SQ"'
EXPANDED = Wanted()
ONLY_IDS = Wanted(frozenset())


T = TypeVar("T")


class Finder:
    """Reads resources of the four levels.

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
        self._planned = planned
        self._look_ups = LookUps(planned)
        self._headers = Headers(reader, objects, room)
        self._columns_shown: dict[tuple[Level, Wanted, bool], str] = {}

    async def find(
        self, level: Level, identifier: str, wanted: Wanted = EXPANDED
    ) -> Resource | None:
        """The resource of this level."""
        digest = to_bytes(identifier)
        if digest is None:
            return None
        statement = self._statement(level, wanted, f"{ID[level]} = ANY ($1)")
        row = await self._look_ups.row(statement, digest)
        return await self._resource(level, row, wanted) if row else None

    async def above(
        self, level: Level, of: Level, identifier: str, wanted: Wanted = EXPANDED
    ) -> Resource | None:
        """The one of `level` that the resource `identifier` of level `of` belongs to."""
        digest = to_bytes(identifier)
        if digest is None:
            return None
        row = await self._reader.row(self._statement(level, wanted, RELATED[level, of]), digest)
        return await self._resource(level, row, wanted) if row else None

    async def search(
        self, search: Search, wanted: Wanted = EXPANDED
    ) -> AsyncIterator[list[Resource]]:
        """Resources in a stable order, in pages. Raises `BadRequest` for what cannot be asked."""
        heavy = needs_header(search.level, wanted, self._columns)
        size = HEADERS_PAGE if heavy else EXPANDED_PAGE
        async for rows in self._pages(search, wanted, size):
            async for page in self._resources(((search.level, row) for row in rows), wanted):
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
        if not selection.conditions:
            table = TABLE[search.level].split()[0]
            row = await self._reader.row(f"SELECT {table} FROM totals")  # noqa: S608 a table's name
        else:
            conditions = " AND ".join(selection.conditions)
            statement = (
                f"SELECT count(*) FROM {TABLE[search.level]}{selection.joins} WHERE {conditions}"  # noqa: S608 composed
            )
            row = await self._searcher.row(statement, *selection.values)
        assert row is not None
        return int(row[0])

    async def look_up(self, text: str) -> list[tuple[Level, str]]:
        """Resources whose PatientID or UID this is, in any case; level and identifier."""
        if not text.strip() or "\0" in text:
            return []
        rows = await self._reader.rows(PIECES["look_up"], text.strip())
        return [(LEVELS[row["level"]], to_text(row["id"])) for row in rows]

    async def bulk(
        self, identifiers: Sequence[str], level: Level | None = None, wanted: Wanted = EXPANDED
    ) -> AsyncIterator[list[Resource]]:
        """Resources of any level in the order of their identifiers, in pages.

        With a level, those of it that they are, belong to or have below, each once.
        """
        digests = [digest for digest in map(to_bytes, identifiers) if digest]
        if level is not None:
            rows = await self._reader.rows(PIECES[f"bulk_{level.lower()}"], digests)
            chosen = [(level, row["key"]) for row in rows]
        else:
            rows = await self._reader.rows(PIECES["bulk_any"], digests)
            chosen = [(LEVELS[row["level"]], row["key"]) for row in rows]
        for start in range(0, len(chosen), HEADERS_PAGE):
            rows = await self._chosen(chosen[start : start + HEADERS_PAGE], wanted)
            async for page in self._resources(rows, wanted):
                yield page

    async def _chosen(
        self, chosen: list[tuple[Level, int]], wanted: Wanted
    ) -> list[tuple[Level, Any]]:
        found: dict[int, tuple[Level, Any]] = {}
        for level in dict.fromkeys(level for level, _ in chosen):
            keys = [key for other, key in chosen if other == level]
            rows = await self._reader.rows(self._by_keys(level, wanted), keys)
            found |= {row["key"]: (level, row) for row in rows}
        return [found[key] for _, key in chosen if key in found]

    async def _resources(
        self, rows: Iterable[tuple[Level, Any]], wanted: Wanted
    ) -> AsyncIterator[list[Resource]]:
        """The rows as resources, in pages that end where their elements are large."""
        page: list[Resource] = []
        size = 0
        for level, row in rows:
            resource = await self._resource(level, row, wanted)
            page.append(resource)
            size += sum(map(len, resource.elements.values()))
            if size > PAGE_BYTES:
                yield page
                page, size = [], 0
        if page:
            yield page

    async def _pages(self, search: Search, wanted: Wanted, size: int) -> AsyncIterator[list[Any]]:
        selection = select(search, self._columns)
        if not selection.after:
            async for rows in self._walk(selection, wanted, size, search.since, search.limit):
                yield rows
            return
        if search.since:
            raise BadRequest(
                "Since cannot be used with this query", "it is not about main DICOM tags alone"
            )
        left = search.limit or None
        async for rows in self._walk(selection, wanted, HEADERS_PAGE, 0, search.candidates):
            kept = [row for row in rows if await self._accepted(selection, row, search)]
            if kept:
                yield kept[:left]
            left = None if left is None else left - len(kept)
            if left is not None and left <= 0:
                return

    async def _walk(
        self, selection: Selection, wanted: Wanted, size: int, since: int, limit: int
    ) -> AsyncIterator[list[Any]]:
        """Rows of a selection in pages. A list without conditions goes on behind the last key.

        Where there are conditions or an order, a second page means that all other keys are read at
        once, 8 bytes each, so that nothing is searched twice and no connection is held meanwhile.
        """
        left = limit or None
        if not selection.plain:
            async for rows in self._chosen_pages(selection, wanted, size, since, left):
                yield rows
            return
        source = selection.source("LIMIT $2 OFFSET $3", f"{KEY[selection.level]} > $1")
        statement, last = self._windowed(selection, wanted, source), 0
        while left != 0:
            count = size if left is None else min(size, left)
            rows = await self._planned.rows(statement, last, count, since)
            if rows:
                yield rows
            if len(rows) < count:
                return
            left = None if left is None else left - len(rows)
            last, since = rows[-1]["key"], 0

    async def _chosen_pages(
        self, selection: Selection, wanted: Wanted, size: int, since: int, left: int | None
    ) -> AsyncIterator[list[Any]]:
        place = len(selection.values)
        source = selection.source(f"LIMIT ${place + 1} OFFSET ${place + 2}")
        count = size if left is None else min(size, left)
        statement = self._windowed(selection, wanted, source)
        rows = await self._searcher.rows(statement, *selection.values, count, since)
        if rows:
            yield rows
        left = None if left is None else left - count
        if len(rows) < count or left == 0:
            return
        statement = _keys_of(selection, source)
        row = await self._searcher.row(statement, *selection.values, left, since + count)
        keys = memoryview((row["keys"] if row else None) or b"")
        statement = self._by_keys(selection.level, wanted, header=bool(selection.after))
        for start in range(0, len(keys), size * 8):
            piece = keys[start : start + size * 8]
            wished = [int.from_bytes(piece[i : i + 8]) for i in range(0, len(piece), 8)]
            rows = await self._reader.rows(statement, wished)
            if rows:
                yield rows

    async def _accepted(self, selection: Selection, row: Any, search: Search) -> bool:
        def matches(header: bytes) -> bool:
            return all(
                (text := _text(tag, header)) is not None
                and accepts(match, text, case_sensitive=search.case_sensitive)
                for tag, match in selection.after
            )

        return bool(await self._of_header(row["header"], row, matches))

    async def _resource(self, level: Level, row: Any, wanted: Wanted) -> Resource:
        resource = to_resource(level, row, wanted.tags)
        if not wanted.tags:
            return resource
        found: dict[str, bytes] = {}
        for column in SEQUENCES:  # from the top: the nearest level counts
            if (kept := row.get(column)) is not None:
                found |= {tag: bytes(one) for tag, one in _HEADER.decode(kept).items()}
        asked = [tag for tag in wanted.tags if self._columns.in_header(level, tag)]
        if asked:
            told = await self._of_header(row.get("header"), row, lambda h: _find(h, asked))
            found |= told or {}
        elements = {tag: found[tag] for tag in wanted.tags if tag in found}
        return msgspec.structs.replace(resource, elements=elements)

    async def _of_header(self, kept: Any, row: Any, use: Callable[[bytes], T]) -> T | None:
        """What `use` makes of a row's header, if it has one."""
        if kept is None:
            return None
        key, packed, apart = kept
        header = PackedHeader(key, packed, apart, to_text(row["id"]))
        found = await self._headers.read(header, use)
        return found[0] if found else None

    def _statement(self, level: Level, wanted: Wanted, where: str) -> str:
        return f"SELECT {self._shown(level, wanted)} FROM {TABLE[level]} WHERE {where}"  # noqa: S608 composed

    def _windowed(self, selection: Selection, wanted: Wanted, source: str) -> str:
        """The statement of a page: the resources first, then what was asked of those alone."""
        row = TABLE[selection.level].split()[1]
        shown = self._shown(selection.level, wanted, header=bool(selection.after))
        return f"SELECT {shown} FROM (SELECT {row}.* FROM {source}) {row}"  # noqa: S608 composed

    def _by_keys(self, level: Level, wanted: Wanted, *, header: bool = False) -> str:
        """The statement of the resources with the keys $1, in their order."""
        table, row = TABLE[level].split()
        return (
            f"SELECT {self._shown(level, wanted, header=header)}"  # noqa: S608 composed
            f" FROM (SELECT {row}.* FROM unnest($1::bigint[]) WITH ORDINALITY"
            f" AS chosen (key, place) JOIN {table} {row} ON {KEY[level]} = chosen.key"
            f" ORDER BY place) {row}"
        )

    def _shown(self, level: Level, wanted: Wanted, *, header: bool = False) -> str:
        known = self._columns_shown.get((level, wanted, header))
        if known is None:
            known = shown_columns(level, wanted, self._columns, header=header)
            if len(self._columns_shown) < MAX_SHOWN:
                self._columns_shown[level, wanted, header] = known
        return known


MAX_SHOWN = 500
"""Texts that are kept; how many there are depends on which tags callers request."""

_HEADER = msgspec.json.Decoder(dict[str, msgspec.Raw])


def _keys_of(selection: Selection, source: str) -> str:
    """The statement of the keys alone, 8 bytes each, one after the other."""
    return (
        "SELECT string_agg(int8send(key), ''::bytea) AS keys FROM "  # noqa: S608 composed
        f"(SELECT {KEY[selection.level]} AS key FROM {source}) found"
    )


def _text(tag: str, header: bytes) -> str | None:
    """The text of an element, to be compared; None when the header lacks it or it is no text."""
    element = find_element(header, tag)
    if element is None or element.startswith(_SEQUENCE):
        return None
    return element_text(tag, msgspec.json.decode(element))


def _find(header: bytes, tags: Iterable[str]) -> dict[str, bytes]:
    """The elements that a header has of these. Raises `TooLarge` for one that is too long."""
    found = {tag: element for tag in tags if (element := find_element(header, tag)) is not None}
    for tag, element in found.items():
        if len(element) > MAX_REQUESTED and element.startswith(_SEQUENCE):
            raise TooLarge(
                f"The sequence {display_tag(tag)} has {len(element)} bytes, more than "
                f"{MAX_REQUESTED} can be requested",
                "GET /instances/{id}/tags has it whole",
            )
    return found
