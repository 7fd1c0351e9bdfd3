# SPDX-License-Identifier: Apache-2.0
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pydicom.uid import JPEGBaseline8Bit, RLELossless

from pons.errors import UnsupportedImage
from pons_render.frames import raw_frame, shift_bits
from pons_render.image import Located, read_image

Locate = Callable[[bytes], Located]
Make = Callable[..., bytes]

ATTRIBUTES = {
    "Rows": 2,
    "Columns": 2,
    "SamplesPerPixel": 1,
    "PhotometricInterpretation": "MONOCHROME2",
    "BitsAllocated": 8,
    "BitsStored": 8,
    "HighBit": 7,
    "PixelRepresentation": 0,
    "vr": "OB",
}


class Counted:
    """A source that remembers what was read."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.bytes_read = 0

    def read_at(self, start: int, length: int) -> bytes:
        self.bytes_read += length
        piece = self._content[start : start + length]
        if len(piece) < length:
            raise UnsupportedImage("The object ends before")
        return piece


def item(data: bytes) -> bytes:
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(data)) + data


def encapsulate(fragments: list[bytes], offsets: list[int]) -> bytes:
    table = struct.pack(f"<{len(offsets)}I", *offsets)
    return item(table) + b"".join(item(fragment) for fragment in fragments)


def raw(content: bytes, frame: int, locate: Locate) -> bytes:
    return raw_frame(read_image(locate(content)), Counted(content), frame)


def encapsulated(
    make: Make, frames: int, data: bytes, syntax: str = RLELossless, **more: Any
) -> bytes:
    return make(data, syntax, NumberOfFrames=frames, **ATTRIBUTES, **more)


def test_basic_offset_table(make: Make, locate: Locate) -> None:
    """With offsets, a frame is the fragments up to the next frame's, joined."""
    data = encapsulate([b"aa", b"bbbb", b"cc", b"dd"], [0, 10, 32])
    content = encapsulated(make, 3, data)
    assert [raw(content, frame, locate) for frame in range(3)] == [b"aa", b"bbbbcc", b"dd"]


def test_extended_offset_table(make: Make, locate: Locate) -> None:
    """The extended offset table tells where a frame is, and how long without its padding."""
    content = encapsulated(
        make,
        2,
        encapsulate([b"aaa\0", b"bb"], []),
        ExtendedOffsetTable=struct.pack("<2Q", 0, 12),
        ExtendedOffsetTableLengths=struct.pack("<2Q", 3, 2),
    )
    assert [raw(content, frame, locate) for frame in range(2)] == [b"aaa", b"bb"]


def test_no_table_one_fragment_each(make: Make, locate: Locate) -> None:
    """Without offsets, as many fragments as frames are the frames."""
    content = encapsulated(make, 3, encapsulate([b"aa", b"bb", b"cc"], []))
    assert [raw(content, frame, locate) for frame in range(3)] == [b"aa", b"bb", b"cc"]


def test_no_table_one_frame(make: Make, locate: Locate) -> None:
    """Without offsets, all fragments of a single frame belong to it."""
    content = encapsulated(make, 1, encapsulate([b"aa", b"bb", b"cc"], []))
    assert raw(content, 0, locate) == b"aabbcc"


def test_no_table_ends_by_marker(make: Make, locate: Locate) -> None:
    """Without offsets, the end marker of JPEG tells where a frame of many fragments ends."""
    fragments = [b"aa", b"b\xff\xd9\0", b"cc", b"dd", b"\xff\xd9"]
    content = encapsulated(make, 2, encapsulate(fragments, []), JPEGBaseline8Bit)
    assert raw(content, 0, locate) == b"aab\xff\xd9\0"
    assert raw(content, 1, locate) == b"ccdd\xff\xd9"


def test_only_the_frame_is_read(make: Make, locate: Locate) -> None:
    """One frame of a long uncompressed file costs its own bytes."""
    content = make(bytes(4 * 10_000), NumberOfFrames=10_000, **ATTRIBUTES)
    source = Counted(content)
    assert raw_frame(read_image(locate(content)), source, 9_999) == bytes(4)
    assert source.bytes_read == 4


