# SPDX-License-Identifier: Apache-2.0
"""Readers of a stream that pull from it, and what they leave when they end."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from nats.js import JetStreamContext

from pons.bus.connection import AWAY


@asynccontextmanager
async def pulling(
    feed: JetStreamContext.PullSubscription,
) -> AsyncIterator[JetStreamContext.PullSubscription]:
    """The feed, which asks for nothing any more when the block has ended.

    A fetch that was cut off still waits at the server, which would give it the next message: nobody
    takes that, and whoever reads next waits until its acknowledgement is overdue.
    """
    try:
        yield feed
    finally:
        with suppress(*AWAY):  # a server that is away has forgotten it
            await feed.unsubscribe()
