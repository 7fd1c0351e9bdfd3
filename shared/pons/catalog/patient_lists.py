# SPDX-License-Identifier: Apache-2.0
"""Lists of patients that people look at: those of whom a search finds a study."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pons.catalog.connection import Reader
from pons.catalog.counting import Count, Counter
from pons.catalog.list_order import Cursor, ListOrder, Sort, by_start, by_text
from pons.catalog.list_pages import Listing, next_of
from pons.catalog.resources import tags_of
from pons.catalog.schema import STUDY_DATE, TABLES, Columns, start_of
from pons.catalog.search import Search
from pons.catalog.selection import select
from pons.dicom.identity import to_text

_NAME = start_of("folded(coalesce(p.tags ->> '00100010', ''))")
_DATE = f'({start_of(f"s.tags ->> {STUDY_DATE!r}")} COLLATE "C")'
_BIRTH = start_of("p.tags ->> '00100030'")

SORTS: dict[str, Sort] = {
    "name": by_text(f'({_NAME} COLLATE "C")'),
    "id": by_start("p.patient_id"),
    "birthDate": by_text(f'({_BIRTH} COLLATE "C")'),
    "arrival": Sort(()),
}
BY_NAME = "name"
"""The usual order."""
ROWS = "patients p ON p.patient_key = found.key"
ROW = f"""
    p.id, p.tags, p.protected, p.last_update,
    (SELECT count(*) FROM studies s WHERE s.patient_key = p.patient_key) AS studies,
    (SELECT {_DATE} FROM studies s WHERE s.patient_key = p.patient_key AND {_DATE} > ''
      ORDER BY {_DATE} DESC LIMIT 1) AS latest
"""  # noqa: S608 composed


def patient_order(text: str = BY_NAME) -> ListOrder:
    """The order of this name. Raises `BadRequest` for one that there is not."""
    return ListOrder.parse(text, SORTS)


@dataclass(frozen=True, slots=True)
class PatientRow:
    """What a list shows of a patient."""

    id: str
    tags: Mapping[str, str]
    """Main tags, "GGGGEEEE" to text."""
    studies: int
    latest: str
    """StudyDate of the newest study; empty: none has one."""
    protected: bool
    last_update: datetime


@dataclass(frozen=True, slots=True)
class PatientPage:
    rows: list[PatientRow]
    next: Cursor | None
    """Where the next page begins; None: there is none."""


class PatientLists:
    """Reads lists. Every method raises `Unavailable` while the database is away."""

    def __init__(self, searcher: Reader, counter: Counter, columns: Columns) -> None:
        """`searcher` plans each statement with its values."""
        self._searcher = searcher
        self._counter = counter
        self._columns = columns

    async def page(
        self, search: Search, order: ListOrder, after: Cursor | None, limit: int
    ) -> PatientPage:
        """At most `limit` patients of whom the search finds a study, behind a cursor.

        Raises `BadRequest` for what cannot be asked.
        """
        statement, values = patient_page_statement(search, self._columns, order, after, limit + 1)
        found = await self._searcher.rows(statement, *values)
        return PatientPage([_row(one) for one in found[:limit]], next_of(found, order, limit))

    async def count(self, search: Search) -> Count:
        """How many a search finds, counted or, where that takes long, estimated."""
        conditions, values = _conditions(search, self._columns)
        if not conditions:
            return await self._counter.total("patients")
        return await self._counter.count(f"patients p WHERE {conditions[0]}", values)


def patient_page_statement(
    search: Search, columns: Columns, order: ListOrder, after: Cursor | None, limit: int
) -> tuple[str, list[Any]]:
    """The statement of a page, and its values."""
    conditions, values = _conditions(search, columns)
    table = TABLES["Patient"]
    return Listing(str(table), table.key, conditions, values, ROWS, ROW).page(order, after, limit)


def _conditions(search: Search, columns: Columns) -> tuple[list[str], tuple[Any, ...]]:
    """That the search finds a study of a patient `p`; none where it finds every one."""
    selection = select(search, columns)
    if selection.plain:
        return [], ()
    where = " AND ".join(["s.patient_key = p.patient_key", *selection.conditions])
    return [f"EXISTS (SELECT FROM {selection.tables} WHERE {where})"], selection.values


def _row(row: Any) -> PatientRow:
    return PatientRow(
        id=to_text(row["id"]),
        tags=tags_of(row["tags"]),
        studies=row["studies"],
        latest=row["latest"] or "",
        protected=row["protected"],
        last_update=row["last_update"],
    )
