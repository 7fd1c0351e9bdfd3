# SPDX-License-Identifier: Apache-2.0
"""Where the elements of a data set are, found by reading their heads and nothing of their values.

`elements` turns a whole header into JSON. Here one element is looked for, anywhere in a file of
any size, in a window of `WINDOW` bytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from pons.errors import InvalidInstance
from pons.header import syntax as s
from pons.header.charset import Escapes, charset_of
from pons.header.convert import BINARY_VRS
from pons.header.encoding import (
    AFTER,
    JUDGED,
    ODD_HEAD,
    choose_value,
    item_syntax,
    odd_values,
    place_after,
)
from pons.header.level import Level
from pons.header.model import MAX_DEPTH, MAX_INLINE, UNDEFINED
from pons.header.syntax import LONG, Syntax, name

WINDOW = 64 * 1024

_ITEM, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE0DD
_HEAD, _LONG_HEAD = 8, 12

ReadRange = Callable[[int, int], Awaitable[bytes]]
"""So many bytes (second) from a position (first), fewer where the data ends before."""


@dataclass(frozen=True, slots=True)
class Extent:
    """A data set or item: its elements lie in `start` to `end`, which may be too large a bound."""

    start: int
    end: int
    level: Level
    endless: bool = False
    """It ends with an item delimiter somewhere before `end`."""


@dataclass(frozen=True, slots=True)
class Element:
    """An element's tag and VR, and where its value is; `length` is None when undefined."""

    tag: int
    vr: str
    start: int
    length: int | None
    within: Extent
    is_un: bool
    """The file itself says UN."""

    @property
    def is_sequence(self) -> bool:
        return self.vr == "SQ"

    @property
    def is_fragmented(self) -> bool:
        """Whether the value is a sequence of fragments (PS3.5 A.4)."""
        return self.length is None and not self.is_sequence


