# SPDX-License-Identifier: Apache-2.0
"""The image that a header and a code stream make together: what the code stream says, holds."""

from typing import Any

import msgspec

from pons.errors import UnsupportedImage
from pons_render.codestream import CodeStream, Coding
from pons_render.image import Image

_SYNTAXES = {
    Coding.DCT: ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"),
    Coding.LOSSLESS: ("1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"),
    Coding.JPEG_LS: ("1.2.840.10008.1.2.4.81", "1.2.840.10008.1.2.4.80"),
    Coding.JPEG_2000: ("1.2.840.10008.1.2.4.91", "1.2.840.10008.1.2.4.90"),
    Coding.HTJ2K: (
        "1.2.840.10008.1.2.4.203",
        "1.2.840.10008.1.2.4.201",
        "1.2.840.10008.1.2.4.202",
    ),
}
"""The transfer syntaxes of each coding; the first stands for one that does not fit."""

_CONTAINERS = (8, 16, 32)


def believe(image: Image, stream: CodeStream) -> Image:
    """The image with the size, components and bits of its code stream.

    Headers are wrong about them in several ways, mostly where a program compressed the pixels and
    left the attributes: Bits Allocated 16 with 8-bit JPEG, another size, another transfer syntax.
    """
    if stream.components not in (1, 3):
        raise UnsupportedImage(f"The code stream has {stream.components} components")
    container = next((bits for bits in _CONTAINERS if stream.precision <= bits), 0)
    if not (container and stream.rows > 0 and stream.columns > 0):
        raise UnsupportedImage(
            f"The code stream has {stream.columns} x {stream.rows} pixels of"
            f" {stream.precision} bits"
        )
    changes: dict[str, Any] = {
        "rows": stream.rows,
        "columns": stream.columns,
        "samples_per_pixel": stream.components,
        "photometric_interpretation": _interpretation(image, stream),
        "planar_configuration": 0,  # decoders give pixel by pixel
    }
    if image.transfer_syntax not in _SYNTAXES[stream.coding]:
        changes["transfer_syntax"] = _SYNTAXES[stream.coding][0]
    is_dct = stream.coding is Coding.DCT
    if image.bits_allocated != container or (is_dct and image.bits_stored < stream.precision):
        changes |= {
            "bits_allocated": container,
            "bits_stored": stream.precision,
            "high_bit": stream.precision - 1,
        }
    if is_dct and stream.precision < image.bits_stored:
        changes["pixel_representation"] = 0  # a picture was made of the values, without a sign
    return msgspec.structs.replace(image, **changes)


def _interpretation(image: Image, stream: CodeStream) -> str:
    said = image.photometric_interpretation
    if stream.components == 1:
        return said if image.samples_per_pixel == 1 else "MONOCHROME2"
    if stream.is_transformed or image.samples_per_pixel == 1:
        return "RGB"
    return said
