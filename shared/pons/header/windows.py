# SPDX-License-Identifier: Apache-2.0
"""The bytes that a scan reads: a beginning of the data set that is long enough, inflated or not.

The scan needs slices that are bytes. Bytes and memory maps give them and are read in place; of
other buffers, and of deflated data sets, a beginning is copied, and a longer one if the header
turns out to be longer.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Iterator
from mmap import ACCESS_READ, mmap
from tempfile import TemporaryFile

from pons.errors import InvalidInstance
from pons.header.elements import Scan
from pons.header.model import (
    MAX_INFLATED,
    MAX_INFLATED_HEADER,
    Buffer,
    PastEnd,
    Window,
    too_large,
)
from pons.header.syntax import name
from pons.limits.unpacking import UnpackLimit

_WINDOW = 64 * 1024
_GROWTH = 8

Beginning = Callable[[int], tuple[Window, bool]]
"""So many bytes from the start at least, where there are, and whether these are all."""


def read_plain(scan: Scan, start: int) -> bytes:
    """Read the data set that starts at `start` of the scan's source; gives its JSON."""
    source = scan.source

    def beginning(size: int) -> tuple[Window, bool]:
        if isinstance(source, bytes | mmap):
            return source, True
        return bytes(source[:size]), size >= len(source)

    return _read(scan, start, beginning, len(source) if scan.whole else _WINDOW)


def read_deflated(scan: Scan, start: int, unpacking: UnpackLimit) -> bytes:
    """Read the deflated data set that starts at `start` of the scan's source; gives its JSON.

    What is beyond the header is inflated too, to measure its length; to read it, a temporary file
    takes it, for it may be large.
    """
    packed = scan.source
    pieces = _bounded(_inflated(packed, start), len(packed) - start, unpacking)
    if scan.whole:
        with TemporaryFile() as file:
            file.writelines(pieces)
            file.flush()
            if not (size := file.tell()):
                return _read(scan, 0, lambda _: (b"", True), 0)
            with mmap(file.fileno(), 0, access=ACCESS_READ) as window:
                json = _read(scan, 0, lambda _: (window, True), size)
    else:
        gathered = bytearray()

        def beginning(size: int) -> tuple[Window, bool]:
            for piece in pieces:
                gathered.extend(piece)
                if len(gathered) >= size:
                    return bytes(gathered), False
            return bytes(gathered), True

        json = _read(scan, 0, beginning, _WINDOW, MAX_INFLATED_HEADER)
        size = len(gathered) + sum(map(len, pieces))
    pixels = scan.pixel_data
    if pixels is not None and pixels.offset + (pixels.length or 0) > size:
        raise InvalidInstance(
            f"{name(pixels.tag)} has {pixels.length} bytes, "
            f"but only {size - pixels.offset} were deflated"
        )
    return json


def _read(
    scan: Scan, start: int, beginning: Beginning, size: int, most: int = sys.maxsize
) -> bytes:
    """Read a beginning of `size` bytes, and longer ones of `most` bytes until one is enough."""
    while True:
        window, complete = beginning(size)
        needed = size + 1
        try:
            json = scan.read(window, start)
            if complete or (scan.pixel_data is not None and not scan.went_on):
                return json
        except PastEnd as past:
            if complete:
                raise InvalidInstance(
                    "The file is cut short: it ends in the middle of an element"
                ) from None
            needed = past.needed
        if max(needed, size + 1) > most:
            raise too_large(f"it inflates to more than {most} bytes")
        size = min(max(size * _GROWTH, needed + _WINDOW), most)


def _bounded(pieces: Iterator[bytes], packed: int, unpacking: UnpackLimit) -> Iterator[bytes]:
    """Give the pieces of a data set that `packed` bytes unpack to; refuse one that goes too far."""
    inflated = 0
    for piece in pieces:
        inflated += len(piece)
        if inflated > MAX_INFLATED:
            raise too_large(f"the data set inflates to more than {MAX_INFLATED} bytes")
        if inflated > unpacking.most(packed):
            excess = unpacking.excess(packed, inflated)
            raise InvalidInstance("The deflated data set unpacks too far", excess)
        yield piece


def _inflated(source: Buffer, start: int) -> Iterator[bytes]:
    """Give a deflated data set in pieces of bounded size (raw deflate, PS3.5 A.5)."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for pos in range(start, len(source), _WINDOW):
            piece = bytes(source[pos : pos + _WINDOW])
            while piece and not inflater.eof:
                yield inflater.decompress(piece, _WINDOW)
                piece = inflater.unconsumed_tail
            if inflater.eof:
                return
        yield inflater.flush()
    except zlib.error as error:
        raise InvalidInstance(f"The deflated data set is damaged: {error}") from None
    if not inflater.eof:
        raise InvalidInstance("The deflated data set is cut short")
