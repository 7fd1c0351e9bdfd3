# SPDX-License-Identifier: Apache-2.0
"""Reading files again, and rebuilding what the index keeps of them; a slice at a time."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
import structlog

from pons.bus.requests import Handler
from pons.catalog.schema import TABLES
from pons.dicom.identity import to_bytes
from pons.dicom.levels import LEVELS, Level
from pons.errors import InvalidInstance, NotFound, log_text
from pons.limits.room import AT_A_TIME, Room
from pons.messages.events import InstanceReceived
from pons.messages.index import Reconstruct, Reconstructed
from pons.objects.stored_file import ObjectFile
from pons_index.changelog import NUMBERS, Growth, log_changes
from pons_index.database import Database
from pons_index.pixel_vr import has_odd_pixel_vr
from pons_index.signature import signature_of
from pons_index.statements import SQL
from pons_index.tags import MainTags, TagReader, Unindexable, without_nul

log = structlog.get_logger()

AT_ONCE = 100
"""Instances of one transaction; so many headers are held in memory, the large ones aside."""
READ_AT_ONCE = 4


class ReadAgain(Protocol):
    """`pons.ingest.Ingest.read_again`."""

    async def __call__(self, file: ObjectFile, *, rewrite: bool = False) -> InstanceReceived: ...


OpenReadAgain = Callable[[], AbstractAsyncContextManager[ReadAgain]]


@dataclass(frozen=True, slots=True)
class Reread:
    """An instance's row, and what its file says now."""

    row: Any
    event: InstanceReceived
    tags: MainTags


class Reconstruction:
    """Handler of `Reconstruct`.

    Metadata, labels, attachments and the times of resources stay. Of an ancestor's instances the
    newest defines its main tags.
    """

    def __init__(self, database: Database, open_read: OpenReadAgain, tags: TagReader) -> None:
        self._database = database
        self._open_read = open_read
        self._tags = tags
        self._room = Room(AT_A_TIME)
        """For the files that are read: of a large one nobody knows yet what its header takes."""

    def handlers(self) -> dict[type[msgspec.Struct], Handler]:
        """The command with what answers it."""
        return {Reconstruct: self.reconstruct}

    async def reconstruct(self, command: Reconstruct) -> Reconstructed:
        """Rebuild the next slice. Raises `NotFound` when there is no such resource."""
        rows = await self._database.run(lambda connection: _slice(connection, command))
        if not rows and command.level is not None and not command.after:
            raise NotFound("There is no such resource", command.resource_id)
        levels = LEVELS if command.level is None or not command.level_only else (command.level,)
        whole = "Instance" in levels
        async with self._open_read() as read_again:
            reread = await self._read(read_again, rows, rewrite=command.rewrite and whole)
        rebuilt = 0
        if reread:
            rebuilt = await self._database.run(
                lambda connection: self._write(connection, reread, levels)
            )
        more = len(rows) == AT_ONCE
        return Reconstructed(rebuilt, rows[-1]["instance_key"] if more else None)

    async def _read(self, read_again: ReadAgain, rows: list[Any], *, rewrite: bool) -> list[Reread]:
        turns = asyncio.Semaphore(READ_AT_ONCE)

        async def read(row: Any) -> Reread | None:
            async with turns, self._room.hold(row["size"]):
                file = ObjectFile(
                    row["object_key"], row["size"], row["stored_size"], row["compression"]
                )
                try:
                    event = await read_again(file, rewrite=rewrite)
                    tags = self._tags.read(event.header, ancestors=True)
                except (InvalidInstance, NotFound, Unindexable) as error:
                    key = str(file.object_key)
                    log.warning(
                        "instance not reconstructed", object_key=key, reason=log_text(error)
                    )
                    return None
            if event.header_key:
                event = msgspec.structs.replace(event, header=b"")
            return Reread(row, event, tags)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(read(row)) for row in rows]
        return [found for task in tasks if (found := task.result()) is not None]

    async def _write(self, connection: Any, reread: list[Reread], levels: Sequence[Level]) -> int:
        """How many of the instances were still there and have been rebuilt."""
        signature = await signature_of(connection, self._tags.listed)
        async with connection.transaction():
            trees = list({one.row["patient_key"] for one in reread})
            await connection.execute(SQL["hold_patients"], trees)
            there = await self._rebuild(connection, reread, levels, signature)
            # What was written for an instance that is gone, or for its header alone.
            await connection.execute(SQL["discard_unused"], _new_objects(reread), "replaced")
            kept = [one for one in reread if one.row["instance_key"] in there]
            objects = _new_objects(kept) if "Instance" in levels else []
            await log_changes(connection, Growth(stored_size=sum(there.values())), (), objects)
        return len(there)

    async def _rebuild(
        self, connection: Any, reread: list[Reread], levels: Sequence[Level], signature: int
    ) -> dict[int, int]:
        """Key of each instance that was still there, and what its object gained in bytes."""
        if "Instance" in levels:
            rows = await connection.fetch(
                SQL["rebuild_instances"], *_instance_columns(reread), signature
            )
            there = {row["instance_key"]: row["gained"] for row in rows}
        else:
            there = {one.row["instance_key"]: 0 for one in reread}
        kept = [one for one in reread if one.row["instance_key"] in there]
        for level, told in ANCESTORS.items():
            if level in levels and kept:
                # The instances are in order, so that the newest of each ancestor is what counts.
                table = TABLES[level]
                newest = {one.row[table.column]: one.tags for one in kept}
                columns = zip(*((key, *told(tags)) for key, tags in newest.items()), strict=True)
                await connection.execute(
                    SQL[f"rebuild_{table.name}"], *map(list, columns), signature
                )
        return there


