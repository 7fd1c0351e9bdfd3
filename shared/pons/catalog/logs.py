# SPDX-License-Identifier: Apache-2.0
"""The change log and the exports log, a page at a time."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pons.catalog.connection import Reader
from pons.catalog.statements import STATEMENTS
from pons.dicom.identity import to_text
from pons.dicom.levels import LEVELS, Level
from pons.messages.changes import CHANGE_NAMES


@dataclass(frozen=True, slots=True)
class LoggedChange:
    seq: int
    change_type: str
    level: Level
    resource_id: str
    date: datetime


@dataclass(frozen=True, slots=True)
class ChangesPage:
    """Changes in ascending order."""

    changes: list[LoggedChange]
    done: bool
    """Whether the page reaches the end of what was asked for."""
    last: int
    """Number of the last change here; on an empty page, the highest number ever given."""


@dataclass(frozen=True, slots=True)
class LoggedExport:
    seq: int
    level: Level
    resource_id: str
    remote_modality: str
    patient_id: str
    study_uid: str
    series_uid: str
    sop_instance_uid: str
    date: datetime


@dataclass(frozen=True, slots=True)
class ExportsPage:
    """Exports in ascending order; on an empty page, `last` is what was asked to begin after."""

    exports: list[LoggedExport]
    done: bool
    last: int


class Logs:
    """Reads them. Every method raises `Unavailable` while the database is away."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def changes(
        self,
        since: int | None = None,
        limit: int = 100,
        to: int | None = None,
        types: list[int] | None = None,
    ) -> ChangesPage:
        """Changes after `since`, up to `to`; with `to` alone, the latest ones up to it.

        Of the latest ones nobody is told whether there are others before: they are never `done`.
        """
        if since is None and to is not None:
            rows = await self._reader.rows(STATEMENTS["latest_changes"], to, types, limit)
            return _changes(rows[::-1], limit, done=False)
        values = (since or 0, to, types, limit + 1)
        return _changes(await self._reader.rows(STATEMENTS["changes"], *values), limit)

    async def latest_change(self) -> ChangesPage:
        """The one latest change, if any."""
        return _changes(await self._reader.rows(STATEMENTS["latest_changes"], None, None, 1), 1)

    async def exports(self, since: int = 0, limit: int = 100) -> ExportsPage:
        """Instances that were sent, after number `since`."""
        rows = await self._reader.rows(STATEMENTS["exports"], since, limit + 1)
        return _exports(rows, since, limit)

    async def latest_export(self) -> ExportsPage:
        """The one latest export, if any."""
        return _exports(await self._reader.rows(STATEMENTS["latest_exports"], 1), 0, 1)


def _changes(rows: list[Any], limit: int, *, done: bool = True) -> ChangesPage:
    """The page of `limit` changes that ascending rows make; one row more means there are more.

    The statements give one row without a number when there is no change.
    """
    found = [row for row in rows if row["seq"] is not None]
    changes = [
        LoggedChange(
            row["seq"],
            CHANGE_NAMES[row["change_type"]],
            LEVELS[row["level"]],
            to_text(row["resource_id"]),
            row["date"],
        )
        for row in found[:limit]
    ]
    last = changes[-1].seq if changes else rows[0]["last_change"]
    return ChangesPage(changes, done and len(found) <= limit, last)


def _exports(rows: list[Any], since: int, limit: int) -> ExportsPage:
    exports = [
        LoggedExport(
            **{**row, "level": LEVELS[row["level"]], "resource_id": to_text(row["resource_id"])}
        )
        for row in rows[:limit]
    ]
    return ExportsPage(exports, len(rows) <= limit, exports[-1].seq if exports else since)
