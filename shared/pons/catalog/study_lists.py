# SPDX-License-Identifier: Apache-2.0
"""Lists of studies that people look at: pages, counts, facets, and what a deletion would take."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from pons.catalog.connection import Reader, TooSlow
from pons.catalog.counting import Count, Counter
from pons.catalog.list_order import Cursor, ListOrder
from pons.catalog.resources import tags_of
from pons.catalog.schema import SUMS, Columns, path
from pons.catalog.search import Search
from pons.catalog.selection import Selection, select
from pons.catalog.study_pages import Page, filled, page_of, page_statement
from pons.dicom.identity import digests, to_text

MOST_VALUES = 1000
"""Labels, or modalities, whose studies are counted; those of most studies."""
MOST_PROTECTED = 100
"""Protected patients that a plan names."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What deleting studies would take; those of protected patients stay."""

    studies: int
    patients: int
    series: int
    instances: int
    size: int
    protected_studies: int
    protected: Sequence[tuple[str, Mapping[str, str], int]] = ()
    """Protected patients: identifier, main tags, how many of the studies are theirs."""


class Held(NamedTuple):
    """A study of a UID that was asked for, with what there is of it."""

    asked: tuple[str, str]
    """StudyInstanceUID and PatientID, as asked."""
    id: str
    patient_id: str
    """Which may be another one: then the study is another patient's."""
    series: int
    instances: int


class StudyLists:
    """Reads lists. Every method raises `Unavailable` while the database is away."""

    def __init__(self, searcher: Reader, counter: Counter, columns: Columns) -> None:
        """`searcher` plans each statement with its values."""
        self._searcher = searcher
        self._counter = counter
        self._columns = columns

    async def page(
        self, search: Search, order: ListOrder, after: Cursor | None, limit: int
    ) -> Page:
        """At most `limit` rows behind a cursor. Raises `BadRequest` for what cannot be asked."""
        statement, values = page_statement(select(search, self._columns), order, after, limit + 1)
        return page_of(await self._searcher.rows(statement, *values), order, limit)

    async def count(self, search: Search) -> Count:
        """How many a search finds, counted or, where that takes long, estimated."""
        selection = select(search, self._columns)
        if selection.plain:
            return await self._counter.total("studies")
        source = f"{selection.tables} WHERE {_where(selection)}"
        return await self._counter.count(source, selection.values)

    async def labels(self, search: Search) -> list[tuple[str, int]] | None:
        """Labels of the studies that a search finds, with how many have each; None: too many."""
        return await self._facet("labels", search)

    async def modalities(self, search: Search) -> list[tuple[str, int]] | None:
        """As `labels`, the modalities of their series."""
        return await self._facet("modalities", search)

    async def plan(self, search: Search) -> Plan:
        """What deleting all that a search finds would take."""
        selection = select(search, self._columns)
        return await self._plan(selection.tables, _where(selection), selection.values)

    async def plan_of(self, identifiers: Sequence[str]) -> tuple[Plan, list[str]]:
        """What deleting these studies would take, and those that there are not."""
        asked = digests(identifiers)
        rows = await self._searcher.rows(filled("named"), asked)
        known = {to_text(row["id"]) for row in rows}
        plan = await self._plan(path("Study", "Study"), "s.id = ANY ($1)", (asked,))
        return plan, [one for one in dict.fromkeys(identifiers) if one not in known]

    async def held(self, asked: Sequence[tuple[str, str]]) -> list[Held]:
        """Of each StudyInstanceUID and PatientID that there is, the study of that patient, else the
        one of another that has most images."""
        uids, patients = [uid.upper() for uid, _ in asked], [patient for _, patient in asked]
        rows = await self._searcher.rows(filled("held"), uids, patients)
        found = {(row["uid"], row["patient"]): row for row in rows}
        return [
            Held(
                (uid, patient),
                to_text(row["id"]),
                row["patient_id"],
                row["series"],
                row["instances"],
            )
            for uid, patient in dict.fromkeys(asked)
            if (row := found.get((uid.upper(), patient))) is not None
        ]

    async def _plan(self, source: str, where: str, values: Sequence[Any]) -> Plan:
        names = {"source": source, "where": where, "most": str(MOST_PROTECTED)}
        row = await self._searcher.row(filled("sums", **names), *values)
        assert row is not None
        plan = Plan(**row)
        if not plan.protected_studies:
            return plan
        rows = await self._searcher.rows(filled("protected", **names), *values)
        named = [(to_text(row["id"]), tags_of(row["tags"]), row["studies"]) for row in rows]
        return replace(plan, protected=named)

    async def _facet(self, name: str, search: Search) -> list[tuple[str, int]] | None:
        selection = select(search, self._columns)
        # Of all studies the smallest table says as much.
        source = selection.tables if selection.conditions else f"{SUMS.name} s"
        names = {"source": source, "where": _where(selection), "most": str(MOST_VALUES)}
        try:
            rows = await self._counter.hasty.rows(filled(name, **names), *selection.values)
        except TooSlow:
            return None
        return [(row["value"], row["count"]) for row in rows]


def _where(selection: Selection) -> str:
    return " AND ".join(selection.conditions) or "true"
