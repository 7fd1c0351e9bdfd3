# SPDX-License-Identifier: Apache-2.0
"""RLE Lossless: the byte planes of a frame, run-length encoded one by one (PS3.5 annex G)."""

import struct
from contextlib import suppress
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from pons.errors import UnsupportedImage
from pons_render.image import Image, require_room

_HEADER = struct.Struct("<16I")
_MOST_SEGMENTS = 15
_NO_RUN = 128
_PADDING = 64
"""Bytes that a segment may have beyond one run for each pixel, the longest that a plane can be."""


def decode_rle(image: Image, data: bytes, most: int) -> NDArray[Any]:
    """The stored values of a frame, shape (rows, columns) or (rows, columns, samples).

    The number of segments tells the bytes of a sample, whatever Bits Allocated is. Raises
    `UnsupportedImage`, also for a frame that would take more than `most` bytes.
    """
    samples = image.samples_per_pixel
    bounds = _segments(data)
    count = len(bounds) - 1
    width, rest = divmod(count, samples)
    if rest or width not in (1, 2, 4, 8):
        raise UnsupportedImage(
            f"The frame has {count} RLE segments, expected {samples} for each byte"
        )
    if width * 8 < min(image.bits_stored, image.bits_allocated):
        raise UnsupportedImage(
            f"The RLE segments hold samples of {width * 8} bits, Bits Stored is {image.bits_stored}"
        )
    require_room(msgspec.structs.replace(image, bits_allocated=width * 8), most)
    planes = np.empty((samples, image.rows * image.columns, width), np.uint8)
    for number, (begin, end) in enumerate(pairwise(bounds)):
        # The most significant byte comes first (PS3.5 G.2)
        sample, place = divmod(number, width)
        planes[sample, :, width - 1 - place] = _decode(image, data[begin:end], number)
    values = planes.view(f"<u{width}").reshape(samples, image.rows, image.columns)
    if image.pixel_representation:
        values = values.view(f"<i{width}")
    pixels = values[0] if samples == 1 else values.transpose(1, 2, 0)
    return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)


def _segments(data: bytes) -> list[int]:
    """Where the segments begin, and where the last one ends."""
    if len(data) < _HEADER.size:
        raise UnsupportedImage(f"The RLE frame has {len(data)} bytes, its header alone has 64")
    count, *offsets = _HEADER.unpack_from(data)
    if not 0 < count <= _MOST_SEGMENTS:
        raise UnsupportedImage(f"The RLE header says {count} segments, expected 1 to 15")
    bounds = [*offsets[:count], len(data)]
    if bounds[0] < _HEADER.size or any(begin >= end for begin, end in pairwise(bounds)):
        raise UnsupportedImage(f"The RLE segments begin at {bounds[:-1]} of {len(data)} bytes")
    return bounds


def _decode(image: Image, segment: bytes, number: int) -> NDArray[np.uint8]:
    """One byte plane. What comes after its end is padding that was taken for a run.

    A segment that is longer than any plane of this size is not decoded before it is known where the
    plane ends: a byte of it may become 64.
    """
    # Takes a while once, which other images need not pay.
    from rle.rle import decode_segment

    expected = image.rows * image.columns
    decoded = b""
    if len(segment) <= 2 * expected + _PADDING:
        with suppress(ValueError):
            decoded = decode_segment(segment)
    if len(decoded) != expected:
        end = _end_of_plane(image, segment, number)
        decoded = decode_segment(segment[:end])
    return np.frombuffer(decoded, np.uint8, expected)


def _end_of_plane(image: Image, segment: bytes, number: int) -> int:
    """Where the runs of the plane end in a segment that holds more, or ends inside a run.

    Runs do not go on from one row to the next (PS3.5 G.3.1), so they tell whether Columns are right
    and what follows does not matter. Where they do go on, some encoders do, only a few more bytes
    are believed to be none of the picture.
    """
    at = decoded = 0
    rows_end = {image.columns * row for row in range(1, image.rows + 1)}
    expected = image.rows * image.columns
    while decoded < expected and at < len(segment):
        code = segment[at]
        run = 0 if code == _NO_RUN else code + 1 if code < _NO_RUN else 257 - code
        at += 1 if code == _NO_RUN else 1 + run if code < _NO_RUN else 2
        decoded += run
        rows_end.discard(decoded)
    if decoded < expected or at > len(segment):
        raise UnsupportedImage(f"RLE segment {number} ends before its {expected} pixels do")
    if rows_end and len(segment) - at >= min(image.rows, image.columns):
        raise UnsupportedImage(
            f"RLE segment {number} goes on for {len(segment) - at} bytes after {expected} pixels"
        )
    return at
