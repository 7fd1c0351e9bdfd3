# SPDX-License-Identifier: Apache-2.0
"""Announcements that cannot be indexed: set aside for people to look at, objects and all."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import msgspec
import structlog

from pons.bus import Bus
from pons.health.pulse import Pulse
from pons.messages.events import Announcement, DeadLetter
from pons_index.arrival import Arrival
from pons_index.database import Database, until_done
from pons_index.statements import SQL
from pons_index.tags import without_nul

log = structlog.get_logger()


LARGEST_LETTER = 900 * 1024
"""Bytes of an announcement that fit into a letter; the database has all of a larger one."""


class Refusals:
    """Publishes a dead letter, then notes it in the database, with the objects that it keeps.

    What was acknowledged is not lost by this: the collector spares these objects, and letter and
    note have the whole event. Repeating a refusal adds nothing. `noted` hears of each, `pulse` when
    that has to wait.
    """

    def __init__(
        self,
        bus: Bus,
        database: Database,
        noted: Callable[[], None] = lambda: None,
        pulse: Pulse | None = None,
    ) -> None:
        self._pulse = pulse or Pulse("refusals")
        self._bus = bus
        self._database = database
        self._noted = noted

    async def refuse(self, arrival: Arrival, reason: str) -> None:
        """Keep an instance that the database does not take."""
        event = arrival.event
        announcement = msgspec.msgpack.encode(Announcement(arrival.process, [event]))
        await self._publish(DeadLetter(reason, announcement), str(event.object_key))
        await self._note("refuse", event.object_key, event.header_key, reason, announcement)
        log.error("instance refused", object_key=str(event.object_key), reason=reason)

    async def refuse_unreadable(self, payload: bytes, reason: str) -> None:
        """Keep an announcement of which nobody can tell what it means."""
        message_id = sha256(payload).hexdigest()
        await self._publish(DeadLetter(reason, payload[:LARGEST_LETTER]), message_id)
        await self._note("refuse_unreadable", reason, payload)
        log.error("announcement cannot be read", bytes=len(payload), reason=reason)

    async def _publish(self, letter: DeadLetter, message_id: str) -> None:
        names, content = self._bus.names, msgspec.msgpack.encode(letter)
        await until_done(
            lambda: self._bus.publish(names.dead_letters, content, message_id),
            "dead letter waits",
            self._pulse,
        )

    async def _note(self, statement: str, *values: Any) -> None:
        kept = [without_nul(value) if isinstance(value, str) else value for value in values]
        await self._database.run(
            lambda connection: connection.execute(SQL[statement], *kept),
            patience=float("inf"),
            pulse=self._pulse,
            slow_again=True,
        )
        self._noted()
