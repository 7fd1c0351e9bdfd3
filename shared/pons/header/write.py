# SPDX-License-Identifier: Apache-2.0
"""A data set written from its DICOM JSON (PS3.18 F to PS3.5 7): the way back of the header scan.

For small data sets without pixel data, such as answers to queries.
"""

import zlib
from base64 import b64decode
from collections.abc import Callable, Mapping
from struct import error, pack
from typing import Any

from pons.dicom.numbers import swapped
from pons.dicom.orthanc_json import element_text
from pons.dicom.tag_names import display_tag
from pons.dicom.transfer_syntaxes import BIG_ENDIAN, DEFLATED_VR, IMPLICIT_VR
from pons.errors import BadRequest
from pons.header.convert import BINARY_VRS
from pons.header.repertoire import Repertoire
from pons.header.syntax import LUT_DESCRIPTORS
from pons.header.tables import LONG_VRS

Elements = Mapping[str, Mapping[str, Any]]
"""Tag ("GGGGEEEE") to VR and value."""

CHARACTER_SET = "00080005"
TEXT = frozenset(("LO", "LT", "PN", "SH", "ST", "UC", "UT"))
"""VRs whose values have the data set's character set (PS3.5 6.1.2.3)."""
NUMBERS = {
    "US": "H",
    "SS": "h",
    "UL": "L",
    "SL": "l",
    "UV": "Q",
    "SV": "q",
    "FL": "f",
    "FD": "d",
}
"""Layout of numbers, by VR, as in struct."""
LONGEST = 0xFFFE
"""Bytes of a value whose length has two bytes."""
ITEM = (0xFFFE, 0xE000)


def write_dataset(elements: Elements, transfer_syntax: str, repertoire: Repertoire) -> bytes:
    """The bytes of a data set in one of the transfer syntaxes without compressed pixels.

    Text is in `repertoire`, whatever the elements say; SpecificCharacterSet says so where there is
    text at all. Raises `BadRequest` for a value that is not there, or does not fit its VR.
    """
    writer = ElementWriter(transfer_syntax, repertoire)
    told = {CHARACTER_SET: {"vr": "CS", "Value": repertoire.term.split("\\")}}
    return writer.finished(writer.dataset({**elements, **told}))


class ElementWriter:
    """Writes elements, one by one or many, in a transfer syntax and a character set."""

    def __init__(self, transfer_syntax: str, repertoire: Repertoire) -> None:
        self.order = ">" if transfer_syntax == BIG_ENDIAN else "<"
        self.explicit = transfer_syntax != IMPLICIT_VR
        self.repertoire = repertoire
        self._deflated = transfer_syntax == DEFLATED_VR

    def finished(self, content: bytes) -> bytes:
        """All elements of a data set as the transfer syntax has them."""
        if not self._deflated:
            return content
        deflating = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        content = deflating.compress(content) + deflating.flush()
        return content + bytes(len(content) % 2)

    def dataset(self, elements: Elements) -> bytes:
        """Elements in ascending order; group lengths are left out, since they would be wrong."""
        return b"".join(
            self.element(tag, elements[tag]) for tag in sorted(elements) if tag[4:] != "0000"
        )

    def element(self, tag: str, element: Mapping[str, Any]) -> bytes:
        """One element. Raises `BadRequest` as `write_dataset` does."""
        vr: str = element["vr"]
        return self._framed(tag, vr, self._value(tag, vr, element))

    def text(self, tag: str, vr: str, text: str) -> bytes:
        """An element of a VR whose values are text, with backslashes between several."""
        return self._framed(tag, vr, self._text(vr, text))

    def _framed(self, tag: str, vr: str, value: bytes) -> bytes:
        if len(value) % 2:
            value += b"\0" if vr == "UI" or vr in BINARY_VRS else b" "
        number = int(tag, 16)
        if not self.explicit:
            return pack(f"{self.order}HHL", number >> 16, number & 0xFFFF, len(value)) + value
        if vr not in LONG_VRS and len(value) > LONGEST:
            vr = "UN"  # PS3.5 6.2.2
        layout = "HH2s2xL" if vr in LONG_VRS else "HH2sH"
        start = number >> 16, number & 0xFFFF, vr.encode(), len(value)
        return pack(self.order + layout, *start) + value

    def _value(self, tag: str, vr: str, element: Mapping[str, Any]) -> bytes:
        if "BulkDataURI" in element:
            raise BadRequest(f"The value of {display_tag(tag)} is too long to be written here")
        values = element.get("Value") or []
        if vr == "SQ":
            return b"".join(map(self._item, values))
        if "InlineBinary" in element:
            content = b64decode(element["InlineBinary"])
            return swapped(content, BINARY_VRS.get(vr, 1)) if self.order == ">" else content
        if vr in NUMBERS or vr == "AT":
            first = "US" if vr == "SS" and int(tag, 16) in LUT_DESCRIPTORS else vr
            return b"".join(
                self._number(tag, vr if place else first, one)
                for place, one in enumerate(values)
                if one is not None
            )
        return self._text(vr, element_text(tag, element) or "")

    def _text(self, vr: str, text: str) -> bytes:
        # A code beyond ASCII is read in the character set of its file, and so written in this one.
        if vr in TEXT or (not text.isascii() and self.repertoire.has(text)):
            return self.repertoire.encode(vr, text)
        return text.encode("ascii", "replace")

    def _item(self, elements: Elements) -> bytes:
        content = self.dataset({t: e for t, e in elements.items() if t != CHARACTER_SET})
        return pack(f"{self.order}HHL", *ITEM, len(content)) + content

    def _number(self, tag: str, vr: str, value: Any) -> bytes:
        try:
            if vr == "AT":
                number = int(value, 16)
                return pack(f"{self.order}HH", number >> 16, number & 0xFFFF)
            kind: Callable[[Any], Any] = float if vr in ("FL", "FD") else int
            return pack(f"{self.order}{NUMBERS[vr]}", kind(value))
        except (ValueError, TypeError, error, OverflowError):
            what = f"The value of {display_tag(tag)} ({vr}) is out of range: {value!r:.100}"
            raise BadRequest(what) from None
