# SPDX-License-Identifier: Apache-2.0
"""The bytes of one frame as the file has them, without reading those of the others."""

import io

from pons.errors import UnsupportedImage
from pons_render.fragments import Fragments, offsets
from pons_render.image import Image
from pons_render.picture_header import Bulk
from pons_render.source import Source, Window
from pons_render.syntaxes import SYNTAXES, Codec

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


def require_all_told(image: Image, source: Source) -> None:
    """Raise `UnsupportedImage` where compressed frames follow one that is said to be the only one.

    Of more than one, it cannot be told which is which unless all are told of.
    """
    if image.number_of_frames == 1 and _fragments(image, source).has_more_than_one():
        raise UnsupportedImage(
            "The pixel data has more frames than Number of Frames (0028,0008) says",
            "that is 1, or missing",
        )


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
    fragments = _fragments(image, source)
    extended, lengths = (
        offsets(bulk_bytes(table, source), 8) for table in (image.offset_table, image.length_table)
    )
    try:
        data = fragments.frame(frame, image.number_of_frames, (extended, fragments.basic_offsets))
    except UnsupportedImage as error:
        raise UnsupportedImage(f"Frame {frame} cannot be found", error.message) from None
    if not data:
        raise UnsupportedImage(f"Frame {frame} is empty")
    if len(lengths) == image.number_of_frames and lengths[frame] == len(data) - 1:
        return data[:-1]  # without the padding
    return data


def _fragments(image: Image, source: Source) -> Fragments:
    window = io.BufferedReader(Window(source, image.offset, image.length), _SCAN_BUFFER)
    return Fragments(window, are_code_streams=_are_code_streams(image))


def _are_code_streams(image: Image) -> bool:
    syntax = SYNTAXES.get(image.transfer_syntax)
    return syntax is not None and syntax.codec is not Codec.RLE


def bulk_bytes(bulk: Bulk, source: Source) -> bytes:
    """A binary value of the header."""
    return bulk.data or (source.read_at(bulk.offset, bulk.length) if bulk.length else b"")
