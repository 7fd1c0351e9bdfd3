# SPDX-License-Identifier: Apache-2.0
"""How pixel data is compressed, where the transfer syntax cannot be true (PS3.5 A.4).

Compressed pixel data is fragments, and no other is. Which compression they have, their first code
stream says, unless it is RLE, which has no mark.
"""

from __future__ import annotations

from collections.abc import Callable

from pons.header.model import PixelData

Peek = Callable[[int, int], bytes]
"""So many bytes (second) from a position (first), fewer where the data ends before."""

_JPEG = "1.2.840.10008.1.2.4."
_START = b"\xff\xd8"
_STARTS = (_START, b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP", b"\xfe\xff\0\xe0", b"\xff\xfe\xe0\0")
"""How code streams of JPEG and JPEG 2000, files of JPEG 2000 and items begin."""
_SIZE, _STYLE, _SCAN, _TILE = 0x51, 0x52, 0xDA, 0x90
_BASELINE, _EXTENDED, _LOSSLESS, _JPEG_LS = 0xC0, 0xC1, 0xC3, 0xF7
"""Markers: SIZ, COD, SOS, SOT; starts of frames (ISO/IEC 10918-1 B.1, 14495-1, 15444-1 A.2)."""
_LOOKED_AT = 64 * 1024
HEAD = 8
"""Bytes of a value that tell whether it is compressed."""
_MOST_RLE_SEGMENTS = 15


def is_native(pixels: PixelData | None, start: int, peek: Peek) -> bool:
    """Say whether the pixel data at `start` is neither fragments nor a code stream by itself."""
    if pixels is None or not pixels.length:
        return False
    return not is_compressed(peek(start, HEAD))


def is_compressed(head: bytes) -> bool:
    """Say whether a value with these first `HEAD` bytes is a code stream or fragments."""
    segments, first = int.from_bytes(head[:4], "little"), int.from_bytes(head[4:], "little")
    run_lengths = 0 < segments <= _MOST_RLE_SEGMENTS and first == 64
    return head.startswith(_STARTS) or run_lengths


def name_of_fragments(start: int, peek: Peek) -> str:
    """Give the transfer syntax whose code stream the first frame is; empty when that is not sure.

    The fragments at `start`, that of the offset table first, are in explicit VR little endian.
    """
    table = int.from_bytes(peek(start + 4, 4), "little")
    stream = peek(start + 16 + table, _LOOKED_AT)
    if stream.startswith(_START):
        return _name_of_jpeg(stream)
    if stream.startswith(b"\xff\x4f\xff\x51"):
        return _name_of_jpeg_2000(stream)
    return ""


def _name_of_jpeg(stream: bytes) -> str:
    segments = _segments(stream)
    if _BASELINE in segments:
        return _JPEG + "50"
    if _EXTENDED in segments:
        return _JPEG + "51"
    scan = segments.get(_SCAN, b"")
    if not scan or len(scan) < 4 + 2 * scan[0]:
        return ""
    start = scan[1 + 2 * scan[0]]  # Ss: the predictor of lossless JPEG, NEAR of JPEG-LS
    if _LOSSLESS in segments:
        return _JPEG + ("70" if start == 1 else "57")
    if _JPEG_LS in segments:
        return _JPEG + ("81" if start else "80")
    return ""


def _name_of_jpeg_2000(stream: bytes) -> str:
    segments = _segments(stream)
    size, style = segments.get(_SIZE, b""), segments.get(_STYLE, b"")
    if len(size) < 2 or len(style) < 10:
        return ""
    reversible = style[9] == 1  # the 5-3 transformation (ISO/IEC 15444-1 table A.20)
    if size[0] & 0x40:  # high throughput (ISO/IEC 15444-15)
        return _JPEG + ("201" if reversible else "203")
    return _JPEG + ("90" if reversible else "91")


def _segments(stream: bytes) -> dict[int, bytes]:
    """Give the segments of a code stream's header by their markers, the first of each."""
    found: dict[int, bytes] = {}
    pos = 2
    while pos + 4 <= len(stream) and stream[pos] == 0xFF:
        marker, length = stream[pos + 1], int.from_bytes(stream[pos + 2 : pos + 4], "big")
        if marker == 0xFF:  # fill
            pos += 1
            continue
        found.setdefault(marker, stream[pos + 4 : pos + 2 + length])
        if marker in (_SCAN, _TILE):
            break
        pos += 2 + length
    return found
