# SPDX-License-Identifier: Apache-2.0
"""How often the same thing has gone to the same destination: what goes round in a circle is ended.

Stores that send to each other, each of which overwrites what it has, would send for ever. DICOM
leaves no mark on an instance of where it has been, so it is counted how often it comes by.
"""

import hashlib
import struct
import time
from collections.abc import Callable

DAY = 24 * 3600.0
BITS = 2**25
MARKS = 4
"""Bits of a thing. They are in twice 4 MiB, whatever passes."""
FULL = 4_000_000
"""Things of a generation: then one in forty seems to have come by before."""
ROOM = 100_000
"""Things of a generation of which it is known how often they came by: about 15 MB."""


class Generation:
    """What came by within half a day: a mark of each, and a count of those that came again."""

    def __init__(self, begun: float) -> None:
        self.begun = begun
        self.size = 0
        self.counts: dict[bytes, int] = {}
        self._marks = bytearray(BITS // 8)

    def has(self, digest: bytes) -> bool:
        """Whether it came by; one of some that did not seems to have."""
        return all(self._marks[bit >> 3] >> (bit & 7) & 1 for bit in _bits(digest))

    def mark(self, digest: bytes) -> None:
        """It came by."""
        for bit in _bits(digest):
            self._marks[bit >> 3] |= 1 << (bit & 7)
        self.size += 1


class Rounds:
    """Counts for this process, and ends with it: a circle that has ended does not begin again.

    What never came by is never over. Where more things circle than there is `ROOM` for, the first
    ones end today, and others when those are forgotten.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        """`most` rounds, at least two, are let pass."""
        self._most = most
        self._clock = clock
        self._now = self._before = Generation(clock())

    def over(self, thing: str) -> bool:
        """Whether it has come by as often as it may."""
        self._turn()
        digest = _digest(thing)
        return sum(one.counts.get(digest, 0) for one in {self._now, self._before}) >= self._most

    def count(self, thing: str) -> None:
        """It has come by once more."""
        self._turn()
        digest = _digest(thing)
        now, before = self._now, self._before
        if digest in now.counts:
            now.counts[digest] += 1
        elif digest in before.counts:
            if len(now.counts) < ROOM:
                now.counts[digest] = 1
        elif not now.has(digest) and not before.has(digest):
            now.mark(digest)
        elif len(now.counts) < ROOM:
            now.counts[digest] = 2

    def _turn(self) -> None:
        """Forget what is a day old: the two generations are of half a day each."""
        moment = self._clock()
        age = moment - self._now.begun
        if age >= DAY:
            self._now = self._before = Generation(moment)
        elif age >= DAY / 2 or self._now.size >= FULL:
            self._now, self._before = Generation(moment), self._now


def _digest(thing: str) -> bytes:
    return hashlib.blake2b(thing.encode(), digest_size=4 * MARKS).digest()


def _bits(digest: bytes) -> list[int]:
    return [word % BITS for word in struct.unpack(f"<{MARKS}I", digest)]
