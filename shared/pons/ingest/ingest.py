# SPDX-License-Identifier: Apache-2.0
"""The one way in: nothing else writes a DICOM object or announces an instance.

An instance is durable when its bytes are in the object store *and* JetStream has kept its
announcement. From then on it may be acknowledged; reads see it once the index has answered.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from pons.bus import Bus
from pons.dicom.identity import ResourceIds
from pons.errors import InvalidInstance, OutOfResources, ReadOnly
from pons.ingest.announce import Announced, Announcer
from pons.ingest.correction import corrected
from pons.ingest.examine import Examiner, Recognised
from pons.ingest.filter import InstanceFilter
from pons.ingest.steps import ANNOUNCE, EXAMINE, FILTER, WRITE
from pons.limits.room import Room
from pons.messages.events import InstanceReceived, Origin, StoreStatus
from pons.objects import Body, Kind, Objects, Spool, key_time, new_key
from pons.objects.bodies import freed, size_of
from pons.objects.free_space import FreeSpace
from pons.objects.stored_file import (
    ZSTD,
    ObjectFile,
    compress,
    file_body,
    forms_of,
)
from pons.settings import Settings
from pons.traces.attributes import Attribute
from pons.traces.spans import span

CROWDED_ABOVE = 2
"""Instances under way at once from which on the object store is told that it is crowded."""


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

    @property
    def ids(self) -> ResourceIds:
        """Identifiers of the instance and of what it belongs to."""
        return self._ids

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


class FilteredOut:
    """An instance that is not kept, because a script does not let it in."""

    __slots__ = ("_ids",)

    def __init__(self, ids: ResourceIds) -> None:
        self._ids = ids

    @property
    def ids(self) -> ResourceIds:
        """Identifiers that it would have."""
        return self._ids

    async def stored(self) -> Stored:
        """What its sender hears."""
        return Stored("FilteredOut", self._ids, indexed=True)


class Ingest:
    """Stores DICOM files. Open it with `open_ingest`; one per process, shared by its tasks."""

    def __init__(
        self,
        objects: Objects,
        announcer: Announcer,
        settings: Settings,
        default_charset: Callable[[], str] | None = None,
        room: Room | None = None,
        instance_filter: InstanceFilter | None = None,
    ) -> None:
        self._objects = objects
        self._filter = instance_filter
        self._announcer = announcer
        self._examiner = Examiner(objects, settings.ingest, default_charset, room)
        self._answer_timeout = settings.ingest.answer_timeout
        self._read_only = settings.store.read_only
        self._free_space = FreeSpace(settings.storage)
        self._compressing = settings.storage.compression
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
            The object store, NATS or a script that is to let it in does not answer: the file is
            not acknowledged, send it again.
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
    ) -> Kept | FilteredOut:
        """Keep a DICOM file as `store` does, but return once it is durable, or once scripts do not
        let it in.

        `awaited` says that the caller waits for what the index makes of it; otherwise that may take
        a moment longer. A store that can be full refuses here: then it has been waited for.
        `announced` are the SOP class and instance that it must be, else `WrongDataset`.
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
    ) -> Kept | FilteredOut:
        examine = self._examiner.examine
        asked = self._filter if self._filter and self._filter.applies(origin.kind) else None
        with EXAMINE.time(), span("examine"):
            found = await examine(body, origin, keep_header=asked is None, announced=announced)
        if found.correction is None:
            return await self._keep_found(found, body, awaited, asked)
        # Others would read it otherwise than the scan: it is made right, and examined once more.
        uid = found.received.sop_instance_uid
        right = await corrected(self._objects, body, found.correction, uid)
        with freed(right):
            found = await examine(right, origin, keep_header=asked is None)
            return await self._keep_found(found, right, awaited, asked)

    async def _keep_found(
        self, found: Recognised, body: Body, awaited: bool, asked: InstanceFilter | None
    ) -> Kept | FilteredOut:
        if asked is not None:  # before anything of it is written
            with FILTER.time(), span("filter"):
                let_in = await asked.lets_in(found.received)
            if not let_in:
                return FilteredOut(found.ids)
            found = await self._examiner.keep_large_header(found)
        with WRITE.time(), span("store object") as writing:
            found = await self._put(found, body, await self._packed(body))
            writing.set(Attribute.OBJECT_KEY, str(found.received.object_key))
            writing.set(Attribute.BYTES, found.received.stored_size)
        with ANNOUNCE.time():
            return await self._announce(found, awaited=awaited, refusable=awaited)

    async def _announce(
        self, found: Recognised, *, awaited: bool = True, refusable: bool = False
    ) -> Kept:
        announced = await self._announcer.announce(
            found.received, awaited=awaited, refusable=refusable
        )
        return Kept(announced, found.ids, self._answer_timeout)

    async def examine(self, body: Body) -> InstanceReceived:
        """What an announcement of a file would say that is not kept; nothing is written.

        Raises `InvalidInstance`.
        """
        return (await self._examiner.examine(body, Origin("Unknown"))).received

    async def recognise(
        self, key: UUID, origin: Origin | None = None, received_at: float | None = None
    ) -> Recognised:
        """What an object is of which nothing but its key is known, and what others noted of it.

        Raises `NotFound` or `InvalidInstance` when there is no DICOM file under `key`.
        """
        *likelier, last = await forms_of(self._objects, key)
        for form in likelier:
            with contextlib.suppress(InvalidInstance):
                found = await self._read_form(form)
                break
        else:
            found = await self._read_form(last)
        if origin is not None and received_at is not None:
            found = found.but(origin=origin, received_at=received_at)
        return await self._examiner.keep_large_header(found)

    async def announce_again(self, found: Sequence[Recognised]) -> list[Stored | InvalidInstance]:
        """Announce objects whose announcements were lost, in this order; may be repeated.

        For each what the index made of it, or why it refuses it. Raises `Unavailable`.
        """
        answers: list[Stored | InvalidInstance] = []
        for kept in await asyncio.gather(*map(self._announce, found)):
            try:
                answers.append(await kept.stored())
            except InvalidInstance as error:
                answers.append(error)
        return answers

    async def read_again(self, file: ObjectFile, *, rewrite: bool = False) -> InstanceReceived:
        """What an announcement of a stored file would say today, for the index to compare.

        Nothing is announced. A header too large for a message is kept as an object, and given all
        the same; with `rewrite`, a file that is not in the form that `storage.compression` asks for
        is kept once more, under a new key. What the index does not take is the collector's.

        Raises `NotFound` or `InvalidInstance` when there is no such DICOM file.
        """
        body = await file_body(self._objects, file)
        with freed(body):
            found = await self._described(file, body)
            if rewrite and bool(file.compression) != self._compressing:
                packed = await self._packed(body)
                if packed is not None or not self._compressing:
                    again = found.but(object_key=new_key(Kind.REFERRED))
                    found = await self._put(again, body, packed)
        await self._examiner.keep_large_header(found)
        return found.received

    async def _packed(self, body: Body) -> bytes | Spool | None:
        """The body compressed, where the settings say so and it is smaller then."""
        return await compress(self._objects, body) if self._compressing else None

    async def _put(self, found: Recognised, body: Body, packed: bytes | Spool | None) -> Recognised:
        """Keep `packed`, or else `body`, as the object of a file; says in which form it is."""
        crowded = self._announcer.expected > CROWDED_ABOVE
        form: Body = body if packed is None else packed
        size = size_of(form)
        await self._objects.put(found.received.object_key, form, crowded=crowded)
        return found.but(stored_size=size, compression="" if packed is None else ZSTD)

    async def _read_form(self, file: ObjectFile) -> Recognised:
        body = await file_body(self._objects, file)
        with freed(body):
            return await self._described(file, body)

    async def _described(self, file: ObjectFile, body: Body) -> Recognised:
        found = await self._examiner.examine(body, Origin("Unknown"))
        return found.but(
            object_key=file.object_key,
            received_at=key_time(file.object_key).timestamp(),
            stored_size=file.stored_size,
            compression=file.compression,
        )


@asynccontextmanager
async def open_ingest(
    objects: Objects,
    bus: Bus,
    settings: Settings,
    default_charset: Callable[[], str] | None = None,
    room: Room | None = None,
    instance_filter: InstanceFilter | None = None,
) -> AsyncIterator[Ingest]:
    """An `Ingest` whose announcements leave, and whose answers arrive, while the block runs.

    `default_charset` is asked for each file; without it, the setting of that name holds. Large
    headers are read in `room`; without it, in one of its own. `instance_filter` is asked for each
    file, where scripts are to say whether they are let in.
    """
    async with Announcer.open(bus) as announcer:
        yield Ingest(objects, announcer, settings, default_charset, room, instance_filter)
