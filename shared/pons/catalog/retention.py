# SPDX-License-Identifier: Apache-2.0
"""Studies that nothing has come to for long, and what decides whether they may go."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pons.catalog.connection import Reader
from pons.catalog.sql import load_statements
from pons.dicom.identity import to_text

STATEMENTS = load_statements(Path(__file__).with_name("retention.sql"))

PAGE = 500
"""Instances that one statement gives."""


@dataclass(frozen=True, slots=True)
class OldStudy:
    """A study as it was at one moment."""

    key: int
    id: str
    last_update: datetime
    age: timedelta
    """How long ago that was."""
    protected: bool
    """Whether its patient is."""
    stable: bool


@dataclass(frozen=True, slots=True)
class HeldInstance:
    """An instance of such a study."""

    id: str
    remote_aet: str
    """Who sent it; empty where it did not come by DICOM."""
    labels: frozenset[str]
    """Its own, and those of what it belongs to."""


class OldStudies:
    """Reads them. Every method raises `Unavailable` while the database is away."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def page(self, after: int, age: timedelta, limit: int) -> list[OldStudy]:
        """Studies at least so old, in the order in which they came, after the key `after`."""
        values = (after, age, limit)
        return list(map(_study, await self._reader.rows(STATEMENTS["old_studies"], *values)))

    async def these(self, keys: Sequence[int]) -> list[OldStudy]:
        """Those of the studies with these keys that are still there."""
        return list(map(_study, await self._reader.rows(STATEMENTS["these_studies"], list(keys))))

    async def instances(self, study_key: int) -> AsyncIterator[HeldInstance]:
        """Every instance of a study."""
        after = 0
        while True:
            rows = await self._reader.rows(STATEMENTS["held_instances"], study_key, after, PAGE)
            for row in rows:
                labels = frozenset(row["labels"])
                yield HeldInstance(to_text(row["id"]), row["remote_aet"], labels)
            if len(rows) < PAGE:
                return
            after = rows[-1]["key"]

    async def labels_digest(self, study_key: int) -> str:
        """A text that is another one once any label in the tree of a study has changed."""
        row = await self._reader.row(STATEMENTS["labels_digest"], study_key)
        assert row is not None
        return str(row["digest"])

    async def relayed(self) -> tuple[int, int]:
        """The number of the last change, and of the last one that was published."""
        row = await self._reader.row(STATEMENTS["relayed_changes"])
        assert row is not None
        return row["last_change"], row["relayed"]


def _study(row: Any) -> OldStudy:
    values = {name: row[name] for name in ("key", "last_update", "age", "protected", "stable")}
    return OldStudy(id=to_text(row["id"]), **values)
