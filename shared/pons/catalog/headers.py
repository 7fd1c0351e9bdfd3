# SPDX-License-Identifier: Apache-2.0
"""Headers as they are read: unpacked one at a time where they are large, and for a short time.

What is made of a header (`use`) must not keep the text itself, which may be large; it runs in a
thread where it is. What it raises stays what it is.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from pons.catalog.connection import Reader
from pons.catalog.look_ups import LookUps
from pons.catalog.search import Match, accepts
from pons.catalog.statements import STATEMENTS
from pons.dicom.identity import to_bytes, to_text
from pons.dicom.levels import LEVELS, Level
from pons.dicom.orthanc_json import element_text
from pons.dicom.tag_names import display_tag
from pons.errors import TooLarge
from pons.header.json_elements import find_element
from pons.header.packed import FRAME_BEGINNING, unpack_header, unpacked_size
from pons.limits.room import AT_A_TIME, Room
from pons.objects import Objects
from pons.objects.damage import telling_header

T = TypeVar("T")
Use = Callable[[bytes], T]
"""What is made of a header's DICOM JSON."""

SMALL = 1024 * 1024
"""Bytes of a header up to which it is read on the event loop, so that there is never more than one
of them, and it need not wait."""
PAGE = 50
"""Headers that one statement of many gives."""
PAGE_BYTES = AT_A_TIME // 16
"""Bytes of unpacked headers, or of their elements, after which a page ends."""
MAX_REQUESTED = 4 * 1024 * 1024
"""Bytes of DICOM JSON of a sequence that can be requested; `/instances/{id}/tags` has any."""
_SEQUENCE = b'{"vr":"SQ"'


@dataclass(frozen=True, slots=True)
class StoredHeader:
    """An instance's header as it was scanned."""

    json: bytes
    """DICOM JSON, up to the pixel data."""
    meta: bytes
    """Group 0002 as DICOM JSON."""
    pixel_vr: str | None
    """VR of the pixel data that follows; None when there is none."""


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
    """Reads headers in the room that a process has for them.

    Every method raises `Unavailable` while the database is away, and `DamagedObject` when a
    header's object is lost or what is kept of it is damaged.
    """

    def __init__(
        self, reader: Reader, look_ups: LookUps, objects: Objects, room: Room | None = None
    ) -> None:
        self._reader = reader
        self._look_ups = look_ups
        self._objects = objects
        self._room = room or Room(AT_A_TIME)

    async def read(self, instance_id: str, use: Callable[[StoredHeader], T]) -> T | None:
        """What `use` makes of an instance's header; None when there is no such instance."""
        row = await self._row(instance_id)
        found = await self._of_instance(row, use) if row else None
        return found[0] if found else None

    async def meta(self, instance_id: str) -> bytes | None:
        """The instance's group 0002 as DICOM JSON."""
        row = await self._row(instance_id)
        return row["meta"] if row else None

    async def pages(
        self, level: Level, identifier: str, use: Callable[[StoredHeader], T]
    ) -> AsyncIterator[list[tuple[str, T]]]:
        """What `use` makes of the header of each instance of a resource, by identifier.

        In order of arrival, in pages that end where their headers were large; nothing at all when
        there is no such resource.
        """
        keys = await self._keys_below(level, identifier)
        for start in range(0, len(keys), PAGE):
            made: list[tuple[str, T]] = []
            size = 0
            for row in await self._reader.rows(STATEMENTS["headers"], keys[start : start + PAGE]):
                if found := await self._of_instance(row, use):
                    made.append((to_text(row["id"]), found[0]))
                    size += found[1]
                if size > PAGE_BYTES:
                    yield made
                    made, size = [], 0
            if made:
                yield made

    async def first(
        self, level: Level, identifier: str, use: Callable[[StoredHeader], T]
    ) -> T | None:
        """What `use` makes of the header of the first instance of a resource; None without one."""
        keys = await self._keys_below(level, identifier)
        for row in await self._reader.rows(STATEMENTS["headers"], keys[:1]):
            if found := await self._of_instance(row, use):
                return found[0]
        return None

    async def elements(self, row: Any, tags: Sequence[str]) -> dict[str, bytes]:
        """The elements that the header in a row of `select_fields` has of these, as DICOM JSON.

        Raises `TooLarge` for a sequence that is too long.
        """
        return await self._of_row(row, lambda header: _find(header, tags)) or {}

    async def matches(
        self, row: Any, wished: Iterable[tuple[str, Match]], minds_case: Callable[[str], bool]
    ) -> bool:
        """Whether the header in a row of `select_fields` has a text that matches for each tag."""

        def matches(header: bytes) -> bool:
            return all(
                (text := _text(tag, header)) is not None
                and accepts(match, text, case_sensitive=minds_case(tag))
                for tag, match in wished
            )

        return bool(await self._of_row(row, matches))

    async def unpack(self, header: PackedHeader, use: Use[T]) -> tuple[T, int] | None:
        """What `use` makes of a header, and how many bytes that has; None when it is gone."""
        if header.apart is not None:
            return await self._unpack_apart(header, header.apart, use)
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
            return await _in_thread(lambda: use(_unpacked(header, packed_row))), size

    async def _unpack_apart(self, header: PackedHeader, key: UUID, use: Use[T]) -> tuple[T, int]:
        with telling_header(key, header.owner):
            size = unpacked_size(await self._objects.read_range(key, 0, FRAME_BEGINNING))
            both = size + await self._objects.size(key)
        async with self._room.hold(both):
            with telling_header(key, header.owner):
                packed = await self._objects.read(key)
            return await _in_thread(lambda: use(_unpacked(header, packed))), size

    async def _row(self, instance_id: str) -> Any:
        digest = to_bytes(instance_id)
        return digest and await self._look_ups.row(STATEMENTS["header"], digest)

    async def _keys_below(self, level: Level, identifier: str) -> list[int]:
        values = LEVELS.index(level), to_bytes(identifier)
        rows = await self._reader.rows(STATEMENTS["instance_keys_below"], *values)
        return [row[0] for row in rows]

    async def _of_instance(
        self, row: Any, use: Callable[[StoredHeader], T]
    ) -> tuple[T, int] | None:
        meta, owner = row["meta"], to_text(row["id"])
        pixel_vr = None if row["pixel_offset"] is None else row["pixel_vr"] or "OW"
        header = PackedHeader(row["instance_key"], row["header"], row["header_key"], owner)
        return await self.unpack(header, lambda json: use(StoredHeader(json, meta, pixel_vr)))

    async def _of_row(self, row: Any, use: Use[T]) -> T | None:
        if row.get("header") is None:
            return None
        key, packed, apart = row["header"]
        found = await self.unpack(PackedHeader(key, packed, apart, to_text(row["id"])), use)
        return found[0] if found else None


async def _in_thread(call: Callable[[], T]) -> T:
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


def _text(tag: str, header: bytes) -> str | None:
    """The text of an element, to be compared; None when the header lacks it or it is no text."""
    element = find_element(header, tag)
    if element is None or element.startswith(_SEQUENCE):
        return None
    return element_text(tag, msgspec.json.decode(element))


def _find(header: bytes, tags: Iterable[str]) -> dict[str, bytes]:
    found = {tag: element for tag in tags if (element := find_element(header, tag)) is not None}
    for tag, element in found.items():
        if len(element) > MAX_REQUESTED and element.startswith(_SEQUENCE):
            raise TooLarge(
                f"The sequence {display_tag(tag)} has {len(element)} bytes, more than "
                f"{MAX_REQUESTED} can be requested",
                "GET /instances/{id}/tags has it whole",
            )
    return found
