# SPDX-License-Identifier: Apache-2.0
"""Headers as they are read: unpacked one at a time where they are large, and for a short time."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from pons.catalog.connection import Reader
from pons.catalog.sql import load_statements
from pons.header.packed import FRAME_BEGINNING, unpack_header, unpacked_size
from pons.limits.room import AT_A_TIME, Room
from pons.objects import Objects
from pons.objects.damage import telling_header

T = TypeVar("T")
Use = Callable[[bytes], T]
"""What is made of a header's DICOM JSON; it must not keep the text itself, which may be large."""

SMALL = 1024 * 1024
"""Bytes of a header up to which it is read on the event loop, so that there is never more than one
of them, and it need not wait."""

STATEMENTS = load_statements(Path(__file__).with_name("catalog.sql"))


@dataclass(frozen=True, slots=True)
class PackedHeader:
    """A header as a row has it."""

    instance_key: int
    packed: bytes | None
    """None for one that is too large to come with its row, or is kept apart."""
    apart: UUID | None
    """The key of the object that it is."""
    owner: str
    """The instance that it is the header of, for errors."""


class Headers:
    """Unpacks headers in the room that a process has for them."""

    def __init__(self, reader: Reader, objects: Objects, room: Room | None = None) -> None:
        self._reader = reader
        self._objects = objects
        self._room = room or Room(AT_A_TIME)

    async def read(self, header: PackedHeader, use: Use[T]) -> tuple[T, int] | None:
        """What `use` makes of a header, and how many bytes that has; None when it is gone.

        `use` runs in a thread where the header is large. Raises `DamagedObject` when its object is
        lost, or what is kept of it is damaged; what `use` raises stays what it is.
        """
        if header.apart is not None:
            return await self._read_apart(header, header.apart, use)
        packed_row = header.packed
        if packed_row is None:
            row = await self._reader.row(STATEMENTS["packed_header"], header.instance_key)
            if row is None:
                return None
            packed_row = row["header"]
        with telling_header(None, header.owner):
            size = unpacked_size(packed_row)
        if size <= SMALL:
            return use(_unpacked(header, packed_row)), size
        async with self._room.hold(size):
            return await self._in_thread(lambda: use(_unpacked(header, packed_row))), size

    async def _read_apart(self, header: PackedHeader, key: UUID, use: Use[T]) -> tuple[T, int]:
        with telling_header(key, header.owner):
            size = unpacked_size(await self._objects.read_range(key, 0, FRAME_BEGINNING))
            both = size + await self._objects.size(key)
        async with self._room.hold(both):
            with telling_header(key, header.owner):
                packed = await self._objects.read(key)
            return await self._in_thread(lambda: use(_unpacked(header, packed))), size

    async def _in_thread(self, call: Callable[[], T]) -> T:
        """The result of `call`. A caller that is cancelled waits for it: it still takes room."""
        task = asyncio.create_task(asyncio.to_thread(call))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait((task,))
            task.exception()  # nobody else will look at it
            raise


def _unpacked(header: PackedHeader, packed: bytes) -> bytes:
    with telling_header(header.apart, header.owner):
        return unpack_header(packed)
