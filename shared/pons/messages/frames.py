# SPDX-License-Identifier: Apache-2.0
"""What render is asked for: many frames in one stream, or a small picture of one."""

import struct

import msgspec

FRAME_STREAM = "/frames"
"""Where a `FramesRequest` is posted to."""
THUMBNAIL = "/instances/{id}/frames/{frame}/thumbnail"
"""Where a small picture of a frame is."""
PIXEL_DATA = "/instances/{id}/pixel-data"
"""Where all frames of a compressed instance are, uncompressed; `content` names its bytes."""
SMALLEST_EDGE, USUAL_EDGE, LARGEST_EDGE = 16, 128, 512
"""Pixels of the longer edge of a thumbnail."""


FRAME_LENGTHS = struct.Struct("<II")
"""How a frame begins in a stream: bytes of its head, which is JSON, and of its values."""


class DecodedFrame(msgspec.Struct, frozen=True):
    """The head of one frame that is sent uncompressed: what its values are."""

    frames: int
    rows: int
    columns: int
    samples_per_pixel: int
    photometric_interpretation: str
    bits_allocated: int
    bits_stored: int
    high_bit: int
    pixel_representation: int
    lossy: bool
    """Whether the coding itself loses something, whatever the header says."""
    error: str = ""
    """Why there are no values; nothing else is told then, and nothing follows."""

    @property
    def size(self) -> int:
        """Bytes of one frame."""
        samples = self.rows * self.columns * self.samples_per_pixel
        return samples * (self.bits_allocated // 8)


class Run(msgspec.Struct, frozen=True, array_like=True):
    """Frames of one instance that follow each other."""

    instance: str
    content: str
    """Key of the object with the instance's bytes: other bytes are not what was asked for."""
    first: int
    count: int


class FramesRequest(msgspec.Struct, frozen=True):
    """Frames in the order in which they are sent."""

    runs: list[Run]
    start: int = 0
    """The place of the first frame among those of its series."""
    kept: bool = False
    """Whether the answer may be kept: then it ends before the first frame that cannot be shown. An
    answer that begins with one has all of them, and says `NEVER_KEPT`."""


NEVER_KEPT = "no-store"
"""The Cache-Control of an answer that begins with a frame that cannot be shown."""
