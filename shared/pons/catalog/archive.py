# SPDX-License-Identifier: Apache-2.0
"""Which instances are sent, archived or committed to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pons.catalog.connection import Reader
from pons.catalog.records import Statistics, StoredObject, stored_object
from pons.catalog.resources import tags_of
from pons.catalog.statements import STATEMENTS
from pons.dicom.identity import digests, to_text

BEATEN_WITHIN = 15.0
"""Seconds after which the index is not believed to be at work that has said nothing: it says so
every 5 s."""
NAMED_AT_ONCE = 1000
"""SOP Instance UIDs that one statement asks for, each a step in the index."""


@dataclass(frozen=True, slots=True)
class InstanceToSend:
    """An instance with everything that sending it needs."""

    instance_id: str
    parents: tuple[str, ...]
    """Identifiers of its patient, study and series."""
    object_key: UUID
    size: int
    stored_size: int
    compression: str
    transfer_syntax: str
    sop_class_uid: str
    sop_instance_uid: str
    series_uid: str
    study_uid: str
    patient_id: str
    checksum: bytes = b""
    """xxh3_128 of the DICOM file."""
    md5: str = ""

    @property
    def owner(self) -> str:
        return self.instance_id


@dataclass(frozen=True, slots=True)
class ArchivedSeries:
    """A series that is to be archived, with the tags that name it and what is above it."""

    series_key: int
    whole: bool
    """Whether all of its instances are meant, or only those that were named themselves."""
    tags: dict[str, str]
    study_key: int
    study_tags: dict[str, str]
    patient_key: int
    patient_tags: dict[str, str]
    """The study's own copy."""


@dataclass(frozen=True, slots=True)
class ArchivedInstance:
    """An instance that is to be archived."""

    instance_id: str
    index_in_series: int | None
    stored: StoredObject


class Archive:
    """Lists them. Every method raises `Unavailable` while the database is away.

    `resource_ids` may name resources of any level; those that are none name nothing.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def instances_to_send(self, resource_ids: list[str]) -> list[InstanceToSend]:
        """The instances, each once, the same order every time.

        Studies and series come one after the other, instances by their index in the series.
        """
        rows = await self._reader.rows(STATEMENTS["instances_to_send"], digests(resource_ids))
        return [_to_send(row) for row in rows]

    async def instances_named(self, sop_instance_uids: Sequence[str]) -> list[StoredObject]:
        """The instances with these UIDs; one that several patients or studies have, from each."""
        uids = list(dict.fromkeys(uid for uid in sop_instance_uids if "\0" not in uid))
        found: list[StoredObject] = []
        for start in range(0, len(uids), NAMED_AT_ONCE):
            asked = uids[start : start + NAMED_AT_ONCE]
            rows = await self._reader.rows(STATEMENTS["instances_named"], asked)
            found.extend(map(stored_object, rows))
        return found

    async def is_restoring(self, within: float = BEATEN_WITHIN) -> bool:
        """Whether the index may lack what it had, and what it lacks may come back from the objects.

        So it is while it compares, after a loss everything and at each start of its own and of
        NATS what came last; in a new database, until it has seen whether there was another before;
        and where it has not said in the last `within` seconds that it does not.
        """
        if within <= 0:
            return True
        row = await self._reader.row(STATEMENTS["restoring"], within)
        return row is None or bool(row["restoring"])

    async def series(self, resource_ids: list[str]) -> list[ArchivedSeries]:
        """The series, each once, in an order that keeps studies and patients together."""
        rows = await self._reader.rows(STATEMENTS["archived_series"], digests(resource_ids))
        tags = ("tags", "study_tags", "patient_tags")
        return [
            ArchivedSeries(**{**row, **{name: tags_of(row[name]) for name in tags}}) for row in rows
        ]

    async def instances(
        self, series: ArchivedSeries, resource_ids: list[str]
    ) -> list[ArchivedInstance]:
        """The instances of `series`, all or those of them in `resource_ids`, in its order."""
        named = None if series.whole else digests(resource_ids)
        rows = await self._reader.rows(STATEMENTS["archived_instances"], series.series_key, named)
        return [
            ArchivedInstance(to_text(row["id"]), row["index_in_series"], stored_object(row))
            for row in rows
        ]

    async def totals(self, series: list[ArchivedSeries], resource_ids: list[str]) -> Statistics:
        """How many instances `instances` gives for all of `series`, and their bytes."""
        whole = [one.series_key for one in series if one.whole]
        row = await self._reader.row(STATEMENTS["archived_totals"], whole, digests(resource_ids))
        assert row is not None
        return Statistics(size=row["size"], stored_size=row["size"], instances=row["instances"])


def _to_send(row: Any) -> InstanceToSend:
    values = dict(row)
    parents = tuple(map(to_text, values.pop("parents")))
    return InstanceToSend(instance_id=to_text(values.pop("id")), parents=parents, **values)
