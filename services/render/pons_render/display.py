# SPDX-License-Identifier: Apache-2.0
"""Stored values to what is shown: the rules of Orthanc's image routes.

No rescale, no window, no VOI table: these images are of stored values.
"""

from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pons.errors import UnsupportedImage
from pons_render.bands import bands, in_bands
from pons_render.image import Image


class View(StrEnum):
    """The last word of the route."""

    PREVIEW = "preview"
    UINT8 = "image-uint8"
    UINT16 = "image-uint16"
    INT16 = "image-int16"


CLAMPED_TO: dict[View, type[np.integer[Any]]] = {
    View.UINT8: np.uint8,
    View.UINT16: np.uint16,
    View.INT16: np.int16,
}


def show(view: View, image: Image, pixels: NDArray[Any]) -> NDArray[Any]:
    """The picture of a frame. Of 1-bit pixels, those that are set are 255.

    Returns
    -------
        uint8, uint16 or int16 of shape (rows, columns), or uint8 of shape (rows, columns, 3).

    Raises
    ------
    UnsupportedImage
        For a colour image that is asked for as grey values.
    """
    pixels = expand_bits(image, pixels)
    if view is View.PREVIEW:
        return preview(image, pixels)
    if pixels.ndim == 3:
        raise UnsupportedImage(f"A colour image has no {view}")
    return clamp(pixels, CLAMPED_TO[view])


def expand_bits(image: Image, pixels: NDArray[Any]) -> NDArray[Any]:
    """The pixels; 255 for those of 1 bit that are set."""
    if image.bits_allocated != 1:
        return pixels
    return in_bands(pixels, lambda band: band * np.uint8(255), np.uint8)


def preview(image: Image, pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """8 bits to look at: colour as it is, grey from the frame's least value to its greatest.

    MONOCHROME1, where low values are bright, is inverted.
    """
    if pixels.ndim == 3:
        return reduce_color(image, pixels)
    stretched = stretch(pixels)
    if image.photometric_interpretation == "MONOCHROME1":
        np.subtract(255, stretched, out=stretched)
    return stretched


def reduce_color(image: Image, pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Colour with its 8 most significant stored bits."""
    if pixels.dtype.kind != "u":
        raise UnsupportedImage("Colour needs unsigned integers")
    if pixels.dtype == np.uint8:
        return pixels
    shift = max(0, image.bits_stored - 8)
    return in_bands(pixels, lambda band: (band >> shift).astype(np.uint8), np.uint8)


def stretch(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Map linearly from the least value to 0 and from the greatest to 255, rounding half up.

    A frame of one value is black. What is not a finite number is black too.
    """
    if pixels.dtype.kind != "f" and pixels.dtype.itemsize <= 2:
        return _stretch_by_table(pixels)
    low, high = np.inf, -np.inf
    for band in bands(pixels):
        values = pixels[band].astype(np.float64)
        finite = np.isfinite(values)
        low = values.min(where=finite, initial=low)
        high = values.max(where=finite, initial=high)
    if low >= high:
        return np.zeros(pixels.shape, np.uint8)

    def shown(band: NDArray[Any]) -> NDArray[Any]:
        values = band.astype(np.float64)
        values[~np.isfinite(values)] = low
        # Halves, because the span of two doubles may be more than a double holds.
        values = (values / 2 - low / 2) / (high / 2 - low / 2)
        return np.floor(values * 255 + 0.5).astype(np.uint8)

    return in_bands(pixels, shown, np.uint8)


def _stretch_by_table(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """The same for 8 and 16 bits, with one division per value there is instead of per pixel."""
    low, high = int(pixels.min()), int(pixels.max())
    span = high - low
    if span == 0:
        return np.zeros(pixels.shape, np.uint8)
    table = ((np.arange(span + 1) * 510 + span) // (2 * span)).astype(np.uint8)
    unsigned = np.dtype(f"u{pixels.dtype.itemsize}")
    # Subtraction modulo 2**bits gives the distance from the least value for signed values too.
    least = unsigned.type(low % (1 << 8 * unsigned.itemsize))
    return in_bands(pixels, lambda band: table[band.view(unsigned) - least], np.uint8)


def clamp(pixels: NDArray[Any], to: type[np.integer[Any]]) -> NDArray[Any]:
    """Values outside the range of `to` take its nearest end; what is not a number is 0."""
    if pixels.dtype == to:
        return pixels
    limits = np.iinfo(to)
    kind = np.iinfo(pixels.dtype) if pixels.dtype.kind != "f" else None
    low = max(int(limits.min), int(kind.min)) if kind else int(limits.min)
    high = min(int(limits.max), int(kind.max)) if kind else int(limits.max)

    def clamped(band: NDArray[Any]) -> NDArray[Any]:
        if kind is None:
            band = np.nan_to_num(band, nan=0, posinf=limits.max, neginf=limits.min)
        inside: NDArray[Any] = np.clip(band, low, high)
        return inside

    return in_bands(pixels, clamped, to)
