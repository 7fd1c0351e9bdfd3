# SPDX-License-Identifier: Apache-2.0
"""What clients hang on a resource, kept beside the objects as well: a file does not tell.

One note for each resource that has labels, metadata, attachments or protection, written in the
transaction that changes them, while it holds the resource. A note that is older than every object
of its resource belongs to an earlier life of it, which was deleted, and says nothing.
"""

import math
import time
from collections.abc import AsyncIterator
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
import structlog

from pons.dicom.identity import to_text
from pons.dicom.levels import LEVELS, Level
from pons.errors import NotFound
from pons.objects import Objects
from pons_index.changelog import Growth, log_changes
from pons_index.database import Database
from pons_index.deletion import PATIENCE, take_time
from pons_index.resource import Held, hold_resource
from pons_index.statements import SQL

log = structlog.get_logger()

FOLDER = "belongings"
AT_ONCE = 500


class Metadata(msgspec.Struct, frozen=True, array_like=True):
    number: int
    value: bytes
    text_value: str | None
    revision: int


class Attachment(msgspec.Struct, frozen=True, array_like=True):
    number: int
    object_key: UUID
    size: int
    stored_size: int
    compression: str
    md5: bytes
    stored_md5: bytes
    revision: int


class Record(msgspec.Struct, frozen=True):
    """All that hangs on one resource."""

    level: Level
    resource_id: str
    written: float
    """Seconds since the epoch."""
    protected: bool
    labels: list[str]
    metadata: list[Metadata]
    attachments: list[Attachment]


class Records:
    """Writes these notes, and brings back what they say."""

    def __init__(self, database: Database, objects: Objects) -> None:
        self._database = database
        self._notes = objects.notes

    async def write(self, connection: Any, resource: Held) -> None:
        """Note what hangs on a resource now; its transaction still holds it.

        Raises `Unavailable` or `OutOfResources`: then the change is not made.
        """
        record = await _read(connection, resource)
        name = note_of(record.level, record.resource_id)
        # Also where nothing is left: a database that was set back would bring it back.
        await self._notes.put(name, msgspec.msgpack.encode(record))

    async def write_missing(self) -> None:
        """Note what hangs on resources that have no note yet: an earlier version wrote none."""
        noted = {name async for name in self._notes.names(FOLDER)}
        async with self._database.pool.acquire() as connection, connection.transaction():
            await take_time(connection)
            rows = await connection.fetch(SQL["described_resources"], timeout=PATIENCE)
        for row in rows:
            level, identifier = LEVELS[row["level"]], to_text(row["id"])
            if note_of(level, identifier) not in noted:
                await self._write_one(level, identifier)

    async def _write_one(self, level: Level, identifier: str) -> None:
        async def write(connection: Any) -> None:
            async with connection.transaction():
                await self.write(connection, await hold_resource(connection, level, identifier))

        try:
            await self._database.run(write)
        except NotFound:
            return

    async def file_attachments(self) -> None:
        """Tell objects that are attachments from those that nobody knows."""
        named: list[tuple[UUID, int, str]] = []
        async for record in self._all():
            where = f"{record.level} {record.resource_id}"
            named += [(one.object_key, one.stored_size, where) for one in record.attachments]
            if len(named) > AT_ONCE:
                await self._file(named)
                named = []
        await self._file(named)

    async def restore(self) -> int:
        """Give resources that are there what their notes say; how many were changed by that.

        May be repeated. Attachments of resources that are not there stay in quarantine.
        """
        changed = 0
        async for record in self._all():
            changed += await self._database.run(partial(self._restore, record), patience=math.inf)
        await self._database.run(lambda connection: connection.execute(SQL["leave_attachments"]))
        if changed:
            log.warning("labels, metadata and attachments restored", resources=changed)
        return changed

    async def _restore(self, record: Record, connection: Any) -> bool:
        """Whether the resource is there and had not all of it."""
        async with connection.transaction():
            try:
                resource = await hold_resource(connection, record.level, record.resource_id)
            except NotFound:
                return False
            # Once more: it may have been written since, which nobody does who does not hold it.
            now = await self._read(note_of(record.level, record.resource_id))
            return now is not None and await _replace(now, resource, connection)

    async def _read(self, name: str) -> Record | None:
        """What a note says; None when it was just removed, or cannot be read."""
        try:
            return msgspec.msgpack.decode(await self._notes.read(name), type=Record)
        except NotFound:
            return None
        except msgspec.DecodeError as error:
            log.error("record beside the objects cannot be read", name=name, error=str(error))
            return None

    async def _file(self, named: list[tuple[UUID, int, str]]) -> None:
        columns = [list(column) for column in zip(*named, strict=True)]
        if columns:
            await self._database.run(
                lambda connection: connection.execute(SQL["file_attachments"], *columns)
            )

    async def _all(self) -> AsyncIterator[Record]:
        async for name in self._notes.names(FOLDER):
            record = await self._read(name)
            if record is not None:
                yield record


def note_of(level: Level, resource_id: str) -> str:
    """The name of a resource's note."""
    digits = resource_id.replace("-", "")
    return f"{FOLDER}/{level.lower()}/{digits[:2]}/{digits}"


async def _read(connection: Any, resource: Held) -> Record:
    row = await connection.fetchrow(SQL["read_record"], resource.level, resource.key)
    metadata = await connection.fetch(SQL["read_all_metadata"], resource.key)
    attachments = await connection.fetch(SQL["read_all_attachments"], resource.key)
    return Record(
        level=LEVELS[resource.level],
        resource_id=to_text(resource.id),
        written=time.time(),
        protected=row["protected"],
        labels=list(row["labels"]),
        metadata=[Metadata(*one) for one in metadata],
        attachments=[Attachment(*one) for one in attachments],
    )


async def _replace(record: Record, resource: Held, connection: Any) -> bool:
    """Give a resource what its note says, if it had not all of it."""
    latest = UUID(int=int(record.written * 1000) + 1 << 80)
    if not await connection.fetchval(SQL["lived_before"], resource.level, resource.key, latest):
        return False
    now = await _read(connection, resource)
    if msgspec.structs.replace(now, written=record.written) == record:
        return False
    attachments = record.attachments
    objects = [one.object_key for one in attachments]
    gone = await connection.fetchrow(SQL["forget_client_data"], [resource.key], "replaced", objects)
    await connection.executemany(
        SQL["put_label"], [(resource.key, label) for label in record.labels]
    )
    await connection.executemany(
        SQL["put_metadata"],
        [(resource.key, *msgspec.structs.astuple(one)) for one in record.metadata],
    )
    await connection.executemany(
        SQL["put_attachment"],
        [(resource.key, *msgspec.structs.astuple(one)) for one in attachments],
    )
    if resource.level == 0:
        await connection.fetchval(SQL["protect_patient"], resource.id, record.protected)
    await connection.execute(SQL["forget_findings"], objects)
    growth = Growth(
        size=sum(one.size for one in attachments) - gone["size"],
        stored_size=sum(one.stored_size for one in attachments) - gone["stored_size"],
    )
    await log_changes(connection, growth)
    return True
