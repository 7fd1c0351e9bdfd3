# SPDX-License-Identifier: Apache-2.0
"""The one way in: nothing else writes a DICOM object or announces an instance.

An instance is durable when its bytes are in the object store *and* JetStream has kept its
announcement. From then on it may be acknowledged; reads see it once the index has answered.
"""

import asyncio
import contextlib
import mmap
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import msgspec
import xxhash
import zstandard

from pons.bus import MAX_EVENT_BYTES, Bus
from pons.dicom.identity import ResourceIds, resource_ids
from pons.errors import InvalidInstance, OutOfResources, ReadOnly
from pons.header import Correction, Header, scan
from pons.ingest.announce import Announced, Announcer
from pons.ingest.correction import corrected
from pons.limits.room import AT_A_TIME, Room
from pons.messages.events import InstanceReceived, Origin, StoreStatus
from pons.objects import Body, Kind, Objects, Spool, key_time, new_key
from pons.objects.bodies import freed, pieces, size_of
from pons.objects.free_space import FreeSpace
from pons.objects.stored_file import (
    BEGINNING,
    ZSTD,
    ObjectFile,
    compress,
    file_body,
    possible_forms,
)
from pons.settings import Settings

SCAN_INLINE_BELOW = 2 * 1024 * 1024
"""Bodies up to this size are scanned on the event loop: a thread hand-off would cost more."""
MAX_META_BYTES = 64 * 1024
LARGE_HEADER = MAX_EVENT_BYTES // 2
CROWDED_ABOVE = 2
"""Instances under way at once from which on the object store is told that it is crowded."""


class WrongDataset(InvalidInstance):
    """The data set is not the instance that was announced with it."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of an instance that is durable now."""

    status: StoreStatus
    ids: ResourceIds
    indexed: bool
    """False when the index has not answered in time: it will, and reads see the instance then."""


class Kept:
    """An instance that is durable; the index may not have it yet."""

    __slots__ = ("_announced", "_answer_timeout", "_ids")

    def __init__(self, announced: Announced, ids: ResourceIds, answer_timeout: float) -> None:
        self._announced = announced
        self._ids = ids
        self._answer_timeout = answer_timeout

    async def stored(self) -> Stored:
        """What became of it, once the index has answered or its time is up.

        Raises `InvalidInstance` when the index refuses it, `OutOfResources` when the store is full.
        """
        answer = await self._announced.answer(self._answer_timeout)
        if answer is None:
            return Stored("Success", self._ids, indexed=False)
        if answer.status == "StorageFull":
            raise OutOfResources(
                "The store is full", "see storage.maximum_size_mb, maximum_patients"
            )
        if not answer.status:
            raise InvalidInstance("The index refused the instance", answer.reason)
        return Stored(answer.status, self._ids, indexed=True)


async def _stored_or_refused(kept: Kept) -> Stored | InvalidInstance:
    try:
        return await kept.stored()
    except InvalidInstance as error:
        return error


@dataclass(frozen=True, slots=True)
class Recognised:
    """An object that holds a DICOM file, ready to be announced once more."""

    received: InstanceReceived
    ids: ResourceIds


@dataclass(frozen=True, slots=True)
class _Examined:
    """What there is to announce of a body, and what is wrong with it."""

    received: InstanceReceived
    ids: ResourceIds
    correction: Correction | None


