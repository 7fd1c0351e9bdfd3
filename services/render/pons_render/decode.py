# SPDX-License-Identifier: Apache-2.0
"""Stored values of one frame as an array: the codec's work, and nothing of display."""

import struct
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from pons.errors import UnsupportedImage
from pons_render.agreement import believe
from pons_render.bands import in_bands
from pons_render.codestream import STARTS, CodeStream, Coding, read_code_stream
from pons_render.colour import YBR, to_rgb, ycc_to_rgb
from pons_render.frames import raw_frame
from pons_render.image import Image, require_room
from pons_render.jpeg import decode_jpeg, is_ycc
from pons_render.native import decode_native
from pons_render.run_lengths import decode_rle
from pons_render.source import Source
from pons_render.syntaxes import Codec

Pixels = NDArray[Any]


def decode_frame(
    image: Image, source: Source, frame: int, most: int, *, exact: bool = False
) -> tuple[Image, Pixels]:
    """The stored values of a frame, and the image that they are of.

    That is `image`, with what the code stream says where the header contradicts it.

    Parameters
    ----------
    most
        Bytes that the decoded frame may take.
    exact
        Give what was compressed without loss as it was: unused bits, and colours in YBR_FULL.

    Returns
    -------
        Shape (rows, columns), or (rows, columns, 3) in RGB; the dtype is that of Bits Allocated and
        Pixel Representation, unused bits are cleared or take the sign, palettes are not applied.
        Where `exact` leaves colours in YBR_FULL, the image says so.

    Raises
    ------
    UnsupportedImage
        When there is no such frame, no decoder for it, when it is too large, or when the decoder
        refuses it.
    """
    codec = image.codec
    if codec is not Codec.NATIVE and not image.encapsulated:
        raise UnsupportedImage("The pixel data is not encoded as the transfer syntax says")
    if not image.encapsulated:
        require_room(image, most)
        return image, _only_stored_bits(image, decode_native(image, source, frame))
    data = raw_frame(image, source, frame)
    if codec is Codec.RLE and not data.startswith(STARTS):
        pixels = decode_rle(image, data, most)
        image = _with_allocated(image, pixels.dtype.itemsize * 8)
        if exact and image.photometric_interpretation in YBR:
            return _named(image, pixels, "YBR_FULL"), pixels
        pixels = to_rgb(image.photometric_interpretation, pixels)
        if exact:
            return _named(image, pixels, "RGB"), pixels
        return image, _only_stored_bits(image, pixels)
    stream = read_code_stream(data)
    image = believe(image, stream)
    require_room(image, most)
    try:
        if stream.coding is Coding.DCT:
            pixels = decode_jpeg(image, stream, data)
            return _named(image, pixels, "RGB") if exact else image, pixels
        pixels, ycc = _decode_by_pydicom(image, stream, data)
        if exact and ycc:
            return _named(image, pixels, "YBR_FULL"), pixels
        pixels = ycc_to_rgb(pixels) if ycc else pixels
        return _named(image, pixels, "RGB") if exact else image, pixels
    except (UnsupportedImage, MemoryError):
        raise
    except Exception as error:  # decoders raise anything of what they are given
        reason = f"The {stream.coding.value} decoder refuses the frame"
        raise UnsupportedImage(reason) from error


def _named(image: Image, pixels: Pixels, interpretation: str) -> Image:
    """The image, which says what its colours are."""
    if pixels.ndim < 3:
        return image
    return msgspec.structs.replace(image, photometric_interpretation=interpretation)


def _with_allocated(image: Image, bits: int) -> Image:
    """The image with the bits that its samples really take."""
    if image.bits_allocated == bits or image.bits_allocated == 1:
        return image
    stored = image.bits_stored if bits < image.bits_allocated else bits
    return msgspec.structs.replace(
        image, bits_allocated=bits, bits_stored=stored, high_bit=stored - 1
    )


def _only_stored_bits(image: Image, pixels: Pixels) -> Pixels:
    """Clear the unused bits, or fill them with the sign (PS3.5 8.1.1).

    Also moves values down that an old file keeps above the lowest bit (High Bit).
    """
    allocated, stored = image.bits_allocated, image.bits_stored
    if image.is_float or stored == allocated:
        return pixels
    left, right = allocated - 1 - image.high_bit, allocated - stored
    return in_bands(pixels, lambda band: (band << left) >> right, pixels.dtype)


_OFFSETS = b"\xfe\xff\x00\xe0\x00\x00\x00\x00"


def _decode_by_pydicom(image: Image, stream: CodeStream, data: bytes) -> tuple[Pixels, bool]:
    """JPEG Lossless, JPEG-LS, JPEG 2000: pydicom knows the oddities of their signs.

    Tells beside whether the samples are YCbCr.
    """
    # Takes a third of a second once, which uncompressed images need not pay.
    from pydicom.pixels import get_decoder  # type: ignore[attr-defined]  # has no __all__
    from pydicom.uid import UID

    padded = data + b"\0" * (len(data) % 2)
    item = b"\xfe\xff\x00\xe0" + struct.pack("<I", len(padded)) + padded
    options: dict[str, Any] = {
        "number_of_frames": 1,
        "pixel_vr": image.pixel_vr,
        "rows": image.rows,
        "columns": image.columns,
        "samples_per_pixel": image.samples_per_pixel,
        "photometric_interpretation": image.photometric_interpretation,
        "planar_configuration": image.planar_configuration,
        "bits_allocated": image.bits_allocated,
        "bits_stored": image.bits_stored,
        "pixel_representation": image.pixel_representation,
        "correct_unused_bits": False,
        "as_rgb": False,
    }
    decoder = get_decoder(UID(image.transfer_syntax))
    pixels, _ = decoder.as_array(
        _OFFSETS + item, index=0, decoding_plugin=image.codec.value, **options
    )
    if image.pixel_representation and not stream.is_signed:
        pixels = _with_sign(pixels, min(image.bits_stored, stream.precision))
    said = image.photometric_interpretation
    if pixels.ndim == 3 and stream.is_ycc is not None:
        ycc = is_ycc(said, stream, pixels, otherwise=False)
        return pixels, ycc
    if pixels.ndim == 3 and said in YBR:
        return np.asarray(pixels), True
    return to_rgb(said, np.asarray(pixels)), False


def _with_sign(pixels: Pixels, bits: int) -> Pixels:
    """Fill the unused bits with the sign, where the encoder was given them empty."""
    empty = pixels.dtype.itemsize * 8 - bits
    if not empty or pixels.min() < 0 or pixels.max() >> bits:
        return pixels
    return in_bands(pixels, lambda band: (band << empty) >> empty, pixels.dtype)
