# SPDX-License-Identifier: Apache-2.0
"""The job `DicomModalityStore`: instances of any resources to one modality, by C-STORE."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Protocol

import msgspec
import structlog
from pydicom.uid import UID
from pynetdicom.status import STORAGE_SERVICE_CLASS_STATUS

from pons.bus import Bus
from pons.catalog import Archive, InstanceToSend
from pons.dicom.network.dimse import Response
from pons.errors import DamagedObject, InvalidInstance, NotFound, RemoteFailure, log_text
from pons.jobs import Run, StoreRequest
from pons.jobs.document import MOST_NAMED, failed_instances
from pons.objects import Objects
from pons.objects.damage import notice
from pons.remotes.modalities import Modalities
from pons.settings import Settings
from pons_egress.association import Association, Instance, open_association
from pons_egress.contexts import choose, plan, refusal
from pons_egress.convert import open_converted
from pons_egress.dataset import Dataset
from pons_egress.exports import ExportLog
from pons_egress.metrics import BYTES, INSTANCES
from pons_egress.peer import Peer, find_peer

log = structlog.get_logger()

WARNINGS = (0xB000, 0xB006, 0xB007)
"""Coercion, elements discarded, SOP class mismatch: the peer has the instance (PS3.4 B.2.3)."""


class Lookup(Protocol):
    """What sending asks of the catalog."""

    archive: Archive

    async def known(self, identifiers: list[str]) -> set[str]: ...


class Position(msgspec.Struct, frozen=True):
    """How far a job is, and where to go on."""

    done: int = 0
    failed: int = 0
    last: str = ""
    """The instance that was dealt with last; others may have come or gone since."""
    unlogged: list[str] = []
    """Sent, and not yet in the exports log, once some have failed."""
    reasons: dict[str, str] = {}
    """Instances that failed, to why; the first `MOST_NAMED`."""


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
        self._objects = objects
        self._catalog = catalog
        self._modalities = modalities
        self._settings = settings

    async def __call__(self, run: Run) -> None:
        request = msgspec.convert(run.request.arguments, StoreRequest)
        modality = await self._modalities.read(request.modality)
        peer = find_peer(request, modality, self._settings)
        position = msgspec.convert(run.document.position or {}, Position)
        if not position.done:
            await self._refuse_unknown(request.resources)
        instances = await self._catalog.archive.instances_to_send(request.resources)
        position, left = _resume(position, instances)
        unlogged, whole = set(position.unlogged), not position.failed
        passed = instances[: len(instances) - len(left)]
        sent = [i for i in passed if whole or i.instance_id in unlogged]
        exports = ExportLog(self._bus, run.id, request.modality, sent, whole=whole)
        source = Source(self._objects, self._catalog)
        sending = Sending(source, request, peer, exports, run, position)
        await sending.send(left, self._settings.egress.maximum_pdu_length)

    async def _refuse_unknown(self, resources: list[str]) -> None:
        known = await self._catalog.known(resources)
        for resource in resources:
            if resource not in known:
                raise NotFound(f"There is no resource {resource!r} in this store")


class Source:
    """Where the data sets of instances come from."""

    def __init__(self, objects: Objects, catalog: Lookup) -> None:
        self.objects = objects
        self._catalog = catalog

    async def prepare(self, instance: InstanceToSend) -> Dataset:
        """The data set, ready to be sent.

        Raises `NotFound` for an instance that was deleted since the job began, `DamagedObject` for
        one that the store lost or damaged.
        """
        dataset = Dataset(self.objects, instance)
        try:
            await dataset.prepare()
        except DamagedObject as error:
            if error.what != "missing":
                raise
            found = await self._catalog.archive.instances_to_send([instance.instance_id])
            if not found:
                what = f"Instance {instance.instance_id} was deleted since the job began"
                raise NotFound(what) from error
            if found[0].object_key == instance.object_key:
                notice(error)
                raise
            dataset = Dataset(self.objects, found[0])  # replaced meanwhile
            await dataset.prepare()
        return dataset


class Sending:
    """One run of the job."""

    def __init__(
        self,
        source: Source,
        request: StoreRequest,
        peer: Peer,
        exports: ExportLog,
        run: Run,
        position: Position,
    ) -> None:
        self._source = source
        self._request = request
        self._peer = peer
        self._exports = exports
        self._run = run
        self._position = position
        self._total = position.done

    async def send(self, instances: list[InstanceToSend], maximum_length: int) -> None:
        """Send them, over one association unless they need more contexts than one can have."""
        self._total = self._position.done + len(instances)
        await self._keep()
        try:
            for proposals, group in plan(instances):
                left = group
                while left:
                    async with open_association(
                        self._peer, proposals, maximum_length
                    ) as association:
                        left = await self._send_group(association, left)
        except BaseException:
            await self._exports.break_off()
            raise
        await self._exports.close(self._request.resources)
        await self._keep()

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
                    if not self._request.permissive:
                        raise
                    log.warning("instance not sent", job=self._run.id, error=log_text(error))
                    await self._exports.leave_out()
                    await self._keep(instance, failure=str(error))
                    if not association.usable:
                        break
                else:
                    await self._exports.add(instance)
                    await self._keep(instance)
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
            raise self._peer.refusal(
                f"refused {UID(instance.sop_class_uid).name} {instance.sop_instance_uid} "
                f"with status 0x{response.status:04X}: {words}{comment}"
            )
        status = "warning" if response.status else "success"
        INSTANCES.labels(self._peer.modality, status).inc()
        BYTES.labels(self._peer.modality).inc(instance.size)

    async def _keep(self, instance: InstanceToSend | None = None, failure: str = "") -> None:
        """Put into the job's document how far it is, after `instance` if that is given."""
        before, reasons = self._position, self._position.reasons
        if instance is not None and failure and len(reasons) < MOST_NAMED:
            reasons = {**reasons, instance.instance_id: failure}
        self._position = Position(
            done=before.done + (instance is not None),
            failed=before.failed + bool(failure),
            last=instance.instance_id if instance else before.last,
            unlogged=self._exports.waiting,
            reasons=reasons,
        )
        failed = {"FailedInstancesCount": self._position.failed}
        await self._run.step(
            self._position.done / self._total if self._total else 1.0,
            {"InstancesCount": self._total, **failed_instances(reasons), **failed},
            msgspec.to_builtins(self._position),
        )


async def _prepared(
    source: Source, instances: Sequence[InstanceToSend]
) -> AsyncGenerator[asyncio.Task[Dataset], None]:
    """The instances' datasets, each read a little while the one before it is being sent."""
    upcoming: asyncio.Task[Dataset] | None = None
    try:
        for position in range(len(instances)):
            current = upcoming or asyncio.create_task(source.prepare(instances[position]))
            following = instances[position + 1 : position + 2]
            upcoming = asyncio.create_task(source.prepare(following[0])) if following else None
            yield current
    finally:
        if upcoming is not None:
            upcoming.cancel()
            await asyncio.wait((upcoming,))


def _resume(
    position: Position, instances: list[InstanceToSend]
) -> tuple[Position, list[InstanceToSend]]:
    """Where to go on, and what is left: what follows the instance that was dealt with last.

    When that one is gone, all of them once more: sending twice does no harm, leaving out does.
    """
    ids = [instance.instance_id for instance in instances]
    if position.last in ids:
        return position, instances[ids.index(position.last) + 1 :]
    return Position(), instances
