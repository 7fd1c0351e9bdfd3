# SPDX-License-Identifier: Apache-2.0
"""The dataset of a stored instance as a stream: the object after its meta header, byte for byte."""

from collections.abc import AsyncIterator

from pons.catalog import InstanceToSend
from pons.errors import InvalidInstance
from pons.header.file import DEFLATED
from pons.objects import Objects
from pons.stored_file import stream_file

PREFIX_END = 132
ELEMENT_HEAD = 12
LONG_LENGTH = (b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"SQ", b"UC", b"UR", b"UT", b"UN")
MAX_META = 4 * 1024 * 1024
"""More than the header scan lets in."""


class Dataset:
    """The dataset of one instance, read once from the object store.

    `prepare` reads its beginning, so that this can happen while another instance is being sent.
    """

    def __init__(self, objects: Objects, instance: InstanceToSend) -> None:
        self.instance = instance
        self._file = stream_file(objects, instance)
        self._beginning = b""
        self._start = 0

    async def prepare(self) -> None:
        """Read on until the meta header has ended."""
        async for piece in self._file:
            self._beginning += piece
            self._start = dataset_start(self._beginning)
            ready = max(self._start, PREFIX_END) + ELEMENT_HEAD
            if len(self._beginning) >= ready:
                return
            if len(self._beginning) > MAX_META:
                break
        if self._start > len(self._beginning) or len(self._beginning) > MAX_META:
            raise InvalidInstance(
                f"The meta header of instance {self.instance.instance_id} does not end"
            )

    async def pieces(self) -> AsyncIterator[bytes]:
        """The dataset, in pieces of a megabyte or so; only once."""
        length = len(self._beginning) - self._start
        yield self._beginning[self._start :]
        self._beginning = b""
        async for piece in self._file:
            length += len(piece)
            yield piece
        if length % 2 and self.instance.transfer_syntax in DEFLATED:
            yield b"\0"  # PS3.5 A.5: a deflated stream is padded to even length


def dataset_start(beginning: bytes) -> int:
    """Offset of what follows group 0002 in a file, as far as `beginning` tells.

    When it is less than `ELEMENT_HEAD` bytes before the end, or beyond it, a longer beginning may
    tell another. The group's own length element is too often wrong to be used.
    """
    position = PREFIX_END if beginning[PREFIX_END - 4 : PREFIX_END] == b"DICM" else 0
    while len(beginning) >= position + ELEMENT_HEAD:
        head = beginning[position : position + ELEMENT_HEAD]
        if head[:2] != b"\x02\x00":
            break
        vr = head[4:6]
        if vr in LONG_LENGTH:
            position += 12 + int.from_bytes(head[8:12], "little")
        elif vr.isalpha() and vr.isupper():
            position += 8 + int.from_bytes(head[6:8], "little")
        else:  # a meta header in implicit VR: wrong, and seen
            position += 8 + int.from_bytes(head[4:8], "little")
    return position
