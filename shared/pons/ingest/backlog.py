# SPDX-License-Identifier: Apache-2.0
"""How far the index is with what was announced: what is acknowledged to a sender may wait there."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import nats.errors
import nats.js.errors

from pons.bus import Bus, check_cancelled
from pons.errors import Unavailable

DURABLE = "index"
"""The reader of the stream of announcements that the index is, all replicas together."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is announced and not written yet."""

    announcements: int
    seconds: float
    """For how long the oldest has waited; 0 where nothing waits."""


async def last_announcement(bus: Bus) -> int:
    """The number of the last announcement in the stream; 0 before the first."""
    with nats_answers():
        return (await bus.stream.stream_info(bus.names.ingest_stream)).state.last_seq


async def acknowledged(bus: Bus) -> int:
    """The number up to which every announcement is acknowledged; 0 before there is a consumer."""
    with nats_answers():
        try:
            info = await bus.stream.consumer_info(bus.names.ingest_stream, DURABLE)
        except nats.js.errors.NotFoundError:
            return 0
    return info.ack_floor.stream_seq if info.ack_floor else 0


async def read_backlog(bus: Bus) -> Backlog:
    """How much waits now, and how long already. Raises `Unavailable`."""
    with nats_answers():
        try:
            info = await bus.stream.consumer_info(bus.names.ingest_stream, DURABLE)
        except nats.js.errors.NotFoundError:
            return Backlog(0, 0.0)
        waiting = (info.num_pending or 0) + (info.num_ack_pending or 0)
        seconds = 0.0
        if waiting:
            oldest = (info.ack_floor.stream_seq if info.ack_floor else 0) + 1
            with suppress(nats.js.errors.NotFoundError):  # written meanwhile, and forgotten
                message = await bus.stream.get_msg(bus.names.ingest_stream, oldest)
                if message.time is not None:
                    seconds = max(0.0, (datetime.now(UTC) - message.time).total_seconds())
    return Backlog(waiting, seconds)


async def drained(bus: Bus, patience: float) -> bool:
    """Whether what is announced by now has been written, waiting at most `patience` seconds.

    Where nothing waits, as usual, that costs two questions that are asked together.
    Raises `Unavailable`.
    """
    last, floor = await asyncio.gather(last_announcement(bus), acknowledged(bus))
    delay, waited = 0.02, 0.0
    while floor < last:
        if waited > patience:
            return False
        await asyncio.sleep(delay)
        waited, delay = waited + delay, min(delay * 2, 1.0)
        floor = await acknowledged(bus)
        check_cancelled()
    return True


@contextmanager
def nats_answers() -> Iterator[None]:
    """Raise `Unavailable` for what NATS' client raises when the server cannot answer now."""
    try:
        yield
    except (nats.errors.Error, nats.js.errors.Error, TimeoutError) as error:
        raise Unavailable("NATS does not answer") from error
    check_cancelled()
