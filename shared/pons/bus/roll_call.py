# SPDX-License-Identifier: Apache-2.0
"""Who is there: every process of a store tells, when it is called, whether it is well.

Unlike commands, which one replica answers, this reaches all of them, also those that wait for their
database.
"""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress

import msgspec
import nats.errors
import structlog
from nats.aio.msg import Msg

import pons
from pons.bus.connection import Bus
from pons.errors import Unavailable
from pons.health.readiness import CHECK_TIMEOUT, Health
from pons.messages.services import Present

log = structlog.get_logger()

PATIENCE = CHECK_TIMEOUT + 0.5
"""Seconds that a call lasts at most: so long one takes that finds its backing services silent."""
QUIET = 0.25
"""Seconds after the last answer, once there is one of each service."""


@asynccontextmanager
async def answering_roll_call(bus: Bus, health: Health) -> AsyncIterator[None]:
    """This process answers while the block runs."""
    process, began = f"{socket.gethostname()}:{os.getpid()}", time.monotonic()

    async def answer(message: Msg) -> None:
        failures = await health.failures()
        told = health.shortages() | health.told()
        seconds = time.monotonic() - began
        present = Present(health.service, process, pons.__version__, seconds, failures, told)
        try:
            await message.respond(msgspec.msgpack.encode(present))
        except nats.errors.Error as error:
            log.warning("roll call not answered", error=repr(error))

    subscription = await bus.subscribe(bus.names.roll_call, answer, concurrent=2)
    try:
        yield
    finally:
        with suppress(nats.errors.Error):  # of a connection that is closed, nothing is left
            await subscription.unsubscribe()


async def call_roll(bus: Bus, services: Collection[str], within: float = PATIENCE) -> list[Present]:
    """All that answer, sorted by service and process; what is silent has no place in it.

    It does not wait for more than one process of each of `services` that has said nothing for
    `QUIET` seconds. Raises `Unavailable`.
    """
    bus.require_connection()
    inbox = bus.client.new_inbox()
    present: list[Present] = []
    try:
        subscription = await bus.client.subscribe(inbox)
        try:
            await bus.client.publish(bus.names.roll_call, b"", reply=inbox)
            with suppress(TimeoutError):
                async with asyncio.timeout(within):
                    while True:
                        missing = set(services) - {one.service for one in present}
                        message = await subscription.next_msg(within if missing else QUIET)
                        if message.data:
                            present.append(msgspec.msgpack.decode(message.data, type=Present))
        finally:
            with suppress(nats.errors.Error):
                await subscription.unsubscribe()
    except nats.errors.Error as error:
        raise Unavailable("NATS does not answer") from error
    return sorted(present, key=lambda one: (one.service, one.process))
