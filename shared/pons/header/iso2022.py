# SPDX-License-Identifier: Apache-2.0
"""Text with escape sequences (ISO 2022, PS3.5 6.1.2.4 and 6.1.2.5): which set is in force where.

G0 holds the characters of bytes below 0x80, G1 those above. An escape sequence puts another set
into one of them until the next one, or until a delimiter puts the first sets back. pydicom decodes
what follows an escape sequence by itself instead; it keeps those of ISO 2022 IR 58 in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pons.header.tables import DEFAULT_ENCODING, ESCAPED_ENCODINGS

CONTROLS = re.compile(rb"[\t\n\f\r]")
"""What ends an escape sequence in every text (PS3.5 6.1.2.5.3)."""
VALUES = re.compile(rb"[\t\n\f\r\\]")
"""And where a backslash parts values."""
NAMES = re.compile(rb"[\t\n\f\r\\^=]")
"""And in names, between components and groups of components."""

_PARTS = re.compile(rb"(\x1b[ -/]*[0-~]?)")
"""An escape sequence: ESC, intermediate bytes, final byte (ISO 2022). Alone it means nothing."""
_TWO_BYTES = {
    b"\x1b$@": "iso2022_jp_2",
    b"\x1b$A": "iso2022_jp_2",
    b"\x1b$B": "iso2022_jp_2",
    b"\x1b$(B": "iso2022_jp_2",
    b"\x1b$(C": "iso2022_jp_2",
    b"\x1b$(D": "iso2022_jp_2",
}
"""Sets of two bytes a character in G0, and the codec that reads their escape sequence itself."""
_SPELLED = {b"\x1b$(B": b"\x1b$B"}
"""Another spelling of one of them, as the codec knows it."""
_G1 = {
    sequence: encoding
    for sequence, encoding in ESCAPED_ENCODINGS.items()
    if sequence[:2] in (b"\x1b-", b"\x1b)") or sequence[:3] == b"\x1b$)"
} | {b"\x1b-b": "iso8859_15"}
"""Sets of PS3.3 tables C.12-3 and C.12-4 in G1, and ISO_IR 203, which came later."""
_RUNS = re.compile(rb"[\x21-\x7e]+|[\x80-\xff]+|[\x00-\x20\x7f]+")


def decode(value: bytes, first: str, resets: re.Pattern[bytes], *, alone: bool = False) -> str:
    """Give the text of a value; what cannot be decoded becomes U+FFFD, no escape sequence is left.

    `first` is the encoding of the first value of SpecificCharacterSet, which `resets` put back.
    One that stands `alone` keeps the bytes above 0x80 for itself.
    """
    return "".join(_decoded(value, first, resets, {} if alone else _G1))


def without_escapes(value: bytes) -> bytes:
    """Give a value of a VR whose characters cannot be changed, without its escape sequences."""
    return _PARTS.sub(b"", value)


def _decoded(
    value: bytes, first: str, resets: re.Pattern[bytes], high: dict[bytes, str]
) -> Iterator[str]:
    two_bytes, g1 = b"", first
    for part in _PARTS.split(value):
        if part.startswith(b"\x1b"):
            if part in _TWO_BYTES:
                two_bytes = part
            elif part[1:2] == b"(":
                two_bytes = b""
            else:
                g1 = high.get(part, g1)
        elif two_bytes:
            end = CONTROLS.search(part)
            cut = len(part) if end is None else end.start()
            yield from _in_two_bytes(part[:cut], two_bytes, g1)
            if end is not None:
                two_bytes, g1 = b"", first
                yield part[cut:].decode(first, "replace")
        elif g1 != first and (reset := resets.search(part)):
            yield part[: reset.start()].decode(g1, "replace")
            g1 = first
            yield part[reset.start() :].decode(first, "replace")
        else:
            yield part.decode(g1, "replace")


def _in_two_bytes(part: bytes, sequence: bytes, g1: str) -> Iterator[str]:
    """Text in a set of G0 of two bytes a character. They may look like delimiters, and are none."""
    codec, spelled = _TWO_BYTES[sequence], _SPELLED.get(sequence, sequence)
    for run in _RUNS.findall(part):
        if run[0] >= 0x80:
            yield run.decode(g1, "replace")
        elif run[0] <= 0x20 or run[0] == 0x7F:
            yield run.decode(DEFAULT_ENCODING)
        else:
            even = len(run) & ~1  # a byte that is left over was meant as ASCII
            yield (spelled + run[:even]).decode(codec, "replace") + run[even:].decode("ascii")
