# SPDX-License-Identifier: Apache-2.0
"""A header as Orthanc shows it, in its three formats: full, short and simplified."""

from base64 import b64decode
from collections.abc import Callable, Mapping
from enum import Enum
from struct import calcsize, iter_unpack
from typing import Any

from pons.dicom.tag_names import UNKNOWN, display_tag, private_name, tag_name

MAX_LENGTH = 256
"""Bytes of UTF-8 above which a value is not shown, unless its tag is named in `ignore_length`."""

SURELY_SHORT = MAX_LENGTH // 4
"""Characters that cannot be more bytes than that."""

BINARY = frozenset(("OB", "OD", "OF", "OL", "OV", "OW"))
NULL_WHEN_EMPTY = BINARY | {"UN", "US", "SS", "UL", "SL", "FL", "FD", "SV", "UV", "AT"}
"""Binary representations have no empty text, so that their empty value is null."""

NOT_AS_TEXT = frozenset(("FL", "FD", "PN", "AT"))

NUMBERS = {"OF": "<f", "OD": "<d", "OL": "<I"}
"""Binary representations that are shown as numbers, and their layout."""

GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
"""Component groups of a person's name (PS3.18 F.2.2)."""

PIXEL_TAGS = {"OF": "7FE00008", "OD": "7FE00009"}
"""Pixel data's tag by its VR, where it is not PixelData (7FE0,0010)."""

_NOT_FINITE = {"NaN": "nan", "Infinity": "inf", "-Infinity": "-inf"}

Header = Mapping[str, Mapping[str, Any]]


class Style(Enum):
    """Orthanc's formats of a dataset."""

    FULL = "full"
    """Tag to `{Name, Type, Value}`."""
    SHORT = "short"
    """Tag to value."""
    SIMPLIFIED = "simplified"
    """Keyword to value, keywords ascending as Orthanc sorts them; of several private tags without a
    name, the last one stays."""


def format_tags(tags: Mapping[str, str], style: Style = Style.SIMPLIFIED) -> dict[str, Any]:
    """Main DICOM tags ("GGGGEEEE" to text) in one of Orthanc's formats."""
    if style is Style.SIMPLIFIED:
        return {tag_name(tag): value for tag, value in tags.items()}
    if style is Style.SHORT:
        return {display_tag(tag): value for tag, value in tags.items()}
    return {
        display_tag(tag): {"Name": tag_name(tag), "Type": "String", "Value": value}
        for tag, value in tags.items()
    }


