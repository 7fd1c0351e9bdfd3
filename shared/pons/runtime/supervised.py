# SPDX-License-Identifier: Apache-2.0
"""What a supervisor tells a service on its standard input: when to open, and that it is gone.

The input ends when the last process that holds its other end does, however that process ended: by
kill -9, too, of which nobody hears otherwise. This works on every platform.
"""

import asyncio
import os
import threading
import time
from contextlib import suppress

import structlog

from pons.health.readiness import Health
from pons.runtime.exit_codes import OPEN
from pons.settings import HealthSettings

log = structlog.get_logger()

PATIENCE = 25.0
"""Seconds in which a service ends in order; after them, one that hangs ends all the same."""
INPUT = 0


def obey_supervisor(settings: HealthSettings, health: Health) -> None:
    """Let a supervisor, where there is one, open and end the service that runs in this loop."""
    if not settings.ends_with_input:
        return
    if settings.opens_when_told:
        health.may_open.clear()
    loop = asyncio.get_running_loop()
    # A thread, as it can end a service whose event loop hangs.
    threading.Thread(target=_listen, args=(loop, health), daemon=True).start()


def _listen(loop: asyncio.AbstractEventLoop, health: Health) -> None:
    with suppress(RuntimeError):  # the event loop has ended
        with suppress(OSError):
            while os.read(INPUT, len(OPEN)):
                loop.call_soon_threadsafe(health.may_open.set)
        loop.call_soon_threadsafe(_end, health)
    time.sleep(PATIENCE)
    os._exit(1)


def _end(health: Health) -> None:
    log.warning("the supervisor is gone: ending")
    health.leave()
