# SPDX-License-Identifier: Apache-2.0
"""How elements are encoded (PS3.5 7.1 and Annex A), and what is known about each tag and VR.

The scan asks a `Syntax` about the first bytes of an element: tag and VR when explicit, the tag
alone when implicit. The answer is remembered.
"""

from __future__ import annotations

from functools import lru_cache
from struct import Struct

from pons.dicom.vocabulary import attribute, private_attribute
from pons.header.convert import Converter, converters, lut_descriptor
from pons.header.tables import LONG_VRS

# Kinds of elements. The lowest bit says that the length has four bytes after two reserved ones.
LONG = 1
PLAIN = 0 << 1  # convert and go on; all kinds above are handled by name
KEPT = 1 << 1
"""An identifier, or a value that later elements depend on; see `KEPT_TAGS`."""
CREATOR = 2 << 1
SEQUENCE = 3 << 1
LOOK_UP = 4 << 1
"""The VR comes from the dictionaries: implicit and private or ambiguous, or UN in the file."""
PIXELS = 5 << 1
ODD = 6 << 1
"""An element amid explicit ones whose VR is none: see `encoding.odd_values`."""
META = 7 << 1
"""An element of group 0002 in a data set, where it does not belong (PS3.5 7.1)."""
ITEM_END = 8 << 1
MISPLACED = 9 << 1
"""An item tag or sequence delimiter where an element must be."""
PADDING = 10 << 1

CHARACTER_SET = 0x00080005
SOP_CLASS, SOP_INSTANCE = 0x00080016, 0x00080018
PATIENT_ID, STUDY, SERIES = 0x00100020, 0x0020000D, 0x0020000E
PIXEL_REPRESENTATION, LUT_DESCRIPTOR = 0x00280103, 0x00283002
META_SOP_CLASS, META_TRANSFER_SYNTAX = 0x00020002, 0x00020010
KEPT_TAGS = frozenset((CHARACTER_SET, SOP_CLASS, SOP_INSTANCE, PATIENT_ID, STUDY, SERIES)) | {
    PIXEL_REPRESENTATION,
    LUT_DESCRIPTOR,
    META_SOP_CLASS,
    META_TRANSFER_SYNTAX,
}
IDENTIFIERS = frozenset((SOP_INSTANCE, STUDY, SERIES))
"""Without these, nothing is an instance."""
PIXEL_TAGS = frozenset((0x7FE00008, 0x7FE00009, 0x7FE00010))
LUT_DESCRIPTORS = frozenset((0x00281101, 0x00281102, 0x00281103, LUT_DESCRIPTOR))
"""Their first value is unsigned whatever their VR says (PS3.3 C.11.1.1.1)."""
VRS = frozenset(vr.encode() for vr in converters("<")) | {b"SQ"}
"""All VRs of PS3.5 6.2, as they are in a file."""
_META_GROUP = 0x0002
_REMEMBERED = 16_384


Known = tuple[int, int, bytes, Converter, str]
"""What is known from tag and VR: tag, kind, how its JSON begins (`"00100010":{"vr":"PN"`), what
converts its value, and VR. A plain tuple, because that unpacks four times faster than a named one.
"""


