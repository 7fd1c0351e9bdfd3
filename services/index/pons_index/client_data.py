# SPDX-License-Identifier: Apache-2.0
"""Commands about what clients hang on resources: metadata, labels, attachments.

The database may have committed what the connection broke off before it said so. So each command
remembers what it tried, and takes a row that is just so for its own doing.
"""

from collections.abc import Awaitable, Callable, Mapping
from hashlib import md5
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from pons.bus.requests import Handler
from pons.dicom.metadata import DICOM_FILE
from pons.errors import Conflict, NotFound
from pons.messages.index import (
    DeleteAttachment,
    DeleteLabel,
    DeleteMetadata,
    PutAttachment,
    PutLabel,
    PutMetadata,
    RestoreObject,
    Revision,
    Written,
)
from pons.messages.services import Done
from pons_index.capacity import Capacity
from pons_index.changelog import Growth, log_changes
from pons_index.database import Database
from pons_index.faults import TooLate
from pons_index.records import Records
from pons_index.resource import Held, hold_resource
from pons_index.statements import SQL

T = TypeVar("T")
Row = Mapping[str, Any] | None


class ClientData:
    """Handlers of these commands.

    Parameters
    ----------
    records
        Notes beside the objects what hangs on a resource.
    wrote
        Hears that a transaction may have logged changes.
    capacity
        Limits that attachments fill, too; None: there are none.
    """

    def __init__(
        self,
        database: Database,
        wrote: Callable[[], None],
        *,
        check_revisions: bool,
        records: Records,
        capacity: Capacity | None = None,
    ) -> None:
        self._database = database
        self._wrote = wrote
        self._checking = check_revisions
        self._records = records
        self._capacity = capacity if capacity and capacity.limited else None

    def handlers(self) -> dict[type[msgspec.Struct], Handler]:
        return {
            PutMetadata: self.put_metadata,
            DeleteMetadata: self.delete_metadata,
            PutLabel: self.put_label,
            DeleteLabel: self.delete_label,
            PutAttachment: self.put_attachment,
            DeleteAttachment: self.delete_attachment,
            RestoreObject: self.restore_object,
        }

    async def put_metadata(self, command: PutMetadata) -> Written:
        tried: set[int] = set()
        digest = md5(command.value, usedforsecurity=False).hexdigest()

        async def put(connection: Any, resource: Held) -> Written:
            row = await connection.fetchrow(SQL["read_metadata"], resource.key, command.number)
            if row is not None and row["revision"] in tried and row["md5"] == digest:
                return Written(row["revision"])
            self._check(row, command.expected)
            revision = _next(row)
            tried.add(revision)
            await connection.execute(
                SQL["put_metadata"],
                resource.key,
                command.number,
                command.value,
                _searchable(command.value),
                revision,
            )
            await log_changes(connection, Growth(), [resource.line("UpdatedMetadata")])
            return Written(revision)

        return await self._transact(command, put)

    async def delete_metadata(self, command: DeleteMetadata) -> Done:
        tried: list[bool] = []

        async def delete(connection: Any, resource: Held) -> Done:
            row = await connection.fetchrow(SQL["read_metadata"], resource.key, command.number)
            if row is None:
                return _gone(tried, "metadata")
            self._check(row, command.expected)
            tried.append(True)
            await connection.execute(SQL["delete_metadata"], resource.key, command.number)
            await log_changes(connection, Growth(), [resource.line("UpdatedMetadata")])
            return Done()

        return await self._transact(command, delete)

    async def put_label(self, command: PutLabel) -> Done:
        async def put(connection: Any, resource: Held) -> Done:
            await connection.execute(SQL["put_label"], resource.key, command.label)
            return Done()

        return await self._transact(command, put)

    async def delete_label(self, command: DeleteLabel) -> Done:
        async def delete(connection: Any, resource: Held) -> Done:
            await connection.execute(SQL["delete_label"], resource.key, command.label)
            return Done()

        return await self._transact(command, delete)

    async def put_attachment(self, command: PutAttachment) -> Written:
        async def put(connection: Any, resource: Held) -> Written:
            row = await connection.fetchrow(SQL["read_attachment"], resource.key, command.number)
            if row is not None and row["object_key"] == command.object_key:
                return Written(row["revision"])
            self._check(row, command.expected)
            await _require_kept(connection, command.object_key)
            revision = _next(row)
            await connection.execute(
                SQL["put_attachment"],
                resource.key,
                command.number,
                command.object_key,
                command.size,
                command.stored_size,
                command.compression,
                bytes.fromhex(command.md5),
                bytes.fromhex(command.stored_md5),
                revision,
            )
            growth = Growth(size=command.size, stored_size=command.stored_size)
            if row is not None:
                growth += await _throw_away(connection, row, "replaced")
            expected = None
            if self._capacity:
                patient = await connection.fetchval(SQL["read_patient_id"], resource.patient_key)
                freed, expected = await self._capacity.make_room(connection, growth, [patient])
                growth += freed
            lines = [resource.line("UpdatedAttachment")]
            filling = await log_changes(connection, growth, lines, [command.object_key])
            if self._capacity and expected:
                self._capacity.check(expected, filling)
            return Written(revision)

        return await self._transact(command, put)

    async def delete_attachment(self, command: DeleteAttachment) -> Done:
        tried: list[bool] = []

        async def delete(connection: Any, resource: Held) -> Done:
            row = await connection.fetchrow(SQL["read_attachment"], resource.key, command.number)
            if row is None:
                return _gone(tried, "attachment")
            self._check(row, command.expected)
            tried.append(True)
            await connection.execute(SQL["delete_attachment"], resource.key, command.number)
            growth = await _throw_away(connection, row, "deleted")
            await log_changes(connection, growth, [resource.line("UpdatedAttachment")])
            return Done()

        return await self._transact(command, delete)

    async def restore_object(self, command: RestoreObject) -> Done:
        is_file = command.number == DICOM_FILE
        read = "read_file" if is_file else "read_attachment"

        async def restore(connection: Any, resource: Held) -> Done:
            number = () if is_file else (command.number,)
            row = await connection.fetchrow(SQL[read], resource.key, *number)
            if row is None:
                raise NotFound("There is no such attachment")
            if row["object_key"] == command.object_key:
                return Done()
            if row["object_key"] != command.former_key:
                raise Conflict("The attachment was replaced meanwhile")
            await _require_kept(connection, command.object_key)
            form = (command.object_key, command.stored_size, command.compression)
            if is_file:
                await connection.execute(SQL["restore_file"], resource.key, *form)
            else:
                await connection.execute(
                    SQL["restore_attachment"],
                    resource.key,
                    command.number,
                    *form,
                    command.stored_md5,
                )
            await connection.execute(SQL["discard"], [command.former_key], "replaced")
            growth = Growth(stored_size=command.stored_size - row["stored_size"])
            await log_changes(connection, growth, objects=[command.object_key])
            return Done()

        return await self._transact(command, restore)

    async def _transact(self, command: Any, work: Callable[[Any, Held], Awaitable[T]]) -> T:
        """What `work` answers, in one transaction that holds the command's resource."""

        async def attempt(connection: Any) -> T:
            async with connection.transaction():
                resource = await hold_resource(connection, command.level, command.resource_id)
                done = await work(connection, resource)
                await self._records.write(connection, resource)
                return done

        try:
            return await self._database.run(attempt)
        finally:
            self._wrote()

    def _check(self, row: Row, expected: Revision | None) -> None:
        if not self._checking or row is None:
            return
        if expected is None:
            raise Conflict("It is there already", "send its ETag as If-Match to overwrite it")
        if expected != Revision(row["revision"], row["md5"]):
            raise Conflict("It has changed meanwhile", f"its revision is {row['revision']} now")


def _next(row: Row) -> int:
    return 0 if row is None else int(row["revision"]) + 1


def _searchable(value: bytes) -> str | None:
    """The value as text, where it is one that PostgreSQL takes."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def _gone(tried: list[bool], kind: str) -> Done:
    if tried:  # it was this command that deleted it, though the answer was lost
        return Done()
    raise NotFound(f"There is no such {kind}")


async def _require_kept(connection: Any, object_key: UUID) -> None:
    if await connection.fetchval(SQL["is_garbage"], object_key):
        raise TooLate


async def _throw_away(connection: Any, row: Mapping[str, Any], reason: str) -> Growth:
    """The object of an attachment becomes garbage."""
    await connection.execute(SQL["discard"], [row["object_key"]], reason)
    return Growth(size=-row["size"], stored_size=-row["stored_size"])
