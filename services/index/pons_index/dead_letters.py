# SPDX-License-Identifier: Apache-2.0
"""Dead letters: counting what could not be indexed, and announcing it again when asked to."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
import structlog

from pons.bus.requests import Handler
from pons.errors import InvalidInstance, NotFound
from pons.health.pulse import Pulse
from pons.messages.events import Announcement, InstanceReceived
from pons.messages.index import DismissDeadLetter, Retried, RetryDeadLetters
from pons.messages.services import Done
from pons_index.database import Database
from pons_index.metrics import DEAD_LETTERS
from pons_index.statements import SQL

if TYPE_CHECKING:
    from pons.ingest import Ingest

log = structlog.get_logger()
OpenIngest = Callable[[], AbstractAsyncContextManager["Ingest"]]

AT_ONCE = 20
"""Letters of one answer; each may have a megabyte."""
INTERVAL = 30.0
WARNING = "dead letters"

_decoder = msgspec.msgpack.Decoder(Announcement)


class DeadLetters:
    """The letters of a store. `warnings` are the process' own, where it says how many there are."""

    def __init__(self, database: Database, ingesting: OpenIngest, warnings: dict[str, str]) -> None:
        self._database = database
        self._ingesting = ingesting
        self._warnings = warnings
        self._changed = asyncio.Event()

    def wake(self) -> None:
        """There may be more of them, or fewer."""
        self._changed.set()

    def handlers(self) -> dict[type[msgspec.Struct], Handler]:
        return {RetryDeadLetters: self.retry, DismissDeadLetter: self.dismiss}

    async def watch(self, pulse: Pulse) -> None:
        """Count them for health and metrics, for ever; those that are dealt with go."""
        while True:
            self._changed.clear()
            count = await self._database.run(_count, float("inf"), pulse=pulse, slow_again=True)
            DEAD_LETTERS.set(count)
            if count:
                self._warnings[WARNING] = (
                    f"{count} could not be indexed: see GET /tools/dead-letters"
                )
            else:
                self._warnings.pop(WARNING, None)
            with suppress(TimeoutError):
                async with asyncio.timeout(INTERVAL):
                    await self._changed.wait()

    async def retry(self, command: RetryDeadLetters) -> Retried:
        """Of a letter only the origin of its instance is kept; all else is read from the object."""
        rows = await self._database.run(
            lambda connection: connection.fetch(
                SQL["take_refused"], command.letters, command.after, AT_ONCE
            )
        )
        rows.sort(key=lambda row: row["refused_key"])
        if not rows and command.letters and not command.after:
            raise NotFound("There is no such dead letter")
        indexed: list[int] = []
        failed: dict[int, str] = {}
        async with self._ingesting() as ingest:
            for row in rows:
                try:
                    await _announce(row, ingest)
                    await self._forget(row)
                    indexed.append(row["refused_key"])
                except (InvalidInstance, NotFound) as error:
                    failed[row["refused_key"]] = str(error)
        self.wake()
        log.info("dead letters announced again", indexed=len(indexed), failed=len(failed))
        return Retried(indexed, failed, rows[-1]["refused_key"] if len(rows) == AT_ONCE else None)

    async def dismiss(self, command: DismissDeadLetter) -> Done:
        found = await self._database.run(
            lambda connection: connection.fetchval(SQL["dismiss_refused"], command.letter)
        )
        if found is None:
            raise NotFound("There is no such dead letter", str(command.letter))
        self.wake()
        return Done()

    async def _forget(self, row: Any) -> None:
        """One that announced an instance goes once that has a row, as `watch` sees."""
        if row["object_key"] is None:
            await self._database.run(
                lambda connection: connection.execute(SQL["forget_unreadable"], row["refused_key"])
            )


async def _announce(row: Any, ingest: "Ingest") -> None:
    """Announce again what a letter announced.

    Raises `InvalidInstance` when that cannot be read, or is refused again, and `NotFound` when its
    object is gone.
    """
    try:
        instances = _decoder.decode(row["announcement"] or b"").instances
    except msgspec.DecodeError as error:
        if row["object_key"] is None:
            raise InvalidInstance(
                "The announcement cannot be read", "see the reason of the letter"
            ) from error
        await _announce_object(ingest, row["object_key"])
        return
    for instance in instances:
        await _announce_object(ingest, instance.object_key, instance)


async def _announce_object(
    ingest: "Ingest", key: UUID, known: InstanceReceived | None = None
) -> None:
    moment = (known.origin, known.received_at) if known else ()
    [answer] = await ingest.announce_again([await ingest.recognise(key, *moment)])
    if isinstance(answer, InvalidInstance):
        raise answer


async def _count(connection: Any) -> int:
    await connection.execute(SQL["forget_refused"])
    count: int = await connection.fetchval(SQL["count_refused"])
    return count
