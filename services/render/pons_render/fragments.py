# SPDX-License-Identifier: Apache-2.0
"""Which fragments of encapsulated pixel data are a frame (PS3.5 A.4).

A table of offsets says it, and is often wrong. It is believed where the fragments bear it out;
else all of them are looked at, which costs a read of each one's head.
"""

import io
import struct
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pons.errors import UnsupportedImage
from pons_render.codestream import END, STARTS

Table = NDArray[np.int64]
"""Where frames begin, from the first fragment's item."""

_HEAD = struct.Struct("<HHI")
_ITEM, _SEQUENCE_END = (0xFFFE, 0xE000), (0xFFFE, 0xE0DD)
_NOTHING = (0, 0)
_UNDEFINED = 0xFFFFFFFF
_START_BYTES = max(map(len, STARTS))
_END_BYTES = 10
"""Where the end of a code stream is looked for: some encoders pad by more than a byte."""


class Fragment(NamedTuple):
    """A fragment; where its item begins, counted from the first fragment's."""

    at: int
    length: int

    @property
    def end(self) -> int:
        return self.at + _HEAD.size + self.length


class Fragments:
    """The fragments of one image's pixel data, in a file that begins with their table."""

    def __init__(self, file: io.BufferedIOBase, *, are_code_streams: bool) -> None:
        """`are_code_streams`: frames begin and end with the markers of JPEG or JPEG 2000."""
        self._file = file
        self._are_code_streams = are_code_streams
        self._size = file.seek(0, io.SEEK_END)
        file.seek(0)
        tag, length = self._head()
        if tag != _ITEM or length > self._size:
            raise UnsupportedImage("The pixel data does not begin with a table of offsets")
        self.basic_offsets = offsets(file.read(length), 4)
        self._base = _HEAD.size + length

    def frame(self, number: int, frames: int, tables: Iterable[Table]) -> bytes:
        """Frame `number` of `frames`. Raises `UnsupportedImage` when it cannot be told which it is.

        `tables`: those that say where frames begin, the best first.
        """
        tables = [table for table in tables if len(table) == frames]
        for table in tables:
            if self._is_possible(table) and (data := self._between(table, number)) is not None:
                return data
        fragments = list(self._all())
        if number == 0 and len(fragments) == 1:
            return self._read(fragments[0])  # a video, or frames one after the other
        group = self._divide(fragments, frames, tables)[number]
        return b"".join(map(self._read, group))

    def has_more_than_one(self) -> bool:
        """Whether more frames than one begin here; one of RLE is one fragment (PS3.5 A.4.2)."""
        fragments = [fragment for fragment in self._all() if fragment.length]
        if self._are_code_streams:
            return len(_starts([self._beginning(fragment) for fragment in fragments])) > 1
        return len(fragments) > 1

    def _is_possible(self, table: Table) -> bool:
        return bool(table[0] == 0 and table[-1] < self._size and (np.diff(table) > 0).all())

    def _between(self, table: Table, number: int) -> bytes | None:
        """The frame that begins and ends where the table says; None when the items disagree."""
        end = int(table[number + 1]) if number + 1 < len(table) else None
        pieces: list[bytes] = []
        at = int(table[number])
        while at != end:
            self._file.seek(self._base + at)
            tag, length = self._head()
            if end is None and tag == _SEQUENCE_END:
                break
            if tag != _ITEM or length == _UNDEFINED or (end is not None and at + length >= end):
                return None
            pieces.append(self._file.read(length))
            at += _HEAD.size + length
            if len(pieces[-1]) < length:
                return None
        if end is not None and self._head()[0] != _ITEM:
            return None
        if self._are_code_streams and (_starts(pieces) != [0] or not _ends(pieces[-1])):
            return None
        return b"".join(pieces) if pieces else None

    def _all(self) -> Iterator[Fragment]:
        at = 0
        while True:
            self._file.seek(self._base + at)
            tag, length = self._head()
            if tag == _SEQUENCE_END:
                return
            if tag != _ITEM or length == _UNDEFINED:
                raise UnsupportedImage(
                    f"The pixel data has no fragment at its byte {self._base + at}",
                    f"found ({tag[0]:04X},{tag[1]:04X})",
                )
            fragment = Fragment(at, length)
            yield fragment
            at = fragment.end

    def _divide(
        self, fragments: list[Fragment], frames: int, tables: list[Table]
    ) -> Sequence[Sequence[Fragment]]:
        """The fragments of each frame, from what they are rather than from where they should be."""
        if frames == 1:
            return [fragments]
        for some in (fragments, [fragment for fragment in fragments if fragment.length]):
            if len(some) == frames:
                return [[fragment] for fragment in some]
        if self._are_code_streams and len(fragments) > frames:
            begins = _starts([self._beginning(fragment) for fragment in fragments])
            if not begins:
                ends = [_ends(self._ending(fragment)) for fragment in fragments]
                begins = [0, *(number + 1 for number, is_end in enumerate(ends[:-1]) if is_end)]
            if len(begins) == frames and begins[0] == 0:
                return [fragments[a:b] for a, b in pairwise([*begins, len(fragments)])]
        else:
            for table in tables:
                for positions in (_positions(fragments), _positions_without_heads(fragments)):
                    begins = [positions.get(at, -1) for at in (table - table[0]).tolist()]
                    if begins[0] == 0 and all(a < b for a, b in pairwise(begins)):
                        return [fragments[a:b] for a, b in pairwise([*begins, len(fragments)])]
        raise UnsupportedImage(
            f"It cannot be told which of {len(fragments)} fragments are which of {frames} frames",
            "no table of offsets fits them",
        )

    def _head(self) -> tuple[tuple[int, int], int]:
        """Tag and length of the item here; where the pixel data ends, a tag that is none."""
        head = self._file.read(_HEAD.size)
        if len(head) < _HEAD.size:
            return _NOTHING, 0
        group, element, length = _HEAD.unpack(head)
        return (group, element), length

    def _read(self, fragment: Fragment) -> bytes:
        return self._slice(fragment, 0, fragment.length)

    def _beginning(self, fragment: Fragment) -> bytes:
        return self._slice(fragment, 0, min(_START_BYTES, fragment.length))

    def _ending(self, fragment: Fragment) -> bytes:
        size = min(_END_BYTES, fragment.length)
        return self._slice(fragment, fragment.length - size, size)

    def _slice(self, fragment: Fragment, start: int, length: int) -> bytes:
        self._file.seek(self._base + fragment.at + _HEAD.size + start)
        piece = self._file.read(length)
        if len(piece) < length:
            raise UnsupportedImage("The pixel data ends in the middle of a fragment")
        return piece


def offsets(table: bytes, width: int) -> Table:
    """The little-endian numbers of a table; those beyond all measure are negative."""
    whole = len(table) // width * width
    return np.frombuffer(table[:whole], f"<u{width}").astype(np.int64)


def _starts(pieces: Sequence[bytes]) -> list[int]:
    """The numbers of the pieces that begin with a code stream."""
    return [number for number, piece in enumerate(pieces) if piece.startswith(STARTS)]


def _ends(piece: bytes) -> bool:
    return END in piece[-_END_BYTES:]


def _positions(fragments: Sequence[Fragment]) -> dict[int, int]:
    """Where fragments begin, to their numbers."""
    return {fragment.at: number for number, fragment in enumerate(fragments)}


def _positions_without_heads(fragments: Sequence[Fragment]) -> dict[int, int]:
    """The same, counted by a writer that forgot the heads of items."""
    lengths = accumulate((fragment.length for fragment in fragments[:-1]), initial=0)
    return {at: number for number, at in enumerate(lengths)}
