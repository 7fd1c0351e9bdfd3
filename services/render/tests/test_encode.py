# SPDX-License-Identifier: Apache-2.0
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from pons.errors import UnsupportedImage
from pons_render.encode import encode
from pons_render.formats import Format


def written(picture: Any, output: Format, quality: int) -> bytes:
    """The file of a picture."""
    file = io.BytesIO()
    encode(picture, output, quality, file)
    return file.getvalue()


def test_png_of_16_bits_keeps_values() -> None:
    """A 16-bit PNG gives back the numbers."""
    data = written(np.array([[0, 65535], [1, 256]], np.uint16), Format.PNG, 90)
    with Pillow.open(io.BytesIO(data)) as picture:
        assert np.asarray(picture).tolist() == [[0, 65535], [1, 256]]


def test_signed_values_keep_their_bits() -> None:
    """-1 is written as 65535, as Orthanc's clients expect."""
    data = written(np.array([[-1, -32768], [5, 32767]], np.int16), Format.PNG, 90)
    with Pillow.open(io.BytesIO(data)) as picture:
        assert np.asarray(picture).tolist() == [[65535, 32768], [5, 32767]]


@pytest.mark.parametrize("shape", [(4, 6), (4, 6, 3)])
def test_png_of_8_bits(shape: tuple[int, ...]) -> None:
    """Grey and colour come back as they were."""
    pixels = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    with Pillow.open(io.BytesIO(written(pixels, Format.PNG, 90))) as picture:
        assert np.array_equal(np.asarray(picture), pixels)


def test_jpeg_quality() -> None:
    """A lower quality is a smaller file."""
    pixels = np.random.default_rng(1).integers(0, 256, (64, 64), np.uint8)
    sizes = [len(written(pixels, Format.JPEG, quality)) for quality in (1, 50, 100)]
    assert sizes == sorted(sizes)
    assert sizes[0] * 4 < sizes[2]


@pytest.mark.parametrize("kind", [np.uint16, np.int16])
def test_jpeg_of_16_bits_is_refused(kind: type[np.integer[Any]]) -> None:
    """JPEG has no 16 bits."""
    with pytest.raises(UnsupportedImage):
        written(np.zeros((2, 2), kind), Format.JPEG, 90)


def test_jpeg_beyond_its_size_is_refused() -> None:
    """JPEG ends at 65,500 columns, DICOM at 65,535."""
    with pytest.raises(UnsupportedImage):
        written(np.zeros((1, 65535), np.uint8), Format.JPEG, 90)


def test_pam_of_8_bits() -> None:
    """A portable arbitrary map has Orthanc's header and the bytes."""
    assert written(np.array([[1, 2, 3]], np.uint8), Format.PAM, 90) == (
        b"P7\nWIDTH 3\nHEIGHT 1\nDEPTH 1\nMAXVAL 255\nTUPLTYPE GRAYSCALE\nENDHDR\n\x01\x02\x03"
    )


def test_pam_of_16_bits_is_big_endian() -> None:
    """The format wants the high byte first."""
    assert written(np.array([[1, -2]], np.int16), Format.PAM, 90).endswith(
        b"MAXVAL 65535\nTUPLTYPE GRAYSCALE\nENDHDR\n\x00\x01\xff\xfe"
    )


def test_pam_of_color() -> None:
    """Three samples a pixel."""
    assert written(np.array([[[1, 2, 3]]], np.uint8), Format.PAM, 90) == (
        b"P7\nWIDTH 1\nHEIGHT 1\nDEPTH 3\nMAXVAL 255\nTUPLTYPE RGB\nENDHDR\n\x01\x02\x03"
    )
