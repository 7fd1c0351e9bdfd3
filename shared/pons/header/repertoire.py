# SPDX-License-Identifier: Apache-2.0
"""Text written in DICOM's character sets, with escape sequences between several (PS3.5 6.1).

The way back from `charset`. Characters that no named set has are lost, as they are in Orthanc's
answers: `Repertoire.has` tells before.
"""

import codecs
import re
from collections.abc import Iterator

from pons.errors import BadRequest
from pons.header.iso2022 import CONTROLS, NAMES, VALUES
from pons.header.tables import DEFAULT_ENCODING, ENCODINGS, ESCAPED_ENCODINGS

ASCII, UTF_8 = "ISO_IR 6", "ISO_IR 192"
ALONE = (
    "ISO_IR 13",
    *(f"ISO_IR {number}" for number in (100, 101, 109, 110, 126, 127, 138, 144, 148, 166)),
    UTF_8,
    "GB18030",
    "GBK",
)
"""Terms of sets that need no other beside them."""
EXTENDING = ("ISO 2022 IR 149", "ISO 2022 IR 58", "ISO 2022 IR 87", "ISO 2022 IR 159")
"""Terms of those that only escape sequences reach; ASCII is beside them."""
DEFAULT = "ISO 2022 IR 6"
TERMS = {
    **{codecs.lookup(ENCODINGS[term]).name: f"\\{term}" for term in EXTENDING},
    **{codecs.lookup(ENCODINGS[term]).name: term for term in ALONE},
    "ascii": ASCII,
}
"""SpecificCharacterSet by Python's name of a codec."""
_ESCAPES = {
    **{codecs.lookup(codec).name: escape for escape, codec in ESCAPED_ENCODINGS.items()},
    codecs.lookup("shift_jis").name: b"\x1b)I",  # the Katakana: ASCII has the rest
}
_SELF_ESCAPING = frozenset(("iso2022_jp", "iso2022_jp_2"))
"""Codecs that write their escape sequences, and the one back to ASCII, themselves."""


def term_of(codec: str) -> str:
    """SpecificCharacterSet for text of this codec of Python; UTF-8's where DICOM has none."""
    return TERMS.get(codecs.lookup(codec).name, UTF_8)


class Repertoire:
    """The characters of a SpecificCharacterSet (0008,0005), several terms parted by backslashes.

    Raises `BadRequest` for a term that the standard does not have.
    """

    def __init__(self, specific_character_set: str) -> None:
        terms = [term.strip(" ") for term in specific_character_set.split("\\")]
        unknown = [term for term in terms if term not in ENCODINGS]
        if unknown:
            raise BadRequest(
                f"SpecificCharacterSet cannot be {unknown[0]!r:.100}", "see PS3.3 C.12.1.1.2"
            )
        self.term = specific_character_set
        codecs_named = [codecs.lookup(_codec(term)).name for term in terms]
        self._first = codecs_named[0]
        self._others = [name for name in codecs_named[1:] if name in _ESCAPES]

    def has(self, text: str) -> bool:
        """Whether no character of `text` would be lost."""
        return all(self._holder(character) for character in set(text))

    def encode(self, vr: str, text: str) -> bytes:
        """The bytes of a value, or of several with backslashes between them."""
        if not self._others or text.isascii() or _fits(text, self._first):
            return text.encode(self._first, "ignore")
        delimiters = NAMES if vr == "PN" else CONTROLS if vr in ("LT", "ST", "UT") else VALUES
        pattern = re.compile(f"({delimiters.pattern.decode()})")
        return b"".join(map(self._part, pattern.split(text)))

    def _part(self, text: str) -> bytes:
        """Text without a delimiter, before which the first set is in force again."""
        if _fits(text, self._first):
            return text.encode(self._first)
        encoded, in_force = b"", self._first
        for codec, run in self._runs(text):
            if codec != in_force and codec not in _SELF_ESCAPING and not run.isascii():
                encoded += _ESCAPES[codec]
                in_force = codec
            encoded += run.encode(codec)
        return encoded

    def _runs(self, text: str) -> Iterator[tuple[str, str]]:
        """Codec and text of what comes in one set after the other."""
        codec, run = self._first, ""
        for character in text:
            if character.isascii() or (run and _has(codec, character)):
                holder = codec
            else:
                holder = self._holder(character)
            if not holder:
                continue
            if holder != codec and run:
                yield codec, run
                run = ""
            codec = holder
            run += character
        if run:
            yield codec, run

    def _holder(self, character: str) -> str:
        """The codec that is to write a character; empty when none can."""
        codecs_named = (self._first, *self._others)
        return next((one for one in codecs_named if _has(one, character)), "")


def _codec(term: str) -> str:
    """What writes text of this set; the default repertoire has ASCII alone."""
    return "ascii" if ENCODINGS[term] == DEFAULT_ENCODING else ENCODINGS[term]


def _has(codec: str, character: str) -> bool:
    """Whether a codec writes this character in the set that its escape sequence names."""
    if not _fits(character, codec):
        return False
    if codec in _SELF_ESCAPING and not character.isascii():
        return character.encode(codec).startswith(_ESCAPES[codec])
    return True


def _fits(text: str, codec: str) -> bool:
    """Whether a codec writes this text, in the set that it stands for.

    ISO_IR 13 has Katakana alone: what takes two bytes in Shift JIS is none of its characters.
    """
    try:
        encoded = text.encode(codec)
    except UnicodeEncodeError:
        return False
    return codec != "shift_jis" or len(encoded) == len(text)
