# SPDX-License-Identifier: Apache-2.0
"""Stored values of one frame as an array: the codec's work, and nothing of display."""

import io
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL.JpegImagePlugin import JpegImageFile

from pons.errors import UnsupportedImage
from pons_render.frames import raw_frame, read_bytes
from pons_render.image import Image
from pons_render.source import Source
from pons_render.syntaxes import Codec

Pixels = NDArray[Any]


def decode_frame(image: Image, source: Source, frame: int) -> Pixels:
    """The stored values of a frame.

    Returns
    -------
        Shape (rows, columns), or (rows, columns, 3) in RGB; the dtype is that of Bits Allocated and
        Pixel Representation, unused bits are cleared or take the sign, palettes are not applied.

    Raises
    ------
    UnsupportedImage
        When there is no such frame, no decoder for it, or the decoder refuses it.
    """
    codec = image.codec
    if image.encapsulated == (codec is Codec.NATIVE):
        raise UnsupportedImage("The pixel data is not encoded as the transfer syntax says")
    if codec is Codec.NATIVE:
        pixels = _decode_native(image, source, frame)
    else:
        pixels = _decode_encapsulated(image, raw_frame(image, source, frame), codec)
    # Only these two give all allocated bits; the others give the stored ones, with their sign.
    if image.transfer_syntax == _RLE or codec is Codec.NATIVE:
        pixels = _only_stored_bits(image, pixels)
    return pixels


_RLE = "1.2.840.10008.1.2.5"


def _decode_native(image: Image, source: Source, frame: int) -> Pixels:
    if frame >= image.number_of_frames:
        raise UnsupportedImage(f"There is no frame {frame}, the image has {image.number_of_frames}")
    if image.bits_allocated == 1:
        return _unpack_bits(image, raw_frame(image, source, frame))
    values = np.frombuffer(_native_bytes(image, source, frame), _dtype(image))
    values = values.astype(values.dtype.newbyteorder("="), copy=False)
    if image.photometric_interpretation == "YBR_FULL_422":
        return _to_rgb(_expand_422(image, values))
    pixels = _shape(image, values)
    return _to_rgb(pixels) if image.photometric_interpretation == "YBR_FULL" else pixels


def _dtype(image: Image) -> np.dtype[Any]:
    kind = "f" if image.is_float else "ui"[image.pixel_representation]
    return np.dtype(f"{'<>'[image.big_endian]}{kind}{image.bits_allocated // 8}")


def _native_bytes(image: Image, source: Source, frame: int) -> bytes:
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


def _unpack_bits(image: Image, packed: bytes) -> Pixels:
    count = image.rows * image.columns
    bits = np.unpackbits(np.frombuffer(packed, np.uint8), count=count, bitorder="little")
    return bits.reshape(image.rows, image.columns)


def _shape(image: Image, values: Pixels) -> Pixels:
    if image.samples_per_pixel == 1:
        return values.reshape(image.rows, image.columns)
    if image.planar_configuration == 0:
        return values.reshape(image.rows, image.columns, image.samples_per_pixel)
    return values.reshape(image.samples_per_pixel, image.rows, image.columns).transpose(1, 2, 0)


def _expand_422(image: Image, values: Pixels) -> Pixels:
    """Y Y Cb Cr of two neighbours become two pixels (PS3.3 C.7.6.3.1.2)."""
    if image.samples_per_pixel != 3 or image.columns % 2:
        raise UnsupportedImage("YBR_FULL_422 needs three samples and an even number of columns")
    pairs = values.reshape(-1, 4)
    pixels = np.empty((len(pairs), 2, 3), values.dtype)
    pixels[:, :, 0] = pairs[:, :2]
    pixels[:, :, 1:] = pairs[:, np.newaxis, 2:]
    return pixels.reshape(image.rows, image.columns, 3)


def _to_rgb(pixels: Pixels) -> Pixels:
    """YBR_FULL to RGB (PS3.3 C.7.6.3.1.2), which pydicom does by itself for compressed frames."""
    if pixels.dtype != np.uint8:
        raise UnsupportedImage("YBR_FULL is decoded with 8 bits only")
    # Takes a third of a second once, which most uncompressed images need not pay.
    from pydicom.pixels.processing import convert_color_space

    rgb: Pixels = convert_color_space(pixels, "YBR_FULL", "RGB")
    return rgb


def _only_stored_bits(image: Image, pixels: Pixels) -> Pixels:
    """Clear the unused bits, or fill them with the sign (PS3.5 8.1.1).

    Also moves values down that an old file keeps above the lowest bit (High Bit).
    """
    allocated, stored = image.bits_allocated, image.bits_stored
    if image.is_float or stored == allocated:
        return pixels
    up = allocated - 1 - image.high_bit
    if not 0 <= up <= allocated - stored:
        raise UnsupportedImage(f"High Bit (0028,0102) is {image.high_bit} with {stored} bits")
    return (pixels << up) >> (allocated - stored)


_OFFSETS = b"\xfe\xff\x00\xe0\x00\x00\x00\x00"


def _decode_encapsulated(image: Image, data: bytes, codec: Codec) -> Pixels:
    if codec is Codec.PILLOW_OR_GDCM:
        if image.bits_stored > 8:
            return _decode_12_bit_jpeg(image, data)
        codec = Codec.PILLOW
    if codec is Codec.PILLOW and image.photometric_interpretation in _YBR:
        picture = JpegImageFile(io.BytesIO(data))
        if _is_taken_for_ycc(picture) and _fits(image, picture):
            return np.asarray(picture)
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
    }
    pixels, _ = get_decoder(UID(image.transfer_syntax)).as_array(
        _OFFSETS + item, index=0, decoding_plugin=codec.value, **options
    )
    result: Pixels = pixels
    return result


_YBR = ("YBR_FULL", "YBR_FULL_422")


def _fits(image: Image, picture: JpegImageFile) -> bool:
    return (
        image.bits_allocated == 8
        and picture.mode == "RGB"
        and picture.size == (image.columns, image.rows)
    )


def _is_taken_for_ycc(picture: JpegImageFile) -> bool:
    """Whether Pillow gives RGB of YCbCr: it is told so, or has no hint of anything else.

    pydicom would convert a second time what an Adobe marker has made Pillow convert already, and
    rounds other than JPEG's own conversion. What contradicts the header is left to its rules.
    """
    if "adobe_transform" in picture.info:
        return bool(picture.info["adobe_transform"])
    return bytes(layer[0] for layer in picture.layer).upper() != b"RGB"


def _decode_12_bit_jpeg(image: Image, data: bytes) -> Pixels:
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
    syntax = gdcm.TransferSyntax.GetTSType(image.transfer_syntax)
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
    if len(decoded) != image.frame_bits // 8:
        raise UnsupportedImage("gdcm decodes another number of pixels than the header says")
    return _shape(image, np.frombuffer(decoded, _dtype(image)))
