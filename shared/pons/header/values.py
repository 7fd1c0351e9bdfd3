# SPDX-License-Identifier: Apache-2.0
"""Values that are not simply converted, and the account of what a header may cost."""

from __future__ import annotations

from base64 import b64encode
from mmap import mmap

from pons.header.charset import ESCAPE, Charset
from pons.header.convert import BINARY_VRS
from pons.header.model import MAX_ELEMENTS, MAX_HEADER, MAX_INLINE, MAX_ODD, MAX_TEXT, too_large
from pons.header.syntax import Element

Window = bytes | mmap
"""What slices to bytes, as the scan needs them."""


class Values:
    """Converts the long values of one scan, within its budget of elements and bytes."""

    def __init__(self, window: Window, base_offset: int, deflated: bool, budget: int) -> None:
        self.window = window
        self.base_offset = base_offset
        self.deflated = deflated
        self.budget = budget
        self.room = MAX_HEADER

    def spend(self, elements: int) -> None:
        """Count elements and items; refuse a header that has too many of them."""
        self.budget -= elements
        if self.budget <= 0:
            raise too_large(f"more than {MAX_ELEMENTS} elements and items")

    def long(self, element: Element, charset: Charset, start: int, stop: int) -> bytes:
        """Give the JSON of an element whose value is longer than `MAX_INLINE`."""
        length = stop - start
        if element.vr in BINARY_VRS or length > MAX_TEXT:
            return self.bulk(element.prefix, start, stop)
        value = self.window[start:stop]
        empty = value.count(b"\\\\")
        if value.count(ESCAPE) + empty > MAX_ODD:
            return self.bulk(element.prefix, start, stop)
        self.spend(empty)
        tail = element.convert(value, charset)
        if tail is None:
            return self.unfit(element.tag, start, stop)
        self.room -= len(tail)  # as JSON: a control character takes six bytes there
        if self.room < 0:
            raise too_large(f"more than {MAX_HEADER} bytes of long values")
        return element.prefix + tail

    def bulk(self, prefix: bytes, start: int, stop: int) -> bytes:
        """Give the JSON of a value that stays in the file, by its place there."""
        place = f"z{start}" if self.deflated else str(start + self.base_offset)
        return prefix + f',"BulkDataURI":"{place}/{stop - start}"}}'.encode()

    def unfit(self, tag: int, start: int, stop: int) -> bytes:
        """Give the JSON of a value whose length does not fit its VR: as UN, it stays readable."""
        prefix = f'"{tag:08X}":{{"vr":"UN"'.encode()
        if stop - start > MAX_INLINE:
            return self.bulk(prefix, start, stop)
        return prefix + b',"InlineBinary":"' + b64encode(self.window[start:stop]) + b'"}'
