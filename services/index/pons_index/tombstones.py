# SPDX-License-Identifier: Apache-2.0
"""What was deleted on purpose, noted beside the objects: losing the database does not undo it.

A note is written after the deletion is committed and before it is answered: it never says more than
what is so. It goes when the database has forgotten its objects, long after they were deleted.
"""

import math
from collections.abc import Iterable
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
import structlog

from pons.dicom.identity import to_text
from pons.dicom.levels import LEVELS
from pons.errors import NotFound, PonsError, log_text
from pons.objects import Objects, new_key
from pons_index.changelog import log_changes
from pons_index.database import Database
from pons_index.deletion import PATIENCE, Removed, delete_instances, take_time
from pons_index.records import note_of
from pons_index.statements import SQL

log = structlog.get_logger()

FOLDER = "tombstones"


class Tombstone(msgspec.Struct, frozen=True, array_like=True):
    """Instances that were deleted together: their objects, and their ids."""

    keys: list[UUID]
    instances: list[bytes]


class Tombstones:
    """Writes these notes, and reads them when the database may have forgotten."""

    def __init__(self, database: Database, objects: Objects) -> None:
        self._database = database
        self._notes = objects.notes

    async def note(self, removed: Removed) -> None:
        """Note a deletion that is committed. Where that fails, the database alone knows of it."""
        if not removed.objects:
            return
        name = new_key()
        try:
            tombstone = Tombstone(removed.objects, removed.instances)
            await self._notes.put(_note(name), msgspec.msgpack.encode(tombstone))
            await self._database.run(
                lambda connection: connection.execute(SQL["note_tombstone"], removed.objects, name)
            )
            await self._notes.delete(
                [note_of(LEVELS[level], to_text(one)) for level, one in removed.resources]
            )
        except PonsError as error:
            log.warning("deletion is not noted beside the objects", error=log_text(error))

    async def restore(self) -> int:
        """Delete again what a database that was set back has forgotten to be deleted; how many
        instances it still had. May be repeated."""
        deleted = 0
        async for name in self._notes.names(FOLDER):
            try:
                content = await self._notes.read(name)
            except NotFound:  # just forgotten
                continue
            try:
                tombstone = msgspec.msgpack.decode(content, type=Tombstone)
            except msgspec.DecodeError as error:
                log.error("tombstone cannot be read", name=name, error=str(error))
                continue
            bury = partial(_bury, tombstone, _key(name))
            deleted += await self._database.run(bury, patience=math.inf)
        if deleted:
            log.warning("instances deleted again that came back with the database", count=deleted)
        return deleted

    async def restored(self) -> None:
        """Everything was compared: whose instances these were is not asked any more."""
        await self._database.run(lambda connection: connection.execute(SQL["forget_dead"]))

    async def forget(self, names: Iterable[UUID]) -> None:
        """Remove these notes."""
        await self._notes.delete([_note(name) for name in names])


async def _bury(tombstone: Tombstone, name: UUID, connection: Any) -> int:
    """Delete what is left of these instances from before the deletion; a later file of theirs came
    after it and stays."""
    # Whoever stores an instance again may have another clock than who noted its deletion: a later
    # file is also one that came after the last that was deleted.
    before = min(name, UUID(int=max(key.int for key in tombstone.keys) + 1))
    keys, dead = tombstone.keys, (tombstone.keys, tombstone.instances, before)
    async with connection.transaction():
        await take_time(connection)
        await connection.fetch(SQL["trees_of_the_dead"], *dead, timeout=PATIENCE)
        rows = await connection.fetch(SQL["back_from_the_dead"], *dead, timeout=PATIENCE)
        if rows:
            doomed = [row["instance_key"] for row in rows]
            removed = await delete_instances(connection, doomed, "deleted", tell=False)
            await log_changes(connection, removed.growth)
        await connection.execute(SQL["bury"], keys, name, timeout=PATIENCE)
        await connection.execute(SQL["remember_dead"], tombstone.instances, before)
    return len(rows)


def _note(name: UUID) -> str:
    return f"{FOLDER}/{name}"


def _key(note: str) -> UUID:
    return UUID(note.removeprefix(f"{FOLDER}/"))
