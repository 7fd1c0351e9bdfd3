# SPDX-License-Identifier: Apache-2.0
"""Text in DICOM's character sets (PS3.3 C.12.1.1.2, PS3.5 6.1.2): which ones a data set names.

pydicom's own functions warn for each odd value and accept any codec that Python has, among them
slow ones. Here are its tables, without warnings and with text codecs only.
"""

from __future__ import annotations

import re
from encodings import normalize_encoding
from encodings.aliases import aliases
from functools import lru_cache

from pons.errors import InvalidInstance
from pons.header.iso2022 import VALUES, decode, without_escapes
from pons.header.model import MAX_CHARSETS, MAX_ESCAPES, too_large
from pons.header.tables import DEFAULT_ENCODING, ENCODINGS

ESCAPE = b"\x1b"


def until_nul(value: bytes) -> bytes:
    """Give what of an element's value counts: a NUL ends it, as GDCM, DCMTK and Orthanc read it.

    PS3.5 6.2 has NUL as padding of UIDs only; elsewhere what was in memory may lie behind it.
    """
    return value.partition(b"\0")[0] if b"\0" in value else value


def text_of(value: bytes) -> str:
    """Give the text of a value in the default repertoire, which UIDs and terms have."""
    value = value.partition(b"\0")[0]
    # Python decodes by this name ten times faster than by the other names of the encoding.
    return (without_escapes(value) if ESCAPE in value else value).decode("latin-1")


def _codec(name: str) -> str:
    """Give the codec that Python finds by a name. Python itself would keep each name it was asked
    for in memory, and look for unknown ones on disk."""
    normal = normalize_encoding(name).lower()
    return aliases.get(normal) or aliases.get(normal.replace(".", "_")) or normal


def _plain(name: str) -> str:
    """Give a name without what writers differ in: case, blanks, hyphens and underscores."""
    return "".join(filter(str.isalnum, name.upper()))


_CODECS = {_codec(name) for name in ENCODINGS.values()} | {
    _codec(name) for name in ("ascii", *(f"cp{n}" for n in range(1250, 1259)), "cp874")
}
_TERMS = {_plain(term): encoding for term, encoding in ENCODINGS.items() if term} | {
    "ISOIR203": "iso8859_15",
    "ISO2022IR203": "iso8859_15",
    "ISO2022IR192": "UTF8",
}
_NAMES = (
    {_plain(codec): codec for codec in _CODECS}
    | {_plain(alias): codec for alias, codec in aliases.items() if codec in _CODECS}
    | {term.replace("ISO2022IR", "ISOIR"): encoding for term, encoding in _TERMS.items()}
    | _TERMS
)
"""Encodings by their terms, and by those and by Python's names as writers misspell them."""
_ALONE = frozenset(("utf_8", "gb18030", "gbk"))
"""Codecs without code extensions."""
_SEVEN_BITS = frozenset(("iso2022_jp", "iso2022_jp_2"))
"""Codecs of sets that only escape sequences reach."""
_ASCII = frozenset(("", "ISOIR6", "ISO2022IR6"))
"""The default repertoire, as a first value."""


class Escapes:
    """Counts the escape sequences that are decoded for one header."""

    def __init__(self) -> None:
        self._left = MAX_ESCAPES

    def spend(self, number: int) -> None:
        """Count some before they are decoded; refuse a header that has too many."""
        self._left -= number
        if self._left < 0:
            raise too_large(f"more than {MAX_ESCAPES} escape sequences")


class Charset:
    """The encodings in force for a data set: the first one, and those that escapes switch to."""

    __slots__ = ("_escapes", "encodings")

    def __init__(self, encodings: tuple[str, ...], escapes: Escapes) -> None:
        self.encodings = encodings
        self._escapes = escapes

    def decode(self, value: bytes, resets: re.Pattern[bytes] = VALUES) -> str:
        """Give the text of a value; what cannot be decoded becomes U+FFFD.

        `resets` finds the delimiters that end what an escape sequence began.
        """
        if ESCAPE not in value:
            return value.decode(self.encodings[0], "replace")
        self._escapes.spend(value.count(ESCAPE))
        first = self.encodings[0]
        return decode(value, first, resets, alone=_codec(first) in _ALONE)


def charset_of(specific_character_set: bytes, default: str, escapes: Escapes) -> Charset:
    """Give the character set of `encodings_of`, which counts what it decodes in `escapes`."""
    return Charset(encodings_of(specific_character_set, default), escapes)


@lru_cache(maxsize=64)
def encodings_of(specific_character_set: bytes, default: str) -> tuple[str, ...]:
    """Give the encodings that SpecificCharacterSet (0008,0005) names; empty: `default`.

    Raises InvalidInstance for more names than `MAX_CHARSETS`.
    """
    if specific_character_set.count(b"\\") >= MAX_CHARSETS:
        raise InvalidInstance(
            f"Specific Character Set (0008,0005) has more than {MAX_CHARSETS} values"
        )
    text = until_nul(specific_character_set).decode(DEFAULT_ENCODING)
    names = [name.strip(" ") for name in text.split("\\")]
    if not any(names):
        return (ENCODINGS.get(default, default),)
    first, *others = [_NAMES.get(_plain(name), DEFAULT_ENCODING) for name in names]
    if _plain(names[0]) in _ASCII:
        # All others contain it, and bytes beyond it can only be of one that needs no escape.
        eight_bits = (
            encoding
            for name, encoding in zip(names[1:], others, strict=True)
            if name and _codec(encoding) not in _SEVEN_BITS
        )
        first = next(eight_bits, first)
    if _codec(first) in _ALONE:
        return (first,)
    return first, *(encoding for encoding in others if _codec(encoding) not in _ALONE)