def format_elements(
    elements: Header, style: Style, ignore_length: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """Elements of DICOM JSON in one of Orthanc's formats."""
    return _FORMATS[style](elements, ignore_length)


def element_text(tag: str, element: Mapping[str, Any]) -> str | None:
    """The text of an element of DICOM JSON, however long; None when it is none."""
    return None if element["vr"] == "SQ" else _text(tag_name(tag), element)


def _full(dataset: Header, ignore_length: frozenset[str]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for tag, element in dataset.items():
        name, creator = _name_and_creator(tag, dataset)
        if element["vr"] == "SQ":
            items = [_full(item, ignore_length) for item in element.get("Value", ())]
            shown[display_tag(tag)] = {"Name": name, "Type": "Sequence", "Value": items}
            continue
        text = _value(tag, name, element, ignore_length)
        kind = "String" if text is not None else _kind(element)
        entry = {"Name": name, "Type": kind, "Value": text}
        if creator:
            entry["PrivateCreator"] = creator
        shown[display_tag(tag)] = entry
    return shown


def _short(dataset: Header, ignore_length: frozenset[str]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for tag, element in dataset.items():
        vr = element["vr"]
        if vr == "SQ":
            items = [_short(item, ignore_length) for item in element.get("Value", ())]
            shown[display_tag(tag)] = items
        else:
            name = _name_and_creator(tag, dataset)[0] if vr == "UN" else ""
            shown[display_tag(tag)] = _value(tag, name, element, ignore_length)
    return shown


def _simplified(dataset: Header, ignore_length: frozenset[str]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for tag, element in dataset.items():
        name = _name_and_creator(tag, dataset)[0]
        if element["vr"] == "SQ":
            shown[name] = [_simplified(item, ignore_length) for item in element.get("Value", ())]
        else:
            shown[name] = _value(tag, name, element, ignore_length)
    return dict(sorted(shown.items()))


_FORMATS: dict[Style, Callable[[Header, frozenset[str]], dict[str, Any]]] = {
    Style.FULL: _full,
    Style.SHORT: _short,
    Style.SIMPLIFIED: _simplified,
}


def reserving_tag(tag: str) -> str | None:
    """The tag of the creator whose block a private tag is in: of a creator, its own (PS3.5 7.8.1).

    None for other tags, which mean the same everywhere.
    """
    if tag[3] not in "13579BDF" or tag[4:] == "0000":
        return None
    return tag if tag[4:6] == "00" else f"{tag[:4]}00{tag[4:6]}"


def _name_and_creator(tag: str, dataset: Header) -> tuple[str, str]:
    """The name of a tag, and the creator of a private one where it is known."""
    reserving = reserving_tag(tag)
    if reserving is None:
        return tag_name(tag), ""
    if reserving == tag:
        return "PrivateCreator", ""
    creator = str((dataset.get(reserving, {}).get("Value") or [""])[0] or "")
    return private_name(tag, creator), creator


def _value(
    tag: str, name: str, element: Mapping[str, Any], ignore_length: frozenset[str]
) -> str | None:
    """The value as text; None for one that is binary, or too long to be shown."""
    shown = _text(name, element)
    if shown is None or len(shown) <= SURELY_SHORT or tag in ignore_length:
        return shown
    return shown if len(shown.encode()) <= MAX_LENGTH else None


def _kind(element: Mapping[str, Any]) -> str:
    """Orthanc's word for a value that is not shown."""
    vr = element["vr"]
    if vr in NUMBERS and "BulkDataURI" in element:
        return "TooLong"
    long = bool(element.get("Value")) or vr not in NULL_WHEN_EMPTY
    return "TooLong" if long else "Null"


def _text(name: str, element: Mapping[str, Any]) -> str | None:
    vr = element["vr"]
    values = element.get("Value")
    if not values:
        if vr in NUMBERS and "InlineBinary" in element:
            return "\\".join(_numbers(vr, element["InlineBinary"]))
        if vr == "UN" and name != UNKNOWN:
            return _ascii(element.get("InlineBinary", ""))
        return None if vr in NULL_WHEN_EMPTY or "BulkDataURI" in element else ""
    if len(values) == 1:
        return _one(vr, values[0])
    return "\\".join(_one(vr, value) for value in values)


def _one(vr: str, value: Any) -> str:
    if value is None:
        return ""
    if vr not in NOT_AS_TEXT:
        return value if isinstance(value, str) else str(value)
    if vr == "FL" or vr == "FD":
        return _NOT_FINITE[value] if isinstance(value, str) else f"{value:.17g}"
    if vr == "PN":
        last = max((i for i, group in enumerate(GROUPS) if group in value), default=-1)
        return "=".join(value.get(group, "") for group in GROUPS[: last + 1])
    return display_tag(value)


def _numbers(vr: str, encoded: str) -> list[str]:
    """The numbers of a value of a VR of `NUMBERS`; what is left of an incomplete one is lost."""
    layout, value = NUMBERS[vr], b64decode(encoded)
    whole = len(value) // calcsize(layout) * calcsize(layout)
    return [f"{number:.17g}" for (number,) in iter_unpack(layout, value[:whole])]


def _ascii(encoded: str) -> str | None:
    """The text of a value whose VR is unknown but whose name is not, if it is plain ASCII."""
    value = b64decode(encoded).rstrip(b"\0")
    return value.decode() if value and value.isascii() and value.decode().isprintable() else None