class Ingest:
    """Stores DICOM files. Open it with `open_ingest`; one per process, shared by its tasks."""

    def __init__(
        self,
        objects: Objects,
        announcer: Announcer,
        settings: Settings,
        default_charset: Callable[[], str],
        room: Room | None = None,
    ) -> None:
        self._objects = objects
        self._room = room or Room(AT_A_TIME)
        self._announcer = announcer
        self._default_charset = default_charset
        self._answer_timeout = settings.ingest.answer_timeout
        self._read_only = settings.store.read_only
        self._free_space = FreeSpace(settings.storage)
        self._unpacking = settings.ingest.unpack_limit
        self._compressing = settings.storage.compression
        self._compressor = zstandard.ZstdCompressor(level=1)
        limited = settings.storage.maximum_size_mb or settings.storage.maximum_patients
        self._can_be_full = bool(limited) and settings.storage.maximum_mode == "Reject"

    async def store(self, body: Body, origin: Origin) -> Stored:
        """Keep a DICOM file; returns once it is durable and, if it answers in time, indexed.

        Sending the same file again is safe. A `Spool` is consumed, also by a failure. A file that
        names another encoding than its data set has is kept as `corrected` makes it.

        Raises
        ------
        InvalidInstance
            The bytes are no DICOM file, or lack an identifier. Sending again will not help.
        OutOfResources
            No room; the same call may succeed later.
        Unavailable
            The object store or NATS does not answer: the file is not acknowledged, send it again.
        ReadOnly
            The store is set to take nothing.
        """
        return await (await self.keep(body, origin, awaited=True)).stored()

    async def keep(
        self,
        body: Body,
        origin: Origin,
        *,
        awaited: bool,
        announced: tuple[str, str] | None = None,
    ) -> Kept:
        """Keep a DICOM file as `store` does, but return once it is durable.

        `awaited` says that the caller waits for what the index makes of it; otherwise that may take
        a moment longer. A store that can be full refuses here: then it has been waited for.
        Raises `WrongDataset` for another than the SOP class and instance that were `announced`.
        """
        awaited = awaited or self._can_be_full
        with freed(body):
            if self._read_only:
                raise ReadOnly
            self._free_space.require()
            with self._announcer.expecting():
                kept = await self._keep_file(body, origin, awaited, announced)
        if self._can_be_full:
            await kept.stored()
        return kept

    async def _keep_file(
        self, body: Body, origin: Origin, awaited: bool, announced: tuple[str, str] | None
    ) -> Kept:
        examined = await self._examine(body, origin, keep_header=True, announced=announced)
        if examined.correction is not None:
            return await self._keep_corrected(body, examined, examined.correction, awaited)
        return await self._keep_examined(body, examined, awaited)

    async def _keep_corrected(
        self, body: Body, examined: _Examined, correction: Correction, awaited: bool
    ) -> Kept:
        """Keep a file that others would read otherwise than the scan once it is made right."""
        wrong = examined.received
        right = await corrected(self._objects, body, correction, wrong.sop_instance_uid)
        with freed(right):
            examined = await self._examine(right, wrong.origin, keep_header=True)
            return await self._keep_examined(right, examined, awaited)

    async def _keep_examined(self, body: Body, examined: _Examined, awaited: bool) -> Kept:
        received, ids = examined.received, examined.ids
        received = await self._keep_large_header(received)
        received = await self._keep_object(received, body)
        return await self._announce(received, ids, awaited=awaited, refusable=awaited)

    async def _announce(
        self,
        received: InstanceReceived,
        ids: ResourceIds,
        *,
        awaited: bool = True,
        refusable: bool = False,
    ) -> Kept:
        announced = await self._announcer.announce(received, awaited=awaited, refusable=refusable)
        return Kept(announced, ids, self._answer_timeout)

    async def recognise(
        self, key: UUID, origin: Origin | None = None, received_at: float | None = None
    ) -> Recognised:
        """What an object is of which nothing but its key is known, and what others noted of it.

        Raises `NotFound` or `InvalidInstance` when there is no DICOM file under `key`.
        """
        received, ids = await self._recognised(key)
        if origin is not None and received_at is not None:
            received = msgspec.structs.replace(received, origin=origin, received_at=received_at)
        return Recognised(await self._keep_large_header(received), ids)

    async def announce_again(self, found: Sequence[Recognised]) -> list[Stored | InvalidInstance]:
        """Announce objects whose announcements were lost, in this order; may be repeated.

        For each what the index made of it, or why it refuses it. Raises `Unavailable`.
        """
        kept = await asyncio.gather(*(self._announce(one.received, one.ids) for one in found))
        return [await _stored_or_refused(one) for one in kept]

    async def read_again(self, file: ObjectFile, *, rewrite: bool = False) -> InstanceReceived:
        """What an announcement of a stored file would say today, for the index to compare.

        Nothing is announced. A header too large for a message is kept as an object, and given all
        the same; with `rewrite`, a file that is not in the form that `storage.compression` asks for
        is kept once more, under a new key. What the index does not take is the collector's.

        Raises `NotFound` or `InvalidInstance` when there is no such DICOM file.
        """
        body = await file_body(self._objects, file)
        with freed(body):
            received, _ = await self._described(file, body)
            if rewrite and bool(file.compression) != self._compressing:
                received = await self._rewritten(received, body)
        await self._keep_large_header(received)
        return received

    async def _rewritten(self, received: InstanceReceived, body: Body) -> InstanceReceived:
        packed = await compress(self._objects, body) if self._compressing else None
        if self._compressing and packed is None:
            return received
        return await self._put(
            msgspec.structs.replace(received, object_key=new_key(Kind.REFERRED)),
            body,
            packed,
        )

    async def _keep_object(self, received: InstanceReceived, body: Body) -> InstanceReceived:
        packed = await compress(self._objects, body) if self._compressing else None
        return await self._put(received, body, packed)

    async def _put(
        self, received: InstanceReceived, body: Body, packed: bytes | Spool | None
    ) -> InstanceReceived:
        """Keep `packed`, or else `body`, as the object of `received`; says in which form it is."""
        crowded = self._announcer.expected > CROWDED_ABOVE
        kept: Body = body if packed is None else packed
        size = size_of(kept)
        await self._objects.put(received.object_key, kept, crowded=crowded)
        compression = "" if packed is None else ZSTD
        return msgspec.structs.replace(received, stored_size=size, compression=compression)

    async def _keep_large_header(self, received: InstanceReceived) -> InstanceReceived:
        """Put a header too large for a message into the object store, unless it is there."""
        if not received.header_key or not received.header:
            return received
        await self._objects.put(received.header_key, received.header)
        return msgspec.structs.replace(received, header=b"")

    async def _recognised(self, key: UUID) -> tuple[InstanceReceived, ResourceIds]:
        """The announcement of an object of which nothing but its key is known."""
        stored_size = await self._objects.size(key)
        beginning = await self._objects.read_range(key, 0, BEGINNING)
        *likelier, last = possible_forms(key, stored_size, beginning)
        for form in likelier:
            with contextlib.suppress(InvalidInstance):
                return await self._read_form(form)
        return await self._read_form(last)

    async def _read_form(self, file: ObjectFile) -> tuple[InstanceReceived, ResourceIds]:
        body = await file_body(self._objects, file)
        with freed(body):
            return await self._described(file, body)

    async def _described(
        self, file: ObjectFile, body: Body
    ) -> tuple[InstanceReceived, ResourceIds]:
        examined = await self._examine(body, Origin("Unknown"))
        received = msgspec.structs.replace(
            examined.received,
            object_key=file.object_key,
            received_at=key_time(file.object_key).timestamp(),
            stored_size=file.stored_size,
            compression=file.compression,
        )
        return received, examined.ids

    async def _examine(
        self,
        body: Body,
        origin: Origin,
        *,
        keep_header: bool = False,
        announced: tuple[str, str] | None = None,
    ) -> _Examined:
        """What there is to announce of a body; with `keep_header`, its header is kept if large.

        Large bodies wait for each other: their headers may be large in memory until they are kept.
        The header of a body that is to be corrected is not kept: it is not the one that will be.
        """
        if not isinstance(body, Spool) and len(body) <= SCAN_INLINE_BELOW:
            header, checksum = self._examine_bytes(body)
            _refuse_another(header, announced)
            received, ids = self._announcement(header, checksum, body, origin)
            if keep_header and header.correction is None:
                received = await self._keep_large_header(received)
            return _Examined(received, ids, header.correction)
        async with self._room.hold(size_of(body)):
            if isinstance(body, Spool):
                header, checksum = await asyncio.to_thread(self._scan_spool, body), b""
            else:
                header, checksum = await asyncio.to_thread(self._examine_bytes, body)
            _refuse_another(header, announced)
            received, ids = self._announcement(header, checksum, body, origin)
            correction = header.correction
            del header
            if keep_header and correction is None:
                received = await self._keep_large_header(received)
        if isinstance(body, Spool):
            checksum = await asyncio.to_thread(_checksum, body)
            received = msgspec.structs.replace(received, checksum=checksum)
        return _Examined(received, ids, correction)

    def _examine_bytes(self, content: bytes | bytearray | memoryview) -> tuple[Header, bytes]:
        header = self._scan(content)
        return header, xxhash.xxh3_128_digest(content)

    def _scan(self, content: bytes | bytearray | memoryview | mmap.mmap) -> Header:
        return scan(content, default_charset=self._default_charset(), unpacking=self._unpacking)

    def _scan_spool(self, spool: Spool) -> Header:
        if not spool.size:
            raise InvalidInstance("The file is empty")
        with mapped(spool) as content:
            return self._scan(content)

    def _announcement(
        self, header: Header, checksum: bytes, body: Body, origin: Origin
    ) -> tuple[InstanceReceived, ResourceIds]:
        _refuse_large_meta(header)
        ids = resource_ids(
            header.patient_id, header.study_uid, header.series_uid, header.sop_instance_uid
        )
        size = size_of(body)
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
            checksum=checksum,
            received_at=time.time(),
            origin=origin,
            header=packed,
            header_key=new_key() if len(packed) > LARGE_HEADER else None,
            meta=header.meta_json,
            pixel_offset=pixels.offset if pixels else None,
            pixel_length=(-1 if pixels.length is None else pixels.length) if pixels else None,
            pixel_vr=pixels.vr if pixels else "",
        )
        return received, ids


