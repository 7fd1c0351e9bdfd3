# SPDX-License-Identifier: Apache-2.0
"""Elements and files, byte by byte."""

from __future__ import annotations

import json
import struct
from typing import Any

from pons.header import scan_dataset

IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
BIG, DEFLATED = "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"
LONG_VRS = {"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"}
UNDEFINED = 0xFFFFFFFF


def explicit(tag: int, vr: str, value: bytes, length: int | None = None, order: str = "<") -> bytes:
    size = len(value) if length is None else length
    head = struct.pack(order + "HH2s", tag >> 16, tag & 0xFFFF, vr.encode())
    long = vr in LONG_VRS
    return head + struct.pack(order + ("2xI" if long else "H"), size) + value


def implicit(tag: int, value: bytes, length: int | None = None) -> bytes:
    size = len(value) if length is None else length
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, size) + value


def identified(elements: bytes, order: str = "<", after: bytes = b"") -> bytes:
    """Add the three identifiers, before and after elements of groups 0009 to 0019 or so."""
    before = explicit(0x00080018, "UI", b"1.2.3\0", order=order)
    study = explicit(0x0020000D, "UI", b"1.2\0", order=order)
    series = explicit(0x0020000E, "UI", b"1.2.5 ", order=order)
    return before + elements + study + series + after


def implicit_identified(elements: bytes) -> bytes:
    before = implicit(0x00080018, b"1.2.3\0")
    return before + elements + implicit(0x0020000D, b"1.2\0") + implicit(0x0020000E, b"1.4 ")


def element_of(data: bytes, tag: str, transfer_syntax: str = EXPLICIT) -> dict[str, Any]:
    member: dict[str, Any] = json.loads(scan_dataset(data, transfer_syntax).json)[tag]
    return member
