# SPDX-License-Identifier: Apache-2.0
"""Headers as JSON text in Orthanc's formats, quickly: the elements of a series are mostly alike."""

import msgspec
import orjson

from pons.dicom_json import Style, format_elements, with_pixels

REMEMBERED = 8192
"""Elements whose text is kept, for each format."""
LARGEST = 1024
"""Bytes of DICOM JSON above which an element's text is not kept."""
ODD = frozenset("13579BDF")
"""Last digits of private groups: what their elements mean depends on their block (PS3.5 7.8.1)."""

_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])


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
        """What `format_header` gives, as the text of a JSON object."""
        elements = _decoder.decode(header)
        if pixel_vr is not None:
            pixels = msgspec.Raw(b'{"vr":"%b"}' % pixel_vr.encode())
            elements = with_pixels(elements, pixel_vr, pixels)
        memory = _Memory(style, ignore_length) if ignore_length else self._memories[style]
        return memory.write(elements)


class _Memory:
    """Elements in one format: each a member of the JSON object, by tag, then by DICOM JSON."""

    def __init__(self, style: Style, ignore_length: frozenset[str] = frozenset()) -> None:
        self._style = style
        self._ignore_length = ignore_length
        self._known: dict[str, dict[bytes, bytes]] = {}
        self.count = 0

    def write(self, elements: dict[str, msgspec.Raw]) -> bytes:
        known = self._known
        members = []
        for tag, element in elements.items():
            text = bytes(element)
            if tag[3] in ODD and tag[4:6] != "00":
                text += bytes(elements.get(f"{tag[:4]}00{tag[4:6]}", b""))
            try:
                members.append(known[tag][text])
            except KeyError:
                members.append(self._make(tag, element, elements, text))
        if self._style is Style.SIMPLIFIED:
            # Of several private tags without a name, the last one stays.
            members = list({member[: member.index(b'":')]: member for member in members}.values())
        return b"{\n" + b",\n".join(members) + b"\n}"

    def _make(
        self, tag: str, element: msgspec.Raw, elements: dict[str, msgspec.Raw], text: bytes
    ) -> bytes:
        """The member of an element, which depends on who reserved a private one's block."""
        reserved = f"{tag[:4]}00{tag[4:6]}"
        block = (
            {reserved: elements[reserved], tag: element} if reserved in elements else {tag: element}
        )
        dataset = {name: msgspec.json.decode(bytes(one)) for name, one in block.items()}
        name, value = list(format_elements(dataset, self._style, self._ignore_length).items())[-1]
        member = orjson.dumps({name: value})[1:-1]
        if len(text) <= LARGEST:
            if self.count >= REMEMBERED:
                self._known.clear()
                self.count = 0
            self._known.setdefault(tag, {})[text] = member
            self.count += 1
        return member
