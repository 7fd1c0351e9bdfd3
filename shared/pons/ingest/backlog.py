# SPDX-License-Identifier: Apache-2.0
"""How far the index is with what was announced: what is acknowledged to a sender may wait there."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import nats.errors
import nats.js.errors

from pons.bus import Bus, check_cancelled
from pons.errors import Unavailable

DURABLE = "index"
"""The reader of the stream of announcements that the index is, all replicas together."""


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
