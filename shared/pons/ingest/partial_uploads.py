# SPDX-License-Identifier: Apache-2.0
"""Files that come in pieces, a request for each: what has arrived, for any process to go on from.

A piece is an object that is never announced; one entry of a bucket for each file names its pieces.
The entry is replaced only at the revision that was read, so of two pieces that race one is refused.
The bucket forgets a file of which nothing came for `bus.UPLOAD_SECONDS`, and its pieces are orphans
from then on. The search for orphans spares what `piece_keys` names: that is simpler than uploads
that always end within `storage.orphan_grace`, which would cut off slow ones that are under way.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from uuid import UUID, uuid4

import msgspec

from pons.bus import Bus
from pons.bus.bucket import Bucket, Outdated
from pons.errors import BadRequest, Conflict, NotFound, Unavailable
from pons.objects import Body, Kind, Objects, new_key
from pons.objects.bodies import size_of

MAX_PIECES = 10_000
"""Their keys must fit into one message."""


class Arrived(msgspec.Struct, frozen=True):
    """What the bucket holds of a file; nothing in it is the same as no entry."""

    size: int = 0
    pieces: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Upload:
    """A file under way, as it was when its entry had this revision."""

    name: str
    arrived: Arrived
    revision: int


class PartialUploads:
    """The files under way of a store. Every method may raise `Unavailable`."""

    def __init__(self, bus: Bus, objects: Objects) -> None:
        self._bucket = _bucket(bus)
        self._objects = objects

    async def find(self, name: str) -> Upload:
        """The file `name`, with nothing arrived where it is unknown."""
        entry = await self._bucket.get(name)
        if entry is None:
            return Upload(name, Arrived(), 0)
        return Upload(name, _decoded(entry.value or b""), entry.revision)

    async def append(self, upload: Upload, piece: Body) -> Upload:
        """`piece` follows what has arrived, and is durable. A spool is consumed.

        Raises `Conflict` when something else has come meanwhile: then the piece is not kept.
        """
        if len(upload.arrived.pieces) >= MAX_PIECES:
            raise BadRequest(f"The file comes in more than {MAX_PIECES} chunks", "send larger ones")
        size = size_of(piece)
        key = new_key(Kind.TEMPORARY)
        await self._objects.put(key, piece)
        arrived = Arrived(upload.arrived.size + size, (*upload.arrived.pieces, key))
        try:
            return await self._replace(upload, arrived)
        except Conflict:
            await self._objects.delete([key])
            raise

    @asynccontextmanager
    async def passing(self, body: Body) -> AsyncIterator[UUID]:
        """A file on its way to somewhere else, as an object for another service to read as long as
        the block runs. A spool is consumed.
        """
        upload = await self.append(Upload(f"passing-{uuid4()}", Arrived(), 0), body)
        try:
            yield upload.arrived.pieces[0]
        finally:
            with suppress(Unavailable):  # then the bucket forgets it by itself
                await self.forget(upload)

    async def claim(self, upload: Upload) -> Upload:
        """The same with a fresh lifetime, for whoever brings the last piece. Raises `Conflict`."""
        return await self._replace(upload, upload.arrived)

    async def stream(self, upload: Upload) -> AsyncIterator[bytes]:
        """What has arrived. Raises `Conflict` when another process has ended the upload."""
        for key in upload.arrived.pieces:
            try:
                async for part in self._objects.stream(key):
                    yield part
            except NotFound:
                raise Conflict("The upload was ended meanwhile", "send the file again") from None

    async def forget(self, upload: Upload) -> Upload:
        """Nothing has arrived, and the pieces are gone; an upload that went on is left alone."""
        with suppress(Conflict):
            forgotten = await self._replace(upload, Arrived())
            await self._objects.delete(upload.arrived.pieces)
            return forgotten
        return upload

    async def _replace(self, upload: Upload, arrived: Arrived) -> Upload:
        value = msgspec.msgpack.encode(arrived)
        try:
            revision = await self._bucket.replace(upload.name, value, upload.revision)
        except Outdated:
            raise Conflict("Another chunk of this file has come at the same time") from None
        return Upload(upload.name, arrived, revision)


async def piece_keys(bus: Bus) -> set[UUID]:
    """The objects that are pieces of files under way: nothing in the index refers to them."""
    entries = await _bucket(bus).all()
    return {key for entry in entries if entry.value for key in _decoded(entry.value).pieces}


def _decoded(value: bytes) -> Arrived:
    return msgspec.msgpack.decode(value, type=Arrived)


def _bucket(bus: Bus) -> Bucket:
    away = "Uploads in chunks cannot be taken now"
    return Bucket(bus, bus.names.uploads_bucket, away, "try again shortly")
