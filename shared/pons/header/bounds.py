# SPDX-License-Identifier: Apache-2.0
"""Where a data set may end, and what is wrong when an element goes beyond."""

from __future__ import annotations

from pons.errors import InvalidInstance
from pons.header.fragments import Buffer
from pons.header.model import MAX_TEXT, PastEnd
from pons.header.syntax import ITEM_END, PADDING, name
from pons.header.values import Window


class Bounds:
    """Tells three ends apart: of an item, of the window, and of the file."""

    def __init__(self, window: Window, source: Buffer, deflated: bool) -> None:
        self.window = window
        self.source = source
        self.deflated = deflated

    def past_end(self, tag: int, start: int, length: int, end: int) -> Exception:
        """Give what to raise for `length` bytes at `start` that do not fit before `end`."""
        if end < len(self.window):
            return InvalidInstance(
                f"{name(tag)} at offset {start} has {length} bytes, "
                f"but only {end - start} are left in what contains it"
            )
        if self.deflated or start + length <= len(self.source):
            return PastEnd(start + length)
        return InvalidInstance(
            f"{name(tag)} at offset {start} has {length} bytes, "
            f"but the file has only {len(self.source) - start} left"
        )

    def check_end(self, depth: int, pos: int, end: int, endless: bool) -> None:
        """Refuse a data set or item that stops in the middle of an element."""
        if not endless and (pos >= end or (depth == 0 and not any(self.window[pos:end]))):
            return  # some writers pad a file with zeros
        if end == len(self.window):
            raise PastEnd(end + 1)
        raise InvalidInstance(f"An item ends in the middle of an element, at offset {end}")

    def is_end(self, depth: int, kind: int, tag: int, pos: int, end: int) -> bool:
        """Say whether the data set ends here; refuse what can be neither element nor end."""
        if kind == ITEM_END and depth:
            return True
        padding = self.window[pos : min(end, pos + MAX_TEXT)]
        if kind == PADDING and depth == 0 and not padding.strip(b"\0"):
            return True
        raise InvalidInstance(
            f"Expected an element at offset {pos}, found ({tag >> 16:04X},{tag & 0xFFFF:04X})"
        )
