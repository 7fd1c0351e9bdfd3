# SPDX-License-Identifier: Apache-2.0
"""What the gateway counts; shown on its health port."""

from collections.abc import Callable
from functools import cache
from time import monotonic

from prometheus_client import Counter, Gauge, Histogram

from pons_gateway.routing import METHODS

GREATEST_SECONDS = 10.0


class Greatest:
    """The greatest value of the last 10 to 20 seconds, at the cost of a comparison for each."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._since = clock()
        self._now = self._before = 0.0

    def add(self, value: float) -> None:
        self._turn()
        if value > self._now:
            self._now = value

    def read(self) -> float:
        self._turn()
        return max(self._now, self._before)

    def _turn(self) -> None:
        passed = self._clock() - self._since
        if passed >= GREATEST_SECONDS:
            self._before = self._now if passed < 2 * GREATEST_SECONDS else 0.0
            self._now = 0.0
            self._since += passed


REQUEST_SECONDS = Histogram(
    "pons_http_request_seconds",
    "Time until the answer was sent, by method and status",
    ["method", "status"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5, 30, 300),
)
INSTANCES = Counter(
    "pons_http_instances", "Instances received over HTTP, by what became of them", ["status"]
)
SLOWEST_ANSWER = Greatest()
"""Seconds, of the last answers; Orthanc's metrics tell no more of durations than the greatest."""
SLOWEST_STORE = Greatest()
"""The same for instances that were stored."""
BYTES = Counter("pons_http_received_bytes", "Bytes of the DICOM files received over HTTP")


class UnderWay:
    """How many blocks run at present, at the cost of an addition."""

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> None:
        self.count += 1

    def __exit__(self, *_: object) -> None:
        self.count -= 1


ACTIVE = UnderWay()
Gauge("pons_http_active_requests", "Requests that are being answered").set_function(
    lambda: ACTIVE.count
)


def answered(method: str, status: int, seconds: float) -> None:
    """Count one answer."""
    SLOWEST_ANSWER.add(seconds)
    _requests(method if method in METHODS else "other", status).observe(seconds)


@cache
def _requests(method: str, status: int) -> Histogram:
    return REQUEST_SECONDS.labels(method, status)
