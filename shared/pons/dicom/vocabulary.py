# SPDX-License-Identifier: Apache-2.0
"""DICOM's vocabulary as pydicom lists it: attributes (PS3.6 6), private ones, UIDs (PS3.6 A).

Whatever is asked of the package pydicom loads all of it, with its codecs and numpy: 58 MB and half
a second for a process that looks a name up. So its lists lie here, written by
`vocabulary_source.py`. Those of attributes are read when the first of them is looked up.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec
import zstandard

T = TypeVar("T")

FOLDER = Path(__file__).parent


class Attribute(NamedTuple):
    """What PS3.6 says of an attribute."""

    vr: str
    """May be ambiguous: "US or SS"."""
    vm: str
    name: str
    retired: str
    """ "Retired" or empty."""
    keyword: str
    """Empty for some that are retired."""


Private = tuple[str, ...]
"""VR, VM, name, and "Retired" or empty, of a private attribute."""


def _read(name: str, kind: type[T]) -> T:
    packed = (FOLDER / f"{name}.msgpack.zst").read_bytes()
    return msgspec.msgpack.decode(zstandard.decompress(packed), type=kind)


UIDS = _read("uids", dict[str, tuple[str, str, str, str, str]])
"""UID to its name, its type ("Transfer Syntax"), ..., and keyword."""


@cache
def _standard() -> dict[int, Attribute]:
    return _read("attributes", dict[int, Attribute])


@cache
def _tags() -> dict[str, int]:
    return {entry.keyword: tag for tag, entry in _standard().items()}


@cache
def _repeating() -> list[tuple[int, int, Attribute]]:
    """Attributes with tags such as "60xx0010", where each x is any digit: by mask and rest."""
    return [
        (
            int("".join("0" if digit == "x" else "F" for digit in tag), 16),
            int(tag.replace("x", "0"), 16),
            entry,
        )
        for tag, entry in _read("repeating_attributes", dict[str, Attribute]).items()
    ]


@cache
def _private() -> dict[str, dict[str, Private]]:
    """Creator to tag to attribute; in a tag, an x stands for any digit, mostly of the block."""
    return _read("private_attributes", dict[str, dict[str, Private]])


def attribute(tag: int) -> Attribute | None:
    """What PS3.6 says of a tag; None for one that it lacks."""
    entry = _standard().get(tag)
    if entry is None and not tag >> 16 & 1:
        return next((entry for mask, rest, entry in _repeating() if tag & mask == rest), None)
    return entry


def uid_name(uid: str) -> str:
    """What PS3.6 calls a UID; one that it lacks is its own name."""
    return UIDS[uid][0] if uid in UIDS else uid


def tag_of(keyword: str) -> int | None:
    """The tag of the attribute with this keyword; not of one that repeats."""
    return _tags().get(keyword)


def private_attribute(tag: int, creator: str) -> Private | None:
    """What is known of a private tag of this creator, in whichever block it is."""
    known = _private().get(creator, {})
    return next((known[key] for key in _private_keys(f"{tag:08X}") if key in known), None)


def _private_keys(tag: str) -> Iterator[str]:
    yield tag
    yield f"{tag[:4]}xx{tag[6:]}"
    yield f"{tag[:2]}xxxx{tag[6:]}"


def private_block_attribute(tag: int, creator: str) -> Private | None:
    """As `private_attribute`, of those alone that are listed with any block of their group."""
    return _private().get(creator, {}).get(_in_any_block(tag))


def add_attribute(tag: int, vr: str, name: str) -> None:
    """Know one more, by a name that is its keyword too, from now on, in this process."""
    _standard()[tag] = Attribute(vr, "1", name, "", name)
    _tags()[name] = tag


def add_private_attribute(tag: int, creator: str, vr: str, name: str) -> None:
    """Know one more private one, in any block, from now on, in this process."""
    _private().setdefault(creator, {})[_in_any_block(tag)] = (vr, "1", name, "")


def _in_any_block(tag: int) -> str:
    return f"{tag >> 16:04X}xx{tag & 0xFF:02X}"
