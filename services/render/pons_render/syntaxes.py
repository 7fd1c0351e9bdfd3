# SPDX-License-Identifier: Apache-2.0
"""Which library decodes which transfer syntax, and what its raw frames are called.

The choice is by measurement (README, "Codecs"); nothing else in this package names a syntax.
"""

from dataclasses import dataclass
from enum import StrEnum


class Codec(StrEnum):
    """What decodes a frame; where pydicom does, the values are its names of decoding plugins."""

    NATIVE = "numpy"
    DCT = "pillow to 8 bits, gdcm above"
    RLE = "pylibjpeg-rle"
    GDCM = "gdcm"
    PYJPEGLS = "pyjpegls"
    PYLIBJPEG = "pylibjpeg"


WIDE = frozenset((Codec.GDCM, Codec.PYLIBJPEG))
"""Those that take for a sample of 8 bits what others take for 16."""


@dataclass(frozen=True)
class Syntax:
    """How frames of a transfer syntax (PS3.5 section 10 and annex A) are read."""

    codec: Codec
    media_type: str = "application/octet-stream"
    big_endian: bool = False
    deflated: bool = False


_JPEG, _JPEG_2000 = "image/jpeg", "image/jp2"

SYNTAXES: dict[str, Syntax] = {
    "1.2.840.10008.1.2": Syntax(Codec.NATIVE),
    "1.2.840.10008.1.2.1": Syntax(Codec.NATIVE),
    "1.2.840.10008.1.2.1.99": Syntax(Codec.NATIVE, deflated=True),
    "1.2.840.10008.1.2.2": Syntax(Codec.NATIVE, big_endian=True),
    "1.2.840.10008.1.2.4.50": Syntax(Codec.DCT, _JPEG),
    "1.2.840.10008.1.2.4.51": Syntax(Codec.DCT),
    "1.2.840.10008.1.2.4.57": Syntax(Codec.GDCM),
    "1.2.840.10008.1.2.4.70": Syntax(Codec.GDCM),
    "1.2.840.10008.1.2.4.80": Syntax(Codec.PYJPEGLS),
    "1.2.840.10008.1.2.4.81": Syntax(Codec.PYJPEGLS),
    "1.2.840.10008.1.2.4.90": Syntax(Codec.GDCM, _JPEG_2000),
    "1.2.840.10008.1.2.4.91": Syntax(Codec.GDCM, _JPEG_2000),
    "1.2.840.10008.1.2.4.201": Syntax(Codec.PYLIBJPEG),
    "1.2.840.10008.1.2.4.202": Syntax(Codec.PYLIBJPEG),
    "1.2.840.10008.1.2.4.203": Syntax(Codec.PYLIBJPEG),
    "1.2.840.10008.1.2.5": Syntax(Codec.RLE),
}
"""The media types of raw frames are Orthanc's: only baseline JPEG and JPEG 2000 have their own."""


def raw_media_type(transfer_syntax: str) -> str:
    """The `Content-Type` of a raw frame."""
    syntax = SYNTAXES.get(transfer_syntax)
    return syntax.media_type if syntax else "application/octet-stream"
