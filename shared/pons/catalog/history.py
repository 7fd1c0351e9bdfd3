# SPDX-License-Identifier: Apache-2.0
"""What the store did in the last week, as the index kept it."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from pons.catalog.connection import Reader
from pons.catalog.sql import load_statements

STATEMENTS = load_statements(Path(__file__).with_name("history.sql"))

FINE, COARSE = 60, 600
"""Seconds of a step: of the last day, and of the week."""
FINE_HOURS, HOURS = 24, 168


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a step. What is counted is so at its end, what waits was so at its worst."""

    seconds: int
    """How much of the step was looked at."""
    received: int
    """Instances that came."""
    received_bytes: int
    studies: int
    instances: int
    stored_size: int
    free: int | None
    """Bytes on the disk of the objects, where the index sees one."""
    queue: int
    """Announcements that waited for the index."""
    lag: float
    """Seconds that the oldest of them had waited."""
    jobs_waiting: int
    jobs_failed: int


@dataclass(frozen=True, slots=True)
class Step:
    """Some minutes of the past."""

    at: int
    """When it began, in seconds since 1970."""
    known: Known | None
    """None: nobody looked."""


class History:
    """Reads it. Raises `Unavailable` while the database is away."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def read(self, hours: int, step: int) -> list[Step]:
        """The steps of so many seconds of the last hours, oldest first, without the present one."""
        rows = await self._reader.rows(
            STATEMENTS["history"], timedelta(seconds=step), timedelta(hours=hours)
        )
        names = Known.__slots__
        return [
            Step(
                row["at"],
                None if row["seconds"] is None else Known(**{name: row[name] for name in names}),
            )
            for row in rows
        ]