def test_little_is_read_of_a_compressed_file(make: Make, locate: Locate) -> None:
    """With an offset table, a frame in the middle costs a small part of the file."""
    fragments = [bytes([number]) * 200_000 for number in range(20)]
    data = encapsulate(fragments, [number * 200_008 for number in range(20)])
    content = encapsulated(make, 20, data)
    source = Counted(content)
    assert raw_frame(read_image(locate(content)), source, 10) == fragments[10]
    assert source.bytes_read < 500_000


def test_bit_packed_frame_begins_with_its_first_pixel(make: Make, locate: Locate) -> None:
    """A raw frame of 1-bit pixels that begins inside a byte is moved to the start of one."""
    one_bit = ATTRIBUTES | {
        "Rows": 3,
        "Columns": 3,
        "BitsAllocated": 1,
        "BitsStored": 1,
        "HighBit": 0,
    }
    content = make(bytes([0b01010101, 0b10000110, 0b1]), NumberOfFrames=2, **one_bit)
    assert raw(content, 0, locate) == bytes([0b01010101, 0])
    assert raw(content, 1, locate) == bytes([0b11000011, 0])


@pytest.mark.parametrize(
    ("skip", "bits", "expected"), [(0, 16, b"\x34\x12"), (4, 8, b"\x23"), (4, 4, b"\x03")]
)
def test_shift_bits(skip: int, bits: int, expected: bytes) -> None:
    """Bits are counted from the least significant of the first byte."""
    assert shift_bits(b"\x34\x12", skip, bits) == expected


def test_big_endian_slice_is_as_in_the_file(make: Make, locate: Locate) -> None:
    """Raw frames are not swapped."""
    content = make(np.array([[1, 2], [3, 4]], ">u2"), "1.2.840.10008.1.2.2", NumberOfFrames=1)
    assert raw(content, 0, locate) == b"\0\x01\0\x02\0\x03\0\x04"


@pytest.mark.parametrize(
    ("frames", "data", "frame"),
    [
        (3, encapsulate([b"aa", b"bb"], [0, 10]), 2),
        (3, encapsulate([b"aa", b"bb"], []), 2),
        (1, item(b""), 0),
        (2, encapsulate([b"aa", b"bb"], [0, 10]) + item(b"cc")[:8], 1),
        (1, item(b"123"), 0),
        (1, b"no item at all", 0),
        (1, item(b"") + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF), 0),
        (1, item(b"") + struct.pack("<HHI", 0xFFFE, 0xE000, 0x7FFFFFFF) + b"aa", 0),
    ],
    ids=[
        "short table",
        "too few fragments",
        "no fragment",
        "ends inside a fragment",
        "odd table",
        "no table",
        "fragment of undefined length",
        "fragment past the end",
    ],
)
def test_broken_encapsulation(
    make: Make, locate: Locate, frames: int, data: bytes, frame: int
) -> None:
    """Whatever is wrong with fragments and offsets, the answer is that there is no such frame."""
    content = encapsulated(make, frames, encapsulate([b"aa"] * frames, []))
    good = locate(content)
    broken = content[: good.pixel_offset] + data
    image = read_image(
        Located(
            good.key,
            len(broken) + 100,
            good.transfer_syntax,
            good.header,
            good.pixel_offset,
            None,
            "OB",
        )
    )
    with pytest.raises(UnsupportedImage):
        raw_frame(image, Counted(broken), frame)


@pytest.mark.parametrize(("offset", "length"), [(2**63, 2), (0, 2**63), (2**40, 2)])
def test_broken_extended_table(make: Make, locate: Locate, offset: int, length: int) -> None:
    """Extended offsets beyond all measure are not believed: the fragments tell the frame."""
    content = encapsulated(
        make,
        1,
        encapsulate([b"aa", b"bb"], []),
        ExtendedOffsetTable=struct.pack("<Q", offset),
        ExtendedOffsetTableLengths=struct.pack("<Q", length),
    )
    assert raw(content, 0, locate) == b"aabb"
