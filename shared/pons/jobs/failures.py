# SPDX-License-Identifier: Apache-2.0
"""Which instances of a job failed, in one bit each.

How far a job is, is written after each instance, and of 10,000 UIDs that were a gigabyte in
all. So it has a bit for each: 1.3 kB of 10,000 instances, 125 kB of a million.
"""

from collections.abc import Iterable
from hashlib import blake2b

import msgspec


class Failures(msgspec.Struct, frozen=True):
    """The instances that failed, by their place in the order in which the job sends them."""

    order: str = ""
    """`order_of` the instances; empty in jobs of earlier versions, which do not tell."""
    bits: bytes = b""
    """The first one is the lowest bit of the first byte; what is beyond the end did not fail."""

    def adding(self, place: int) -> "Failures":
        """With the instance at `place`, from 0."""
        bits = bytearray(self.bits.ljust(place // 8 + 1, b"\0"))
        bits[place // 8] |= 1 << place % 8
        return msgspec.structs.replace(self, bits=bytes(bits))

    def places(self) -> list[int]:
        """Those of the instances that failed, ascending."""
        return [
            number * 8 + bit
            for number, byte in enumerate(self.bits)
            if byte
            for bit in range(8)
            if byte >> bit & 1
        ]


def order_of(instance_ids: Iterable[str]) -> str:
    """Tells one list of instances from another, and from itself in another order."""
    digest = blake2b(digest_size=8)
    for one in instance_ids:
        digest.update(one.encode() + b"\n")
    return digest.hexdigest()
