# SPDX-License-Identifier: Apache-2.0
"""The expected numbers are those that Orthanc gives for the same pixels, where it shows them."""

from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from pons.errors import UnsupportedImage
from pons_render.display import View, show
from pons_render.image import Image

GREY = Image(
    transfer_syntax="1.2.840.10008.1.2.1",
    rows=2,
    columns=2,
    samples_per_pixel=1,
    photometric_interpretation="MONOCHROME2",
    planar_configuration=0,
    bits_allocated=16,
    bits_stored=16,
    high_bit=15,
    pixel_representation=0,
    number_of_frames=1,
    pixel_vr="OW",
    offset=0,
    length=8,
    encapsulated=False,
)
INVERTED = msgspec.structs.replace(GREY, photometric_interpretation="MONOCHROME1")
COLOR = msgspec.structs.replace(GREY, photometric_interpretation="RGB", samples_per_pixel=3)

UINT8 = np.array([[10, 20, 31, 50], [12, 13, 14, 210]], np.uint8)
UINT16 = np.array([[0, 1, 255, 256], [300, 40000, 65535, 5]], np.uint16)
INT16 = np.array([[-32768, -5, 0, 3], [255, 256, 1000, 32767]], np.int16)


@pytest.mark.parametrize(
    ("image", "pixels", "expected"),
    [
        (GREY, UINT8, [[0, 13, 27, 51], [3, 4, 5, 255]]),
        (INVERTED, UINT8, [[255, 242, 228, 204], [252, 251, 250, 0]]),
        (GREY, UINT16, [[0, 0, 1, 1], [1, 156, 255, 0]]),
        (GREY, INT16, [[0, 127, 128, 128], [128, 128, 131, 255]]),
        (GREY, np.array([[-128, -5], [3, 127]], np.int8), [[0, 123], [131, 255]]),
        (GREY, np.array([[-70000, 70000], [0, 5]], np.int32), [[0, 255], [128, 128]]),
        (GREY, np.array([[0, 2**32 - 1]], np.uint32), [[0, 255]]),
        (GREY, np.array([[-1.0, 0.0, 1.0]], np.float32), [[0, 128, 255]]),
        (GREY, np.array([[-1.7e308, 0.0, 1.7e308]]), [[0, 128, 255]]),
        (GREY, np.array([[np.nan, 1.0, np.inf, 3.0, -np.inf]]), [[0, 0, 0, 255, 0]]),
        (GREY, np.array([[np.nan, np.inf]]), [[0, 0]]),
        (GREY, np.full((1, 2), 7, np.uint16), [[0, 0]]),
        (INVERTED, np.full((1, 2), 7, np.uint16), [[255, 255]]),
        (GREY, np.full((1, 2), 7.5), [[0, 0]]),
    ],
)
def test_preview_of_grey(image: Image, pixels: NDArray[Any], expected: list[list[int]]) -> None:
    """Grey goes linearly from its own least value to its greatest; MONOCHROME1 is inverted."""
    picture = show(View.PREVIEW, image, pixels)
    assert picture.dtype == np.uint8
    assert picture.tolist() == expected


@pytest.mark.parametrize(
    ("view", "pixels", "expected"),
    [
        (View.UINT8, UINT16, [[0, 1, 255, 255], [255, 255, 255, 5]]),
        (View.UINT16, UINT16, [[0, 1, 255, 256], [300, 40000, 65535, 5]]),
        (View.INT16, UINT16, [[0, 1, 255, 256], [300, 32767, 32767, 5]]),
        (View.UINT8, INT16, [[0, 0, 0, 3], [255, 255, 255, 255]]),
        (View.UINT16, INT16, [[0, 0, 0, 3], [255, 256, 1000, 32767]]),
        (View.INT16, INT16, [[-32768, -5, 0, 3], [255, 256, 1000, 32767]]),
        (View.UINT16, np.array([[-128, 127]], np.int8), [[0, 127]]),
        (View.INT16, np.array([[0, 255]], np.uint8), [[0, 255]]),
        (View.INT16, np.array([[-(2**31), 2**31 - 1]], np.int32), [[-32768, 32767]]),
        (View.UINT16, np.array([[0, 2**32 - 1]], np.uint32), [[0, 65535]]),
        (View.UINT8, np.array([[-2.0, 3.7, 1e9, np.nan, np.inf]]), [[0, 3, 255, 0, 255]]),
    ],
)
def test_clamped(view: View, pixels: NDArray[Any], expected: list[list[int]]) -> None:
    """Stored values outside the range of the view take its nearest end."""
    assert show(view, GREY, pixels).tolist() == expected


def test_monochrome1_is_inverted_in_preview_only() -> None:
    """The numeric views show stored values whatever they mean on a screen."""
    assert show(View.UINT8, INVERTED, UINT8).tolist() == UINT8.tolist()


@pytest.mark.parametrize("view", [View.PREVIEW, View.UINT8, View.UINT16, View.INT16])
def test_set_bits_are_255(view: View) -> None:
    """A segmentation of 1-bit pixels is visible in each view."""
    image = msgspec.structs.replace(GREY, bits_allocated=1, bits_stored=1)
    assert show(view, image, np.array([[0, 1]], np.uint8)).tolist() == [[0, 255]]


def test_color_of_8_bits_stays() -> None:
    """Colour is not stretched."""
    pixels = np.array([[[10, 20, 30], [40, 50, 60]]], np.uint8)
    assert show(View.PREVIEW, COLOR, pixels).tolist() == [[[10, 20, 30], [40, 50, 60]]]


@pytest.mark.parametrize(
    ("kind", "stored", "value", "expected"),
    [(np.uint16, 16, 0xABCD, 0xAB), (np.uint16, 12, 0xABC, 0xAB), (np.uint32, 32, 2**31, 128)],
)
def test_deep_color_keeps_its_upper_8_bits(
    kind: type[np.unsignedinteger[Any]], stored: int, value: int, expected: int
) -> None:
    """Colour of more than 8 stored bits is divided down to 8."""
    image = msgspec.structs.replace(COLOR, bits_stored=stored)
    pixels = np.array([[[value, 0, 0]]], kind)
    assert show(View.PREVIEW, image, pixels).tolist() == [[[expected, 0, 0]]]


@pytest.mark.parametrize("view", [View.UINT8, View.UINT16, View.INT16])
def test_color_is_no_grey_value(view: View) -> None:
    """A colour image has no numeric view."""
    with pytest.raises(UnsupportedImage):
        show(view, COLOR, np.zeros((2, 2, 3), np.uint8))


def test_signed_color_is_refused() -> None:
    """Nobody knows what negative red is."""
    with pytest.raises(UnsupportedImage):
        show(View.PREVIEW, COLOR, np.zeros((2, 2, 3), np.int8))
