# SPDX-License-Identifier: Apache-2.0
"""Headers as JSON text in Orthanc's formats, quickly: the elements of a series are mostly alike."""

from bisect import insort
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

import msgspec
import orjson

from pons.dicom.orthanc_json import PIXEL_TAGS, Style, reserving_tag
from pons.header import TOP_SEPARATOR
from pons.header.large_tags import show_element

REMEMBERED = 8192
"""Elements whose text is kept, for each format."""
LARGEST = 1024
"""Bytes of DICOM JSON above which an element's text is not kept."""

_TAG = slice(1, 9)
"""Where the tag is in the JSON of an element."""


class TagsText:
    """Writes headers. One per process: what it has written of an element it writes again."""

    def __init__(self) -> None:
        self._memories = {style: _Memory(style) for style in Style}

    def write(
        self,
        header: bytes,
        style: Style,
        *,
        pixel_vr: str | None = None,
        ignore_length: frozenset[str] = frozenset(),
    ) -> bytes:
        """A header in one of Orthanc's formats, as the text of a JSON object."""
        elements = _elements(header)
        if pixel_vr is not None:
            tag = PIXEL_TAGS.get(pixel_vr, "7FE00010")
            pixels = b'"%b":{"vr":"%b"}' % (tag.encode(), pixel_vr.encode())
            insort(elements, pixels, key=itemgetter(_TAG))
        memory = _Memory(style, ignore_length) if ignore_length else self._memories[style]
        return memory.write(elements)


def _elements(header: bytes) -> list[bytes]:
    """The JSON of each element of a header, `"00100010":{"vr":"PN"}`, mostly without decoding it.

    One element, or a header that the scan did not write, has no separator to be seen.
    """
    elements = header[1:-1].split(TOP_SEPARATOR)
    if len(elements) > 1:
        return elements
    decoded = msgspec.json.decode(header, type=dict[str, msgspec.Raw])
    return [b'"%b":%b' % (tag.encode(), element) for tag, element in decoded.items()]


@dataclass(slots=True)
class _Block:
    """What follows some private creators, whose elements are called as these say."""

    creators: dict[str, Any]
    """Their elements, decoded, by tag."""
    members: dict[bytes, tuple[str, bytes]] = field(default_factory=dict)
    """The private elements that were seen here, and the members that show them."""
    following: dict[bytes, tuple[tuple[str, bytes], "_Block"]] = field(default_factory=dict)
    """The creators that were seen here, and what follows them."""


class _Memory:
    """Elements in one format: members of a JSON object, with their names, by their DICOM JSON."""

    def __init__(self, style: Style, ignore_length: frozenset[str] = frozenset()) -> None:
        self._style = style
        self._ignore_length = ignore_length
        self._members: dict[bytes, tuple[str, bytes]] = {}
        self._first = _Block({})
        self.count = 0

    def write(self, elements: list[bytes]) -> bytes:
        known, block = self._members.get, self._first
        shown: dict[str, bytes] = {}  # of several private tags without a name, the last one stays
        for element in elements:
            found = known(element) or block.members.get(element)
            if found is None:
                found, block = block.following.get(element) or self._make(element, block)
            shown[found[0]] = found[1]
        ordered = sorted(shown) if self._style is Style.SIMPLIFIED else shown
        return b"{\n" + b",\n".join([shown[name] for name in ordered]) + b"\n}"

    def _make(self, element: bytes, block: _Block) -> tuple[tuple[str, bytes], _Block]:
        """The member that shows an element, and the block of those after it."""
        ((tag, decoded),) = msgspec.json.decode(b"{" + element + b"}").items()
        reserving = reserving_tag(tag)
        is_creator = reserving == tag
        reserved = {}
        if not is_creator and reserving in block.creators:
            reserved = {reserving: block.creators[reserving]}
        name, value = show_element(tag, decoded, reserved, self._style, self._ignore_length)
        member = name, orjson.dumps({name: value})[1:-1]
        following = _Block(block.creators | {tag: decoded}) if is_creator else block
        if len(element) > LARGEST:
            return member, following
        if self.count >= REMEMBERED:
            self._members.clear()
            self._first, self.count = _Block({}), 0
        self.count += 1
        if is_creator:
            block.following[element] = member, following
        else:
            (self._members if reserving is None else block.members)[element] = member
        return member, following
