# SPDX-License-Identifier: Apache-2.0
"""What there is to announce of a DICOM file: its header is scanned, its checksum taken."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import xxhash
import zstandard

from pons.bus import MAX_EVENT_BYTES
from pons.dicom.identity import ResourceIds, resource_ids
from pons.errors import InvalidInstance
from pons.header import Correction, Header, scan
from pons.limits.room import AT_A_TIME, Room
from pons.messages.events import InstanceReceived, Origin
from pons.objects import Body, Objects, Spool, new_key
from pons.objects.bodies import mapped, pieces, size_of
from pons.settings import IngestSettings

SCAN_INLINE_BELOW = 2 * 1024 * 1024
"""Bodies up to this size are scanned on the event loop: a thread hand-off would cost more."""
MAX_META_BYTES = 64 * 1024
LARGE_HEADER = MAX_EVENT_BYTES // 2


class WrongDataset(InvalidInstance):
    """The data set is not the instance that was announced with it."""


@dataclass(frozen=True, slots=True)
class Recognised:
    """A DICOM file, ready to be announced."""

    received: InstanceReceived
    ids: ResourceIds
    correction: Correction | None = None
    """What it has to have another way before it is kept."""

    def but(self, **changes: Any) -> "Recognised":
        """The same with other fields of its announcement."""
        return replace(self, received=msgspec.structs.replace(self.received, **changes))


class Examiner:
    """Examines bodies; one per process, so that large headers take turns in its memory."""

    def __init__(
        self,
        objects: Objects,
        settings: IngestSettings,
        default_charset: Callable[[], str] | None = None,
        room: Room | None = None,
    ) -> None:
        self._objects = objects
        self._room = room or Room(AT_A_TIME)
        self._default_charset = default_charset or (lambda: settings.default_charset)
        self._unpacking = settings.unpack_limit
        self._compressor = zstandard.ZstdCompressor(level=1)

    async def examine(
        self,
        body: Body,
        origin: Origin,
        *,
        keep_header: bool = False,
        announced: tuple[str, str] | None = None,
    ) -> Recognised:
        """What there is to announce of a body; with `keep_header`, its header is kept if large.

        Large bodies wait for each other: their headers may be large in memory until they are kept.
        The header of a body that is to be corrected is not kept: it is not the one that will be.
        Raises `InvalidInstance`, and `WrongDataset` for another than the SOP class and instance
        that were `announced`.
        """

        async def recognised(header: Header) -> Recognised:
            _refuse(header, announced)
            found = self._recognised(header, size_of(body), origin)
            del header  # which may be large, and is packed now
            if keep_header and found.correction is None:
                return await self.keep_large_header(found)
            return found

        if not isinstance(body, Spool) and len(body) <= SCAN_INLINE_BELOW:
            found = await recognised(self._scan(body))
            return found.but(checksum=xxhash.xxh3_128_digest(body))
        async with self._room.hold(size_of(body)):
            found = await recognised(await asyncio.to_thread(self._scan, body))
        return found.but(checksum=await asyncio.to_thread(_checksum, body))

    async def keep_large_header(self, found: Recognised) -> Recognised:
        """Put a header too large for a message into the object store, unless it is there."""
        received = found.received
        if not received.header_key or not received.header:
            return found
        await self._objects.put(received.header_key, received.header)
        return found.but(header=b"")

    def _scan(self, body: Body) -> Header:
        with mapped(body) as content:
            return scan(content, default_charset=self._default_charset(), unpacking=self._unpacking)

    def _recognised(self, header: Header, size: int, origin: Origin) -> Recognised:
        packed = self._compressor.compress(header.json)
        pixels = header.pixel_data
        received = InstanceReceived(
            token=0,
            object_key=new_key(),
            patient_id=header.patient_id,
            study_uid=header.study_uid,
            series_uid=header.series_uid,
            sop_instance_uid=header.sop_instance_uid,
            sop_class_uid=header.sop_class_uid,
            transfer_syntax=header.transfer_syntax,
            size=size,
            stored_size=size,
            compression="",
            checksum=b"",
            received_at=time.time(),
            origin=origin,
            header=packed,
            header_key=new_key() if len(packed) > LARGE_HEADER else None,
            meta=header.meta_json,
            pixel_offset=pixels.offset if pixels else None,
            pixel_length=(-1 if pixels.length is None else pixels.length) if pixels else None,
            pixel_vr=pixels.vr if pixels else "",
        )
        ids = resource_ids(
            header.patient_id, header.study_uid, header.series_uid, header.sop_instance_uid
        )
        return Recognised(received, ids, header.correction)


def _checksum(body: Body) -> bytes:
    digest = xxhash.xxh3_128()
    for piece in pieces(body):  # through a map, the whole file would be resident
        digest.update(piece)
    return digest.digest()


def _refuse(header: Header, announced: tuple[str, str] | None) -> None:
    """Raise the error for another instance than the announced one, and for a large meta header."""
    names = ("SOP Class UID", "SOP Instance UID")
    found = (header.sop_class_uid, header.sop_instance_uid)
    for name, uid, expected in zip(names, found, announced or found, strict=True):
        if uid != expected:
            raise WrongDataset(
                f"{name} differs between request and dataset", f"{expected}, but {uid}"
            )
    if len(header.meta_json) > MAX_META_BYTES:
        raise InvalidInstance(
            "The file meta information is too large",
            f"{len(header.meta_json)} bytes as JSON, at most {MAX_META_BYTES} are accepted",
        )