class Walk:
    """Reads heads of elements through a window. Raises `InvalidInstance` where they are damaged."""

    def __init__(self, read_range: ReadRange, size: int) -> None:
        self._read_range = read_range
        self._size = size
        self._begin = 0
        self._window = b""
        self._ends: dict[int, int] = {}
        """Where what starts at a position was found to end: whoever goes into a sequence has been
        there already, and nothing is walked twice."""

    def dataset(self, syntax: Syntax, start: int) -> Extent:
        """The data set that starts there and ends with the data."""
        charset = charset_of(b"", "latin1", Escapes())
        return Extent(start, self._size, Level(syntax, charset))

    async def elements(self, extent: Extent) -> AsyncIterator[Element]:
        """The elements of a data set or item, in the order of the file."""
        pos = extent.start
        while (element := await self._element(extent, pos)) is not None:
            yield element
            pos = self._ends.pop(element.start, 0) or await self._after(element)
        if extent.endless:
            self._ends[extent.start] = pos + _HEAD

    async def items(self, element: Element) -> AsyncIterator[Extent]:
        """The items of a sequence."""
        pos = element.start
        while (item := await self._item(element, pos)) is not None:
            yield item
            pos = self._ends.pop(item.start, 0) or await self._item_end(item)
        if element.length is None:
            self._ends[element.start] = pos + _HEAD

    async def fragments(self, element: Element) -> AsyncIterator[tuple[int, int]]:
        """Start and length of each fragment, that of the offset table first."""
        pos = element.start
        while True:
            tag, length = await self._item_head(element, pos)
            pos += _HEAD
            if tag == _SEQUENCE_END:
                return
            if tag != _ITEM or length == UNDEFINED or pos + length > self._size:
                raise _unexpected(element, tag, pos - _HEAD)
            yield pos, length
            pos += length

    async def _element(self, extent: Extent, pos: int) -> Element | None:
        """The element at `pos`; None where the data set or item ends."""
        level, syntax = extent.level, extent.level.syntax
        head = await self._read(pos, min(_LONG_HEAD + 4, extent.end - pos))
        if len(head) < _HEAD:
            if extent.endless or (head.strip(b"\0") and level.depth):
                raise InvalidInstance(f"An item ends in the middle of an element, at offset {pos}")
            return None
        (tag, kind, _, _, vr), size, length = syntax.read_head(head)
        kind, start, is_odd = kind & ~LONG, pos + size, kind == s.ODD
        if kind == (s.ITEM_END if level.depth else s.PADDING):
            return None
        if kind in (s.ITEM_END, s.MISPLACED, s.PADDING):
            raise InvalidInstance(f"Expected an element at offset {pos}, found {name(tag)}")
        if is_odd:
            start, length = await self._odd(extent, head[:ODD_HEAD], pos)
            kind = syntax.kind(tag, "UN")
        if length is None or (length != UNDEFINED and start + length > extent.end):
            raise _past_end(tag, pos)
        is_un = vr == "UN" and not is_odd and not syntax.implicit
        if kind == s.PIXELS and not level.depth:
            vr = "OB" if vr == "UN" else vr
        elif kind == s.CREATOR:
            vr = "LO"
            level.note_creator(tag, await self._read(start, min(length, MAX_INLINE)))
        elif vr == "UN":
            vr = level.look_up(head[start - pos :], tag, is_un, 0, length)
        if length == UNDEFINED and vr != "SQ" and vr not in BINARY_VRS:
            raise InvalidInstance(
                f"{name(tag)} at offset {pos}: a value of VR {vr} cannot have an undefined length"
            )
        defined = None if length == UNDEFINED else length
        return Element(tag, vr, start, defined, extent, is_un)

    async def _odd(self, extent: Extent, head: bytes, pos: int) -> tuple[int, int]:
        """Where the value of an element is whose VR is none, and its length."""
        syntax, values = extent.level.syntax, odd_values(extent.level.syntax, head, pos)
        after = [
            await self._read(at, min(AFTER, extent.end - at)) if at <= extent.end else None
            for at in map(place_after, values)
        ]
        return choose_value(syntax, head, values, after) or values[0]

    async def _after(self, element: Element) -> int:
        """The position after an element."""
        if element.length is not None:
            return element.start + element.length
        pos = element.start
        if element.is_fragmented:
            async for start, length in self.fragments(element):
                pos = start + length
            return pos + _HEAD
        while (item := await self._item(element, pos)) is not None:
            pos = await self._item_end(item)
        return pos + _HEAD

    async def _item(self, element: Element, pos: int) -> Extent | None:
        """The item whose head is at `pos`; None where the sequence ends."""
        level = element.within.level
        if level.depth >= MAX_DEPTH:
            raise InvalidInstance(
                f"{name(element.tag)} is nested deeper than {MAX_DEPTH} sequences"
            )
        limit = element.within.end if element.length is None else element.start + element.length
        if pos >= limit and element.length is not None:
            return None
        syntax = await self._sequence_syntax(element)
        tag, length = await self._item_head(element, pos)
        pos += _HEAD
        if tag == _SEQUENCE_END:
            return None
        endless = length == UNDEFINED
        end = limit if endless else pos + length
        if tag != _ITEM or end > limit:
            raise _unexpected(element, tag, pos - _HEAD)
        head = await self._read(pos, min(_HEAD, end - pos))
        if head[4:6] not in s.VRS:
            head = await self._read(pos, min(JUDGED, end - pos))
        return Extent(pos, end, level.item(item_syntax(syntax, head, end - pos)), endless)

    async def _item_end(self, item: Extent) -> int:
        """The position after an item, and after its delimiter if it has one."""
        if not item.endless:
            return item.end
        pos = item.start
        while (element := await self._element(item, pos)) is not None:
            pos = await self._after(element)
        return pos + _HEAD

    async def _item_head(self, element: Element, pos: int) -> tuple[int, int]:
        syntax = await self._sequence_syntax(element)
        head = await self._read(pos, _HEAD)
        if len(head) < _HEAD:
            raise _past_end(element.tag, pos)
        group, number, length = syntax.unpack_item(head)
        return group << 16 | number, length

    async def _sequence_syntax(self, element: Element) -> Syntax:
        syntax = element.within.level.syntax
        if element.is_un and syntax.big_endian:
            # PS3.5 6.2.2: UN is always implicit little endian inside
            inside = await self._read(element.start, 2)
            return s.IMPLICIT_LITTLE if inside == b"\xfe\xff" else syntax
        return syntax

    async def _read(self, pos: int, length: int) -> bytes:
        if not self._begin <= pos <= pos + length <= self._begin + len(self._window):
            self._begin = pos
            self._window = await self._read_range(pos, min(WINDOW, max(0, self._size - pos)))
            await asyncio.sleep(0)  # a file in memory is read without a pause
        start = pos - self._begin
        return self._window[start : start + length]


def _past_end(tag: int, pos: int) -> InvalidInstance:
    return InvalidInstance(f"{name(tag)} at offset {pos} goes beyond what contains it")


def _unexpected(element: Element, tag: int, pos: int) -> InvalidInstance:
    return InvalidInstance(
        f"{name(element.tag)}: expected an item or the sequence delimiter at offset {pos}, found "
        f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
    )
