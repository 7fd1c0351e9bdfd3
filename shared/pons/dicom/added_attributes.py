# SPDX-License-Identifier: Apache-2.0
"""Attributes as a configuration adds them to those that are known."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple


class Attribute(NamedTuple):
    """What an attribute is; `creator` owns it when it is private."""

    vr: str
    name: str
    creator: str = ""


# fmt: off
VRS = frozenset((
    "AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "OB", "OD", "OF", "OL",
    "OV", "OW", "PN", "SH", "SL", "SQ", "SS", "ST", "SV", "TM", "UC", "UI", "UL", "UN", "UR", "US",
    "UT", "UV",
))
# fmt: on
TAG = re.compile(r"[0-9A-Fa-f]{4}[,-]?[0-9A-Fa-f]{4}")


def attributes(entries: Any) -> dict[str, Attribute]:
    """From Orthanc's `{"gggg,eeee": [VR, name, minimum, maximum, creator]}`.

    Multiplicities are not looked at. Raises `ValueError`.
    """
    if not isinstance(entries, Mapping):
        raise ValueError("it is a table of tags")
    return {tag: _attribute(tag, entry) for tag, entry in entries.items()}


def _attribute(tag: str, entry: Any) -> Attribute:
    if not TAG.fullmatch(tag):
        raise ValueError(f"{tag!r} is no tag: it is written gggg,eeee")
    if isinstance(entry, Attribute):
        return entry
    if not isinstance(entry, list | tuple) or not 2 <= len(entry) <= 5:
        raise ValueError(f"{tag} is [VR, name, minimum, maximum, creator], at least the first two")
    vr, name, creator = entry[0], entry[1], entry[4] if len(entry) > 4 else ""
    if not isinstance(vr, str) or vr not in VRS:
        raise ValueError(f"{tag}: there is no VR {vr!r}")
    if not isinstance(name, str) or not name or not isinstance(creator, str):
        raise ValueError(f"{tag}: name and creator are texts")
    return Attribute(vr, name, creator)
