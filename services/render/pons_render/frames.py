# SPDX-License-Identifier: Apache-2.0
"""The bytes of one frame as the file has them, without reading those of the others."""

import io
import struct

from pons.errors import UnsupportedImage
from pons_render.image import Bulk, Image
from pons_render.source import Source, Window

_SCAN_BUFFER = 64 * 1024
"""Item headers of small fragments are read in gulps of this size."""


def raw_frame(image: Image, source: Source, frame: int) -> bytes:
    """Frame number `frame`, counted from 0: its fragments joined, or its slice of the pixel data.

    Frames of 1-bit pixels follow each other without padding (PS3.5 8.1.1); such a frame is moved so
    that it begins with the least significant bit of the first byte.
    """
    if frame >= image.number_of_frames:
        raise UnsupportedImage(f"There is no frame {frame}, the image has {image.number_of_frames}")
    if image.encapsulated:
        return _encapsulated_frame(image, source, frame)
    start, end = frame * image.frame_bits, (frame + 1) * image.frame_bits
    return shift_bits(read_bytes(image, source, start // 8, -(-end // 8)), start % 8, end - start)


def read_bytes(image: Image, source: Source, start: int, end: int) -> bytes:
    """Bytes `start` to `end` of pixel data that is not encapsulated."""
    return source.read_at(image.offset + start, end - start)


def shift_bits(data: bytes, skip: int, bits: int) -> bytes:
    """`bits` bits of `data` after its `skip` least significant ones, zeros in what is left over."""
    if skip == 0 and bits % 8 == 0:
        return data
    number = int.from_bytes(data, "little") >> skip & ((1 << bits) - 1)
    return number.to_bytes(-(-bits // 8), "little")


def _encapsulated_frame(image: Image, source: Source, frame: int) -> bytes:
    # Takes a third of a second once, which uncompressed images need not pay.
    from pydicom.encaps import get_frame

    raw = Window(source, image.offset, image.length)
    tables = (bulk_bytes(image.offset_table, source), bulk_bytes(image.length_table, source))
    try:
        data = get_frame(
            io.BufferedReader(raw, _SCAN_BUFFER),
            frame,
            number_of_frames=image.number_of_frames,
            extended_offsets=tables if all(tables) else None,
        )
    except (ValueError, OverflowError, struct.error) as error:
        raise UnsupportedImage(f"Frame {frame} cannot be found", str(error)) from None
    if not data:
        raise UnsupportedImage(f"Frame {frame} is empty")
    return data


def bulk_bytes(bulk: Bulk, source: Source) -> bytes:
    """A binary value of the header."""
    return bulk.data or (source.read_at(bulk.offset, bulk.length) if bulk.length else b"")
