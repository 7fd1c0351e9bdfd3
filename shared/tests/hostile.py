# SPDX-License-Identifier: Apache-2.0
"""Pieces of files that no device writes."""

from __future__ import annotations

import zlib
from pathlib import Path

import pydicom

IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
BIG, DEFLATED = "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"
UNDEFINED = b"\xff\xff\xff\xff"
ITEM, ITEM_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0\0\0\0\0"
SEQUENCE_END = b"\xfe\xff\xdd\xe0\0\0\0\0"
SQ = b"\x08\x00\x40\x11SQ\0\0"
IDENTIFIERS = (
    b"\x08\x00\x18\x00UI\x04\x001.2\0\x20\x00\x0d\x00UI\x04\x001.3\0\x20\x00\x0e\x00UI\x04\x001.4\0"
)


def deflate(data: bytes) -> bytes:
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return deflater.compress(data) + deflater.flush()


def read(file_name: str) -> bytes:
    (path,) = (Path(pydicom.__file__).parent / "data").rglob(file_name)
    return path.read_bytes()
