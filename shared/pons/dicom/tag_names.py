# SPDX-License-Identifier: Apache-2.0
"""Tags and their names, spelled as Orthanc spells them."""

import re
from functools import lru_cache

from pons.dicom.attributes import MAIN_TAGS
from pons.dicom.private_creators import NAMED_CREATORS
from pons.dicom.vocabulary import attribute, private_block_attribute, tag_of
from pons.errors import BadRequest

UNKNOWN = "Unknown Tag & Data"
"""What Orthanc calls a tag that no dictionary knows."""

HEXADECIMAL = re.compile(r"([0-9A-Fa-f]{4})[,-]?([0-9A-Fa-f]{4})")
IN_LIST = re.compile(r"[0-9A-Fa-f]{4},[0-9A-Fa-f]{4}|[^,;]+")

MAIN_NAMES = {tag: name for names in MAIN_TAGS.values() for tag, name in names.items()}


_NAMED: dict[tuple[str, str], str] = {}
"""Tag (of a private one without its block) and creator to the name that a setting gives it."""
_TAGS_NAMED: dict[str, str] = {}


class UnknownTag(BadRequest):
    """A word that no dictionary knows as the keyword of an attribute."""


def parse_tag(text: str) -> str:
    """ "GGGGEEEE" for a keyword, `0010,0010`, `0010-0010` or `00100010`. Raises `UnknownTag`."""
    if text in _TAGS_NAMED:
        return _TAGS_NAMED[text]
    number = tag_of(text.removeprefix("RETIRED_"))
    if number is not None and text:  # the dictionary has tags without a keyword
        return f"{number:08X}"
    match = HEXADECIMAL.fullmatch(text)
    if match is None:
        raise UnknownTag(f"Unknown DICOM tag: {text}")
    return (match[1] + match[2]).upper()


def parse_tags(text: str) -> frozenset[str]:
    """The tags of a list separated by `,` or `;`, in any of the spellings of `parse_tag`."""
    return frozenset(parse_tag(word.strip()) for word in IN_LIST.findall(text) if word.strip())


def is_sequence(tag: str) -> bool:
    """Whether this is a standard attribute that holds items."""
    known = attribute(int(tag, 16))
    return known is not None and known.vr == "SQ"


@lru_cache(maxsize=32768)
def display_tag(tag: str) -> str:
    """`gggg,eeee`."""
    return f"{tag[:4]},{tag[4:]}".lower()


@lru_cache(maxsize=32768)
def tag_name(tag: str) -> str:
    """The name of a standard tag: its keyword, with `RETIRED_` before one that is retired.

    Orthanc takes its names from DCMTK, which writes retired ones so; the main DICOM tags have
    their keyword whatever became of them.
    """
    if tag in MAIN_NAMES:
        return MAIN_NAMES[tag]
    number = int(tag, 16)
    known = attribute(number)
    if known is None:
        return _GROUP_LENGTHS[number >> 16 & 1] if tag.endswith("0000") else UNKNOWN
    if not known.keyword:
        return UNKNOWN
    return f"RETIRED_{known.keyword}" if known.retired else known.keyword


_GROUP_LENGTHS = ("GenericGroupLength", "PrivateGroupLength")
"""Of an even group, of an odd one."""


@lru_cache(maxsize=32768)
def private_name(tag: str, creator: str) -> str:
    """The name of a private tag, made from what pydicom's dictionary says of it.

    DCMTK's dictionary, and so Orthanc, agrees for four names of five.
    """
    named = _NAMED.get((_without_block(tag), creator))
    if named is not None:
        return named
    if creator not in NAMED_CREATORS:
        return UNKNOWN
    entry = private_block_attribute(int(tag, 16), creator)
    words = re.split(r"[^A-Za-z0-9]+", entry[2]) if entry and entry[2] != "Unknown" else []
    return "".join(word[:1].upper() + word[1:] for word in words) or UNKNOWN


def name_attribute(tag: str, creator: str, name: str) -> None:
    """Call a tag so, from now on; `creator` is empty for one that is not private."""
    _NAMED[_without_block(tag) if creator else tag, creator] = name
    _TAGS_NAMED[name] = tag
    private_name.cache_clear()
    tag_name.cache_clear()


def _without_block(tag: str) -> str:
    return tag[:4] + tag[6:]
