# SPDX-License-Identifier: Apache-2.0
"""One decoded frame as an uncompressed file has it, with what its attributes then are."""

from typing import Any, BinaryIO

import msgspec
import numpy as np
from numpy.typing import NDArray

from pons.errors import UnsupportedImage
from pons.messages.frames import FRAME_LENGTHS, DecodedFrame
from pons_render.bands import bands
from pons_render.colour import YCC
from pons_render.image import Image
from pons_render.syntaxes import Codec


def write_decoded(said: Image, image: Image, pixels: NDArray[Any], answer: BinaryIO) -> None:
    """Write the frame, pixel by pixel and little endian.

    `image` is what it was decoded as. Raises `UnsupportedImage` where the header has `said` another
    size, number of samples or sign: these attributes are not changed, and would be wrong.
    """
    head = _head(image, pixels)
    _require_as_said(said, head)
    bits = pixels.dtype.itemsize * 8
    if bits != image.bits_allocated or pixels.dtype.kind not in "ui":
        raise UnsupportedImage(
            f"The decoded values have {bits} bits",
            f"Bits Allocated (0028,0100) is {image.bits_allocated}",
        )
    text = msgspec.json.encode(head)
    answer.write(FRAME_LENGTHS.pack(len(text), pixels.nbytes) + text)
    for band in bands(pixels):
        values = np.ascontiguousarray(pixels[band])
        answer.write(values.astype(values.dtype.newbyteorder("<"), copy=False).data)


def _require_as_said(said: Image, head: DecodedFrame) -> None:
    compared = (
        ("Rows (0028,0010)", said.rows, head.rows),
        ("Columns (0028,0011)", said.columns, head.columns),
        ("Samples per Pixel (0028,0002)", said.samples_per_pixel, head.samples_per_pixel),
        ("Pixel Representation (0028,0103)", said.pixel_representation, head.pixel_representation),
    )
    for name, expected, found in compared:
        if found != expected:
            raise UnsupportedImage(f"{name} is {expected}, the compressed frame has {found}")


def _head(image: Image, pixels: NDArray[Any]) -> DecodedFrame:
    rows, columns = pixels.shape[:2]
    said = image.photometric_interpretation
    if pixels.ndim == 3 and said != "YBR_FULL":
        said = "RGB"
    elif pixels.ndim == 2 and said in (*YCC, "RGB"):
        raise UnsupportedImage(f"Photometric Interpretation (0028,0004) is {said}, of one sample")
    return DecodedFrame(
        frames=image.number_of_frames,
        rows=rows,
        columns=columns,
        samples_per_pixel=3 if pixels.ndim == 3 else 1,
        photometric_interpretation=said,
        bits_allocated=image.bits_allocated,
        bits_stored=image.bits_stored,
        high_bit=image.high_bit,
        pixel_representation=image.pixel_representation,
        lossy=image.codec is Codec.DCT,
    )
