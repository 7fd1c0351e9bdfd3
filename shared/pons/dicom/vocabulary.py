# SPDX-License-Identifier: Apache-2.0
"""DICOM's vocabulary as pydicom lists it: attributes (PS3.6 6), private ones, UIDs (PS3.6 A).

Whatever is asked of the package pydicom loads all of it, with its codecs and numpy: 35 MB and half
a second for a process that looks a name up. Its lists are files of their own, so only these are
loaded, from where it is installed.
"""

from collections.abc import Iterator
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import NamedTuple


def _list_of_pydicom(name: str) -> ModuleType:
    package = find_spec("pydicom")  # finds a top-level package without loading it
    if package is None or package.origin is None:
        raise ModuleNotFoundError("pydicom is not installed", name="pydicom")
    path = Path(package.origin).with_name(f"{name}.py")
    spec = spec_from_file_location(f"{__name__}.{name}", path)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"pydicom has no {path.name}", name=f"pydicom.{name}")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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

_attributes = _list_of_pydicom("_dicom_dict")
_STANDARD: dict[int, tuple[str, str, str, str, str]] = _attributes.DicomDictionary
_REPEATING: dict[str, tuple[str, str, str, str, str]] = _attributes.RepeatersDictionary
"""As `_STANDARD`, but in tags such as "60xx0010" each x stands for any digit."""
_PRIVATE: dict[str, dict[str, Private]] = _list_of_pydicom("_private_dict").private_dictionaries
"""Creator to tag to attribute; in a tag, an x stands for any digit, mostly of the block."""
_TAGS = {entry[4]: tag for tag, entry in _STANDARD.items()}
_MASKS = tuple(
    (
        int("".join("0" if digit == "x" else "F" for digit in tag), 16),
        int(tag.replace("x", "0"), 16),
        tag,
    )
    for tag in _REPEATING
)

UIDS: dict[str, tuple[str, str, str, str, str]] = _list_of_pydicom("_uid_dict").UID_dictionary
"""UID to its name, its type ("Transfer Syntax"), ..., and keyword."""


def attribute(tag: int) -> Attribute | None:
    """What PS3.6 says of a tag; None for one that it lacks."""
    entry = _STANDARD.get(tag)
    if entry is None and not tag >> 16 & 1:
        for mask, fixed, repeating in _MASKS:
            if tag & mask == fixed:
                entry = _REPEATING[repeating]
                break
    return None if entry is None else Attribute(*entry)


def tag_of(keyword: str) -> int | None:
    """The tag of the attribute with this keyword; not of one that repeats."""
    return _TAGS.get(keyword)


def private_attribute(tag: int, creator: str) -> Private | None:
    """What is known of a private tag of this creator, in whichever block it is."""
    known = _PRIVATE.get(creator, {})
    return next((known[key] for key in _private_keys(f"{tag:08X}") if key in known), None)


def _private_keys(tag: str) -> Iterator[str]:
    yield tag
    yield f"{tag[:4]}xx{tag[6:]}"
    yield f"{tag[:2]}xxxx{tag[6:]}"


def private_block_attribute(tag: int, creator: str) -> Private | None:
    """As `private_attribute`, of those alone that are listed with any block of their group."""
    return _PRIVATE.get(creator, {}).get(f"{tag >> 16:04X}xx{tag & 0xFF:02X}")


def add_attribute(tag: int, vr: str, name: str) -> None:
    """Know one more, by a name that is its keyword too, from now on, in this process."""
    _STANDARD[tag] = Attribute(vr, "1", name, "", name)
    _TAGS[name] = tag


def add_private_attribute(tag: int, creator: str, vr: str, name: str) -> None:
    """Know one more private one, in any block, from now on, in this process."""
    key = f"{tag >> 16:04X}xx{tag & 0xFF:02X}"
    _PRIVATE.setdefault(creator, {})[key] = (vr, "1", name, "")
