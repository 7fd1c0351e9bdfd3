# SPDX-License-Identifier: Apache-2.0
"""The attributes of an instance's header that tell of its pixels, and how their values are read."""

import base64
import binascii
import struct
from typing import Any

import msgspec

from pons.errors import UnsupportedImage


class Bulk(msgspec.Struct, frozen=True):
    """A binary value of the header: the bytes, or where they are in the file."""

    data: bytes = b""
    offset: int = 0
    length: int = 0


class Element(msgspec.Struct, frozen=True):
    """One element of DICOM JSON (PS3.18 F.2.2)."""

    vr: str = ""
    Value: list[Any] = []
    InlineBinary: str = ""
    BulkDataURI: str = ""


class Header(msgspec.Struct, frozen=True, rename=lambda name: name.removeprefix("_")):
    """The elements that rendering needs; msgspec skips all others without building them."""

    _00280002: Element = Element()
    _00280004: Element = Element()
    _00280006: Element = Element()
    _00280008: Element = Element()
    _00280010: Element = Element()
    _00280011: Element = Element()
    _00280100: Element = Element()
    _00280101: Element = Element()
    _00280102: Element = Element()
    _00280103: Element = Element()
    _00281101: Element = Element()
    _00281102: Element = Element()
    _00281103: Element = Element()
    _00281201: Element = Element()
    _00281202: Element = Element()
    _00281203: Element = Element()
    _00281221: Element = Element()
    _00281222: Element = Element()
    _00281223: Element = Element()
    _7FE00001: Element = Element()
    _7FE00002: Element = Element()


PICTURE_TAGS = tuple(name.removeprefix("_") for name in Header.__struct_fields__)
"""What is read of a header."""

_decode_header = msgspec.json.Decoder(Header).decode


def read_header(header: bytes) -> Header:
    """The attributes, from DICOM JSON. Raises `UnsupportedImage`."""
    try:
        return _decode_header(header)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise UnsupportedImage("The header of the image cannot be read") from error


def integer(element: Element, name: str, default: int | None = None) -> int:
    """The first value; DICOM JSON has IS as text and US as numbers. Raises `UnsupportedImage`."""
    value = element.Value[0] if element.Value else None
    if value is None or value == "":
        if default is None:
            raise UnsupportedImage(f"{name} is missing")
        return default
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        raise UnsupportedImage(f"{name} is {value!r}, expected a number") from None


def text(element: Element) -> str:
    """The first value, without spaces around it; empty when it is absent."""
    return str(element.Value[0]).strip() if element.Value and element.Value[0] else ""


def bulk(element: Element) -> Bulk:
    """A binary value, wherever the header has it; empty when it is absent or unreadable."""
    try:
        if element.InlineBinary:
            return Bulk(base64.b64decode(element.InlineBinary))
        if element.BulkDataURI:
            offset, length = element.BulkDataURI.removeprefix("z").split("/")
            return Bulk(offset=int(offset), length=int(length))
        numbers = [int(value) for value in element.Value]
        return Bulk(struct.pack(f"<{len(numbers)}H", *numbers))
    except (ValueError, TypeError, binascii.Error, struct.error):
        return Bulk()
