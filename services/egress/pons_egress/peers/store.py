# SPDX-License-Identifier: Apache-2.0
"""The job `OrthancPeerStore`: instances of any resources to one peer, over HTTP."""

import asyncio
from collections import deque
from collections.abc import Iterable
from contextlib import aclosing

import msgspec
import structlog
from pydicom.uid import UID

from pons.bus import Bus
from pons.catalog import InstanceToSend
from pons.errors import (
    DamagedObject,
    NotFound,
    RemoteFailure,
    UnsupportedImage,
    log_text,
)
from pons.jobs import PeerStoreRequest, Run
from pons.jobs.outcomes import is_network_error
from pons.jobs.peer_store import size_sent
from pons.objects import Objects
from pons.objects.damage import notice
from pons.remotes.peers import OtherStore
from pons.remotes.registry import Registry
from pons.sending.source import Lookup, Source
from pons.settings import Settings
from pons_egress.calls import pass_over
from pons_egress.metrics import PEER_BYTES, PEER_INSTANCES
from pons_egress.peers.connection import Connection, Unreachable, open_connection
from pons_egress.peers.in_order import started_in_order
from pons_egress.peers.upload import upload_instance
from pons_egress.progress import Progress, begin

log = structlog.get_logger()

Sent = asyncio.Task[int]
"""An instance on its way; its result is how many bytes have left."""


class PeerStore:
    """Handler of the job: sends some instances at a time, and knows where it stopped."""

    def __init__(
        self,
        bus: Bus,
        objects: Objects,
        catalog: Lookup,
        peers: Registry[OtherStore],
        settings: Settings,
    ) -> None:
        self._bus = bus
        self._source = Source(objects, catalog)
        self._catalog = catalog
        self._peers = peers
        self._settings = settings.egress

    async def __call__(self, run: Run) -> None:
        request = msgspec.convert(run.request.arguments, PeerStoreRequest)
        peer = await self._peers.read(request.peer)
        progress = await begin(
            run,
            self._bus,
            self._catalog,
            request.resources,
            request.peer,
            lambda position: size_sent(position.size),
            complete=bool(request.rules),
        )
        _refuse_transcoding(request.transcode, progress.left)
        async with open_connection(
            request.peer, peer, self._settings, request.timeout
        ) as connection:
            sending = Sending(self._source, request, connection, run, progress)
            await sending.send(self._settings.http_connections)


class Sending:
    """One run of the job."""

    def __init__(
        self,
        source: Source,
        request: PeerStoreRequest,
        connection: Connection,
        run: Run,
        progress: Progress,
    ) -> None:
        self._source = source
        self._request = request
        self._connection = connection
        self._run = run
        self._progress = progress
        self._permissive = request.permissive or bool(request.rules)

    async def send(self, at_once: int) -> None:
        """Send what is left over so many connections."""
        await self._progress.keep()
        try:
            await self._send(at_once)
        except BaseException:
            await self._progress.break_off()
            raise
        await self._progress.close()

    async def _send(self, at_once: int) -> None:
        ahead: deque[tuple[InstanceToSend, Sent]] = deque()
        upcoming = started_in_order(self._upload, self._progress.left, at_once, ahead)
        async with aclosing(upcoming):
            try:
                async for instance, sending in upcoming:
                    await self._finish(instance, sending)
            except BaseException:
                for instance, sending in ahead:  # the peer may have these, too
                    if sending.done() and not sending.cancelled() and not sending.exception():
                        await self._progress.note_sent(instance)
                raise

    async def _finish(self, instance: InstanceToSend, sending: Sent) -> None:
        """Wait for an instance, and keep how far the job is."""
        peer = self._request.peer
        try:
            size = await sending
        except (RemoteFailure, NotFound, DamagedObject) as error:
            notice(error)
            PEER_INSTANCES.labels(peer, "failure").inc()
            again = self._run.document.retry and is_network_error(error)
            if again or not self._permissive or isinstance(error, Unreachable):
                raise
            log.warning("instance not sent", job=self._run.id, error=log_text(error))
            pass_over(error)
            await self._progress.left_out(instance, str(error))
        else:
            PEER_INSTANCES.labels(peer, "success").inc()
            PEER_BYTES.labels(peer).inc(size)
            await self._progress.sent(instance, size)

    async def _upload(self, instance: InstanceToSend) -> int:
        compress = self._request.compress
        return await upload_instance(self._connection, self._source, instance, compress=compress)


def _refuse_transcoding(transcode: str, instances: Iterable[InstanceToSend]) -> None:
    """Raise `UnsupportedImage` where an instance is not stored as it is to be sent."""
    for instance in instances:
        if transcode and instance.transfer_syntax != transcode:
            own, other = UID(instance.transfer_syntax).name, UID(transcode).name
            raise UnsupportedImage(
                f"Instance {instance.instance_id} is in {own}, and this store cannot transcode it "
                f"into {other} yet",
                "send it without Transcode, or leave it out",
            )
