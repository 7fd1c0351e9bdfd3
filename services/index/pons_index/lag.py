# SPDX-License-Identifier: Apache-2.0
"""How far the index is behind what was announced, told to whoever asks for metrics."""

import asyncio
import math

from pons.bus import Bus
from pons.errors import Unavailable
from pons.ingest.backlog import read_backlog
from pons_index.metrics import LAG_MESSAGES, LAG_SECONDS

PATIENCE = 3.0


async def measure_lag(bus: Bus) -> None:
    """Tell the metrics how much waits; not a number where NATS does not say it.

    Every replica tells the same of the whole store, so one asks for the greatest, not the sum.
    """
    messages = seconds = math.nan
    try:
        async with asyncio.timeout(PATIENCE):
            backlog = await read_backlog(bus)
    except (Unavailable, TimeoutError):
        pass  # `pons_check_failing` says why
    else:
        messages, seconds = backlog.announcements, backlog.seconds
    LAG_MESSAGES.set(messages)
    LAG_SECONDS.set(seconds)
