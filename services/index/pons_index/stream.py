# SPDX-License-Identifier: Apache-2.0
"""What the index remembers of the stream of announcements, and forgetting what is acknowledged.

A work-queue stream would forget each announcement with its acknowledgement, and make and remove a
file for nearly each one. This stream keeps them, and is emptied up to there now and then.
"""

import asyncio

import msgspec
import nats.js.errors
import structlog

from pons.bus import Bus, check_cancelled
from pons.errors import Unavailable, log_text
from pons.health.pulse import Pulse
from pons.ingest.backlog import acknowledged, last_announcement, nats_answers

log = structlog.get_logger()

FORGET_INTERVAL = 10.0


class StreamState(msgspec.Struct, frozen=True):
    """Which stream of announcements this is, and how far it and its reader are."""

    created: str
    """Its identity: one that was lost and made again has another time."""
    last: int
    """The number of the last announcement."""
    drained: bool = False
    """Everything that was announced has been written."""


async def read_stream_state(bus: Bus) -> StreamState:
    """The state of the stream now; one that is gone was never created. Raises `Unavailable`."""
    with nats_answers():
        try:
            info = await bus.stream.stream_info(bus.names.ingest_stream)
        except nats.js.errors.NotFoundError:
            return StreamState("", 0)
    created = info.created.isoformat() if info.created else ""
    drained = await acknowledged(bus) >= info.state.last_seq
    return StreamState(created, info.state.last_seq, drained)


async def forget_all(bus: Bus) -> None:
    """Empty the stream; its numbers go on. Raises `Unavailable`."""
    with nats_answers():
        await bus.stream.purge_stream(bus.names.ingest_stream)


async def forget_acknowledged(
    bus: Bus, interval: float = FORGET_INTERVAL, pulse: Pulse | None = None
) -> None:
    """Remove from the stream what is acknowledged, for ever; any number of replicas may do so.

    `pulse` hears whether what waits in the stream gets on, whoever has it.
    """
    forgotten, before, pulse = 0, 0, pulse or Pulse("announcements")
    while True:
        check_cancelled()
        await asyncio.sleep(interval)
        try:
            last, floor = await asyncio.gather(last_announcement(bus), acknowledged(bus))
            if floor > forgotten:
                with nats_answers():
                    await bus.stream.purge_stream(bus.names.ingest_stream, seq=floor + 1)
                forgotten = floor
            if floor >= last or floor > before:
                pulse.succeed()
            else:
                pulse.fail(f"{last - floor} announcements wait, and none of them is written")
            before = floor
        except Unavailable as error:
            pulse.fail(str(error))
            log.warning("acknowledged announcements stay for now", error=log_text(error))
