# SPDX-License-Identifier: Apache-2.0
"""What is said of clients that are refused: a line a minute for each reason, however many."""

import time

import structlog
from prometheus_client import Counter

log = structlog.get_logger()
EVERY_SECONDS = 60.0

REFUSED = Counter(
    "pons_http_refused_connections",
    "Connections that were ended because the client was beyond a bound, by which",
    ["reason"],
)


class Refusals:
    """Counts connections that were refused, and says so in the log."""

    def __init__(self) -> None:
        self._untold: dict[str, int] = {}
        self._told: dict[str, float] = {}

    def add(self, reason: str, address: str, why: str = "") -> None:
        """One more. The log names the address of this one, and counts those since the last line.

        `why`: more about this one, for the log alone.
        """
        REFUSED.labels(reason).inc()
        count = self._untold.get(reason, 0) + 1
        self._untold[reason] = count
        now = time.monotonic()
        if now - self._told.get(reason, -EVERY_SECONDS) < EVERY_SECONDS:
            return
        self._told[reason] = now
        self._untold[reason] = 0
        told = {"why": why} if why else {}
        log.warning(
            "HTTP clients refused", reason=reason, count=count, last_address=address, **told
        )
