# SPDX-License-Identifier: Apache-2.0
"""From the bytes of one value to its DICOM JSON (PS3.18 F.2), one function for each VR.

A converter gives what follows `"00100020":{"vr":"LO"`: `,"Value":["A1"]}`, or `}` when empty; None
when the bytes do not fit the VR. Plain ASCII is copied, everything else is decoded and escaped.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from json.encoder import encode_basestring
from math import isfinite
from struct import Struct

from pons.dicom.numbers import swapped
from pons.header.charset import Charset, text_of, until_nul
from pons.header.iso2022 import CONTROLS, NAMES

Converter = Callable[[bytes, Charset], bytes | None]

EMPTY = b"}"
BINARY_VRS = {"OB": 1, "OW": 2, "OF": 4, "OD": 8, "OL": 4, "OV": 8, "UN": 1}
"""Binary VRs with the size of one word in bytes."""

_PLAIN = bytes(c for c in range(0x20, 0x7F) if c not in b'"\\')
_UNTIDY = re.compile(rb"^\\|\\$|[\\ ]\\|\\ ").search


def _quote(text: str) -> bytes:
    """Give a JSON string. NUL is dropped: neither PostgreSQL nor XML can hold it."""
    return encode_basestring(text.replace("\0", "")).encode()


def _quote_values(text: str, strip: Callable[[str], str]) -> bytes:
    """Give what follows the VR; an empty value among others is null (PS3.18 F.2.5)."""
    values = [strip(value) for value in text.split("\\")]
    if values == [""]:
        return EMPTY
    quoted = [_quote(value) if value else b"null" for value in values]
    return b',"Value":[' + b",".join(quoted) + b"]}"


def _strip(text: str) -> str:
    return text.strip(" ")


def _rstrip(text: str) -> str:
    return text.rstrip(" ")


def _in_charset(value: bytes, charset: Charset) -> str:
    return charset.decode(value)


def _in_long_text(value: bytes, charset: Charset) -> str:
    return charset.decode(value, CONTROLS)


def _in_default_repertoire(value: bytes, charset: Charset) -> str:
    return text_of(value)


def _in_code(value: bytes, charset: Charset) -> str:
    """Text that the default repertoire has to be enough for (PS3.5 6.1.2.3). Where a writer went
    beyond it all the same, it is in the data set's character set, as Orthanc reads it."""
    return text_of(value) if value.isascii() else charset.decode(value)


def _texts(decode: Callable[[bytes, Charset], str]) -> Converter:
    """Values parted by backslash: LO SH, in the data set's character set; AE AS CS DA DS DT IS TM
    UI, in the default repertoire."""

    def convert(value: bytes, charset: Charset) -> bytes:
        value = value.rstrip(b" \0").lstrip(b" ")
        if not value:
            return EMPTY
        odd = value.translate(None, _PLAIN)
        if not odd:
            return b',"Value":["' + value + b'"]}'
        if not odd.strip(b"\\") and not _UNTIDY(value):
            return b',"Value":["' + value.replace(b"\\", b'","') + b'"]}'
        return _quote_values(decode(until_nul(value), charset), _strip)

    return convert


def _long_text_values(value: bytes, charset: Charset) -> bytes:
    """UC: as LO, but leading spaces count."""
    return _quote_values(charset.decode(until_nul(value)), _rstrip)


def _long_text(value: bytes, charset: Charset) -> bytes:
    """LT ST UT: one value, in which a backslash is a backslash and leading spaces count."""
    return _one_text(value.rstrip(b" \0"), charset, _in_long_text)


def _uri(value: bytes, charset: Charset) -> bytes:
    """UR: one value, in the default repertoire."""
    return _one_text(value.rstrip(b" \0").lstrip(b" "), charset, _in_default_repertoire)


def _one_text(value: bytes, charset: Charset, decode: Callable[[bytes, Charset], str]) -> bytes:
    if not value:
        return EMPTY
    if not value.translate(None, _PLAIN):
        return b',"Value":["' + value + b'"]}'
    text = _rstrip(decode(until_nul(value), charset))
    return b',"Value":[' + _quote(text) + b"]}" if text else EMPTY


