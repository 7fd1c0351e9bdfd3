# SPDX-License-Identifier: Apache-2.0
"""Where the file meta information of a file ends, and so its data set begins (PS3.10 7.1).

One answer for all that open files: the way in, pictures, what is sent. Only the first group 0002
counts. PS3.5 7.1 wants none in a data set, but some have one there: a whole second header, or the
elements of another transfer syntax.
"""

from __future__ import annotations

from pons.errors import InvalidInstance
from pons.header import syntax as s
from pons.header.encoding import read_odd
from pons.header.model import Buffer, too_large
from pons.header.syntax import EXPLICIT_META, IMPLICIT_META, Syntax

PREFIX_END = 132
MAX_META = 1024 * 1024
PREFACE = PREFIX_END + MAX_META
"""Bytes of a file that surely hold what comes before its data set."""

_USUAL_META = 4 * 1024
_MAX_META_ELEMENTS = 1000
META_GROUP = b"\x02\x00"
GROUP_LENGTH = 0x00020000
_GROUP_LENGTHS = (b"\x02\x00\x00\x00UL\x04\x00", b"\x02\x00\x00\x00\x04\x00\x00\x00")
"""How an element begins that has the group's length."""


def meta_end(content: Buffer) -> int:
    """Give the position of the data set in a file, of which the first `PREFACE` bytes are enough.

    It is 0 for a data set by itself, `PREFIX_END` where nothing but the prefix comes before it.
    Raises `InvalidInstance` when the file ends inside its meta header, or that is over 1 MiB.
    """
    end = find_meta_end(content, complete=True)
    if end is None:
        raise InvalidInstance("The file ends inside its meta header, or that is over 1 MiB")
    return end


def find_meta_end(beginning: Buffer, *, complete: bool = False) -> int | None:
    """As `meta_end`, for who reads a file piece by piece: None when more of it is needed to tell.

    `complete` says that the file has no more than `beginning`, or that this has `PREFACE` bytes.
    """
    if len(beginning) < PREFIX_END and not complete:
        return None
    start = meta_start(beginning)
    for size in (_USUAL_META, MAX_META):
        window = bytes(beginning[start : start + size])
        end = _group_end(window, complete=complete and len(window) < size)
        if end is not None:
            return start + end
    return None


def dataset_start(content: Buffer, meta_end: int) -> int:
    """Give where the elements of a data set start that has elements of group 0002 before them."""
    if bytes(content[meta_end : meta_end + 2]) != META_GROUP:
        return meta_end
    window = bytes(content[meta_end : meta_end + MAX_META])
    pos = 0
    for _ in range(_MAX_META_ELEMENTS):
        element = (
            element_at(window, EXPLICIT_META, pos) if window.startswith(META_GROUP, pos) else None
        )
        if element is None:
            return meta_end + pos
        _, pos = element
    raise too_large(f"more than {_MAX_META_ELEMENTS} elements of group 0002")


def meta_start(beginning: Buffer) -> int:
    """Give the position of the first element: behind the prefix, or 0 where there is none."""
    return PREFIX_END if bytes(beginning[PREFIX_END - 4 : PREFIX_END]) == b"DICM" else 0


def meta_syntax(window: bytes) -> Syntax:
    """Say how group 0002 is encoded; implicit is wrong, and seen."""
    return EXPLICIT_META if s.is_vr(window[4:6]) else IMPLICIT_META


def _group_end(window: bytes, *, complete: bool) -> int | None:
    """Give the position after the first group 0002; None when that is not inside the window.

    The group's own length is too often wrong to be used alone: it counts when it leads to the end
    of an element and the transfer syntax comes before. Else an element that was there already, or
    one in the other VR encoding, belongs to what follows.
    """
    syntax = meta_syntax(window)
    announced = _announced_end(window)
    unpack_head, known = syntax.unpack_head, syntax.known
    seen: set[int] = set()
    pos, last = 0, len(window) - 8
    for _ in range(_MAX_META_ELEMENTS):
        if pos > last:
            ended = window[pos : pos + 2] != META_GROUP
            return pos if ended and (complete or pos + 2 <= len(window)) else None
        head, length = unpack_head(window, pos)
        found = known.get(head)
        if found is None:
            if not window.startswith(META_GROUP, pos):
                return pos
            found = syntax.learn(head)
        tag, kind = found[:2]
        if pos == announced and s.META_TRANSFER_SYNTAX in seen:
            return pos
        if tag in seen or (tag == GROUP_LENGTH and pos):
            return pos
        end: int | None = pos + 8 + length
        if kind & s.LONG or kind == s.ODD:
            end = _end_of(window, syntax, pos)
        if end is None or end > len(window):
            return None
        seen.add(tag)
        pos = end
    raise too_large(f"more than {_MAX_META_ELEMENTS} elements of group 0002")


def element_at(window: bytes, syntax: Syntax, pos: int) -> tuple[int, int] | None:
    """Give tag and end of the element at `pos`; None when it does not end inside the window."""
    end = _end_of(window, syntax, pos) if pos + 8 <= len(window) else None
    return None if end is None or end > len(window) else (syntax.tag(window, pos), end)


def _end_of(window: bytes, syntax: Syntax, pos: int) -> int | None:
    """Give the end of any element, perhaps beyond the window; None when it cannot be told."""
    known, value, length = syntax.read_head(window, pos)
    if known[1] == s.ODD:
        odd = read_odd(syntax, lambda at, size: window[at : at + size], pos, len(window))
        return None if odd is None else sum(odd)
    return None if length is None else value + length


def _announced_end(window: bytes) -> int:
    """Give where File Meta Information Group Length (0002,0000) says that the group ends; or -1."""
    if not window.startswith(_GROUP_LENGTHS):
        return -1
    return 12 + int.from_bytes(window[8:12], "little")
