# SPDX-License-Identifier: Apache-2.0
"""What other services may ask of the index, each command in one transaction."""

from collections.abc import Callable
from typing import Any, NoReturn

import msgspec

from pons.bus import Bus
from pons.bus.requests import Handler
from pons.dicom.identity import to_bytes
from pons.dicom.levels import LEVELS
from pons.errors import BadRequest, NotFound, ReadOnly, Unavailable
from pons.ingest.backlog import drained
from pons.messages.index import (
    ClearChanges,
    ClearExports,
    Collected,
    CollectNow,
    DeleteAttachment,
    Deleted,
    DeleteResource,
    DeleteResources,
    LogExports,
    ProtectPatient,
)
from pons.messages.services import Done
from pons.objects.free_space import FreeSpace
from pons_index.collector import Collector
from pons_index.database import COMMAND_PATIENCE, Database
from pons_index.deletion import Removed, delete_resource, delete_resources
from pons_index.records import Records
from pons_index.relay import Relay
from pons_index.resource import hold_resource
from pons_index.statements import SQL
from pons_index.tags import without_nul
from pons_index.tombstones import Tombstones

DRAIN_PATIENCE = 10.0
"""Seconds that a deletion waits for what was acknowledged before it to be written."""

Handlers = dict[type[msgspec.Struct], Handler]

UNHARMFUL: tuple[type[msgspec.Struct], ...] = (CollectNow, LogExports)
"""What a store that is read-only answers all the same: the first removes what was deleted before,
the second is told to keep nothing."""


def refusing(handlers: Handlers) -> Handlers:
    """The handlers of a store that is read-only."""

    async def refuse(_command: Any) -> NoReturn:
        raise ReadOnly

    return {
        command: handler if command in UNHARMFUL else refuse
        for command, handler in handlers.items()
    }


REMOVING: tuple[type[msgspec.Struct], ...] = (DeleteResource, DeleteResources, DeleteAttachment)
"""What makes room, and needs a little for it."""


def giving_way(handlers: Handlers, room: FreeSpace, collect: Callable[[], object]) -> Handlers:
    """The handlers, of which those that make room find some; `collect` is called after them."""

    def with_room(handler: Handler) -> Handler:
        async def remove(command: Any) -> Any:
            short = room.give_way()
            answer = await handler(command)
            if short:
                collect()
            return answer

        return remove

    return {
        command: with_room(handler) if command in REMOVING else handler
        for command, handler in handlers.items()
    }


class Commands:
    """Handlers of the commands to the index."""

    def __init__(
        self,
        database: Database,
        relay: Relay,
        collector: Collector,
        *,
        log_exports: bool,
        tombstones: Tombstones,
        records: Records,
        bus: Bus,
    ) -> None:
        self._bus = bus
        self._database = database
        self._relay = relay
        self._collector = collector
        self._log_exports = log_exports
        self._tombstones = tombstones
        self._records = records

    def handlers(self) -> Handlers:
        """Every command of the index with what answers it."""
        return {
            DeleteResource: self.delete,
            DeleteResources: self.delete_many,
            ProtectPatient: self.protect,
            ClearChanges: self.clear_changes,
            ClearExports: self.clear_exports,
            LogExports: self.log_exports,
            CollectNow: self.collect,
        }

    async def delete(self, command: DeleteResource) -> Deleted:
        tried: list[Removed] = []

        async def attempt(connection: Any) -> Removed:
            try:
                return await delete_resource(connection, command, tried.append)
            except NotFound:
                if tried:  # it was this command that deleted it, though the answer was lost
                    return tried[-1]
                raise

        written = await drained(self._bus, DRAIN_PATIENCE)
        try:
            removed = await self._database.run(attempt)
        except NotFound:
            if written:
                raise
            raise Unavailable(
                "Instances that were stored before are not in the index yet",
                "this may be one of them: delete it again shortly",
            ) from None
        await self._tombstones.note(removed)
        return removed.answer

    async def delete_many(self, command: DeleteResources) -> Done:
        await drained(self._bus, DRAIN_PATIENCE)
        removed = await self._database.run(lambda connection: delete_resources(connection, command))
        if removed is not None:
            await self._tombstones.note(removed)
        return Done()

    async def protect(self, command: ProtectPatient) -> Done:
        async def protect(connection: Any) -> None:
            async with connection.transaction():
                resource = await hold_resource(connection, "Patient", command.resource_id)
                await connection.fetchval(SQL["protect_patient"], resource.id, command.protected)
                await self._records.write(connection, resource)

        try:
            await self._database.run(protect)
        except NotFound:
            raise BadRequest("There is no such patient", command.resource_id) from None
        return Done()

    async def clear_changes(self, _command: ClearChanges) -> Done:
        """What is not published yet is published first: routing and webhooks miss nothing."""
        await self._relay.publish_all("await_turn", COMMAND_PATIENCE)

        async def clear(connection: Any) -> None:
            async with connection.transaction():
                relayed = await connection.fetchval(SQL["await_turn"])
                await connection.execute(SQL["clear_changes"], relayed)

        await self._database.run(clear)
        return Done()

    async def clear_exports(self, _command: ClearExports) -> Done:
        await self._database.run(lambda connection: connection.execute(SQL["clear_exports"]))
        return Done()

    async def log_exports(self, command: LogExports) -> Done:
        if not self._log_exports:
            return Done()
        columns = _export_columns(command)

        async def log_exports(connection: Any) -> None:
            async with connection.transaction():
                await connection.execute(SQL["lock_exports"])
                await connection.execute(
                    SQL["log_exports"], command.job_id, without_nul(command.modality), *columns
                )

        await self._database.run(log_exports)
        return Done()

    async def collect(self, _command: CollectNow) -> Collected:
        return await self._collector.collect(wait=True)


def _export_columns(command: LogExports) -> list[list[Any]]:
    ids = [to_bytes(export.resource_id) for export in command.exports]
    if None in ids:
        raise BadRequest("An export names something that is no resource")

    def texts(value: Callable[[Any], str]) -> list[str]:
        return [without_nul(value(export)) for export in command.exports]

    return [
        [LEVELS.index(export.level) for export in command.exports],
        ids,
        texts(lambda export: export.patient_id),
        texts(lambda export: export.study_uid),
        texts(lambda export: export.series_uid),
        texts(lambda export: export.sop_instance_uid),
    ]
