# SPDX-License-Identifier: Apache-2.0
"""Whether decoding processes can start: render is not ready before one has, nor while none does.

Whoever deals out requests gives none to a replica that is not ready: so this tries again by itself.
"""

import asyncio

from pons.errors import Unavailable
from pons.health.pulse import Pulse, Pulses
from pons_render.pool import WorkerPool

AGAIN_SECONDS = 5.0
"""Between two tries: each costs a start of Python with its libraries, half a second of CPU time."""


def unproven(pulses: Pulses) -> Pulse:
    """What `prove_decoders` speaks by; the service is not ready from now on until it has proof."""
    pulse = pulses.add("decoders")
    pulse.fail("no decoding process has started yet", lasting=True)
    return pulse


async def prove_decoders(pool: WorkerPool, pulse: Pulse, again: float = AGAIN_SECONDS) -> None:
    """For ever, tell `pulse` whether a process of the pool starts, and why not.

    The one that has started waits for work as any other, until its idle time is over.
    """
    while True:
        try:
            await pool.prove()
        except Unavailable as error:
            pulse.fail(str(error), lasting=True)
            await asyncio.sleep(again)
        else:
            pulse.succeed()
            await pool.until_none_starts()
