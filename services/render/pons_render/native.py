# SPDX-License-Identifier: Apache-2.0
"""Stored values of a frame that is not compressed."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pons.errors import UnsupportedImage
from pons_render.colour import to_rgb
from pons_render.frames import raw_frame, read_bytes
from pons_render.image import Image
from pons_render.source import Source


def decode_native(image: Image, source: Source, frame: int) -> NDArray[Any]:
    """Shape (rows, columns), or (rows, columns, 3) in RGB; all allocated bits."""
    if frame >= image.number_of_frames:
        raise UnsupportedImage(f"There is no frame {frame}, the image has {image.number_of_frames}")
    if image.bits_allocated == 1:
        return _unpack_bits(image, raw_frame(image, source, frame))
    values = np.frombuffer(_read(image, source, frame), _dtype(image))
    values = values.astype(values.dtype.newbyteorder("="), copy=False)
    pixels = _expand_422(image, values) if image.subsampled else _shape(image, values)
    if image.photometric_interpretation == "YBR_PARTIAL_420":
        raise UnsupportedImage("YBR_PARTIAL_420 is for compressed images only")
    return to_rgb(image.photometric_interpretation, pixels)


def _dtype(image: Image) -> np.dtype[Any]:
    kind = "f" if image.is_float else "ui"[image.pixel_representation]
    return np.dtype(f"{'<>'[image.big_endian]}{kind}{image.bits_allocated // 8}")


def _read(image: Image, source: Source, frame: int) -> bytes:
    """The slice of a frame, with 8-bit values in their order.

    Big endian OW holds them as 16-bit words, so that the two of each word are swapped (PS3.5 8.1.2
    and annex D); a frame may begin inside a word.
    """
    size = image.frame_bits // 8
    start, end = frame * size, (frame + 1) * size
    if not (image.big_endian and image.bits_allocated == 8 and image.pixel_vr == "OW"):
        return read_bytes(image, source, start, end)
    first = start - start % 2
    words = read_bytes(image, source, first, min(end + end % 2, image.length))
    swapped = np.frombuffer(words[: len(words) // 2 * 2], ">u2").astype("<u2").tobytes()
    return swapped[start - first :][:size]


def _unpack_bits(image: Image, packed: bytes) -> NDArray[Any]:
    count = image.rows * image.columns
    bits = np.unpackbits(np.frombuffer(packed, np.uint8), count=count, bitorder="little")
    return bits.reshape(image.rows, image.columns)


def _shape(image: Image, values: NDArray[Any]) -> NDArray[Any]:
    if image.samples_per_pixel == 1:
        return values.reshape(image.rows, image.columns)
    if image.planar_configuration == 0:
        return values.reshape(image.rows, image.columns, image.samples_per_pixel)
    return values.reshape(image.samples_per_pixel, image.rows, image.columns).transpose(1, 2, 0)


def _expand_422(image: Image, values: NDArray[Any]) -> NDArray[Any]:
    """Y Y Cb Cr of two neighbours become two pixels (PS3.3 C.7.6.3.1.2)."""
    if image.samples_per_pixel != 3 or image.columns % 2:
        raise UnsupportedImage("YBR_FULL_422 needs three samples and an even number of columns")
    pairs = values.reshape(-1, 4)
    pixels = np.empty((len(pairs), 2, 3), values.dtype)
    pixels[:, :, 0] = pairs[:, :2]
    pixels[:, :, 1:] = pairs[:, np.newaxis, 2:]
    return pixels.reshape(image.rows, image.columns, 3)
