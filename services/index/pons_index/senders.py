# SPDX-License-Identifier: Apache-2.0
"""Asking whoever announced an instance whether its sender can still be told of a full store."""

from collections.abc import Awaitable, Callable

import msgspec
import nats.errors
import structlog

from pons.bus import Bus
from pons.messages.events import StoreFull
from pons_index.arrival import Arrival

log = structlog.get_logger()

ANSWER_TIMEOUT = 2.0
"""Seconds; without an answer the instance counts as acknowledged."""

AskSender = Callable[[Arrival], Awaitable[bool]]


def asking(bus: Bus) -> AskSender:
    """A question that says True when the sender of an arrival hears `StorageFull`."""

    async def can_be_refused(arrival: Arrival) -> bool:
        token = arrival.event.token
        question = msgspec.msgpack.encode(StoreFull([token]))
        try:
            answer = await bus.client.request(
                bus.names.full(arrival.process), question, timeout=ANSWER_TIMEOUT
            )
            return token in msgspec.msgpack.decode(answer.data, type=list[int])
        except (nats.errors.Error, TimeoutError, msgspec.DecodeError) as error:
            log.info("a full store keeps an instance", reason=repr(error))
            return False

    return can_be_refused


async def nobody_listens(_arrival: Arrival) -> bool:
    """Where nothing can be asked, everything was acknowledged."""
    return False
