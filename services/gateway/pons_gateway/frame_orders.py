# SPDX-License-Identifier: Apache-2.0
"""In which order the frames of a series are looked at, remembered for the contents it is of."""

from bisect import bisect_right
from collections import OrderedDict
from itertools import accumulate, islice

from pons.messages.frames import Run

MOST_RUNS = 50_000
"""Instances whose order is remembered, of all series together: some 10 MB."""


class SeriesFrames:
    """The frames of a series in order."""

    def __init__(self, content: str, *, is_volume: bool, runs: list[Run]) -> None:
        self.content = content
        """Names the instances and their bytes: with other ones it is another."""
        self.is_volume = is_volume
        self.runs = runs
        self._ends = list(accumulate(run.count for run in runs))

    @property
    def total(self) -> int:
        """How many frames there are."""
        return self._ends[-1] if self._ends else 0

    def part(self, start: int, count: int) -> list[Run]:
        """`count` frames from number `start` on, fewer where there are no more."""
        found = []
        end = min(start + count, self.total)
        for number in islice(range(len(self.runs)), bisect_right(self._ends, start), None):
            run = self.runs[number]
            first = self._ends[number] - run.count
            if first >= end:
                break
            skipped = max(0, start - first)
            wanted = min(end - first, run.count) - skipped
            found.append(Run(run.instance, run.content, run.first + skipped, wanted))
        return found


class FrameOrders:
    """The orders that were worked out last. They hold for ever: other contents are others."""

    def __init__(self, most: int = MOST_RUNS) -> None:
        self._most = most
        self._runs = 0
        self._known: OrderedDict[str, SeriesFrames] = OrderedDict()

    def get(self, content: str) -> SeriesFrames | None:
        """The order of these contents, if it is remembered."""
        if content in self._known:
            self._known.move_to_end(content)
        return self._known.get(content)

    def add(self, frames: SeriesFrames) -> None:
        """Remember an order, and forget those that were not asked for lately."""
        if frames.content in self._known or len(frames.runs) > self._most:
            return
        self._known[frames.content] = frames
        self._runs += len(frames.runs)
        while self._runs > self._most:
            _, oldest = self._known.popitem(last=False)
            self._runs -= len(oldest.runs)
