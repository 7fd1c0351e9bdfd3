# SPDX-License-Identifier: Apache-2.0
"""What holds within one data set or item: character set, private creators, and so its VRs."""

from __future__ import annotations

from functools import lru_cache

from pons.header.charset import Charset
from pons.header.model import UNDEFINED
from pons.header.syntax import Syntax, private_vr, standard_vr
from pons.header.values import Window

_ITEMS = (b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0", b"\xff\xfe\xe0\x00", b"\xff\xfe\xe0\xdd")


@lru_cache(maxsize=8)
def memo_for(syntax: Syntax, encodings: tuple[str, ...]) -> dict[bytes, bytes]:
    """Give the JSON of short elements seen before, by their bytes; a series repeats most of its.

    With the syntax and the encodings of text, an element's bytes decide its JSON.
    """
    return {}


class Level:
    """What holds for one data set or item; an item inherits it from what contains it."""

    __slots__ = ("charset", "creators", "depth", "lut_entries", "memo", "signed", "syntax")

    def __init__(self, syntax: Syntax, charset: Charset, depth: int, signed: bool | None) -> None:
        self.syntax = syntax
        self.depth = depth
        self.signed = signed
        self.lut_entries = 0
        self.creators: dict[int, str] | None = None
        self.charset = charset
        self.memo = memo_for(syntax, charset.encodings)

    def use(self, charset: Charset) -> None:
        """Decode what follows in another character set."""
        self.charset = charset
        self.memo = memo_for(self.syntax, charset.encodings)

    def note_creator(self, tag: int, creator: str) -> None:
        """Note who owns a block of private elements (PS3.5 7.8.1)."""
        if self.creators is None:
            self.creators = {}
        self.creators[tag] = creator

    def item(self, syntax: Syntax) -> Level:
        """Give the level of an item of one of this level's sequences."""
        return Level(syntax, self.charset, self.depth + 1, self.signed)

    def look_up(self, window: Window, tag: int, is_un: bool, start: int, length: int) -> str:
        """Give the VR of an element that comes without one, or as UN; perhaps "US or SS".

        UN of undefined length is a sequence (PS3.5 6.2.2, CP-246).
        """
        if length == UNDEFINED and (is_un or window[start : start + 4] in _ITEMS):
            return "SQ"
        if tag >> 16 & 1:
            creator_tag = tag & 0xFFFF0000 | (tag & 0xFFFF) >> 8
            creator = self.creators and self.creators.get(creator_tag)
            return private_vr(tag, creator) if creator else "UN"
        if is_un and 0xFFFF <= length < UNDEFINED:
            return "UN"  # it was too long for the 16-bit length of its own VR (PS3.5 6.2.2)
        return standard_vr(tag) or "UN"

    def settle(self, vr: str) -> str:
        """Choose one of several VRs that the dictionary leaves open (PS3.5 A.1)."""
        if vr == "US or SS":
            return "SS" if self.signed else "US"
        return "US" if vr == "US or OW" and self.lut_entries == 1 else "OW"
