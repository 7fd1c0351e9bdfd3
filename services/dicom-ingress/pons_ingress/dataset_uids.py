# SPDX-License-Identifier: Apache-2.0
"""Which instance a dataset says it is, from its first bytes.

The header scan reads all of the header later; this only finds out, for some microseconds, whether
the dataset is the one that its C-STORE request announced.
"""

import zlib
from collections.abc import Iterator
from struct import Struct, error

from pons.header.charset import until_nul

HEAD_BYTES = 16 * 1024
"""Bytes of a dataset that are looked at: both UIDs are among its first elements."""

SOP_CLASS_UID, SOP_INSTANCE_UID = (0x0008, 0x0016), (0x0008, 0x0018)
ITEM_END, SEQUENCE_END = (0xFFFE, 0xE00D), (0xFFFE, 0xE0DD)
UNDEFINED = 0xFFFFFFFF

IMPLICIT_VR = frozenset({"1.2.840.10008.1.2", "1.2.840.10008.1.20"})
BIG_ENDIAN = frozenset({"1.2.840.10008.1.2.2"})
DEFLATED = frozenset(
    {"1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205"}
)
LONG_VRS = frozenset(
    {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
)

TAG = {"<": Struct("<HH"), ">": Struct(">HH")}
SHORT_LENGTH = {"<": Struct("<2xH"), ">": Struct(">2xH")}
LONG_LENGTH = {"<": Struct("<I"), ">": Struct(">I")}


def dataset_uids(head: bytes, transfer_syntax: str) -> tuple[str, str] | None:
    """SOP class and SOP instance UID in the first bytes of a dataset.

    None when they cannot both be read there: then it is for the header scan to judge.
    """
    found: dict[tuple[int, int], str] = {}
    try:
        if transfer_syntax in DEFLATED:
            head = zlib.decompressobj(-zlib.MAX_WBITS).decompress(head, HEAD_BYTES)
        order = ">" if transfer_syntax in BIG_ENDIAN else "<"
        for tag, value in _elements(head, order, transfer_syntax in IMPLICIT_VR):
            if tag in (SOP_CLASS_UID, SOP_INSTANCE_UID):
                found[tag] = until_nul(value).decode("ascii", "replace").strip(" ")
            if tag >= SOP_INSTANCE_UID:
                break
    except (error, zlib.error):
        return None
    if len(found) < 2:
        return None
    return found[SOP_CLASS_UID], found[SOP_INSTANCE_UID]


def _elements(
    head: bytes, order: str, implicit_vr: bool
) -> Iterator[tuple[tuple[int, int], bytes]]:
    """Tag and value of the elements of a dataset, sequences left out."""
    position = depth = 0
    while True:
        tag = TAG[order].unpack_from(head, position)
        if implicit_vr or tag[0] == 0xFFFE:
            (length,) = LONG_LENGTH[order].unpack_from(head, position + 4)
            position += 8
        elif head[position + 4 : position + 6] in LONG_VRS:
            (length,) = LONG_LENGTH[order].unpack_from(head, position + 8)
            position += 12
        else:
            (length,) = SHORT_LENGTH[order].unpack_from(head, position + 4)
            position += 8
        if tag in (ITEM_END, SEQUENCE_END):
            depth -= 1
        elif length == UNDEFINED:
            depth += 1
        else:
            if position + length > len(head):
                return
            if depth == 0:
                yield tag, head[position : position + length]
            position += length
