# SPDX-License-Identifier: Apache-2.0
"""What happened to a study, as the logs of changes and of exports tell."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pons.catalog.connection import Reader
from pons.catalog.logs import LoggedChange
from pons.catalog.sql import load_statements
from pons.dicom.identity import to_bytes, to_text
from pons.dicom.levels import LEVELS, Level
from pons.messages.changes import CHANGE_NAMES

STATEMENTS = load_statements(Path(__file__).with_name("study_history.sql"))

LATEST_EXPORTS = 100_000
"""Rows of the log of exports that are looked through."""


@dataclass(frozen=True, slots=True)
class SentOfStudy:
    """What a job sent of a study to a destination."""

    job_id: str
    destination: str
    level: Level
    """Of what the log has rows."""
    sent: int
    """How many such."""
    date: datetime
    """When the last of them was logged."""


class StudyHistory:
    """Reads it. Every method raises `Unavailable` while the database is away."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def changes(self, study: str, limit: int) -> list[LoggedChange]:
        """The latest changes of the study and of its series, newest first."""
        digest = to_bytes(study)
        rows = await self._reader.rows(STATEMENTS["changes_of_study"], digest, limit)
        return [
            LoggedChange(
                row["seq"],
                CHANGE_NAMES[row["change_type"]],
                LEVELS[row["level"]],
                to_text(row["resource_id"]),
                row["date"],
            )
            for row in rows
        ]

    async def sent(self, study: str, limit: int) -> list[SentOfStudy]:
        """What was sent of the study lately, newest first."""
        values = (to_bytes(study), limit, LATEST_EXPORTS)
        rows = await self._reader.rows(STATEMENTS["sent_of_study"], *values)
        return [
            SentOfStudy(
                row["job_id"],
                row["remote_modality"],
                LEVELS[row["level"]],
                row["sent"],
                row["date"],
            )
            for row in rows
        ]
