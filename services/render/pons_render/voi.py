# SPDX-License-Identifier: Apache-2.0
"""Stored values as people see them: modality LUT, VOI LUT, and what is padding."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pons.errors import UnsupportedImage
from pons_render.bands import bands, in_bands
from pons_render.frame_attributes import FrameAttributes, Lut, Window
from pons_render.frames import bulk_bytes
from pons_render.image import Image
from pons_render.source import Source

Values = NDArray[np.float64]


def present(
    image: Image, attributes: FrameAttributes, pixels: NDArray[Any], source: Source
) -> NDArray[np.uint8]:
    """Grey pixels by the first window of their header, or its table, else from least to greatest.

    Padding is black; MONOCHROME1 is inverted.
    """
    padding = padding_of(image, attributes)
    lut = attributes.modality_lut
    modality = None if lut is None else lut_values(lut, image, source)
    extent = np.array(extremes(pixels, padding) or (0, 0))
    to_grey = _display(
        image, attributes, modality_values(image, attributes, extent, modality), source
    )

    def shown(band: NDArray[Any]) -> NDArray[np.uint8]:
        values = to_grey(modality_values(image, attributes, band, modality))
        grey: NDArray[np.uint8] = np.floor(np.nan_to_num(values) + 0.5).astype(np.uint8)
        if image.photometric_interpretation == "MONOCHROME1":
            grey = np.subtract(255, grey, dtype=np.uint8)
        if padding is not None:
            grey[(band >= padding[0]) & (band <= padding[1])] = 0
        return grey

    return in_bands(pixels, shown, np.uint8)


def _display(
    image: Image, attributes: FrameAttributes, extent: Values, source: Source
) -> Callable[[Values], Values]:
    """What makes 0..255 of modality values, of which `extent` has the least and the greatest."""
    if attributes.windows:
        first = attributes.windows[0]
        return lambda values: apply_window(values, first, attributes.function)
    if attributes.voi_luts:
        lut = attributes.voi_luts[0]
        table = lut_values(lut, image, source)
        shades = table.astype(np.float64) * (255 / _most(lut, table))
        start = first_of_voi(lut, image, attributes)
        return lambda values: _look_up(values, start, shades)
    window = full_window(extent)
    return lambda values: apply_window(values, window, "LINEAR_EXACT")


def apply_window(values: Values, window: Window, function: str) -> Values:
    """Map modality values to 0..255 (PS3.3 C.11.2.1.2, C.11.2.1.3).

    A width below 1 has no meaning for LINEAR, and is taken as LINEAR_EXACT.
    """
    center, width = window.center, window.width
    if function == "SIGMOID":
        with np.errstate(over="ignore"):
            return 255 / (1 + np.exp(-4 * (values - center) / width))
    if function == "LINEAR" and width >= 1:
        center, width = center - 0.5, width - 1
    if width == 0:
        return np.where(values > center, 255.0, 0.0)
    return np.clip((values - center) / width + 0.5, 0, 1) * 255


def modality_values(
    image: Image,
    attributes: FrameAttributes,
    pixels: NDArray[Any],
    lut: NDArray[np.uint16] | None,
) -> Values:
    """Stored values in the units of the modality (PS3.3 C.11.1)."""
    values = pixels.astype(np.float64)
    if attributes.modality_lut is not None and lut is not None:
        first = first_of_modality(attributes.modality_lut, image)
        return _look_up(values, first, lut.astype(np.float64))
    return values * attributes.slope + attributes.intercept


def full_window(values: Values) -> Window:
    """From the least of these values, which is black, to the greatest."""
    low, high = float(values.min()), float(values.max())
    if low == high:
        high = low + 1
    return Window((low + high) / 2, high - low)


def first_of_modality(lut: Lut, image: Image) -> int:
    """The stored value of the first entry, which has the sign that the pixels have."""
    return _with_sign(lut.first, image.pixel_representation == 1)


def first_of_voi(lut: Lut, image: Image, attributes: FrameAttributes) -> int:
    """The modality value of the first entry, which has a sign where these can be negative."""
    from_table = attributes.modality_lut is not None
    negative = image.pixel_representation == 1 or attributes.intercept < 0
    return _with_sign(lut.first, negative and not from_table)


def _with_sign(value: int, signed: bool) -> int:
    """A number of 16 bits whose VR may have been read as US or SS, whichever it is."""
    if signed and value >= 1 << 15:
        return value - (1 << 16)
    return value + (1 << 16) if not signed and value < 0 else value


def padding_of(image: Image, attributes: FrameAttributes) -> tuple[int, int] | None:
    """The stored values that are no pixels, with the sign that stored values have."""
    if attributes.padding is None or image.is_float:
        return None
    whole = 1 << image.bits_allocated
    low, high = attributes.padding
    signed = image.pixel_representation == 1

    def stored(value: int) -> int:
        """A value whose VR may have been read as US or SS, whatever the pixels are."""
        if signed and value >= whole // 2:
            return value - whole
        return value + whole if not signed and value < 0 else value

    low, high = stored(low), stored(high)
    return min(low, high), max(low, high)


def extremes(
    pixels: NDArray[Any], padding: tuple[int, int] | None
) -> tuple[float | int, float | int] | None:
    """The least and the greatest value that is a number and no padding; None without any."""
    found = []
    for band in bands(pixels):
        values = pixels[band]
        if pixels.dtype.kind == "f":
            values = values[np.isfinite(values)]
        elif padding is not None:
            values = values[(values < padding[0]) | (values > padding[1])]
        if values.size:
            found += [values.min().item(), values.max().item()]
    return (min(found), max(found)) if found else None


def lut_values(lut: Lut, image: Image, source: Source) -> NDArray[np.uint16]:
    """The entries of a table, each in 16 bits. Raises `UnsupportedImage`."""
    data = bulk_bytes(lut.data, source)
    wide = len(data) >= lut.entries * 2
    words = ">u2" if image.big_endian and not lut.in_numbers else "<u2"
    table = np.frombuffer(data[: len(data) // 2 * 2] if wide else data, words if wide else "u1")
    if len(table) == 0:
        raise UnsupportedImage("A lookup table is empty", "LUT Data (0028,3006)")
    return table[: lut.entries].astype(np.uint16)


def _look_up(values: Values, first: int, table: Values) -> Values:
    """Values before the first entry's take the first, values after the last entry's the last."""
    index = np.clip(np.nan_to_num(values) - first, 0, len(table) - 1).astype(np.int64)
    return table[index]


def _most(lut: Lut, table: NDArray[np.uint16]) -> float:
    """The value that is white: the largest of so many bits, unless an entry is larger."""
    bits = lut.bits if 0 < lut.bits <= 16 else 16
    most = float((1 << bits) - 1)
    return max(most, float(table.max())) or 1.0
