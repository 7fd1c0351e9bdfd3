# SPDX-License-Identifier: Apache-2.0
"""A large header as JSON text in Orthanc's formats, piece by piece: no more of it is decoded at a
time than one element, and of a large sequence one item."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import orjson

from pons.dicom.orthanc_json import PIXEL_TAGS, Style, format_elements, reserving_tag
from pons.dicom.tag_names import display_tag
from pons.header.json_elements import elements

LARGE_SEQUENCE = 64 * 1024
"""Bytes of DICOM JSON above which a sequence is written item by item."""
PIECE = 64 * 1024
"""Bytes of text that are given at a time, about; a long value is a piece of its own."""

_SEQUENCE = b'{"vr":"SQ"'

_Elements = Iterable[tuple[str, bytes]]
"""Tag to DICOM JSON, ascending."""


class _Items(msgspec.Struct):
    """The items of a sequence, none of them decoded."""

    value: list[msgspec.Raw] = msgspec.field(name="Value", default_factory=list)


_read_items = msgspec.json.Decoder(_Items).decode
_read_item = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def write_large(
    header: bytes,
    style: Style,
    *,
    pixel_vr: str | None = None,
    ignore_length: frozenset[str] = frozenset(),
    only: Collection[str] | None = None,
) -> Iterator[bytes]:
    """A header in one of Orthanc's formats, as pieces of the text of a JSON object.

    Each member of the object stands on a line of its own.

    Parameters
    ----------
    pixel_vr
        VR of the pixel data, which a header leaves out: listed in its place, without a value.
    ignore_length
        Tags ("GGGGEEEE") whose value is shown however long it is.
    only
        Tags ("GGGGEEEE") beside which none is shown; None: all are.
    """
    found = elements(header)
    if pixel_vr is not None:
        found = _with_pixels(found, pixel_vr)
    if only is not None:
        found = ((tag, element) for tag, element in found if tag in only)
    gathered = bytearray()
    for piece in _Writer(style, ignore_length).dataset(found, b"\n"):
        gathered += piece
        if len(gathered) >= PIECE:
            yield bytes(gathered)
            gathered.clear()
    yield bytes(gathered)


def plain_members(header: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    """The elements that are no sequences, in full, by tag; one of them is decoded at a time."""
    writer = _Writer(Style.FULL, frozenset())
    for name, (reserved, tag, element) in writer.members(elements(header)):
        if not element.startswith(_SEQUENCE):
            yield name, writer.shown(reserved, tag, element)


def show_element(
    tag: str,
    element: Any,
    reserved: dict[str, Any],
    style: Style,
    ignore_length: frozenset[str] = frozenset(),
) -> tuple[str, Any]:
    """Name and value by which a format shows an element; the creator of its block is `reserved`."""
    shown = format_elements(reserved | {tag: element}, style, ignore_length)
    if len(shown) > 1 and style is Style.SIMPLIFIED:
        del shown["PrivateCreator"]
    return shown.popitem()


def _with_pixels(found: Iterator[tuple[str, bytes]], vr: str) -> Iterator[tuple[str, bytes]]:
    """`found`, and the pixel data in its place, without a value."""
    pixels = PIXEL_TAGS.get(vr, "7FE00010")
    told = False
    for tag, element in found:
        if tag > pixels and not told:
            told = True
            yield pixels, b'{"vr":"%b"}' % vr.encode()
        if tag != pixels:
            yield tag, element
    if not told:
        yield pixels, b'{"vr":"%b"}' % vr.encode()


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes data sets in one format."""

    style: Style
    ignore_length: frozenset[str]

    def dataset(self, found: _Elements, line: bytes = b"") -> Iterator[bytes]:
        """A data set as a JSON object; `line` stands before each member and at the end."""
        members = self.members(found)
        if self.style is Style.SIMPLIFIED:
            # As many as there are names, since those that have none share one.
            members = ((name, named) for name, named in sorted(dict(members).items()))
        before = b"{" + line
        for name, (dataset, tag, element) in members:
            yield before + orjson.dumps(name) + b":"
            yield from self._value(dataset, tag, element)
            before = b"," + line
        yield before + b"}" if before[:1] == b"{" else line + b"}"

    def members(self, found: _Elements) -> Iterator[tuple[str, tuple[dict[str, Any], str, bytes]]]:
        """Name to what shows an element: the creator that it depends on, its tag and its JSON."""
        creators: dict[str, Any] = {}
        for tag, element in found:
            reserved: dict[str, Any] = {}
            reserving = reserving_tag(tag)
            if reserving == tag:
                creators[tag] = msgspec.json.decode(element)
            elif reserving in creators:
                reserved = {reserving: creators[reserving]}
            yield self._name(reserved, tag), (reserved, tag, element)

    def _name(self, reserved: dict[str, Any], tag: str) -> str:
        if self.style is not Style.SIMPLIFIED:
            return display_tag(tag)
        return show_element(tag, {"vr": "UN"}, reserved, Style.SIMPLIFIED)[0]

    def shown(self, reserved: dict[str, Any], tag: str, element: bytes) -> Any:
        """What the format shows of an element whose private block is `reserved` by somebody."""
        decoded = msgspec.json.decode(element)
        return show_element(tag, decoded, reserved, self.style, self.ignore_length)[1]

    def _value(self, reserved: dict[str, Any], tag: str, element: bytes) -> Iterator[bytes]:
        if len(element) <= LARGE_SEQUENCE or not element.startswith(_SEQUENCE):
            yield orjson.dumps(self.shown(reserved, tag, element))
            return
        name = orjson.dumps(show_element(tag, {"vr": "UN"}, reserved, Style.SIMPLIFIED)[0])
        full = self.style is Style.FULL
        yield b'{"Name":%b,"Type":"Sequence","Value":[' % name if full else b"["
        before = b""
        for item in _read_items(element).value:
            yield before
            yield from self._item(item)
            before = b","
        yield b"]}" if full else b"]"

    def _item(self, item: msgspec.Raw) -> Iterator[bytes]:
        text = bytes(item)
        if len(text) <= LARGE_SEQUENCE:
            shown = format_elements(msgspec.json.decode(text), self.style, self.ignore_length)
            yield orjson.dumps(shown)
            return
        yield from self.dataset((tag, bytes(one)) for tag, one in _read_item(text).items())
