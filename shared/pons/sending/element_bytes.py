# SPDX-License-Identifier: Apache-2.0
"""The bytes of elements as they are written, little endian: heads, item marks, whole elements."""

import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass

from pons.header.syntax import Syntax
from pons.header.tables import LONG_VRS
from pons.objects.bodies import Body, read_body, size_of

PIXEL_DATA = 0x7FE00010
ITEM, ITEM_END, SEQUENCE_END = (0xFFFE, 0xE000), (0xFFFE, 0xE00D), (0xFFFE, 0xE0DD)
PADDED_BY_SPACE = frozenset(
    ("AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UR", "UT")
)
"""VRs whose values get a space where they have an odd length, others a NUL (PS3.5 6.2)."""


@dataclass(frozen=True, slots=True)
class NewElement:
    """An element that a data set gets: its value, as little endian has it."""

    vr: str
    value: Body

    async def pieces(self, tag: int, target: Syntax) -> AsyncIterator[bytes]:
        """The element as `target` writes it."""
        length = size_of(self.value)
        yield head(tag, self.vr, length + length % 2, target)
        async for piece in read_body(self.value):
            yield piece
        if length % 2:
            yield b" " if self.vr in PADDED_BY_SPACE else b"\0"


def head(tag: int, vr: str, length: int, target: Syntax) -> bytes:
    """What comes before a value."""
    if target.implicit:
        return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, length)
    if vr in LONG_VRS:
        return struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, vr.encode(), 0, length)
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr.encode(), length)


def mark(tag: tuple[int, int], length: int) -> bytes:
    """The head of an item, or a delimiter."""
    return struct.pack("<HHI", *tag, length)