def _checksum(spool: Spool) -> bytes:
    digest = xxhash.xxh3_128()
    for piece in pieces(spool):  # through the map, the whole file would be resident
        digest.update(piece)
    return digest.digest()


@contextlib.contextmanager
def mapped(spool: Spool) -> Iterator[mmap.mmap]:
    """The spooled bytes as a memory map: only what is looked at takes memory."""
    with (
        open(spool.path, "rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        yield content


def _refuse_another(header: Header, announced: tuple[str, str] | None) -> None:
    names = ("SOP Class UID", "SOP Instance UID")
    found = (header.sop_class_uid, header.sop_instance_uid)
    for name, uid, expected in zip(names, found, announced or found, strict=True):
        if uid != expected:
            raise WrongDataset(
                f"{name} differs between request and dataset", f"{expected}, but {uid}"
            )


def _refuse_large_meta(header: Header) -> None:
    if len(header.meta_json) > MAX_META_BYTES:
        raise InvalidInstance(
            "The file meta information is too large",
            f"{len(header.meta_json)} bytes as JSON, at most {MAX_META_BYTES} are accepted",
        )


@asynccontextmanager
async def open_ingest(
    objects: Objects,
    bus: Bus,
    settings: Settings,
    default_charset: Callable[[], str] | None = None,
    room: Room | None = None,
) -> AsyncIterator[Ingest]:
    """An `Ingest` whose announcements leave, and whose answers arrive, while the block runs.

    `default_charset` is asked for each file; without it, the setting of that name holds. Large
    headers are read in `room`; without it, in one of its own.
    """
    async with Announcer.open(bus) as announcer:
        charset = settings.ingest.default_charset
        yield Ingest(objects, announcer, settings, default_charset or (lambda: charset), room)
