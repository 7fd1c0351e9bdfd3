# SPDX-License-Identifier: Apache-2.0
"""The job `DicomModalityStore`: instances of any resources to one modality, by C-STORE."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from functools import partial

import msgspec
import structlog

from pons.bus import Bus
from pons.catalog import InstanceToSend
from pons.errors import DamagedObject, InvalidInstance, NotFound, RemoteFailure, log_text
from pons.jobs import Run, StoreRequest
from pons.jobs.outcomes import is_network_error
from pons.messages.egress import Reference
from pons.objects import Objects
from pons.objects.damage import notice
from pons.remotes.modalities import Modalities
from pons.sending.contexts import plan
from pons.sending.convert import Decompress
from pons.sending.dataset import Dataset, prepared
from pons.sending.source import Lookup, Source
from pons.settings import Settings
from pons_egress.association import Association, open_association
from pons_egress.c_store import Originator, store_instance
from pons_egress.calls import pass_over
from pons_egress.metrics import INSTANCES
from pons_egress.outgoing import OutgoingFilter
from pons_egress.peer import Peer, Silent, find_peer
from pons_egress.progress import Progress, begin
from pons_egress.scu.commitment import references

log = structlog.get_logger()


Commit = Callable[[Peer, str, list[Reference]], Awaitable[None]]
"""Asks a peer to commit to instances, under a transaction UID."""


class ModalityStore:
    """Handler of the job: sends one instance after the other, and knows where it stopped."""

    def __init__(
        self,
        bus: Bus,
        objects: Objects,
        catalog: Lookup,
        modalities: Modalities,
        settings: Settings,
        commit: Commit | None = None,
        outgoing: OutgoingFilter | None = None,
        decompress: Decompress | None = None,
    ) -> None:
        """`commit` asks a peer for storage commitment; needed by those that want it. `outgoing` may
        hold instances back. Without `decompress`, those who take no compressed pixels get none."""
        self._bus = bus
        self._source = Source(objects, catalog)
        self._catalog = catalog
        self._modalities = modalities
        self._settings = settings
        self._commit = commit
        self._outgoing = outgoing
        self._decompress = decompress

    async def __call__(self, run: Run) -> None:
        request = msgspec.convert(run.request.arguments, StoreRequest)
        modality = await self._modalities.read(request.modality)
        peer = find_peer(request, modality, self._settings)
        resources, named = request.resources, request.modality
        complete = bool(request.rules)
        # The modality may be described otherwise than when the job was made.
        called = {"LocalAet": peer.local_aet, "RemoteAet": peer.aet}
        progress = await begin(
            run, self._bus, self._catalog, resources, named, lambda _: called, complete=complete
        )
        sending = Sending(
            self._source, request, peer, run, progress, self._outgoing, self._decompress
        )
        await sending.send(self._settings.egress.maximum_pdu_length)
        if request.transaction_uid:
            await self._ask_for_commitment(peer, request)

    async def _ask_for_commitment(self, peer: Peer, request: StoreRequest) -> None:
        """Of all that was to be sent: what the peer has not got is a failure in its report."""
        if self._commit is None:
            raise ValueError("nobody here asks for storage commitment")
        instances = await self._catalog.archive.instances_to_send(request.resources)
        await self._commit(peer, request.transaction_uid, references(instances))


MOST_SILENCES = 2
"""Instances in a row that a peer may leave unanswered: each costs its whole timeout, in which
others wait for this job's place, and of a peer that hangs the next one would, too."""


class Sending:
    """One run of the job."""

    def __init__(
        self,
        source: Source,
        request: StoreRequest,
        peer: Peer,
        run: Run,
        progress: Progress,
        outgoing: OutgoingFilter | None,
        decompress: Decompress | None,
    ) -> None:
        self._outgoing = outgoing
        self._decompress = decompress
        self._source = source
        self._request = request
        self._peer = peer
        self._run = run
        self._progress = progress
        self._originator = Originator(request.move_originator_aet, request.move_originator_id)
        self._permissive = request.permissive or bool(request.rules)
        self._silences = 0

    async def send(self, maximum_length: int) -> None:
        """Send what is left, over one association unless it needs more contexts than one has."""
        await self._progress.keep()
        try:
            for proposals, group in plan(self._progress.left, self._peer.into):
                left = group
                while left:
                    async with open_association(
                        self._peer, proposals, maximum_length
                    ) as association:
                        left = await self._send_group(association, left)
        except BaseException:
            await self._progress.break_off()
            raise
        await self._progress.close()

    async def _send_group(
        self, association: Association, instances: list[InstanceToSend]
    ) -> list[InstanceToSend]:
        """Send them over one association; gives those that are left when it was lost on the way."""
        async with aclosing(_prepared(self._source, instances)) as upcoming:
            number = 0
            async for preparing in upcoming:
                instance = instances[number]
                number += 1
                try:
                    dataset = await preparing
                    if self._outgoing and not await self._outgoing.lets_go(instance, self._peer):
                        await self._hold_back(instance)
                        continue
                    warned = await store_instance(
                        association,
                        self._source.objects,
                        dataset,
                        self._originator,
                        self._decompress,
                    )
                except (RemoteFailure, InvalidInstance, NotFound, DamagedObject) as error:
                    notice(error)
                    INSTANCES.labels(self._peer.modality, "failure").inc()
                    again = self._run.document.retry and is_network_error(error)
                    if again or not self._permissive:
                        raise
                    log.warning("instance not sent", job=self._run.id, error=log_text(error))
                    pass_over(error)
                    await self._progress.left_out(instance, str(error))
                    self._silences = self._silences + 1 if isinstance(error, Silent) else 0
                    if self._silences >= MOST_SILENCES:
                        raise
                    if not association.usable:
                        break
                else:
                    self._silences = 0
                    await self._progress.sent(instance, warned=warned)
        return instances[number:]

    async def _hold_back(self, instance: InstanceToSend) -> None:
        INSTANCES.labels(self._peer.modality, "filtered").inc()
        log.info("instance held back by lua", job=self._run.id, instance=instance.instance_id)
        await self._progress.held_back(instance)


async def _prepared(
    source: Source, instances: Sequence[InstanceToSend]
) -> AsyncGenerator[asyncio.Task[Dataset], None]:
    """The instances' datasets, each read a little while the one before it is being sent."""
    upcoming: asyncio.Task[Dataset] | None = None
    opening = partial(prepared, objects=source.objects)
    try:
        for position in range(len(instances)):
            current = upcoming or asyncio.create_task(source.open(instances[position], opening))
            following = instances[position + 1 : position + 2]
            upcoming = None
            if following:
                upcoming = asyncio.create_task(source.open(following[0], opening))
            yield current
    finally:
        if upcoming is not None:
            upcoming.cancel()
            await asyncio.wait((upcoming,))
