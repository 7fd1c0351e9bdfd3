# SPDX-License-Identifier: Apache-2.0
"""The identifier of a request: its keys, encoded as the association wants them (PS3.5 7).

Values are those of a caller: text such as `20240101-` or `A*`, which the VR's own rules would not
allow. So they are encoded here, and pydicom passes them on as they are.
"""

import codecs
import struct
from collections.abc import Iterator, Mapping
from typing import Any

from pydicom import charset
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from pons.dicom.orthanc_json import reserving_tag
from pons.dicom.tag_names import display_tag, parse_tag
from pons.dicom.vocabulary import attribute, private_attribute
from pons.errors import BadRequest
from pons.header.tables import ENCODINGS, LONG_VRS

CHARACTER_SET = "00080005"
UTF_8 = "ISO_IR 192"
ALONE = [f"ISO_IR {number}" for number in (100, 101, 109, 110, 126, 127, 138, 144, 148, 166)]
TERMS = {codecs.lookup(ENCODINGS[term]).name: term for term in (*ALONE, UTF_8, "GB18030")}
"""Terms of the character sets that need no other beside them, by Python's name of the codec."""
TEXT = frozenset(("LO", "LT", "PN", "SH", "ST", "UC", "UT"))
"""VRs whose values have the data set's character set (PS3.5 6.1.2.3)."""
ASCII = frozenset(("AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI", "UR"))
NUMBERS = {
    "US": "<H",
    "SS": "<h",
    "UL": "<I",
    "SL": "<i",
    "UV": "<Q",
    "SV": "<q",
    "FL": "<f",
    "FD": "<d",
}
"""Layout of numbers, by VR."""
LONGEST = 0xFFFE
"""Bytes of a value in explicit VR with a short length."""
Keys = Mapping[str, Any]


def identifier(keys: Keys, default_codec: str, *, implicit: bool) -> Dataset:
    """The data set of the keys, by tag: texts, or lists of keys for sequences.

    With the character set that the keys name; else with the store's default, a Python codec, or
    UTF-8 where that has not all of their characters. Raises `BadRequest` for a value that its VR
    cannot have.
    """
    text = Text(keys, default_codec)
    dataset = Dataset()
    for tag, vr, value in _encoded({**keys, **text.named}, text, implicit=implicit):
        number = Tag(int(tag, 16))
        dataset[number] = RawDataElement(number, vr, len(value), value, 0, implicit, True)
    # Only what seems to come from a file in this encoding is written without a look at it.
    dataset.set_original_encoding(implicit, True, text.encodings)
    return dataset


class Text:
    """The character set of an identifier."""

    def __init__(self, keys: Keys, default_codec: str) -> None:
        given = str(keys.get(CHARACTER_SET) or "")
        default = TERMS.get(codecs.lookup(default_codec).name, "")
        term = given or (default if _fits(keys, default_codec) else "") or UTF_8
        terms = term.split("\\")
        alone = len(terms) > 1 and not set(terms).isdisjoint(charset.STAND_ALONE_ENCODINGS)
        if alone or not ENCODINGS.keys() >= set(terms):
            raise BadRequest(
                f"SpecificCharacterSet cannot be {term!r:.100}", "see PS3.3 C.12.1.1.2"
            )
        self.named = {CHARACTER_SET: term}
        self.encodings = charset.convert_encodings(terms)

    def encode(self, tag: str, value: str) -> bytes:
        """Raises `BadRequest` for characters that the character set lacks."""
        for character in set(value):
            if not any(_fits(character, codec) for codec in self.encodings):
                term = self.named[CHARACTER_SET]
                raise BadRequest(f"{display_tag(tag)} has {character!r}, which {term!r} lacks")
        parts = value.split("\\")
        return b"\\".join(charset.encode_string(part, self.encodings) for part in parts)


def _fits(value: Any, codec: str) -> bool:
    """Whether the codec has all characters of a text, or of those in keys or items."""
    if isinstance(value, str):
        try:
            value.encode(codec)
        except UnicodeEncodeError:
            return False
        return True
    parts = value.values() if isinstance(value, Mapping) else value
    return not isinstance(value, Mapping | list) or all(_fits(one, codec) for one in parts)


def _encoded(keys: Keys, text: Text, *, implicit: bool) -> Iterator[tuple[str, str, bytes]]:
    """Tag, VR and value of each key."""
    for tag in sorted(keys):
        vr = _vr(tag, keys)
        value = _value(tag, vr, keys[tag], text, implicit=implicit)
        if not implicit and vr not in LONG_VRS and len(value) > LONGEST:
            raise BadRequest(f"The value of {display_tag(tag)} has more than {LONGEST} bytes")
        yield tag, vr, value


def _vr(tag: str, keys: Keys) -> str:
    """The VR that a dictionary knows, the first of several that are possible."""
    reserving = reserving_tag(tag)
    if reserving == tag:
        return "LO"
    number = int(tag, 16)
    known: Any = attribute(number)
    if reserving is not None:
        known = private_attribute(number, str(keys.get(reserving, "")))
    return str(known[0])[:2] if known else "UN"


def _value(tag: str, vr: str, value: Any, text: Text, *, implicit: bool) -> bytes:
    if vr == "SQ" and isinstance(value, list):
        return b"".join(_item(one, text, implicit=implicit) for one in value)
    if not isinstance(value, str):
        raise BadRequest(f"The value of {display_tag(tag)} must be a text, not {value!r:.100}")
    if not value:
        return b""
    if vr in TEXT:
        encoded = text.encode(tag, value)
    elif vr in NUMBERS or vr == "AT":
        encoded = b"".join(_number(tag, vr, one) for one in value.split("\\"))
    elif vr in ASCII or vr == "UN":
        if not value.isascii():
            raise BadRequest(
                f"The value of {display_tag(tag)} ({vr}) must be ASCII: {value!r:.100}"
            )
        encoded = value.encode()
    else:
        raise BadRequest(f"{display_tag(tag)} ({vr}) cannot have a text as its value")
    return encoded + (b"\0" if vr == "UI" else b" ") * (len(encoded) % 2)


def _number(tag: str, vr: str, value: str) -> bytes:
    try:
        if vr == "AT":
            number = int(parse_tag(value), 16)
            return struct.pack("<HH", number >> 16, number & 0xFFFF)
        return struct.pack(NUMBERS[vr], float(value) if vr in ("FL", "FD") else int(value))
    except (ValueError, struct.error, OverflowError, BadRequest):
        what = f"The value of {display_tag(tag)} ({vr}) is out of range: {value!r:.100}"
        raise BadRequest(what) from None


def _item(keys: Any, text: Text, *, implicit: bool) -> bytes:
    if not isinstance(keys, Mapping):
        raise BadRequest(f"An item of a sequence must be an object, not {keys!r:.100}")
    content = b"".join(
        _head(tag, vr, len(value), implicit=implicit) + value
        for tag, vr, value in _encoded(keys, text, implicit=implicit)
    )
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(content)) + content


def _head(tag: str, vr: str, length: int, *, implicit: bool) -> bytes:
    number = int(tag, 16)
    start = struct.pack("<HH", number >> 16, number & 0xFFFF)
    if implicit:
        return start + struct.pack("<I", length)
    if vr in LONG_VRS:
        return start + vr.encode() + bytes(2) + struct.pack("<I", length)
    return start + vr.encode() + struct.pack("<H", length)
