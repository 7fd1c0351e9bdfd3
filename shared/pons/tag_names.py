# SPDX-License-Identifier: Apache-2.0
"""Tags and their names, spelled as Orthanc spells them."""

import re
from collections.abc import Iterable
from functools import lru_cache

from pydicom._private_dict import private_dictionaries
from pydicom.datadict import (
    dictionary_is_retired,
    dictionary_keyword,
    dictionary_VR,
    tag_for_keyword,
)

from pons.attributes import MAIN_TAGS
from pons.errors import BadRequest

UNKNOWN = "Unknown Tag & Data"
"""What Orthanc calls a tag that no dictionary knows."""

HEXADECIMAL = re.compile(r"([0-9A-Fa-f]{4})[,-]?([0-9A-Fa-f]{4})")
IN_LIST = re.compile(r"[0-9A-Fa-f]{4},[0-9A-Fa-f]{4}|[^,;]+")

MAIN_NAMES = {tag: name for names in MAIN_TAGS.values() for tag, name in names.items()}


class UnknownTag(BadRequest):
    """A word that no dictionary knows as the keyword of an attribute."""


def parse_tag(text: str) -> str:
    """ "GGGGEEEE" for a keyword, `0010,0010`, `0010-0010` or `00100010`. Raises `UnknownTag`."""
    number = tag_for_keyword(text.removeprefix("RETIRED_"))
    if number is not None and text:  # the dictionary has tags without a keyword
        return f"{number:08X}"
    match = HEXADECIMAL.fullmatch(text)
    if match is None:
        raise UnknownTag(f"Unknown DICOM tag: {text}")
    return (match[1] + match[2]).upper()


def parse_tags(text: str) -> frozenset[str]:
    """The tags of a list separated by `,` or `;`, in any of the spellings of `parse_tag`."""
    return frozenset(parse_tag(word.strip()) for word in IN_LIST.findall(text) if word.strip())


def named_tags(words: Iterable[str]) -> dict[str, str]:
    """Tag to name, for tags in any spelling that hold text. Raises `BadRequest` for a sequence."""
    named = {}
    for word in words:
        tag = parse_tag(word)
        if _is_sequence(tag):
            raise BadRequest(f"{word} is a sequence")
        named[tag] = tag_name(tag)
    return named


def _is_sequence(tag: str) -> bool:
    try:
        return dictionary_VR(int(tag, 16)) == "SQ"
    except KeyError:
        return False


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
    if tag.endswith("0000"):
        return "GenericGroupLength"
    number = int(tag, 16)
    try:
        keyword = dictionary_keyword(number)
    except KeyError:
        return UNKNOWN
    if not keyword:
        return UNKNOWN
    return f"RETIRED_{keyword}" if dictionary_is_retired(number) else keyword


@lru_cache(maxsize=32768)
def private_name(tag: str, creator: str) -> str:
    """The name of a private tag, made from what pydicom's dictionary says of it.

    DCMTK's dictionary, and so Orthanc, agrees for four names of five.
    """
    entry = private_dictionaries.get(creator, {}).get(f"{tag[:4]}xx{tag[6:]}")
    words = re.split(r"[^A-Za-z0-9]+", entry[2]) if entry else []
    return "".join(word[:1].upper() + word[1:] for word in words) or UNKNOWN
