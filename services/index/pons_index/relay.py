# SPDX-License-Identifier: Apache-2.0
"""Publishing the change log to JetStream, in the order of its numbers, one replica at a time."""

import asyncio
import math
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any

import msgspec
import nats.js.errors

from pons.bus import AWAY, Bus
from pons.bus.connection import SCRIPTS
from pons.dicom.identity import to_text
from pons.dicom.levels import LEVELS
from pons.errors import Unavailable
from pons.health.pulse import Pulse
from pons.messages.changes import CHANGE_NAMES
from pons.messages.events import Change, Changes, Deletion
from pons.traces.spans import Span
from pons_index.database import Database
from pons_index.metrics import CHANGES_RELAYED
from pons_index.statements import SQL
from pons_index.traces import Traces

RUN = 2000
"""Changes in a message at most: under 450 KB, where each is of a trace."""
PAUSE = 0.1
"""Seconds between turns at least, so that under load many batches share one."""
SLOW_TIMER = 10.0
"""Seconds after which a replica looks even if it wrote nothing: another may have ended in between
writing and publishing."""


class Relay:
    """Publishes runs of changes.

    The identity of a message is its first and last number: a run that is cut differently after a
    crash is another message, which overlaps an earlier one. So consumers see every number, in
    order, but perhaps not only once: they skip what is not above the last number they had.

    Deletions go along while functions of scripts follow the feed, which nobody else tells of them.
    """

    def __init__(
        self,
        database: Database,
        bus: Bus,
        pulse: Pulse | None = None,
        traces: Traces | None = None,
    ) -> None:
        self._pulse = pulse
        self._traces = traces or Traces(bus)
        self._database = database
        self._bus = bus
        self._more = asyncio.Event()

    def wake(self) -> None:
        """Tell that a transaction of this process may have logged changes."""
        self._more.set()

    async def relay(self) -> None:
        """Publish what is logged, for ever."""
        while True:
            self._more.clear()
            await self.publish_all(pulse=self._pulse)
            await asyncio.sleep(PAUSE)
            with suppress(TimeoutError):
                async with asyncio.timeout(SLOW_TIMER):
                    await self._more.wait()

    async def publish_all(
        self, turn: str = "take_turn", patience: float = math.inf, pulse: Pulse | None = None
    ) -> None:
        """Publish until nothing is left, or another replica is at it.

        That one looks again after its turn, so what it cannot see yet is not forgotten. With the
        turn `await_turn` everything that was logged before is published on return.
        """
        run = partial(self._publish_run, turn)
        while await self._database.run(run, patience, pulse=pulse, slow_again=patience == math.inf):
            pass

    async def _publish_run(self, turn: str, connection: Any) -> bool:
        """Publish one run in one turn. A crash before its end publishes the run again."""
        async with connection.transaction():
            relayed = await connection.fetchval(SQL[turn])
            if relayed is None:
                return False
            rows, gone = await _read_run(connection, relayed)
            if not rows and not gone:
                return False
            told = gone if gone and await self._is_followed() else []
            if rows or told:
                with ExitStack() as spans:
                    changes = [_change(row, spans.enter_context(self._span(row))) for row in rows]
                    run = Changes(changes, [_deletion(row) for row in told])
                    await self._bus.publish(
                        self._bus.names.changes,
                        msgspec.msgpack.encode(run),
                        message_id="-".join(
                            [self._bus.names.store, *_ends(rows, "seq"), *_ends(told, "number")]
                        ),
                    )
                for row in rows:
                    self._traces.told(CHANGE_NAMES[row["change_type"]], row["resource_id"])
            # Losing this to a crash only repeats the run.
            await connection.execute("SET LOCAL synchronous_commit = off")
            if rows:
                await connection.execute(SQL["advance"], rows[-1]["seq"])
            if gone:
                columns = [[row[name] for row in gone] for name in ("seq", "number")]
                await connection.execute(SQL["forget_deletions"], *columns)
        CHANGES_RELAYED.inc(len(rows))
        return True

    def _span(self, row: Any) -> Span:
        change_type = CHANGE_NAMES[row["change_type"]]
        return self._traces.change(change_type, row["resource_id"], row["seq"])

    async def _is_followed(self) -> bool:
        """Whether there is somebody to hear of deletions. Raises `Unavailable`."""
        try:
            await self._bus.stream.consumer_info(self._bus.names.changes_stream, SCRIPTS)
        except nats.js.errors.NotFoundError:
            return False
        except AWAY as error:
            raise Unavailable("NATS does not answer") from error
        return True


async def _read_run(connection: Any, relayed: int) -> tuple[list[Any], list[Any]]:
    """The next changes and deletions; none of either kind without those of the other before it."""
    found = await connection.fetch(SQL["read_run"], relayed, RUN)
    rows = [row for row in found if row["number"] is None]
    gone = [row for row in found if row["number"] is not None]
    if len(gone) == RUN:
        rows = [row for row in rows if row["seq"] <= gone[-1]["seq"]]
    if len(rows) == RUN:
        gone = [row for row in gone if row["seq"] < rows[-1]["seq"]]
    return rows, gone


def _ends(rows: Sequence[Any], number: str) -> list[str]:
    """The first and the last number, as the identity of a run has them."""
    return [str(rows[0][number]), str(rows[-1][number])] if rows else [""]


def _deletion(row: Any) -> Deletion:
    return Deletion(row["seq"], LEVELS[row["level"]], to_text(row["resource_id"]))


def _change(row: Any, span: Span) -> Change:
    return Change(
        row["seq"],
        CHANGE_NAMES[row["change_type"]],
        LEVELS[row["level"]],
        to_text(row["resource_id"]),
        row["date"],
        span.traceparent,
    )
