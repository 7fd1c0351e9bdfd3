# SPDX-License-Identifier: Apache-2.0
"""What a header scan gives back, and the limits that it keeps."""

from __future__ import annotations

from dataclasses import dataclass
from mmap import mmap

from pons.errors import InvalidInstance

Buffer = bytes | bytearray | memoryview | mmap
Window = bytes | mmap
"""What slices to bytes, as the scan needs them."""

MAX_DEPTH = 64
"""Sequences inside sequences; Orthanc refuses deeper ones too."""

MAX_INLINE = 64
"""Bytes of a binary value that are kept in the JSON; also the longest value worth remembering."""

MAX_TEXT = 1024 * 1024
"""Bytes of one text or number value that are kept in the JSON; longer ones become BulkDataURI."""

MAX_ODD = 10_000
"""Escape sequences and empty values in one value that are worth decoding; beyond, it stays in the
file too. They take more time and space than their bytes."""

MAX_ESCAPES = 100_000
"""Escape sequences of a header that are decoded, in values of any length: 0.2 s. A report of many
pages in Japanese, which switches its character set for each word, has some thousands."""

MAX_CHARSETS = 32
"""Values of SpecificCharacterSet; the standard defines fewer that go together."""

MAX_HEADER = 64 * 1024 * 1024
"""Bytes of all values longer than `MAX_INLINE` that one header keeps in its JSON."""

MAX_JSON = 256 * 1024 * 1024
"""Bytes of DICOM JSON that a header may be; whoever reads one unpacks no more."""

MAX_ELEMENTS = 100_000
"""Elements and items of a header, plus one for each `BYTES_PER_ELEMENT` of the file: a sender
pays for our time with its own bytes, so large reports and per-frame items pass, and a bomb does
not. (Real elements have 20 bytes and more; the shortest possible has 8.)"""

BYTES_PER_ELEMENT = 16

COST_OF_NEWS = 8
"""Elements that a tag costs which no file had before; looking it up takes that much time."""

COST_OF_ITEM = 4
"""Elements that an item costs, for it begins a data set."""

MAX_INFLATED_HEADER = 16 * 1024 * 1024
MAX_INFLATED = 256 * 1024 * 1024
"""Bytes that a deflated data set may give: up to the pixel data, and in all."""

MAX_UID = 256
MAX_PATIENT_ID = 1024
"""Characters of identifiers (the standard says 64); the index could not hold unbounded ones."""

UNDEFINED = 0xFFFFFFFF

TOP_SEPARATOR = b",\n"
"""Parts the elements of the JSON of a whole data set, and stands nowhere else in it: so they can be
told apart without decoding them."""


@dataclass(frozen=True, slots=True)
class PixelData:
    """Where the pixel data is.

    Parameters
    ----------
    offset
        Of the value, from the start of the file; when `deflated`, of the inflated data set.
    length
        In bytes; None for an undefined length (encapsulated).
    vr
        OB, OW, OF or OD.
    """

    tag: int
    offset: int
    length: int | None
    vr: str
    deflated: bool = False

    @property
    def encapsulated(self) -> bool:
        """Whether the value is a sequence of fragments instead of plain samples."""
        return self.length is None


@dataclass(frozen=True, slots=True)
class Correction:
    """What a file has to have another way for others to read it as the scan does.

    Parameters
    ----------
    meta_end
        Where its meta header ends.
    transfer_syntax
        That its data set has, whatever the meta header says.
    misplaced
        Start and end of what does not belong in its data set, ascending.
    impossible
        Why it cannot be corrected; empty when it can.
    """

    meta_end: int
    transfer_syntax: str
    misplaced: tuple[tuple[int, int], ...]
    impossible: str = ""


@dataclass(frozen=True, slots=True)
class Header:
    """An instance's identity, and everything that belongs before its pixel data as DICOM JSON."""

    sop_class_uid: str
    sop_instance_uid: str
    study_uid: str
    series_uid: str
    patient_id: str
    specific_character_set: str
    transfer_syntax: str
    json: bytes
    meta_json: bytes
    pixel_data: PixelData | None
    correction: Correction | None = None
    """None for an ordinary file, and for a bare data set."""


class PastEnd(Exception):
    """Internal: the scan needs more bytes than its window has; `needed` is a lower bound."""

    def __init__(self, needed: int) -> None:
        super().__init__(needed)
        self.needed = needed


def too_large(what: str) -> InvalidInstance:
    return InvalidInstance(f"The header is too large: {what}")
