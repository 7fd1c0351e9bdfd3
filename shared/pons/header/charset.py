# SPDX-License-Identifier: Apache-2.0
"""Text in DICOM's character sets (PS3.3 C.12.1.1.2, PS3.5 6.1.2), as pydicom decodes it.

pydicom's own functions warn for each odd value and accept any codec that Python has, among them
slow ones. Here are its tables and its rules, without warnings and with text codecs only.
"""

from __future__ import annotations

import re
from encodings import normalize_encoding
from encodings.aliases import aliases
from functools import lru_cache

from pons.errors import InvalidInstance
from pons.header.model import MAX_CHARSETS, MAX_ESCAPES, too_large
from pons.header.tables import (
    DEFAULT_ENCODING,
    ENCODINGS,
    ESCAPED_ENCODINGS,
    READ_BY_PYTHON,
    STAND_ALONE_ENCODINGS,
    TEXT_DELIMITERS,
)

ESCAPE = b"\x1b"
_FRAGMENTS = re.compile(rb"^[^\x1b]+|\x1b[^\x1b]*")
_DELIMITER = re.compile(b"[" + bytes(sorted(TEXT_DELIMITERS)) + b"]")


def _codec(name: str) -> str:
    """Give the codec that Python finds by a name. Python itself would keep each name it was asked
    for in memory, and look for unknown ones on disk."""
    normal = normalize_encoding(name).lower()
    return aliases.get(normal) or aliases.get(normal.replace(".", "_")) or normal


_CODECS = {_codec(name) for name in ENCODINGS.values()} | {
    _codec(name) for name in ("ascii", *(f"cp{n}" for n in range(1250, 1259)), "cp874")
}


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

    def decode(self, value: bytes) -> str:
        """Give the text of a value; what cannot be decoded becomes U+FFFD."""
        if ESCAPE not in value:
            return value.decode(self.encodings[0], "replace")
        self._escapes.spend(value.count(ESCAPE))
        return "".join(map(self._decode_fragment, _FRAGMENTS.findall(value)))

    def _decode_fragment(self, fragment: bytes) -> str:
        try:
            if fragment.startswith(ESCAPE):
                return self._decode_escaped(fragment)
            return fragment.decode(self.encodings[0])
        except UnicodeError:
            return fragment.decode(self.encodings[0], "replace")

    def _decode_escaped(self, fragment: bytes) -> str:
        size = 4 if fragment.startswith((b"\x1b$(", b"\x1b$)")) else 3
        encoding = ESCAPED_ENCODINGS.get(fragment[:size], "")
        if encoding not in self.encodings and encoding != DEFAULT_ENCODING:
            return fragment.decode(self.encodings[0], "replace")
        if encoding in READ_BY_PYTHON:  # Python's codec reads the escape sequence itself
            return fragment.decode(encoding)
        text = fragment[size:]
        reset = _DELIMITER.search(text)  # a line break ends what the escape sequence began
        if reset is None:
            return text.decode(encoding)
        cut = reset.start()
        return text[:cut].decode(encoding) + text[cut:].decode(self.encodings[0])


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
    names = [
        name.strip(" \0") for name in specific_character_set.decode(DEFAULT_ENCODING).split("\\")
    ]
    if not any(names):
        return (ENCODINGS.get(default, default),)
    names[0] = names[0] or "ISO_IR 6"
    if names[0] in STAND_ALONE_ENCODINGS:
        names = names[:1]
    extensions = [name for name in names[1:] if name not in STAND_ALONE_ENCODINGS]
    return tuple(map(_encoding_of, [names[0], *extensions]))


def _encoding_of(name: str) -> str:
    """Give Python's name of one character set, forgiving the misspellings that pydicom forgives."""
    if name in ENCODINGS:
        return ENCODINGS[name]
    if re.match(r"ISO[^_]IR", name):
        return ENCODINGS.get("ISO_IR" + name[6:], DEFAULT_ENCODING)
    if re.match(r"ISO.2022.IR.", name):
        return ENCODINGS.get("ISO 2022 IR " + name[12:], DEFAULT_ENCODING)
    codec = _codec(name)
    return codec if codec in _CODECS else DEFAULT_ENCODING
