# SPDX-License-Identifier: Apache-2.0
"""The job `PushTransfer`: instances to a peer in buckets, which it stores when all have come.

The peer keeps what has come until it is told to commit, so it has all of the instances or none. A
job that is interrupted goes on with the bucket behind the last one; a peer that has forgotten what
came before is sent everything again.
"""

import asyncio
import hashlib
import re
from collections import deque
from contextlib import aclosing, suppress

import msgspec

from pons.bus import Bus
from pons.catalog import InstanceToSend
from pons.errors import DamagedObject, NotFound, PonsError, RemoteFailure, Unavailable
from pons.jobs import Run, TransferRequest
from pons.jobs.outcomes import is_network_error
from pons.jobs.transfers import PUSH, told, transferred
from pons.messages.transfers import Bucket, bucket_size, push_json
from pons.objects import Objects
from pons.objects.bodies import read_body
from pons.objects.damage import notice
from pons.objects.gzip import gzipped
from pons.objects.stored_file import read_file_range
from pons.remotes.peers import OtherStore
from pons.remotes.registry import Registry
from pons.sending.source import Lookup
from pons.settings import Settings
from pons_egress.exports import ExportLog
from pons_egress.peers.buckets import fill_buckets
from pons_egress.peers.connection import (
    Connection,
    Unreachable,
    needing_transfers,
    open_connection,
)
from pons_egress.peers.in_order import started_in_order

COMMIT_SECONDS = 600.0
"""How long a peer may take to begin, and to store what has come, as Orthanc's accelerator waits."""
TRANSACTION = re.compile(r"/?(transfers/push/[0-9a-zA-Z.-]+)")
SENDER = "sender-transfer-id"
"""Header by which a balancer may keep the requests of one transfer together."""


class Pushed(msgspec.Struct, frozen=True):
    """How far a push is."""

    plan: str = ""
    """Digest of what is pushed: of something else nothing has come yet."""
    transaction: str = ""
    """Its path at the peer."""
    buckets: int = 0
    moved: int = 0
    """Bytes that have left."""


class PushTransfer:
    """Handler of the job."""

    def __init__(
        self,
        bus: Bus,
        objects: Objects,
        catalog: Lookup,
        peers: Registry[OtherStore],
        settings: Settings,
    ) -> None:
        self._bus = bus
        self._objects = objects
        self._catalog = catalog
        self._peers = peers
        self._settings = settings.egress

    async def __call__(self, run: Run) -> None:
        request = msgspec.convert(run.request.arguments, TransferRequest)
        peer = await self._peers.read(request.peer)
        known = await self._catalog.known(request.resource_ids)
        for resource in request.resource_ids:
            if resource not in known:
                raise NotFound(f"There is no resource {resource!r} in this store")
        instances = await self._catalog.archive.instances_to_send(request.resource_ids)
        async with open_connection(
            request.peer, peer, self._settings, more={SENDER: run.id}
        ) as connection:
            pushing = Pushing(self._objects, request, connection, run, instances)
            await pushing.push(self._settings.http_connections)
        exports = ExportLog(self._bus, run.id, request.peer, instances, whole=True)
        await exports.close(request.resource_ids)


class Pushing:
    """One run of the job."""

    def __init__(
        self,
        objects: Objects,
        request: TransferRequest,
        connection: Connection,
        run: Run,
        instances: list[InstanceToSend],
    ) -> None:
        self._objects = objects
        self._request = request
        self._connection = connection
        self._run = run
        self._instances = {instance.instance_id: instance for instance in instances}
        self._size = sum(instance.size for instance in instances)
        self._buckets: list[Bucket] = []
        self._position = msgspec.convert(run.document.position or {}, Pushed)

    async def push(self, at_once: int) -> None:
        """Push everything, and have it stored."""
        if not self._instances:
            return
        listed = [await transferred(self._objects, one) for one in self._instances.values()]
        self._buckets = list(fill_buckets(listed))
        announced = push_json(listed, self._buckets, self._request.compression)
        announcement = msgspec.json.encode(announced)
        plan = hashlib.sha256(announcement).hexdigest()
        if self._position.plan == plan:
            try:
                await self._finish(at_once)
                return
            except Unreachable as error:
                if error.status != 404:
                    raise  # else the peer has forgotten what came before
        await self._begin(announcement, plan)
        await self._finish(at_once)

    async def _begin(self, announcement: bytes, plan: str) -> None:
        with needing_transfers(self._connection):
            answer = await self._connection.post(
                "transfers/push", announcement, seconds=COMMIT_SECONDS
            )
        path = answer.get("Path") if isinstance(answer, dict) else None
        found = TRANSACTION.fullmatch(path) if isinstance(path, str) else None
        if found is None:
            raise self._connection.failure("its answer to a push names no transaction")
        self._position = Pushed(plan, found[1])
        await self._keep()

    async def _finish(self, at_once: int) -> None:
        """Put the buckets that are left, and commit.

        What fails for good is given up at the peer, too; what is tried again goes on there.
        """
        transaction = self._position.transaction
        try:
            await self._put_all(at_once)
            await self._connection.post(f"{transaction}/commit", seconds=COMMIT_SECONDS)
        except PonsError as error:
            notice(error)
            again = self._run.document.retry and is_network_error(error)
            if not again and not isinstance(error, Unavailable):
                with suppress(RemoteFailure):
                    await self._connection.delete(transaction)
            raise

    async def _put_all(self, at_once: int) -> None:
        ahead: deque[tuple[int, asyncio.Task[int]]] = deque()
        left = range(self._position.buckets, len(self._buckets))
        async with aclosing(started_in_order(self._put, left, at_once, ahead)) as upcoming:
            async for _, putting in upcoming:
                moved = await putting
                self._position = msgspec.structs.replace(
                    self._position,
                    buckets=self._position.buckets + 1,
                    moved=self._position.moved + moved,
                )
                await self._keep()

    async def _put(self, number: int) -> int:
        """Put a bucket; how many bytes it had."""
        content = await self._content(self._buckets[number])
        await self._connection.put(f"{self._position.transaction}/{number}", content)
        return len(content)

    async def _content(self, bucket: Bucket) -> bytes:
        parts = [
            await read_file_range(self._objects, self._instances[one.id], one.offset, one.size)
            for one in bucket
        ]
        content = b"".join(parts)
        if len(content) != bucket_size(bucket):
            raise DamagedObject("A file has become shorter while it was pushed", what="size")
        if self._request.compression == "none":
            return content
        return b"".join([piece async for piece in gzipped(read_body(content))])

    async def _keep(self) -> None:
        position = self._position
        content = told(
            PUSH,
            len(self._instances),
            self._size,
            position.buckets,
            position.moved,
            self._run.document.runtime,
        )
        progress = (1 + position.buckets) / (2 + len(self._buckets))
        await self._run.step(progress, content, msgspec.to_builtins(position))
