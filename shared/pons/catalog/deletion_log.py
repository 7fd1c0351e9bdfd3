# SPDX-License-Identifier: Apache-2.0
"""What was deleted, when and by whom, as the log of deletions tells."""

from dataclasses import dataclass
from datetime import datetime

from pons.catalog.connection import Reader
from pons.dicom.identity import to_bytes, to_text
from pons.dicom.levels import LEVELS, Level
from pons.messages.index import Cause, Deleter

FIND = """
    SELECT level, at, cause, by FROM deletion_log
    WHERE resource_id = $1 AND at > now() - interval '1 year'
"""
"""What is older goes with later deletions, which may be none."""
RECENT = """
    SELECT resource_id FROM deletion_log d
    WHERE at > now() - interval '1 minute' AND level = $1
      AND NOT EXISTS (SELECT FROM studies s WHERE s.id = d.resource_id)
    ORDER BY at DESC LIMIT $2
"""
"""A deletion has the time at which it began, and is seen once it is done."""
MOST = 10_000


@dataclass(frozen=True, slots=True)
class LoggedDeletion:
    """The last deletion of a resource, which may be there again."""

    level: Level
    at: datetime
    by: Deleter


class DeletionLog:
    """Reads it."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def find(self, identifier: str) -> LoggedDeletion | None:
        """None of what was never deleted, or long ago. Raises `Unavailable`."""
        row = await self._reader.row(FIND, to_bytes(identifier) or b"")
        if row is None:
            return None
        cause: Cause = row["cause"]
        return LoggedDeletion(LEVELS[row["level"]], row["at"], Deleter(cause, row["by"]))

    async def recent_studies(self) -> list[str]:
        """Studies that went in the last minute and are not there again, the last ones first, up to
        MOST. Raises `Unavailable`."""
        rows = await self._reader.rows(RECENT, LEVELS.index("Study"), MOST)
        return [to_text(row["resource_id"]) for row in rows]
