# SPDX-License-Identifier: Apache-2.0
"""Dead letters: what was announced and could not be indexed, as the index wrote it down."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from pons.catalog.connection import Reader
from pons.catalog.sql import load_statements
from pons.dicom.identity import ResourceIds, resource_ids
from pons.messages.events import Announcement

STATEMENTS = load_statements(Path(__file__).with_name("dead_letters.sql"))

PAGE = 20
"""Letters that one statement gives: each may have a megabyte, of which little is kept."""

_decoder = msgspec.msgpack.Decoder(Announcement)


@dataclass(frozen=True, slots=True)
class Undelivered:
    """An instance of a dead letter."""

    ids: ResourceIds
    study_uid: str
    series_uid: str
    sop_instance_uid: str
    object_key: UUID


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """What could not be indexed, and why."""

    number: int
    reason: str
    since: datetime
    tried: datetime | None
    """When it was last announced again."""
    dismissed: datetime | None
    """When somebody let it be."""
    object_key: UUID | None
    """The file that it is about; None where the announcement cannot be read."""
    instances: list[Undelivered]
    """Empty where nobody can tell."""


class DeadLetters:
    """Reads dead letters. Every method raises `Unavailable` while the database is away."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def listed(self, since: int, limit: int) -> list[DeadLetter]:
        """Those after the number `since` that nobody has dismissed, oldest first."""
        letters: list[DeadLetter] = []
        while len(letters) < limit:
            count = min(PAGE, limit - len(letters))
            rows = await self._reader.rows(STATEMENTS["dead_letters"], since, count)
            letters += map(_letter, rows)
            if len(rows) < count:
                break
            since = letters[-1].number
        return letters

    async def find(self, number: int) -> DeadLetter | None:
        """One of them, dismissed or not."""
        row = await self._reader.row(STATEMENTS["dead_letter"], number)
        return _letter(row) if row else None


def _letter(row: Any) -> DeadLetter:
    values = dict(row)
    return DeadLetter(instances=_instances(values.pop("announcement")), **values)


def _instances(announcement: bytes | None) -> list[Undelivered]:
    try:
        instances = _decoder.decode(announcement or b"").instances
    except msgspec.DecodeError:
        return []
    return [
        Undelivered(
            resource_ids(
                event.patient_id, event.study_uid, event.series_uid, event.sop_instance_uid
            ),
            event.study_uid,
            event.series_uid,
            event.sop_instance_uid,
            event.object_key,
        )
        for event in instances
    ]
