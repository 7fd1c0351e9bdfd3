# SPDX-License-Identifier: Apache-2.0
"""Announcements that can never be indexed: kept for people to look at, objects and all."""

import asyncio
from hashlib import sha256
from uuid import UUID

import msgspec
import structlog

from pons.bus import Bus
from pons.errors import Unavailable
from pons.events import Announcement, DeadLetter
from pons_index.arrival import Arrival
from pons_index.database import Database, delays
from pons_index.statements import SQL

log = structlog.get_logger()


class Refusals:
    """Publishes a dead letter, then notes in the database which objects it keeps.

    What was acknowledged is not lost by this: the collector spares these objects, and the letter
    has the whole event. Repeating a refusal adds nothing.
    """

    def __init__(self, bus: Bus, database: Database) -> None:
        self._bus = bus
        self._database = database

    async def refuse(self, arrival: Arrival, reason: str) -> None:
        """Keep an instance that the database does not take."""
        event = arrival.event
        announcement = msgspec.msgpack.encode(Announcement(arrival.process, [event]))
        await self._publish(DeadLetter(reason, announcement), str(event.object_key))
        await self._note(event.object_key, event.header_key, reason)
        log.error("instance refused", object_key=str(event.object_key), reason=reason)

    async def refuse_unreadable(self, payload: bytes, reason: str) -> None:
        """Keep an announcement of which nobody can tell what it means."""
        message_id = sha256(payload).hexdigest()
        await self._publish(DeadLetter(reason, payload), message_id)
        await self._note(None, None, reason)
        log.error("announcement cannot be read", bytes=len(payload), reason=reason)

    async def _publish(self, letter: DeadLetter, message_id: str) -> None:
        for delay in delays():
            try:
                await self._bus.publish(
                    self._bus.names.dead_letters, msgspec.msgpack.encode(letter), message_id
                )
                return
            except Unavailable as error:
                log.warning("dead letter waits", error=str(error), retry_seconds=delay)
            await asyncio.sleep(delay)

    async def _note(self, object_key: UUID | None, header_key: UUID | None, reason: str) -> None:
        await self._database.run(
            lambda connection: connection.execute(SQL["refuse"], object_key, header_key, reason),
            patience=float("inf"),
        )
