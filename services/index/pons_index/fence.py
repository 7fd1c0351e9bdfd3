# SPDX-License-Identifier: Apache-2.0
"""Noticing that another database works on the same objects, before anything of it is deleted.

A copy of a store has its marks, so `ownership` cannot tell the two apart, and each would delete
what the other one lists. But they do not share what they write after the copy: each start makes a
new token, and keeps it in the database, where all replicas find it, and in a note beside the
objects. A note with a token that this database never had was written by another one. Who finds that
makes a new token again, so that the other finds it, too, and neither deletes anything until one has
rested for a while. A database restored from a backup finds such a note only once, at its start.
"""

import asyncio
import math
import os
import socket
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
import structlog

from pons.errors import NotFound, PonsError, Unavailable, log_text
from pons.health.pulse import Pulse
from pons.objects import Objects
from pons.ownership import DATABASE, places
from pons.settings import Settings
from pons_index.database import Database
from pons_index.metrics import OTHER_COPY
from pons_index.statements import SQL

log = structlog.get_logger()

NOTE = "fence"
BEAT = 5.0
QUIET = timedelta(seconds=15)
"""For so long nobody else may have written the note: others look at it with every `BEAT`."""


class Token(msgspec.Struct, frozen=True):
    """What the note says."""

    token: UUID
    by: str
    """The index that wrote it, for people."""


UNREADABLE = Token(UUID(int=0), "an index that wrote a note which cannot be read")


class Fence:
    """This database's side of the fence; what deletes objects asks it before.

    `by`: what the index of another copy tells of this one.
    """

    def __init__(self, database: Database, objects: Objects, by: str, pulse: Pulse) -> None:
        self._database = database
        self._objects = objects
        self._by = by
        self._pulse = pulse
        self._suspected = False

    async def begin(self) -> None:
        """Put a new token into database and note; waits for what is away."""
        await self._database.run(self._begin, math.inf, pulse=self._pulse)

    async def require(self, connection: Any) -> None:
        """Raise `Unavailable` while another database works on these objects, or may do so."""
        row = await connection.fetchrow(SQL["read_fence"])
        note = await self._read()
        if row is not None and row["rival"]:
            raise Unavailable(_words(row["rival"]))
        known = (row["token"], row["before"]) if row is not None else ()
        if note is None or note.token not in known or row["disputed"]:
            raise Unavailable(
                "No object is deleted until it is known that no other copy of this store works on "
                f"them, which takes {QUIET.total_seconds():g} s"
            )

    async def watch_forever(self) -> None:
        """Look at the note with every beat."""
        while True:
            await asyncio.sleep(BEAT)
            try:
                rival = await self._database.run(self._look, 0)
            except PonsError as error:
                self._pulse.fail(str(error))
                log.warning("it cannot be checked whose objects these are", error=log_text(error))
                continue
            OTHER_COPY.set(bool(rival))
            if rival:
                self._pulse.fail(_words(rival), lasting=True)
            else:
                self._pulse.succeed()

    async def _begin(self, connection: Any) -> None:
        async with connection.transaction():
            await connection.execute(SQL["begin_fence"])
            row = await connection.fetchrow(SQL["hold_fence"])
            note = await self._read()
            found = note.token if note else None
            strange = found not in (None, row["token"], row["before"])
            await connection.execute(SQL["raise_fence"], uuid4(), found, strange, "")
        if strange and note is not None:
            log.warning("the objects were another database's last", by=note.by)
        await self._write(connection)

    async def _look(self, connection: Any) -> str:
        """Who else works on the objects; empty: nobody, as far as is known."""
        async with connection.transaction():
            row = await connection.fetchrow(SQL["hold_fence"])
            note = await self._read()
            if note is not None and note.token == row["token"]:
                if row["disputed"]:
                    return await self._stand(connection, row["rival"])
                return ""
            rival: str = row["rival"]
            if note is not None and note.token != row["before"]:
                rival = await self._dispute(connection, row["rival"], note)
        await self._write(connection)
        return rival

    async def _stand(self, connection: Any, before: str) -> str:
        rival: str = await connection.fetchval(SQL["stand_fence"], QUIET)
        if before and not rival:
            log.warning("nobody else works on the objects any more", was=before)
        self._suspected = False
        return rival

    async def _dispute(self, connection: Any, before: str, note: Token) -> str:
        """Make a token that the other does not know; whom to name.

        The first time that may be a database that was set back, which ends the index in a moment
        (`continuity`), so nobody is named.
        """
        rival = note.by if before or self._suspected else ""
        self._suspected = True
        if rival and not before:
            log.error("another copy of this store works on the same objects", other=rival)
        await connection.execute(SQL["raise_fence"], uuid4(), note.token, True, rival)
        return rival

    async def _write(self, connection: Any) -> None:
        """Write the note, once the token is in the database for sure.

        Where that cannot be, as on a full disk, the next look tries again.
        """
        async with connection.transaction():
            row = await connection.fetchrow(SQL["hold_fence"])
            try:
                await self._objects.notes.put(
                    NOTE, msgspec.json.encode(Token(row["token"], self._by))
                )
            except PonsError as error:
                log.warning("the fence cannot be written", error=log_text(error))

    async def _read(self) -> Token | None:
        try:
            return msgspec.json.decode(await self._objects.notes.read(NOTE), type=Token)
        except NotFound:
            return None
        except msgspec.DecodeError:
            return UNREADABLE


def _words(rival: str) -> str:
    return (
        f"another copy of this store works on the same objects: {rival}. Stop one of the two, or "
        "give it objects of its own (storage.path, storage.s3_bucket); no object is deleted until "
        "then"
    )


def who(settings: Settings) -> str:
    """This process and its database, for people who look for it."""
    database = places(settings)[DATABASE]
    return f"process {os.getpid()} on {socket.gethostname()} with the database {database}"
