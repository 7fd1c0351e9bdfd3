# SPDX-License-Identifier: Apache-2.0
"""Messages of a stream as they are kept, pushed to one reader in their order.

nats-py has ordered consumers as well; each of them wakes its process four times a second.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial

import nats.errors
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, Header, StatusCode

from pons.bus.client import check_cancelled
from pons.bus.connection import AWAY, Bus

HEARTBEAT = 3.0
"""Seconds after which the server says that it has nothing."""
SILENCE = 2.5 * HEARTBEAT
"""Seconds without a word after which the server has forgotten the reader."""
STALLED = "Nats-Consumer-Stalled"
"""The header in which the server says where it waits for a word that there is room again."""


class OrderLost(nats.errors.Error):
    """Messages may be missing: whoever needs all of them begins again."""


class InOrder:
    """What a reader hears. Open it with `in_order`."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._loop = asyncio.get_running_loop()
        self._arrived: asyncio.Queue[Msg | OrderLost] = asyncio.Queue()
        self._number = 0
        """The number of the message that came last."""
        self._heard_at = self._loop.time()
        self._looking = self._loop.call_later(SILENCE, self._look)

    async def next(self) -> Msg:
        """The next message. Raises `OrderLost` once messages may be missing."""
        while True:
            message = await self._arrived.get()
            if isinstance(message, OrderLost):
                raise message
            headers = message.headers
            if headers is None or Header.STATUS not in headers:
                self._number += 1
                if (number := message.metadata.sequence.consumer) != self._number:
                    raise OrderLost(f"message {number} came where {self._number} was to come")
                return message
            await self._heed(message.reply, headers)

    async def _heed(self, reply: str, headers: Mapping[str, str]) -> None:
        """Answer what the server asks, and compare what it says with what has come."""
        if headers[Header.STATUS] != StatusCode.CONTROL_MESSAGE:
            raise OrderLost(f"{headers[Header.STATUS]} {headers.get(Header.DESCRIPTION, '')}")
        for asking in (reply, headers.get(STALLED)):
            if asking:
                await self._bus.client.publish(asking)
        if (last := headers.get(Header.LAST_CONSUMER)) and int(last) != self._number:
            raise OrderLost(f"{self._number} of {last} messages came")

    async def arrive(self, message: Msg) -> None:
        """Take what the server pushes."""
        self._heard_at = self._loop.time()
        self._arrived.put_nowait(message)

    def lose(self, why: str) -> None:
        """Tell the reader that messages may be missing, behind those that came before."""
        self._arrived.put_nowait(OrderLost(why))

    def end(self) -> None:
        """Wait for nothing more."""
        self._looking.cancel()

    def _look(self) -> None:
        due = self._heard_at + SILENCE
        if self._loop.time() >= due:
            self.lose("the server says nothing any more")
        else:
            self._looking = self._loop.call_at(due, self._look)


@asynccontextmanager
async def in_order(
    bus: Bus, stream: str, subject: str, since: DeliverPolicy
) -> AsyncIterator[InOrder]:
    """The messages of `subject` that are kept `since` then, and each that comes.

    Raises NATS' errors when the server is away.
    """
    heard = InOrder(bus)
    inbox = bus.client.new_inbox()
    found_again = partial(heard.lose, "the server was lost and found")
    with bus.connection.telling_of_reconnections(found_again):
        subscription, consumer = None, ""
        try:
            subscription = await bus.client.subscribe(inbox, cb=heard.arrive)
            config = ConsumerConfig(
                deliver_subject=inbox,
                deliver_policy=since,
                filter_subject=subject,
                ack_policy=AckPolicy.NONE,
                max_deliver=1,
                flow_control=True,
                idle_heartbeat=HEARTBEAT,
                mem_storage=True,
                num_replicas=1,
            )
            consumer = (await bus.stream.add_consumer(stream, config)).name
            check_cancelled()
            yield heard
        except OrderLost:
            consumer = ""  # the server may have forgotten it, and be slow to say so
            raise
        finally:
            heard.end()
            if subscription is not None and not bus.client.is_closed:
                with suppress(*AWAY):
                    await subscription.unsubscribe()
                    # The server would keep it for some seconds.
                    if consumer and bus.client.is_connected:
                        await bus.stream.delete_consumer(stream, consumer)
            check_cancelled()
