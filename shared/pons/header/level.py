# SPDX-License-Identifier: Apache-2.0
"""What holds within one data set or item: character set, private creators, and so its VRs."""

from __future__ import annotations

from functools import lru_cache

from pons.header.charset import Charset, until_nul
from pons.header.model import UNDEFINED, Window
from pons.header.syntax import (
    LUT_DESCRIPTOR,
    PIXEL_REPRESENTATION,
    Syntax,
    private_vr,
    standard_vr,
)

_ITEMS = (b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0", b"\xff\xfe\xe0\x00", b"\xff\xfe\xe0\xdd")


@lru_cache(maxsize=8)
def memo_for(syntax: Syntax, encodings: tuple[str, ...]) -> dict[bytes, bytes]:
    """Give the JSON of short elements seen before, by their bytes; a series repeats most of its.

    With the syntax and the encodings of text, an element's bytes decide its JSON.
    """
    return {}


class Level:
    """What holds for one data set or item; an item inherits it from what contains it.

    `guessed` has the ambiguous VRs that were settled before PixelRepresentation said which it is,
    in the data set and all items.
    """

    __slots__ = (
        *("charset", "creators", "depth", "guessed"),
        *("lut_entries", "memo", "signed", "syntax"),
    )

    def __init__(
        self,
        syntax: Syntax,
        charset: Charset,
        depth: int = 0,
        signed: bool | None = None,
        guessed: set[str] | None = None,
    ) -> None:
        self.syntax = syntax
        self.depth = depth
        self.signed = signed
        self.guessed: set[str] = set() if guessed is None else guessed
        self.lut_entries = 0
        self.creators: dict[int, str] | None = None
        self.use(charset)

    def use(self, charset: Charset) -> None:
        """Decode what follows in another character set."""
        self.charset = charset
        self.memo = memo_for(self.syntax, charset.encodings)

    def note_creator(self, tag: int, value: bytes) -> None:
        """Note who owns a block of private elements (PS3.5 7.8.1)."""
        if self.creators is None:
            self.creators = {}
        self.creators[tag] = self.charset.decode(until_nul(value)).strip(" ")

    def note_number(self, tag: int, value: bytes) -> None:
        """Note a number that VRs of later elements depend on (PS3.5 A.1)."""
        if len(value) < 2:
            return
        (number,) = self.syntax.unpack_number(value)
        if tag == PIXEL_REPRESENTATION:
            self.signed = number != 0
        elif tag == LUT_DESCRIPTOR:
            self.lut_entries = number

    def item(self, syntax: Syntax) -> Level:
        """Give the level of an item of one of this level's sequences."""
        return Level(syntax, self.charset, self.depth + 1, self.signed, self.guessed)

    def look_up(self, window: Window, tag: int, is_un: bool, start: int, length: int) -> str:
        """Give the VR of an element that comes without one, or as UN.

        UN of undefined length is a sequence (PS3.5 6.2.2, CP-246).
        """
        if length == UNDEFINED and (is_un or window[start : start + 4] in _ITEMS):
            return "SQ"
        if tag >> 16 & 1:
            creator_tag = tag & 0xFFFF0000 | (tag & 0xFFFF) >> 8
            creator = self.creators and self.creators.get(creator_tag)
            vr = private_vr(tag, creator) if creator else "UN"
        elif is_un and 0xFFFF <= length < UNDEFINED:
            return "UN"  # it was too long for the 16-bit length of its own VR (PS3.5 6.2.2)
        else:
            vr = standard_vr(tag) or "UN"
        return self._settled(vr) if " " in vr else vr

    def _settled(self, vr: str) -> str:
        """Choose one of several VRs that the dictionary leaves open (PS3.5 A.1)."""
        if vr == "US or SS":
            if self.signed is None:
                self.guessed.add(vr)
            return "SS" if self.signed else "US"
        return "US" if vr == "US or OW" and self.lut_entries == 1 else "OW"
