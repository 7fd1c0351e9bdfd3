# SPDX-License-Identifier: Apache-2.0
"""The greatest of the values that came lately, at the cost of a comparison for each."""

from collections.abc import Callable
from time import monotonic

SECONDS = 10.0


class Greatest:
    """The greatest value of the last 10 to 20 seconds; 0 without any."""

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
        if passed >= SECONDS:
            self._before = self._now if passed < 2 * SECONDS else 0.0
            self._now = 0.0
            self._since += passed
