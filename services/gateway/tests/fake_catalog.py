# SPDX-License-Identifier: Apache-2.0
"""An index of values: one patient with one study, one series and one instance."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self
from uuid import UUID

from pons.catalog import (
    ChangesPage,
    ExportsPage,
    Fields,
    LoggedChange,
    LoggedExport,
    Resource,
    Search,
    Statistics,
    StoredHeader,
    StoredObject,
    Totals,
)
from pons.catalog.slices import StoredSlice
from pons.catalog.worklists import KeptWorklist
from pons.errors import DatabaseUnavailable

PATIENT = "11111111-11111111-11111111-11111111-11111111"
STUDY = "22222222-22222222-22222222-22222222-22222222"
SERIES = "33333333-33333333-33333333-33333333-33333333"
INSTANCE = "44444444-44444444-44444444-44444444-44444444"
NOBODY = "00000000-00000000-00000000-00000000-00000000"
KEY = UUID("0192f0c1-7a3b-7c11-9f6e-2d5c8a4b9e10")
MOMENT = datetime(2024, 1, 2, 11, 12, 13, tzinfo=UTC)

RESOURCES = {
    "Patient": Resource(
        level="Patient",
        id=PATIENT,
        key=1,
        parent="",
        tags={"00100010": "ROE^RICHARD", "00100020": "P1"},
        children=[STUDY],
        last_update=MOMENT,
    ),
    "Study": Resource(
        level="Study",
        id=STUDY,
        key=2,
        parent=PATIENT,
        tags={"00080020": "20240102", "0020000D": "1.2.3"},
        patient_tags={"00100020": "P1"},
        children=[SERIES],
        last_update=MOMENT,
        stable=False,
    ),
    "Series": Resource(
        level="Series",
        id=SERIES,
        key=3,
        parent=STUDY,
        tags={"00080060": "CT"},
        children=[INSTANCE],
        last_update=MOMENT,
        expected=1,
        status="Complete",
    ),
    "Instance": Resource(
        level="Instance",
        id=INSTANCE,
        key=4,
        parent=SERIES,
        tags={"00200013": "1"},
        size=1000,
        object_key=KEY,
        index_in_series=1,
    ),
}


@dataclass
class FakeCatalog:
    """One patient with one instance, and the arguments of the last question about a log."""

    away: bool = False
    pages_of_ids: list[list[str]] | None = None
    header: StoredHeader | None = None
    below: list[list[tuple[str, StoredHeader]]] = field(default_factory=list)
    """Those below each resource, in pages."""
    stored: StoredObject | None = None
    asked: tuple[Any, ...] = ()
    after_a_read: Callable[[], None] = lambda: None
    """Called when the log of changes has been read."""
    searched: Search | None = None
    wanted: Fields | None = None
    kept: list[KeptWorklist] = field(default_factory=list)
    """Worklist entries."""
    gone: list[str] = field(default_factory=list)
    """Studies that have been deleted."""

    @property
    def headers(self) -> Self:
        return self

    @property
    def logs(self) -> Self:
        return self

    @property
    def deletion_log(self) -> Self:
        return self

    async def recent_studies(self) -> list[str]:
        return self.gone

    @property
    def worklists(self) -> "FakeWorklists":
        return FakeWorklists(self.kept)

    async def find(
        self, level: str, identifier: str, wanted: Fields | None = None
    ) -> Resource | None:
        self._reachable()
        self.wanted = wanted
        found = RESOURCES[level]
        return found if found.id == identifier else None

    async def above(
        self, level: str, of: str, identifier: str, wanted: Fields | None = None
    ) -> Resource | None:
        self.wanted = wanted
        return RESOURCES[level] if RESOURCES[of].id == identifier else None

    async def search(self, search: Search, wanted: Fields) -> AsyncIterator[list[Resource]]:
        self._reachable()
        self.searched, self.wanted = search, wanted
        if self._has(search):
            yield [RESOURCES[search.level]]

    async def search_ids(self, search: Search) -> AsyncIterator[list[str]]:
        self._reachable()
        self.searched, own = search, [[RESOURCES[search.level].id]]
        for page in self.pages_of_ids if self.pages_of_ids is not None else own:
            if self._has(search):
                yield page

    def _has(self, search: Search) -> bool:
        return search.parent is None or RESOURCES[search.parent[0]].id == search.parent[1]

    async def count(self, search: Search) -> int:
        self.searched = search
        return 7

    async def look_up(self, text: str) -> list[tuple[str, str]]:
        return [("Patient", PATIENT), ("Study", STUDY)] if text == "1.2.3" else []

    async def bulk(
        self, identifiers: list[str], level: str | None, wanted: Fields
    ) -> AsyncIterator[list[Resource]]:
        self.asked, self.wanted = (identifiers, level), wanted
        yield [RESOURCES[level or "Instance"]]

    async def statistics(self, level: str, identifier: str) -> Statistics | None:
        if RESOURCES[level].id != identifier:
            return None
        counts = {"studies": 1, "series": 1, "instances": 1}
        below = {"Patient": 0, "Study": 1, "Series": 2, "Instance": 3}[level]
        return Statistics(3_000_000, 2_000_000, **dict(list(counts.items())[below:]))

    async def known(self, identifiers: list[str]) -> set[str]:
        return {resource.id for resource in RESOURCES.values()} & set(identifiers)

    async def totals(self) -> Totals:
        self._reachable()
        return Totals(1, 1, 2, 1200, 5_000_000, 4_000_000)

    async def changes(self, *asked: Any) -> ChangesPage:
        self.asked = asked
        self.after_a_read()
        change = LoggedChange(7, "NewStudy", "Study", STUDY, MOMENT)
        return ChangesPage([change], done=True, last=7)

    async def latest_change(self) -> ChangesPage:
        return ChangesPage([], done=True, last=21)

    async def exports(self, since: int, limit: int) -> ExportsPage:
        self.asked = (since, limit)
        row = LoggedExport(3, "Series", SERIES, "pacs", "P1", "1.2.3", "1.2.3.4", "1.2.5", MOMENT)
        return ExportsPage([row], done=False, last=3)

    async def find_object(self, identifier: str) -> StoredObject | None:
        return self.stored if identifier == INSTANCE else None

    async def read(self, identifier: str, use: Callable[[StoredHeader], Any]) -> Any:
        return use(self.header) if self.header and identifier == INSTANCE else None

    async def meta(self, identifier: str) -> bytes | None:
        return self.header.meta if self.header and identifier == INSTANCE else None

    async def first(self, level: str, identifier: str, use: Callable[[StoredHeader], Any]) -> Any:
        async for page in self.pages(level, identifier, use):
            return page[0][1]
        return None

    @property
    def slices(self) -> "FakeSlices":
        return FakeSlices()

    async def pages(
        self, level: str, identifier: str, use: Callable[[StoredHeader], Any]
    ) -> AsyncIterator[list[tuple[str, Any]]]:
        if RESOURCES[level].id == identifier:
            for page in self.below:
                yield [(one, use(header)) for one, header in page]

    def _reachable(self) -> None:
        if self.away:
            raise DatabaseUnavailable("The database does not answer")


class FakeSlices:
    """A series of one instance."""

    async def of_series(self, identifier: str) -> list[StoredSlice]:
        return [StoredSlice(INSTANCE, 1, KEY)] if identifier == SERIES else []

    async def middle(self, level: str, identifier: str) -> tuple[str, UUID] | None:
        return (INSTANCE, KEY) if identifier == RESOURCES[level].id else None


@dataclass
class FakeWorklists:
    """Worklist entries, one on each page."""

    kept: list[KeptWorklist]

    async def pages(self) -> AsyncIterator[list[KeptWorklist]]:
        for one in self.kept:
            yield [one]

    async def find(self, worklist_id: UUID) -> KeptWorklist | None:
        return next((one for one in self.kept if one.id == worklist_id), None)
