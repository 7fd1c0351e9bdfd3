# SPDX-License-Identifier: Apache-2.0
"""Worklist entries: written, ended when they are old or done, and kept as safe as metadata.

Each has a note beside the objects that says the same as its row, written in the same transaction:
a database that is lost or set back gets entries from there, and does not bring deleted ones back.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import structlog

from pons.bus.requests import Handler
from pons.catalog.worklists import revision_of
from pons.errors import Conflict, NotFound, OutOfResources, PonsError, log_text
from pons.health.pulse import Pulse
from pons.messages.index import DeleteWorklist, PutWorklist
from pons.messages.services import Done
from pons.objects import Objects
from pons.settings import WorklistsSettings
from pons_index.database import Database
from pons_index.statements import SQL

log = structlog.get_logger()

FOLDER = "worklists"
AT_ONCE = 200
"""Entries that one round ends at most."""
REST_OF_DAY = timedelta(days=1, hours=12)
"""From midnight in UTC until a day has ended everywhere."""


class Note(msgspec.Struct, frozen=True):
    """What is known of one entry."""

    id: UUID
    tags: bytes
    study_uid: str
    first_day: str
    last_day: str
    created: datetime
    changed: datetime
    deleted: bool = False


class Worklists:
    """Handlers of the commands about worklists, and what ends entries in the background."""

    def __init__(
        self,
        database: Database,
        objects: Objects,
        settings: WorklistsSettings,
        remember_days: float,
        pulse: Pulse | None = None,
    ) -> None:
        """`remember_days`: how long it is known that an entry was deleted."""
        self._database = database
        self._notes = objects.notes
        self._settings = settings
        self._remembered = timedelta(days=remember_days)
        self._pulse = pulse or Pulse("worklists")

    def handlers(self) -> dict[type[msgspec.Struct], Handler]:
        return {PutWorklist: self.put, DeleteWorklist: self.delete}

    async def put(self, command: PutWorklist) -> Done:
        async def put(connection: Any) -> None:
            async with connection.transaction():
                there = await connection.fetchrow(SQL["hold_worklist"], command.worklist_id)
                known = there is not None and not there["deleted"]
                if command.replace and not known:
                    raise _unknown(command.worklist_id)
                # Once more the same is this command again, whose first time was not confirmed.
                if known and there["tags"] != command.tags:
                    _require_revision(there, command.revision)
                if not known:
                    await self._require_room(connection)
                changed = _after(there)
                note = Note(
                    command.worklist_id,
                    command.tags,
                    command.study_uid,
                    command.first_day,
                    command.last_day,
                    there["created"] if known else changed,
                    changed,
                )
                await self._write(connection, note)

        await self._database.run(put)
        return Done()

    async def delete(self, command: DeleteWorklist) -> Done:
        was_there = False

        async def delete(connection: Any) -> None:
            nonlocal was_there
            async with connection.transaction():
                if await self._delete(connection, command.worklist_id, command.revision):
                    was_there = True
                elif not was_there:  # else it was this command, whose commit was not confirmed
                    raise _unknown(command.worklist_id)

        await self._database.run(delete)
        return Done()

    async def end_forever(self) -> None:
        """End what is old or done, again and again."""
        while True:
            try:
                await self.end()
                self._pulse.succeed()
            except PonsError as error:
                self._pulse.fail(str(error))
                log.warning("worklist entries are not ended", error=log_text(error))
            await asyncio.sleep(self._settings.interval)

    async def end(self) -> None:
        """End what is old or done, and forget what was deleted long ago."""
        now = datetime.now(UTC)
        if self._settings.keep_hours:
            await self._each("old_worklists", now, self._end("old"))
        if self._settings.end_with_study:
            await self._each("done_worklists", None, self._end("its study is stable"))
        await self._each("deleted_worklists", now - self._remembered, self._forget)

    async def restore(self) -> int:
        """Give the database what the notes say and it does not know; how many entries that were.

        May be repeated.
        """
        restored = 0
        async for name in self._notes.names(FOLDER):
            note = await self._read(name)
            if note is None:
                continue

            async def write(connection: Any, note: Note = note) -> bool:
                return await connection.fetchval(SQL["put_worklist"], *self._row(note)) is not None

            restored += await self._database.run(write, math.inf)
        if restored:
            log.warning("worklist entries restored", entries=restored)
        return restored

    async def _require_room(self, connection: Any) -> None:
        count = await connection.fetchval(SQL["count_worklists"])
        if count >= self._settings.maximum:
            raise OutOfResources(
                f"There are {count} worklist entries, and there may be no more",
                "delete some, or raise worklists.maximum",
            )

    async def _write(self, connection: Any, note: Note) -> None:
        """Row and note; the transaction ends after both, so a note may say more, never less."""
        await connection.fetchval(SQL["put_worklist"], *self._row(note))
        await self._notes.put(_name(note.id), msgspec.msgpack.encode(note))

    def _row(self, note: Note) -> tuple[Any, ...]:
        return (
            note.id,
            note.tags,
            note.study_uid,
            note.first_day,
            note.last_day,
            note.created,
            note.changed,
            self._ends(note),
            note.deleted,
        )

    def _ends(self, note: Note) -> datetime | None:
        """When an entry is old: some hours after it was written and its last day is over.

        What is scheduled for next week is not old tomorrow.
        """
        if not self._settings.keep_hours:
            return None
        since = note.changed
        kept = timedelta(hours=self._settings.keep_hours)
        try:
            if note.last_day:
                day = datetime.strptime(note.last_day, "%Y%m%d").replace(tzinfo=UTC)
                since = max(since, day + REST_OF_DAY)
            return since + kept
        except OverflowError:  # 31 December 9999 is some people's "never"
            return None

    async def _delete(self, connection: Any, worklist_id: UUID, revision: int | None) -> bool:
        """Whether there was one. Raises `Conflict` where it has another revision."""
        async with connection.transaction():
            there = await connection.fetchrow(SQL["hold_worklist"], worklist_id)
            if there is None or there["deleted"]:
                return False
            _require_revision(there, revision)
            created, changed = there["created"], _after(there)
            gone = Note(worklist_id, b"", "", "", "", created, changed, deleted=True)
            await self._write(connection, gone)
            return True

    async def _each(
        self,
        statement: str,
        before: datetime | None,
        act: Callable[[dict[UUID, datetime]], Awaitable[None]],
    ) -> None:
        """Do something with those that a statement finds, some at a time."""
        arguments = (AT_ONCE,) if before is None else (before, AT_ONCE)

        async def find(connection: Any) -> dict[UUID, datetime]:
            return dict(await connection.fetch(SQL[statement], *arguments))

        while found := await self._database.run(find):
            await act(found)
            if len(found) < AT_ONCE:
                return

    def _end(self, why: str) -> Callable[[dict[UUID, datetime]], Awaitable[None]]:
        async def end(found: dict[UUID, datetime]) -> None:
            for one, changed in found.items():

                async def delete(
                    connection: Any, one: UUID = one, changed: datetime = changed
                ) -> None:
                    await self._delete(connection, one, revision_of(changed))

                with suppress(Conflict):  # it was changed since, and ends another time
                    await self._database.run(delete)
            log.info("worklist entries ended", entries=len(found), reason=why)

        return end

    async def _forget(self, found: dict[UUID, datetime]) -> None:
        await self._notes.delete(map(_name, found))
        await self._database.run(
            lambda connection: connection.execute(SQL["forget_worklists"], list(found))
        )

    async def _read(self, name: str) -> Note | None:
        """What a note says; None when it was just removed, or cannot be read."""
        try:
            return msgspec.msgpack.decode(await self._notes.read(name), type=Note)
        except NotFound:
            return None
        except msgspec.DecodeError as error:
            log.error(
                "worklist entry beside the objects cannot be read", name=name, error=str(error)
            )
            return None


def _name(worklist_id: UUID) -> str:
    return f"{FOLDER}/{worklist_id}"


def _after(there: Any) -> datetime:
    """Now; after the last change also where another replica's clock is ahead."""
    now = datetime.now(UTC)
    return now if there is None else max(now, there["changed"] + timedelta(microseconds=1))


def _require_revision(there: Any, revision: int | None) -> None:
    """Raises `Conflict` where an entry has been changed since it had this revision; None: any."""
    if revision is not None and revision_of(there["changed"]) != revision:
        raise Conflict(
            f"Worklist {there['id']} was changed meanwhile",
            "read it again, and change what is there now",
        )


def _unknown(worklist_id: UUID) -> NotFound:
    return NotFound(f"There is no worklist {worklist_id}", "GET /worklists lists those there are")
