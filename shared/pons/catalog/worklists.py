# SPDX-License-Identifier: Apache-2.0
"""Worklist entries that the store keeps, read page by page."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from pons.catalog.connection import Reader
from pons.catalog.sql import load_statements

STATEMENTS = load_statements(Path(__file__).with_name("worklists.sql"))

PAGE = 200
"""Entries that one statement gives; most have some kilobytes."""
NONE = UUID(int=0)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class KeptWorklist:
    """An entry as it was written."""

    id: UUID
    tags: bytes
    """DICOM JSON."""
    created: datetime
    changed: datetime

    @property
    def revision(self) -> int:
        """Another number after each change."""
        return revision_of(self.changed)


def revision_of(changed: datetime) -> int:
    """The number of what was changed then: microseconds, which a change always moves on."""
    return (changed - EPOCH) // timedelta(microseconds=1)


class Worklists:
    """Reads them. Every method raises `Unavailable` while the database is away."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def pages(
        self, first_day: str = "", last_day: str = ""
    ) -> AsyncIterator[list[KeptWorklist]]:
        """Entries that may have a step between these days (YYYYMMDD), oldest first, in pages."""
        after = NONE
        while True:
            values = (after, first_day, last_day, PAGE)
            rows = await self._reader.rows(STATEMENTS["worklists"], *values)
            if rows:
                yield [KeptWorklist(**row) for row in rows]
            if len(rows) < PAGE:
                return
            after = rows[-1]["id"]

    async def find(self, worklist_id: UUID) -> KeptWorklist | None:
        """One of them."""
        row = await self._reader.row(STATEMENTS["worklist"], worklist_id)
        return KeptWorklist(**row) if row else None
