# SPDX-License-Identifier: Apache-2.0
"""The job `PullTransfer`: instances from a peer in buckets, each stored when it is whole.

Each is compared with the size and the MD5 that the peer has announced. They come in the order of
their identifiers, so a job that is interrupted goes on behind the last one; what a transfer takes
of the disk is one instance.
"""

import asyncio
import hashlib
from collections import deque
from contextlib import aclosing
from typing import Annotated

import msgspec

from pons.ingest import Ingest
from pons.jobs import Run, TransferRequest
from pons.jobs.transfers import PULL, told
from pons.messages.events import Origin
from pons.messages.transfers import Bucket, Chunk, Transferred, bucket_size
from pons.objects import SPOOL_ABOVE, Objects, Spool
from pons.objects.bodies import freed
from pons.objects.gzip import gunzip
from pons.remotes.peers import OtherStore
from pons.remotes.registry import Registry
from pons.settings import Settings
from pons_egress.peers.buckets import fill_buckets, pull_path
from pons_egress.peers.connection import Connection, needing_transfers, open_connection
from pons_egress.peers.in_order import started_in_order
from pons_egress.peers.push import SENDER

LONGEST_LIST = 64 << 20
"""Bytes of a peer's list of instances: half a million of them."""
GZIP_MORE = 64 * 1024
"""Bytes by which gzip may make a bucket larger, at most."""
ORIGIN = Origin("Plugins")
"""As Orthanc's accelerator, a plugin, has it."""


class Announced(msgspec.Struct, frozen=True, rename={"id": "ID", "size": "Size", "md5": "MD5"}):
    """An instance as the peer's list has it."""

    id: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{8}(-[0-9a-f]{8}){4}$")]
    size: Annotated[int, msgspec.Meta(ge=1)]
    md5: Annotated[str, msgspec.Meta(pattern="^[0-9a-fA-F]{32}$")]


class Listed(msgspec.Struct, frozen=True, rename="pascal"):
    """What the peer has of the resources."""

    originator: str
    instances: list[Announced]


class Pulled(msgspec.Struct, frozen=True):
    """How far a pull is."""

    last: str = ""
    """The instance that was stored last."""
    buckets: int = 0
    moved: int = 0
    """Bytes that have come."""


class PullTransfer:
    """Handler of the job."""

    def __init__(
        self, ingest: Ingest, objects: Objects, peers: Registry[OtherStore], settings: Settings
    ) -> None:
        self._ingest = ingest
        self._objects = objects
        self._peers = peers
        self._settings = settings.egress

    async def __call__(self, run: Run) -> None:
        request = msgspec.convert(run.request.arguments, TransferRequest)
        peer = await self._peers.read(request.peer)
        async with open_connection(
            request.peer, peer, self._settings, more={SENDER: run.id}
        ) as connection:
            announced = await _ask_for_list(connection, request)
            pulling = Pulling(self._ingest, self._objects, request, connection, run, announced)
            await pulling.pull(self._settings.http_connections)


async def _ask_for_list(connection: Connection, request: TransferRequest) -> list[Transferred]:
    """The instances of the peer that are asked for, in the order of their identifiers."""
    asked = msgspec.json.encode(request.resources)
    with needing_transfers(connection):
        answer = await connection.post("transfers/lookup", asked, longest=LONGEST_LIST)
    try:
        listed = msgspec.convert(answer, Listed, strict=False)
    except msgspec.ValidationError as error:
        raise connection.failure("its list of instances cannot be read", f": {error}") from None
    if request.originator and listed.originator != request.originator:
        raise connection.failure(
            "another peer than this one has asked for the pull: is RemoteSelf there the name that "
            "it has here?"
        )
    found = {one.id: Transferred(one.id, one.size, one.md5.lower()) for one in listed.instances}
    return [found[identifier] for identifier in sorted(found)]


