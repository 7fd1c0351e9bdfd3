# SPDX-License-Identifier: Apache-2.0
"""Headers as events and the index carry them: DICOM JSON in one zstd frame."""

import zstandard

from pons.errors import PonsError
from pons.header import MAX_JSON

FRAME_BEGINNING = 18
"""Bytes with which the header of a zstd frame surely is whole (RFC 8878 3.1.1.1)."""


class DamagedHeader(PonsError):
    """What is kept of an instance's header is no header."""


def unpacked_size(packed: bytes) -> int:
    """Bytes that a packed header says it unpacks to; the most there may be where it does not say.

    Its first `FRAME_BEGINNING` bytes are enough. Raises `DamagedHeader`, too for more than
    `MAX_JSON`: what is believed here is allocated.
    """
    try:
        size = zstandard.get_frame_parameters(packed).content_size
    except zstandard.ZstdError:
        raise _damaged("it is not compressed as the index compresses it") from None
    if size in (zstandard.CONTENTSIZE_UNKNOWN, zstandard.CONTENTSIZE_ERROR):
        return MAX_JSON
    if size > MAX_JSON:
        raise _damaged(f"it says that it unpacks to {size} bytes, at most {MAX_JSON} are read")
    return size


def unpack_header(packed: bytes) -> bytes:
    """A header's DICOM JSON, of `MAX_JSON` bytes at most. Raises `DamagedHeader`."""
    size = unpacked_size(packed)
    try:
        if zstandard.get_frame_parameters(packed).content_size == size:
            return zstandard.ZstdDecompressor().decompress(packed)
        with zstandard.ZstdDecompressor().stream_reader(packed) as reader:
            header = reader.read(MAX_JSON + 1)
    except zstandard.ZstdError:
        raise _damaged("it cannot be decompressed") from None
    if len(header) > MAX_JSON:
        raise _damaged(f"it unpacks to more than {MAX_JSON} bytes")
    return header


def _damaged(why: str) -> DamagedHeader:
    return DamagedHeader(
        "The header that the index keeps of the instance is damaged",
        f"{why}; POST /instances/{{id}}/reconstruct reads the file again",
    )
