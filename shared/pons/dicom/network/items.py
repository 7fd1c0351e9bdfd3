# SPDX-License-Identifier: Apache-2.0
"""Items: what A-ASSOCIATE PDUs are made of (PS3.8 9.3.1)."""

from collections.abc import Iterator
from struct import Struct, error

from pons.dicom.network.pdu import AbortReason, AbortSource, ProtocolError

ITEM = Struct(">BxH")


def encode_item(kind: int, content: bytes) -> bytes:
    """One item with its header."""
    return ITEM.pack(kind, len(content)) + content


def decode_items(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and content of the items in `data`. Raises `ProtocolError`."""
    position = 0
    while position < len(data):
        try:
            kind, length = ITEM.unpack_from(data, position)
        except error:
            raise malformed("it ends inside an item") from None
        position += ITEM.size
        if length > len(data) - position:
            raise malformed(f"item 0x{kind:02X} is longer than what contains it")
        yield kind, data[position : position + length]
        position += length


def malformed(why: str) -> ProtocolError:
    """What ends an association whose negotiation cannot be read (PS3.8 9.2, action AA-1)."""
    return ProtocolError(f"A-ASSOCIATE: {why}", AbortReason.NOT_SPECIFIED, AbortSource.USER)
