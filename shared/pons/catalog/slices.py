# SPDX-License-Identifier: Apache-2.0
"""What a series is made of for those who look at it, and which instance stands for a resource."""

from dataclasses import dataclass
from uuid import UUID

from pons.catalog.connection import Reader
from pons.catalog.statements import STATEMENTS
from pons.dicom.identity import to_bytes, to_text
from pons.dicom.levels import Level

SHOWN: dict[Level, str] = {"Study": "middle_of_study", "Series": "middle_of_series"}


@dataclass(frozen=True, slots=True)
class StoredSlice:
    """An instance of a series."""

    id: str
    index: int | None
    """Its index in the series."""
    object_key: UUID


class Slices:
    """Reads instances as slices. Every method raises `Unavailable` while the database is away."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def of_series(self, series_id: str) -> list[StoredSlice]:
        """The instances of a series in order of arrival; empty for an unknown series."""
        rows = await self._reader.rows(STATEMENTS["series_slices"], to_bytes(series_id))
        return [
            StoredSlice(to_text(row["id"]), row["index_in_series"], row["object_key"])
            for row in rows
        ]

    async def middle(self, level: Level, identifier: str) -> tuple[str, UUID] | None:
        """The instance in the middle of those that have pixels, and the key of its object.

        Of a study's series the one with the most of them counts. None where there is none.
        """
        row = await self._reader.row(STATEMENTS[SHOWN[level]], to_bytes(identifier))
        return (to_text(row["id"]), row["object_key"]) if row else None
