# SPDX-License-Identifier: Apache-2.0
"""What a code stream says of itself: JPEG, JPEG-LS (ISO 10918-1, 14495-1), JPEG 2000 (15444-1)."""

import struct
from dataclasses import dataclass
from enum import Enum

from pons.errors import UnsupportedImage

STARTS = (
    b"\xff\xd8\xff",
    b"\xff\x4f\xff\x51",
    b"\x00\x00\x00\x0cjP  \r\n\x87\n",
)
"""How code streams begin: JPEG and JPEG-LS, JPEG 2000, and JPEG 2000 in a JP2 file."""

END = b"\xff\xd9"
"""How they all end (EOI, EOC)."""


class Coding(Enum):
    """What encoded the samples."""

    DCT = "JPEG"
    LOSSLESS = "JPEG Lossless"
    JPEG_LS = "JPEG-LS"
    JPEG_2000 = "JPEG 2000"
    HTJ2K = "HTJ2K"


@dataclass(frozen=True)
class CodeStream:
    """The beginning of a code stream, up to where it tells what it holds."""

    coding: Coding
    rows: int
    columns: int
    components: int
    precision: int
    """Bits of a sample."""
    is_ycc: bool | None = None
    """Whether three components are YCbCr (false: RGB); None when the code stream does not tell."""
    is_signed: bool = False
    """Whether JPEG 2000 itself knows the sign of its samples."""
    is_transformed: bool = False
    """Whether JPEG 2000 itself turns its components back into RGB."""


_CODINGS = {
    0xC0: Coding.DCT,
    0xC1: Coding.DCT,
    0xC2: Coding.DCT,
    0xC3: Coding.LOSSLESS,
    0xF7: Coding.JPEG_LS,
}
"""Frame headers (SOF) that there are decoders for."""
_WITHOUT_LENGTH = frozenset((0x01, *range(0xD0, 0xD9)))
_FRAME_HEADERS = frozenset((*range(0xC0, 0xD0), 0xF7)) - {0xC4, 0xC8, 0xCC}
_SCAN, _JFIF, _ADOBE = 0xDA, 0xE0, 0xEE
_RGB_IDS = (b"RGB", b"rgb")


def read_code_stream(data: bytes) -> CodeStream:
    """Read the code stream of a frame. Raises `UnsupportedImage` when it is none, or is damaged."""
    try:
        if data.startswith(STARTS[0]):
            return _read_jpeg(data)
        if data.startswith(STARTS[2]):
            data = data[max(0, data.find(STARTS[1])) :]
        if data.startswith(STARTS[1]):
            return _read_jpeg_2000(data)
    except (struct.error, IndexError):
        raise UnsupportedImage("The code stream ends inside its header") from None
    raise UnsupportedImage(
        f"The frame begins with {data[:4].hex(' ')}", "expected a code stream of JPEG or JPEG 2000"
    )


def _read_jpeg(data: bytes) -> CodeStream:
    told: bool | None = None
    is_jfif = False
    pos = 2
    while True:
        if data[pos] != 0xFF:
            raise UnsupportedImage(f"The code stream has no marker at its byte {pos}")
        marker = data[pos + 1]
        if marker == 0xFF:  # fill
            pos += 1
            continue
        pos += 2
        if marker in _WITHOUT_LENGTH:
            continue
        (length,) = struct.unpack_from(">H", data, pos)
        segment = data[pos + 2 : pos + length]
        if marker in _FRAME_HEADERS:
            return _jpeg_frame(marker, segment, told)
        if marker == _SCAN or length < 2:
            raise UnsupportedImage("The code stream has no frame header")
        if marker == _JFIF and segment.startswith(b"JFIF\0"):
            told = is_jfif = True  # which is always YCbCr, or grey
        elif marker == _ADOBE and segment.startswith(b"Adobe") and len(segment) > 11:
            told = is_jfif or segment[11] != 0
        pos += length


def _jpeg_frame(marker: int, segment: bytes, told: bool | None) -> CodeStream:
    precision, rows, columns, components = struct.unpack_from(">BHHB", segment)
    coding = _CODINGS.get(marker)
    if coding is None:
        raise UnsupportedImage(f"The code stream is JPEG of a rare kind (SOF {marker:02X})")
    parts = [segment[6 + 3 * number : 9 + 3 * number] for number in range(components)]
    if bytes(part[0] for part in parts) in _RGB_IDS:
        told = False
    elif told is None and len({part[1] for part in parts}) > 1:
        told = True  # only chroma is stored with fewer samples
    return CodeStream(coding, rows, columns, components, precision, told)


_HT_CAPABLE = 1 << 14
_COD = 0x52


def _read_jpeg_2000(data: bytes) -> CodeStream:
    capabilities, right, bottom, left, top = struct.unpack_from(">HIIII", data, 6)
    (components,) = struct.unpack_from(">H", data, 40)
    parts = [data[42 + 3 * number : 45 + 3 * number] for number in range(components)]
    if any((part[1], part[2]) != (1, 1) or part[0] != parts[0][0] for part in parts):
        raise UnsupportedImage("The components of the JPEG 2000 code stream differ from each other")
    return CodeStream(
        Coding.HTJ2K if capabilities & _HT_CAPABLE else Coding.JPEG_2000,
        rows=bottom - top,
        columns=right - left,
        components=components,
        precision=(parts[0][0] & 0x7F) + 1,
        is_signed=bool(parts[0][0] & 0x80),
        is_transformed=_has_component_transform(data),
    )


def _has_component_transform(data: bytes) -> bool:
    """Whether the coding style default (COD) names a multiple component transformation."""
    pos = 2
    while data[pos] == 0xFF and data[pos + 1] not in (0x90, 0xD9):
        if data[pos + 1] == _COD:
            return data[pos + 8] != 0
        pos += 2 + struct.unpack_from(">H", data, pos + 2)[0]
    return False
