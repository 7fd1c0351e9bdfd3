# SPDX-License-Identifier: Apache-2.0
"""The index as a tree of folders: small rows, found by what their names are made of."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pons.catalog.connection import Reader
from pons.catalog.resources import tags_of
from pons.catalog.schema import INDEXED, at, start_of
from pons.catalog.sql import load_statements
from pons.dicom.identity import to_bytes, to_text
from pons.dicom.levels import Level

STATEMENTS = load_statements(Path(__file__).with_name("browse.sql"))

PAGE = 500
"""Rows that one statement of a long list gives."""

_DATE = start_of("s.tags ->> '00080020'") + ' COLLATE "C"'
_PATIENT_ID, _WISHED = start_of("upper(p.patient_id)"), start_of("upper(x)")
WHERE: dict[str, tuple[Level, str]] = {
    "patients": ("Patient", "WHERE p.patient_key > $1 ORDER BY p.patient_key LIMIT $2"),
    "patients_with_id": (
        "Patient",
        f"""
        WHERE {_PATIENT_ID} = ANY (ARRAY(SELECT {_WISHED} FROM unnest($1::text[]) x))
          AND p.patient_id = ANY ($1)
        ORDER BY p.patient_key""",  # noqa: S608 composed of constants
    ),
    "patients_with_key": ("Patient", "WHERE p.patient_key = ANY ($1)"),
    "studies_of_patients": ("Study", "WHERE s.patient_key = ANY ($1) ORDER BY s.study_key"),
    "studies_between": (
        "Study",
        f"""
        WHERE {_DATE} >= $1 AND ({_DATE}, s.study_key) > ($1, $2) AND {_DATE} < $3
        ORDER BY {_DATE}, s.study_key LIMIT $4""",
    ),
    "studies_by_uid": (
        "Study",
        "WHERE upper(s.study_uid) ~>~ $1 ORDER BY upper(s.study_uid) USING ~<~ LIMIT $2",
    ),
    "studies_with_uid": (
        "Study",
        "WHERE upper(s.study_uid) = upper($1) AND s.study_uid = $1 ORDER BY s.study_key",
    ),
    "series_of_studies": ("Series", "WHERE r.study_key = ANY ($1) ORDER BY r.series_key"),
    # Ordered by an expression: by the key itself, the planner may walk all instances there are.
    "instances_of_series": (
        "Instance",
        """
        WHERE i.series_key = ANY ($1) AND i.instance_key + 0 > $2
        ORDER BY i.instance_key + 0 LIMIT $3""",
    ),
    "instance_with_id": ("Instance", "WHERE i.id = $2 AND i.series_key = ANY ($1)"),
    "instance_with_uid": (
        "Instance",
        """
        WHERE upper(i.sop_instance_uid) = upper($2) AND i.sop_instance_uid = $2
          AND i.series_key = ANY ($1)""",
    ),
}
"""Each question: the level that it is about, and its condition."""


def _entries(level: Level, where: str) -> str:
    is_file = level == "Instance"
    return at(
        level,
        STATEMENTS["entries"],
        above="0::bigint" if level == "Patient" else "{row}.{up_column}",
        modified="received_at" if is_file else "last_update",
        size="i.size" if is_file else "0::bigint",
        where=where,
    )


BROWSE = {question: _entries(level, where) for question, (level, where) in WHERE.items()}


@dataclass(frozen=True, slots=True)
class Entry:
    """A resource without what hangs below it."""

    level: Level
    id: str
    key: int
    above: int
    """Key of the resource one level up; 0 for a patient."""
    tags: dict[str, str]
    """Main DICOM tags, "GGGGEEEE" to text."""
    modified: datetime
    size: int
    """Bytes of an instance's file; 0 at other levels."""


class Browser:
    """Reads entries. Every method raises `Unavailable` while the database is away."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def patients(self) -> AsyncIterator[list[Entry]]:
        """All patients, in pages, in the order in which they came."""
        last = 0
        while page := await self._entries("patients", last, PAGE):
            yield page
            last = page[-1].key

    async def patients_with_id(self, patient_ids: Sequence[str]) -> list[Entry]:
        """The patients that have one of these PatientIDs."""
        return await self._entries("patients_with_id", patient_ids)

    async def patients_with_key(self, keys: Sequence[int]) -> list[Entry]:
        return await self._entries("patients_with_key", keys)

    async def studies_of(self, patient_keys: Sequence[int]) -> list[Entry]:
        return await self._entries("studies_of_patients", patient_keys)

    async def studies_between(self, first: str, end: str) -> AsyncIterator[list[Entry]]:
        """Studies with a date from `first` to before `end`, in pages, in the order of dates."""
        date, last = first, 0
        while page := await self._entries("studies_between", date, last, end, PAGE):
            yield page
            date, last = page[-1].tags["00080020"][:INDEXED], page[-1].key

    async def studies_by_uid(self) -> AsyncIterator[list[Entry]]:
        """All studies, in pages, in the order of their UIDs; one for each UID on a page."""
        last = ""
        while page := await self._entries("studies_by_uid", last, PAGE):
            yield list({entry.tags["0020000D"]: entry for entry in page}.values())
            last = page[-1].tags["0020000D"].upper()

    async def studies_with_uid(self, study_uid: str) -> list[Entry]:
        """The studies of that UID; one, unless two patients share it."""
        return await self._entries("studies_with_uid", study_uid)

    async def series_of(self, study_keys: Sequence[int]) -> list[Entry]:
        return await self._entries("series_of_studies", study_keys)

    async def instances_of(self, series_keys: Sequence[int]) -> AsyncIterator[list[Entry]]:
        """The instances of series, in pages."""
        last = 0
        while page := await self._entries("instances_of_series", series_keys, last, PAGE):
            yield page
            last = page[-1].key

    async def instance_with_id(self, series_keys: Sequence[int], identifier: str) -> Entry | None:
        """The instance of that identifier, when it is in one of the series."""
        digest = to_bytes(identifier)
        if digest is None:
            return None
        return next(iter(await self._entries("instance_with_id", series_keys, digest)), None)

    async def instance_with_uid(self, series_keys: Sequence[int], uid: str) -> Entry | None:
        return next(iter(await self._entries("instance_with_uid", series_keys, uid)), None)

    async def study_date_prefixes(self, length: int, first: str, end: str) -> list[str]:
        """The beginnings of study dates from `first` to before `end`, each once, ascending."""
        statement = STATEMENTS["study_date_prefixes"]
        rows = await self._reader.rows(statement, first, length, end)
        return [row["prefix"] for row in rows]

    async def _entries(self, question: str, *values: Any) -> list[Entry]:
        level = WHERE[question][0]
        rows = await self._reader.rows(BROWSE[question], *values)
        return [
            Entry(
                level=level,
                id=to_text(row["id"]),
                key=row["key"],
                above=row["above"],
                tags=tags_of(row["tags"]),
                modified=row["modified"],
                size=row["size"],
            )
            for row in rows
        ]