class Pulling:
    """One run of the job."""

    def __init__(
        self,
        ingest: Ingest,
        objects: Objects,
        request: TransferRequest,
        connection: Connection,
        run: Run,
        announced: list[Transferred],
    ) -> None:
        self._ingest = ingest
        self._objects = objects
        self._request = request
        self._connection = connection
        self._run = run
        self._position = msgspec.convert(run.document.position or {}, Pulled)
        self._total = len(announced)
        self._size = sum(one.size for one in announced)
        left = [one for one in announced if one.id > self._position.last]
        self._announced = {one.id: one for one in left}
        self._buckets = list(fill_buckets(left))
        self._all_buckets = self._position.buckets + len(self._buckets)

    async def pull(self, at_once: int) -> None:
        """Fetch what is left, and store each instance once it is whole."""
        await self._keep()
        ahead: deque[tuple[Bucket, asyncio.Task[tuple[bytes, int]]]] = deque()
        upcoming = started_in_order(self._fetch, self._buckets, at_once, ahead)
        with Arriving(self._objects) as arriving:
            async with aclosing(upcoming):
                async for bucket, fetching in upcoming:
                    content, moved = await fetching
                    await self._take(bucket, content, arriving)
                    self._position = msgspec.structs.replace(
                        self._position,
                        buckets=self._position.buckets + 1,
                        moved=self._position.moved + moved,
                    )
                    await self._keep()

    async def _fetch(self, bucket: Bucket) -> tuple[bytes, int]:
        """What is in a bucket, and how many bytes came for it."""
        size, compression = bucket_size(bucket), self._request.compression
        path = pull_path(bucket, compression)
        came = await self._connection.fetch(path, size + GZIP_MORE)
        content: bytes | None = came
        if compression == "gzip":
            content = await asyncio.to_thread(gunzip, came, size)
        if content is None or len(content) != size:
            raise self._connection.failure(f"a bucket has not the {size} bytes that it should")
        return content, len(came)

    async def _take(self, bucket: Bucket, content: bytes, arriving: "Arriving") -> None:
        position = 0
        for chunk in bucket:
            await arriving.add(chunk, content[position : position + chunk.size])
            position += chunk.size
            announced = self._announced[chunk.id]
            if chunk.offset + chunk.size == announced.size:
                await self._store(announced, arriving)

    async def _store(self, announced: Transferred, arriving: "Arriving") -> None:
        md5, body = arriving.take()
        with freed(body):
            if md5 != announced.md5:
                raise self._connection.failure(
                    f"instance {announced.id} has arrived with another MD5 than it has there"
                )
            await self._ingest.store(body, ORIGIN)
        self._position = msgspec.structs.replace(self._position, last=announced.id)

    async def _keep(self) -> None:
        position = self._position
        content = told(
            PULL,
            self._total,
            self._size,
            position.buckets,
            position.moved,
            self._run.document.runtime,
        )
        progress = (1 + position.buckets) / (2 + self._all_buckets)
        await self._run.step(progress, content, msgspec.to_builtins(position))


class Arriving:
    """The one file whose parts are arriving: in memory, or in a spool when it is large."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._memory = bytearray()
        self._spool: Spool | None = None
        self._md5 = hashlib.md5(usedforsecurity=False)

    async def add(self, chunk: Chunk, content: bytes) -> None:
        """The next part, of the file that `chunk` is of."""
        await asyncio.to_thread(self._md5.update, content)
        if self._spool is None and len(self._memory) + chunk.size > SPOOL_ABOVE:
            self._spool = self._objects.spool()
            await asyncio.to_thread(self._spool.write, bytes(self._memory))
            self._memory.clear()
        if self._spool is None:
            self._memory += content
        else:
            await asyncio.to_thread(self._spool.write, content)

    def take(self) -> tuple[str, bytes | Spool]:
        """MD5 and body of the file, which is whole; another one may follow."""
        md5, spool = self._md5.hexdigest(), self._spool
        body = bytes(self._memory) if spool is None else spool
        self._memory.clear()
        self._spool, self._md5 = None, hashlib.md5(usedforsecurity=False)
        return md5, body

    def __enter__(self) -> "Arriving":
        return self

    def __exit__(self, *_: object) -> None:
        if self._spool is not None:
            self._spool.close()