def _person_name(value: bytes, charset: Charset) -> bytes:
    value = value.rstrip(b" \0").lstrip(b" ")
    if not value:
        return EMPTY
    if b"=" not in value and not value.translate(None, _PLAIN):
        return b',"Value":[{"Alphabetic":"' + value + b'"}]}'
    names = [_quote_name(name) for name in charset.decode(until_nul(value), NAMES).split("\\")]
    return EMPTY if names == [b"null"] else b',"Value":[' + b",".join(names) + b"]}"


def _quote_name(name: str) -> bytes:
    groups = [_strip(group) for group in name.split("=", 3)[:3]]
    if not any(groups):
        return b"null"
    keys = (b'"Alphabetic":', b'"Ideographic":', b'"Phonetic":')
    members = [key + _quote(group) for key, group in zip(keys, groups, strict=False)]
    return b"{" + b",".join(members) + b"}"


def _numbers(order: str, code: str, show: Callable[[float], str]) -> Converter:
    """FL FD SV UV: JSON numbers, or what `show` makes of them."""
    number = Struct(order + code)

    def convert(value: bytes, charset: Charset) -> bytes | None:
        if len(value) % number.size:
            return None
        texts = [show(n) for (n,) in number.iter_unpack(value)]
        return b',"Value":[' + ",".join(texts).encode() + b"]}" if texts else EMPTY

    return convert


def _integers(order: str, code: str) -> Converter:
    """SL SS UL US: JSON numbers; mostly one."""
    several = _numbers(order, code, str)
    one = Struct(order + code)
    size, unpack = one.size, one.unpack

    def convert(value: bytes, charset: Charset) -> bytes | None:
        if len(value) == size:
            (number,) = unpack(value)
            return b',"Value":[%d]}' % number
        return several(value, charset)

    return convert


def _quoted(number: float) -> str:
    """SV UV: text, because readers of JSON round numbers above 2**53."""
    return f'"{number}"'


def _float(number: float) -> str:
    """FL FD: JSON has no infinities and no NaN, so they become text."""
    return repr(number) if isfinite(number) else f'"{_NOT_FINITE[repr(number)]}"'


_NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def _tags(order: str) -> Converter:
    """AT: eight hexadecimal digits each."""
    pair = Struct(order + "HH")

    def convert(value: bytes, charset: Charset) -> bytes | None:
        if len(value) % pair.size:
            return None
        tags = [f'"{group:04X}{element:04X}"' for group, element in pair.iter_unpack(value)]
        return b',"Value":[' + ",".join(tags).encode() + b"]}" if tags else EMPTY

    return convert


def _binary(order: str, word: int) -> Converter:
    """OB OW OF OD OL OV UN: base64, of little-endian words (PS3.18 F.2.7)."""

    def convert(value: bytes, charset: Charset) -> bytes | None:
        if not value:
            return EMPTY
        if order == ">":
            value = swapped(value, word)
        return b',"InlineBinary":"' + b64encode(value) + b'"}'

    return convert


def lut_descriptor(order: str) -> Converter:
    """Give a converter for LUT descriptors of VR SS, whose first value is unsigned all the same
    (PS3.3 C.11.1.1.1)."""
    signed = _integers(order, "h")

    def convert(value: bytes, charset: Charset) -> bytes | None:
        if len(value) != 6:
            return signed(value, charset)
        return b',"Value":[%d,%d,%d]}' % Struct(order + "Hhh").unpack(value)

    return convert


def converters(order: str) -> dict[str, Converter]:
    """Give the converter of each VR; `order` is "<" or ">", as in struct."""
    table: dict[str, Converter] = dict.fromkeys(
        ("AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM"), _texts(_in_code)
    )
    table["UI"] = _texts(_in_default_repertoire)
    table |= dict.fromkeys(("LO", "SH"), _texts(_in_charset))
    table |= {"UC": _long_text_values, "UR": _uri, "PN": _person_name}
    table |= dict.fromkeys(("LT", "ST", "UT"), _long_text)
    for vr, code in {"SL": "l", "SS": "h", "UL": "L", "US": "H"}.items():
        table[vr] = _integers(order, code)
    table |= {"SV": _numbers(order, "q", _quoted), "UV": _numbers(order, "Q", _quoted)}
    table |= {"FL": _numbers(order, "f", _float), "FD": _numbers(order, "d", _float)}
    table["AT"] = _tags(order)
    table |= {vr: _binary(order, word) for vr, word in BINARY_VRS.items()}
    return table
