# SPDX-License-Identifier: Apache-2.0
"""What was sent, as people look for it: newest first, by destination and patient."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pons.catalog.connection import Reader
from pons.catalog.search import like
from pons.catalog.sql import load_statements
from pons.dicom.identity import to_text
from pons.dicom.levels import LEVELS, Level

STATEMENTS = load_statements(Path(__file__).with_name("sent.sql"))


@dataclass(frozen=True, slots=True)
class Sent:
    """A resource that was sent, and its study if that is here."""

    seq: int
    level: Level
    resource_id: str
    destination: str
    patient_id: str
    study_uid: str
    date: datetime
    study: str | None
    """Its identifier; None: not here, or not any more."""
    patient_name: str
    description: str


class SentLog:
    """Reads the log of exports. Raises `Unavailable` while the database is away."""

    def __init__(self, searcher: Reader) -> None:
        """`searcher` plans each statement with its values."""
        self._searcher = searcher

    async def page(
        self, destination: str, patient: str, before: int | None, limit: int
    ) -> tuple[list[Sent], bool]:
        """At most `limit` of them, below the number `before`, and whether there are more.

        `destination` is a piece of its name. `patient` is words, each a piece of the identifier, or
        each a piece of the name that the patient has here.
        """
        values: list[Any] = []

        def bind(value: Any) -> str:
            values.append(value)
            return f"${len(values)}"

        conditions = ["true"]
        if before is not None:
            conditions.append(f"x.seq < {bind(before)}")
        if destination:
            conditions.append(f"upper(x.remote_modality) LIKE upper({bind(_piece(destination))})")
        if words := patient.split():
            pieces = [bind(_piece(word)) for word in words]
            named = STATEMENTS["named"].replace("{where}", _all(_NAME, pieces))
            conditions.append(f"({_all('x.patient_id', pieces)} OR x.patient_id IN ({named}))")
        statement = STATEMENTS["sent"].replace("{where}", " AND ".join(conditions))
        statement = statement.replace("{limit}", bind(limit + 1))
        rows = await self._searcher.rows(statement, *values)
        return [_sent(row) for row in rows[:limit]], len(rows) > limit


_NAME = "p.tags ->> '00100010'"


def _all(text: str, pieces: list[str]) -> str:
    return " AND ".join(f"upper({text}) LIKE upper({piece})" for piece in pieces)


def _piece(text: str) -> str:
    """The pattern of a text that begins and ends anywhere."""
    return f"%{like(text)}%"


def _sent(row: Any) -> Sent:
    return Sent(
        seq=row["seq"],
        level=LEVELS[row["level"]],
        resource_id=to_text(row["resource_id"]),
        destination=row["remote_modality"],
        patient_id=row["patient_id"],
        study_uid=row["study_uid"],
        date=row["date"],
        study=to_text(row["study_id"]) if row["study_id"] else None,
        patient_name=row["patient_name"] or "",
        description=row["description"] or "",
    )
