# SPDX-License-Identifier: Apache-2.0
"""Colour as RGB, whatever Photometric Interpretation (0028,0004) it is stored in."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pons.errors import UnsupportedImage
from pons_render.bands import bands, in_bands

YBR = frozenset(("YBR_FULL", "YBR_FULL_422"))
PARTIAL_YBR = frozenset(("YBR_PARTIAL_422", "YBR_PARTIAL_420"))
_OF_JPEG_2000 = frozenset(("YBR_ICT", "YBR_RCT"))
YCC = YBR | PARTIAL_YBR | _OF_JPEG_2000
"""All that say luminance and chrominance."""

_NO_RGB = frozenset(("HSV", "ARGB", "CMYK"))
_TOLERANCE = 16
"""How far beyond 0 and 255 lossy compression moves a colour."""
_SHARE = 0.1
"""How much of a picture may lie further, at edges."""


def to_rgb(interpretation: str, pixels: NDArray[Any]) -> NDArray[Any]:
    """Samples by pixel as RGB; grey as it is. Raises `UnsupportedImage` for what is unknown."""
    if pixels.ndim < 3:
        return pixels
    if interpretation in YBR:
        return ycc_to_rgb(pixels)
    if interpretation in PARTIAL_YBR:
        return _partial_to_rgb(pixels)
    if interpretation in _OF_JPEG_2000 and could_be_ycc(pixels):
        # what decompressed it may have made RGB of it, or not
        raise UnsupportedImage(
            f"Photometric Interpretation (0028,0004) is {interpretation}",
            "expected only with the transformation of JPEG 2000: these samples may be RGB or YBR",
        )
    if interpretation in _NO_RGB:
        raise UnsupportedImage(f"Photometric Interpretation (0028,0004) is {interpretation}")
    return pixels


def ycc_to_rgb(pixels: NDArray[Any]) -> NDArray[Any]:
    """YBR_FULL to RGB (PS3.3 C.7.6.3.1.2)."""
    _check_bits(pixels)
    # Takes a third of a second once, which most uncompressed images need not pay.
    from pydicom.pixels.processing import convert_color_space

    return in_bands(pixels, lambda band: convert_color_space(band, "YBR_FULL", "RGB"), pixels.dtype)


_PARTIAL = np.array(
    [[1.1644, 0, 1.5960], [1.1644, -0.3917, -0.8130], [1.1644, 2.0173, 0]], np.float32
)


def _partial_to_rgb(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """YBR_PARTIAL_422, whose black is 16 and white 235 (PS3.3 2016 C.7.6.3.1.2), to RGB."""
    _check_bits(pixels)

    def rgb(band: NDArray[Any]) -> NDArray[Any]:
        exact = (band.astype(np.float32) - (16, 128, 128)) @ _PARTIAL.T
        return np.clip(exact, 0, 255) + 0.5

    return in_bands(pixels, lambda band: rgb(band).astype(np.uint8), np.uint8)


def _check_bits(pixels: NDArray[Any]) -> None:
    if pixels.dtype != np.uint8:
        raise UnsupportedImage(f"YBR is decoded with 8 bits only, not {pixels.dtype.itemsize * 8}")


def could_be_ycc(pixels: NDArray[Any]) -> bool:
    """Whether samples mean colours when they are taken for YCbCr.

    Those of RGB pictures do not: black, white and whatever is not grey of middle brightness would
    lie outside of what RGB can hold. Of more than 8 bits this is not known.
    """
    if pixels.dtype != np.uint8:
        return True
    outside = sum(_count_outside(pixels[band]) for band in bands(pixels))
    return bool(outside * pixels.shape[-1] <= _SHARE * pixels.size)


def _count_outside(pixels: NDArray[Any]) -> int:
    """How many pixels, taken for YCbCr, are no colours."""
    y, cb, cr = (pixels[..., plane].astype(np.float32) for plane in range(3))
    cb -= 128
    cr -= 128
    colours = (y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb)
    outside = np.zeros(y.shape, np.bool_)
    for colour in colours:
        outside |= (colour < -_TOLERANCE) | (colour > 255 + _TOLERANCE)
    return int(outside.sum())
