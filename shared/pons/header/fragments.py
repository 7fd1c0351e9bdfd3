# SPDX-License-Identifier: Apache-2.0
"""The end of a value of undefined length that is made of fragments (PS3.5 A.4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pons.errors import InvalidInstance
from pons.header.model import UNDEFINED, Buffer, PastEnd

_ITEM, _SEQUENCE_END = 0xE000, 0xE0DD
_ITEM_HEAD = 8


def skip_fragments(
    source: Buffer,
    start: int,
    unpack_item: Callable[[Any, int], tuple[Any, ...]],
    spend: Callable[[int], None],
) -> int:
    """Give the position after the delimiter that ends the fragments from `start`.

    Only the fragments' heads are looked at. A file cut in the middle has no delimiter and raises
    `PastEnd`; `spend` is called for each fragment, and may refuse.
    """
    last = len(source) - _ITEM_HEAD
    pos = start
    while pos <= last:
        group, number, length = unpack_item(source, pos)
        pos += _ITEM_HEAD
        if group == 0xFFFE and number == _SEQUENCE_END:
            return pos  # its length must be 0, but some write others, and no value
        if group != 0xFFFE or number != _ITEM or length == UNDEFINED:
            break
        spend(1)
        pos += length
    else:
        raise PastEnd(pos + _ITEM_HEAD)
    raise InvalidInstance(
        f"Encapsulated data at offset {start}: expected a fragment or the sequence delimiter "
        f"(FFFE,E0DD) at offset {pos - _ITEM_HEAD}, found ({group:04X},{number:04X})"
    )