class Syntax:
    """One of the encodings; each exists once, so that what it learned stays.

    That of a meta header is one of its own, where group 0002 is no misplaced one.
    """

    def __init__(self, *, implicit: bool, big_endian: bool = False, meta: bool = False) -> None:
        order = ">" if big_endian else "<"
        self.implicit = implicit
        self.big_endian = big_endian
        self.meta = meta
        self.unpack_head = Struct(order + ("4sI" if implicit else "6sH")).unpack_from
        self.unpack_long = Struct(order + "I").unpack_from
        self.unpack_item = Struct(order + "HHI").unpack_from
        self.unpack_tag = Struct(order + "HH").unpack_from
        self.unpack_number = Struct(order + "H").unpack_from
        self.known: dict[bytes, Known] = {}
        self._converters = converters(order)
        self._lut_descriptor = lut_descriptor(order)
        self.element = lru_cache(maxsize=4096)(self._element)
        """`element(tag, vr, kind)` gives what is known of a tag whose VR is settled."""

    def tag(self, head: bytes, pos: int = 0) -> int:
        """Give the tag of an element whose first bytes these are."""
        group, number = self.unpack_tag(head, pos)
        return int(group << 16 | number)

    def learn(self, head: bytes) -> Known:
        """Give what is known about an element that starts with these bytes."""
        if len(self.known) >= _REMEMBERED:
            self.known.clear()
        group, number = self.unpack_tag(head)
        tag = group << 16 | number
        known = self._implicit(tag) if self.implicit else self._explicit(tag, head[4:6])
        self.known[head] = known
        return known

    def read_head(self, window: bytes, pos: int = 0) -> tuple[Known, int, int | None]:
        """Give what is known of the element at `pos`, where its value starts and how long it is.

        The length is None where the window, of 8 bytes at least from `pos`, ends before it. An
        element of kind `ODD` is read as if its length had two bytes.
        """
        head, length = self.unpack_head(window, pos)
        known = self.known.get(head) or self.learn(head)
        if not known[1] & LONG:
            return known, pos + 8, length
        if pos + 12 > len(window):
            return known, pos + 12, None
        return known, pos + 12, self.unpack_long(window, pos + 8)[0]

    def _element(self, tag: int, vr: str, kind: int) -> Known:
        convert = self._converters.get(vr, self._converters["UN"])
        if vr == "SS" and tag in LUT_DESCRIPTORS:
            convert = self._lut_descriptor
        return tag, kind, f'"{tag:08X}":{{"vr":"{vr}"'.encode(), convert, vr

    def _explicit(self, tag: int, vr_bytes: bytes) -> Known:
        if tag >> 16 == 0xFFFE or tag == 0:
            return self.element(tag, "UN", self.kind(tag, "UN"))
        if vr_bytes not in VRS:
            return self.element(tag, "UN", ODD)
        vr = vr_bytes.decode()
        kind = self.kind(tag, vr)
        return self.element(tag, "LO" if kind == CREATOR else vr, kind | (vr in LONG_VRS))

    def _implicit(self, tag: int) -> Known:
        vr = standard_vr(tag)
        if vr is None or " " in vr:
            vr = "UN"
        kind = self.kind(tag, vr)
        return self.element(tag, "LO" if kind == CREATOR else vr, kind)

    def kind(self, tag: int, vr: str) -> int:
        """Give the kind of an element whose VR is right."""
        if tag >> 16 == 0xFFFE:
            return ITEM_END if tag == 0xFFFEE00D else MISPLACED
        if tag == 0:
            return PADDING
        if tag >> 16 == _META_GROUP and not self.meta:
            return META
        if tag in PIXEL_TAGS:
            return PIXELS
        if tag in KEPT_TAGS:
            return KEPT
        if tag >> 16 & 1 and 0x10 <= tag & 0xFFFF <= 0xFF:
            return CREATOR
        return SEQUENCE if vr == "SQ" else LOOK_UP if vr == "UN" else PLAIN


def is_vr(two_bytes: bytes) -> bool:
    """Say whether these can be a VR: two upper-case letters."""
    return two_bytes.isalpha() and two_bytes.isupper()


def standard_vr(tag: int) -> str | None:
    """Give the VR of PS3.6, which may be ambiguous ("US or SS"); None for tags it lacks."""
    known = attribute(tag)
    if known is None:
        return "UL" if tag & 0xFFFF == 0 else None  # group length
    return known.vr


@lru_cache(maxsize=4096)
def private_vr(tag: int, creator: str) -> str:
    """Give the VR of a private element, UN when its creator's dictionary is not known."""
    known = private_attribute(tag, creator)
    return "UN" if known is None else known[0]


def name(tag: int) -> str:
    """Give an attribute in words and tag: `Patient ID (0010,0020)`."""
    known = attribute(tag)
    words = "Element" if known is None else known.name
    return f"{words} ({tag >> 16:04X},{tag & 0xFFFF:04X})"


IMPLICIT_LITTLE = Syntax(implicit=True)
EXPLICIT_LITTLE = Syntax(implicit=False)
EXPLICIT_BIG = Syntax(implicit=False, big_endian=True)
IMPLICIT_META = Syntax(implicit=True, meta=True)
EXPLICIT_META = Syntax(implicit=False, meta=True)
