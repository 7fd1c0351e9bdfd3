# SPDX-License-Identifier: Apache-2.0
"""JPEG by discrete cosine transform: Pillow for 8 bits, gdcm for 12."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL.JpegImagePlugin import JpegImageFile

from pons.errors import UnsupportedImage
from pons_render.codestream import CodeStream
from pons_render.colour import YCC, could_be_ycc, ycc_to_rgb
from pons_render.image import Image

_BITS = (8, 12)


def decode_jpeg(image: Image, stream: CodeStream, data: bytes) -> NDArray[Any]:
    """Shape (rows, columns), or (rows, columns, 3) in RGB."""
    if stream.precision not in _BITS:
        raise UnsupportedImage(f"JPEG of {stream.precision} bits, expected 8 or 12")
    if stream.precision > 8:
        return _decode_12_bits(image, stream, data)
    if stream.components == 3:
        return _decode_colour(image, stream, data)
    grey = np.asarray(JpegImageFile(io.BytesIO(data)))
    return grey.view(np.int8) if image.pixel_representation else grey


def _decode_colour(image: Image, stream: CodeStream, data: bytes) -> NDArray[Any]:
    """Three components as RGB, converted from YCbCr at most once.

    What libjpeg converts comes out as other JPEG readers show it, to the last bit.
    """
    picture = JpegImageFile(io.BytesIO(data))
    ycc = _what_is_said(image.photometric_interpretation, stream, otherwise=True)
    if ycc is None:
        ycc = could_be_ycc(_components(data))
    if ycc and _is_taken_for_ycc(picture):
        return np.asarray(picture)
    return ycc_to_rgb(_components(data)) if ycc else _components(data)


def is_ycc(said: str, stream: CodeStream, raw: NDArray[Any], *, otherwise: bool) -> bool:
    """Whether components are YCbCr: what header and code stream say, or else the samples."""
    ycc = _what_is_said(said, stream, otherwise=otherwise)
    return could_be_ycc(raw) if ycc is None else ycc


def _what_is_said(said: str, stream: CodeStream, *, otherwise: bool) -> bool | None:
    """Whether components are YCbCr; None where header and code stream contradict each other.

    Then neither is believed: an encoder that writes a wrong marker is as common as a header that
    was left as it was. Where one of them tells and the other not, it is.
    """
    in_header = True if said in YCC else False if said == "RGB" else None
    if in_header is None:
        return otherwise if stream.is_ycc is None else stream.is_ycc
    return in_header if stream.is_ycc in (None, in_header) else None


def _components(data: bytes) -> NDArray[Any]:
    """The three components as they are encoded."""
    picture = JpegImageFile(io.BytesIO(data))
    if _is_taken_for_ycc(picture):
        picture.draft("YCbCr", picture.size)  # asks libjpeg for what it has
    return np.asarray(picture)


def _is_taken_for_ycc(picture: JpegImageFile) -> bool:
    """Whether Pillow's libjpeg gives RGB of YCbCr: it is told so, or not told anything."""
    if "jfif" in picture.info:
        return True
    if "adobe_transform" in picture.info:
        return bool(picture.info["adobe_transform"])
    return bytes(layer[0] for layer in picture.layer) != b"RGB"


def _decode_12_bits(image: Image, stream: CodeStream, data: bytes) -> NDArray[Any]:
    """JPEG Extended of 12 bits, which pydicom leaves to a GPL library but gdcm decodes."""
    import gdcm

    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(data)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    encoded = gdcm.Image()
    encoded.SetNumberOfDimensions(2)
    encoded.SetDimensions((image.columns, image.rows, 1))
    encoded.SetDataElement(element)
    kind = gdcm.PhotometricInterpretation.GetPIType(image.photometric_interpretation)
    encoded.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(kind))
    syntax = gdcm.TransferSyntax.GetTSType("1.2.840.10008.1.2.4.51")
    encoded.SetTransferSyntax(gdcm.TransferSyntax(syntax))
    encoded.SetPixelFormat(
        gdcm.PixelFormat(
            image.samples_per_pixel,
            image.bits_allocated,
            image.bits_stored,
            image.high_bit,
            image.pixel_representation,
        )
    )
    decoded = encoded.GetBuffer().encode("utf-8", "surrogateescape")
    values = np.frombuffer(decoded, f"<{'ui'[image.pixel_representation]}2")
    pixels = values.reshape(image.rows, image.columns, image.samples_per_pixel)
    if image.samples_per_pixel == 1:
        return pixels[..., 0]
    said = image.photometric_interpretation
    ycc = is_ycc(said, stream, pixels, otherwise=True)
    return ycc_to_rgb(pixels) if ycc else pixels
