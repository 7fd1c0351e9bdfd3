# SPDX-License-Identifier: Apache-2.0
"""The job `DicomModalityStore`: instances of any resources to one modality, by C-STORE."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from functools import partial

import msgspec
import structlog
from pydicom.uid import UID
from pynetdicom.status import STORAGE_SERVICE_CLASS_STATUS

from pons.bus import Bus
from pons.catalog import InstanceToSend
from pons.dicom.network.dimse import Response
from pons.errors import DamagedObject, InvalidInstance, NotFound, RemoteFailure, log_text
from pons.jobs import Run, StoreRequest
from pons.jobs.document import is_network_error
from pons.objects import Objects
from pons.objects.damage import notice
from pons.remotes.modalities import Modalities
from pons.settings import Settings
from pons_egress.association import Association, Instance, open_association
from pons_egress.contexts import choose, plan, refusal
from pons_egress.convert import open_converted
from pons_egress.dataset import Dataset
from pons_egress.metrics import BYTES, INSTANCES
from pons_egress.peer import Peer, find_peer
from pons_egress.progress import Progress, begin
from pons_egress.source import Lookup, Source

log = structlog.get_logger()

WARNINGS = (0xB000, 0xB006, 0xB007)
"""Coercion, elements discarded, SOP class mismatch: the peer has the instance (PS3.4 B.2.3)."""
OUT_OF_RESOURCES = 0xA700
"""A700 to A7FF: it may have room another time."""


class ModalityStore:
    """Handler of the job: sends one instance after the other, and knows where it stopped."""

    def __init__(
        self,
        bus: Bus,
        objects: Objects,
        catalog: Lookup,
        modalities: Modalities,
        settings: Settings,
    ) -> None:
        self._bus = bus
        self._source = Source(objects, catalog)
        self._catalog = catalog
        self._modalities = modalities
        self._settings = settings

    async def __call__(self, run: Run) -> None:
        request = msgspec.convert(run.request.arguments, StoreRequest)
        modality = await self._modalities.read(request.modality)
        peer = find_peer(request, modality, self._settings)
        resources, named = request.resources, request.modality
        complete = bool(request.rules)
        progress = await begin(run, self._bus, self._catalog, resources, named, complete=complete)
        sending = Sending(self._source, request, peer, run, progress)
        await sending.send(self._settings.egress.maximum_pdu_length)


class Sending:
    """One run of the job."""

    def __init__(
        self, source: Source, request: StoreRequest, peer: Peer, run: Run, progress: Progress
    ) -> None:
        self._source = source
        self._request = request
        self._peer = peer
        self._run = run
        self._progress = progress
        self._permissive = request.permissive or bool(request.rules)

    async def send(self, maximum_length: int) -> None:
        """Send what is left, over one association unless it needs more contexts than one has."""
        await self._progress.keep()
        try:
            for proposals, group in plan(self._progress.left):
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
                    await self._store(association, await preparing)
                except (RemoteFailure, InvalidInstance, NotFound, DamagedObject) as error:
                    notice(error)
                    INSTANCES.labels(self._peer.modality, "failure").inc()
                    again = self._run.document.retry and is_network_error(error)
                    if again or not self._permissive:
                        raise
                    log.warning("instance not sent", job=self._run.id, error=log_text(error))
                    await self._progress.left_out(instance, str(error))
                    if not association.usable:
                        break
                else:
                    await self._progress.sent(instance)
        return instances[number:]

    async def _store(self, association: Association, dataset: Dataset) -> None:
        instance = dataset.instance
        contexts = association.accepted.contexts
        way = choose(contexts, instance)
        if way is None:
            raise self._peer.refusal(refusal(contexts, instance))
        named = Instance(
            instance.sop_class_uid,
            instance.sop_instance_uid,
            self._request.move_originator_aet,
            self._request.move_originator_id,
        )
        if dataset.is_as(way[1]):
            response = await association.store(contexts[way], named, dataset.pieces())
        else:
            async with open_converted(self._source.objects, instance, way[1]) as pieces:
                response = await association.store(contexts[way], named, pieces)
        self._judge(instance, response)

    def _judge(self, instance: InstanceToSend, response: Response) -> None:
        """Count an instance that the peer has kept; raise for one that it has not."""
        if response.status != 0 and response.status not in WARNINGS:
            _category, words = STORAGE_SERVICE_CLASS_STATUS.get(response.status, ("", "unknown"))
            comment = f" ({response.comment})" if response.comment else ""
            told = (
                f"refused {UID(instance.sop_class_uid).name} {instance.sop_instance_uid} "
                f"with status 0x{response.status:04X}: {words}{comment}"
            )
            full = response.status & 0xFF00 == OUT_OF_RESOURCES
            raise self._peer.failure(told) if full else self._peer.refusal(told)
        status = "warning" if response.status else "success"
        INSTANCES.labels(self._peer.modality, status).inc()
        BYTES.labels(self._peer.modality).inc(instance.size)


async def _prepared(
    source: Source, instances: Sequence[InstanceToSend]
) -> AsyncGenerator[asyncio.Task[Dataset], None]:
    """The instances' datasets, each read a little while the one before it is being sent."""
    upcoming: asyncio.Task[Dataset] | None = None
    opening = partial(_prepare, objects=source.objects)
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


async def _prepare(instance: InstanceToSend, objects: Objects) -> Dataset:
    dataset = Dataset(objects, instance)
    await dataset.prepare()
    return dataset
