# SPDX-License-Identifier: Apache-2.0
"""Files that a peer pushes in buckets: nothing is stored before all have come and are right.

What has come lies in the object store, found by any process, and is forgotten `bus.UPLOAD_SECONDS`
after the push was opened: a push that takes longer has to be made in parts.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID, uuid4

import msgspec

from pons.errors import BadRequest, InvalidInstance, NotFound
from pons.ingest.partial_uploads import Arrived, PartialUploads, Upload
from pons.messages.transfers import Bucket, Compression, Transferred, bucket_size
from pons.objects import SPOOL_ABOVE, Body, Objects
from pons.objects.bodies import fill, freed, size_of

AT_ONCE = 8
"""Instances of one push that are stored at a time."""

StoreFile = Callable[[Body], Awaitable[object]]


class Announcement(msgspec.Struct, frozen=True):
    """What comes in a push."""

    instances: list[Transferred]
    buckets: list[Bucket]
    compression: Compression

    def size_of(self, number: int) -> int:
        """Bytes of the bucket of that number, unpacked. Raises `NotFound`."""
        if number >= len(self.buckets):
            raise NotFound(f"The push has no bucket {number}")
        return bucket_size(self.buckets[number])


@dataclass(frozen=True, slots=True)
class Part:
    """A range of a bucket, which is one of an instance too."""

    bucket: int
    start: int
    length: int


class Pushes:
    """The pushes of a store. Every method may raise `Unavailable`, most `NotFound`."""

    def __init__(self, uploads: PartialUploads, objects: Objects) -> None:
        self._uploads = uploads
        self._objects = objects

    async def open(self, announcement: Announcement) -> str:
        """Its identifier. Raises `BadRequest` where the buckets are not all of the instances."""
        parts_by_instance(announcement)
        kept = msgspec.msgpack.encode(announcement)
        push = str(uuid4())
        await self._uploads.append(Upload(_name(push), Arrived(), 0), kept)
        return push

    async def announced(self, push: str) -> Announcement:
        """What was announced. Raises `NotFound`."""
        upload = await self._uploads.find(_name(_checked(push)))
        if not upload.arrived.pieces:
            raise _unknown(push)
        kept = await self._objects.read(upload.arrived.pieces[0])
        return msgspec.msgpack.decode(kept, type=Announcement)

    async def keep(self, push: str, announced: Announcement, number: int, content: Body) -> None:
        """A bucket has come, unpacked; a spool is consumed. One that comes again takes its place.

        Raises `InvalidInstance` where it has not the size that was announced.
        """
        expected = announced.size_of(number)
        if size_of(content) != expected:
            raise InvalidInstance(
                f"Bucket {number} has {size_of(content)} bytes, but {expected} were announced"
            )
        found = await self._uploads.find(_name(push, number))
        if found.arrived.pieces:
            found = await self._uploads.forget(found)
        await self._uploads.append(found, content)

    async def commit(self, push: str, store: StoreFile) -> int:
        """Give each file to `store`, once all are there and are what was announced; how many.

        Raises `InvalidInstance` for one that is not, and then stores nothing.
        """
        announced = await self.announced(push)
        keys = [await self._bucket_key(push, n) for n in range(len(announced.buckets))]
        parts = parts_by_instance(announced)
        for instance in announced.instances:
            await self._verify(instance, parts[instance.id], keys)
        for start in range(0, len(announced.instances), AT_ONCE):
            together = announced.instances[start : start + AT_ONCE]
            stored = await asyncio.gather(
                *(self._store(one, parts[one.id], keys, store) for one in together),
                return_exceptions=True,
            )
            for failure in stored:
                if isinstance(failure, BaseException):
                    raise failure
        await self.discard(push)
        return len(announced.instances)

    async def discard(self, push: str) -> None:
        """Nothing of it has come. Raises `NotFound`."""
        announced = await self.announced(push)
        for number in range(len(announced.buckets)):
            found = await self._uploads.find(_name(push, number))
            if found.arrived.pieces:
                await self._uploads.forget(found)
        await self._uploads.forget(await self._uploads.find(_name(push)))

    async def _bucket_key(self, push: str, number: int) -> UUID:
        upload = await self._uploads.find(_name(push, number))
        if not upload.arrived.pieces:
            raise BadRequest(f"Bucket {number} of push {push} has not come")
        return upload.arrived.pieces[0]

    async def _verify(self, instance: Transferred, parts: list[Part], keys: list[UUID]) -> None:
        made = hashlib.md5(usedforsecurity=False)
        async for piece in self._pieces(parts, keys):
            await asyncio.to_thread(made.update, piece)
        if made.hexdigest() != instance.md5:
            raise InvalidInstance(
                f"Instance {instance.id} has arrived with another MD5 than was announced"
            )

    async def _store(
        self, instance: Transferred, parts: list[Part], keys: list[UUID], store: StoreFile
    ) -> None:
        pieces = self._pieces(parts, keys)
        if instance.size > SPOOL_ABOVE:
            body: Body = await fill(self._objects.spool(), pieces)
        else:
            body = b"".join([piece async for piece in pieces])
        with freed(body):
            await store(body)

    async def _pieces(self, parts: list[Part], keys: list[UUID]) -> AsyncIterator[bytes]:
        for part in parts:
            async for piece in self._objects.stream(keys[part.bucket], part.start, part.length):
                yield piece


def parts_by_instance(announcement: Announcement) -> dict[str, list[Part]]:
    """Where each instance lies in the buckets, in the order of its bytes.

    Raises `BadRequest` where some of it is missing, or is there twice.
    """
    found: dict[str, dict[int, Part]] = {one.id: {} for one in announcement.instances}
    if len(found) != len(announcement.instances):
        raise BadRequest("An instance is announced twice")
    for number, bucket in enumerate(announcement.buckets):
        start = 0
        for chunk in bucket:
            parts = found.get(chunk.id)
            if parts is None or chunk.offset in parts:
                raise BadRequest(f"Bucket {number} has what is not announced, or is there already")
            parts[chunk.offset] = Part(number, start, chunk.size)
            start += chunk.size
    ordered: dict[str, list[Part]] = {}
    for instance in announcement.instances:
        position = 0
        for offset, part in sorted(found[instance.id].items()):
            if offset != position:
                break
            position += part.length
        else:
            if position == instance.size:
                ordered[instance.id] = [part for _, part in sorted(found[instance.id].items())]
                continue
        raise BadRequest(f"The buckets do not have instance {instance.id} once and as a whole")
    return ordered


def _name(push: str, number: int | None = None) -> str:
    return f"push-{push}" if number is None else f"push-{push}-{number}"


def _checked(push: str) -> str:
    """The identifier, as `open` spells it: it is a part of the keys of what has come."""
    try:
        if str(UUID(push)) == push:
            return push
    except ValueError:
        pass
    raise _unknown(push)


def _unknown(push: str) -> NotFound:
    return NotFound(
        f"There is no push {push[:50]!r}", "it was ended, or opened more than an hour ago"
    )