ANCESTORS: dict[Level, Callable[[MainTags], tuple[Any, ...]]] = {
    "Patient": lambda tags: (tags.of("Patient"), tags.sequences_of("Patient")),
    "Study": lambda tags: (tags.of("Study"), tags.of("Patient"), tags.sequences_of("Study")),
    "Series": lambda tags: (
        tags.of("Series"),
        tags.sequences_of("Series"),
        tags.expected_instances,
    ),
}
"""Level to what its row keeps of a file: the columns of the statement `rebuild_...`."""


async def _slice(connection: Any, command: Reconstruct) -> list[Any]:
    if command.level is None:
        return list(await connection.fetch(SQL["next_of_store"], command.after, AT_ONCE))
    level, identifier = NUMBERS[command.level], to_bytes(command.resource_id)
    if identifier is None:
        return []
    if command.level_only:
        return list(await connection.fetch(SQL["newest_of_resource"], level, identifier))
    values = (level, identifier, command.after, AT_ONCE)
    return list(await connection.fetch(SQL["next_of_resource"], *values))


def _new_objects(reread: list[Reread]) -> list[Any]:
    """Objects that reading again has written."""
    events = [(one.row["object_key"], one.event) for one in reread]
    files = [event.object_key for old, event in events if event.object_key != old]
    return files + [event.header_key for _, event in events if event.header_key]


def _instance_columns(reread: list[Reread]) -> list[list[Any]]:
    events = [one.event for one in reread]
    return [
        [one.row["instance_key"] for one in reread],
        [one.row["object_key"] for one in reread],
        [event.object_key for event in events],
        [event.stored_size for event in events],
        [event.compression for event in events],
        [without_nul(event.sop_class_uid) for event in events],
        [without_nul(event.transfer_syntax) for event in events],
        [one.tags.of("Instance") for one in reread],
        [one.tags.index_in_series for one in reread],
        [event.pixel_offset for event in events],
        [event.pixel_length for event in events],
        [event.pixel_vr for event in events],
        [event.header for event in events],
        [event.header_key for event in events],
        [event.meta for event in events],
        [has_odd_pixel_vr(one.event, one.tags) for one in reread],
        [one.tags.sequences_of("Instance") for one in reread],
    ]
