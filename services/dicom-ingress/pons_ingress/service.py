# SPDX-License-Identifier: Apache-2.0
"""The service, put together: what it opens, what it answers, how it ends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import structlog

from pons.bus import Bus, open_bus
from pons.bus.requests import answer_commands
from pons.bus.roll_call import answering_roll_call
from pons.catalog import open_catalog
from pons.health.readiness import Health
from pons.ingest import InstanceFilter, open_ingest
from pons.jobs import Jobs, submit_commitment
from pons.limits import MEGABYTE
from pons.limits.heap import keep_freed_memory
from pons.lua.callbacks import open_callbacks
from pons.lua.functions import INCOMING_FIND, INCOMING_WORKLIST
from pons.messages.ingress import ListSopClasses, SopClasses
from pons.objects import open_objects
from pons.objects.free_space import FreeSpace
from pons.ownership import Owner, require_own
from pons.remotes.commitments import Commitments
from pons.remotes.dicom_tls import certificates_of, speaks_tls
from pons.remotes.live import open_live
from pons.remotes.modalities import open_modalities
from pons.runtime.render import open_render
from pons.sending.decompression import Decompression
from pons.settings import Settings
from pons_ingress.commitment_report import CommitmentReports
from pons_ingress.commitment_request import CommitmentRequests
from pons_ingress.find import Find
from pons_ingress.find_filter import FindFilter
from pons_ingress.get import Get
from pons_ingress.move import Move
from pons_ingress.negotiation import Rules
from pons_ingress.server import DicomServer
from pons_ingress.service_classes import Permission
from pons_ingress.services import Echo, Service, Services
from pons_ingress.store import Store
from pons_ingress.syntaxes import STORAGE_SOP_CLASSES, StorageClasses
from pons_ingress.worklist import Worklist

log = structlog.get_logger()


@asynccontextmanager
async def open_service(settings: Settings, health: Health) -> AsyncIterator[None]:
    """The DICOM port is open while the block runs; requests under way at its end are answered."""
    keep_freed_memory()
    certificates = None
    if speaks_tls(settings.dicom):
        certificates = await asyncio.to_thread(certificates_of, settings.dicom, health.warnings)
    room = FreeSpace(settings.storage)
    objects = open_objects(settings.storage, settings.store.name, room=room)
    try:
        async with (
            open_bus(settings) as bus,
            answering_roll_call(bus, health),
            open_modalities(bus, settings) as modalities,
            open_live(bus, settings, "dicom") as live,
            open_callbacks(bus, settings) as lua,
            open_ingest(
                objects,
                bus,
                settings,
                lambda: live.now.default_charset,
                instance_filter=InstanceFilter(lua.scripts),
            ) as ingest,
            AsyncExitStack() as opened,
        ):
            health.room = room.shortage
            health.checks |= {"nats": bus.check, "objects": objects.check}
            health.pulses.include(bus.pulses)
            if certificates is not None:
                health.checks["certificates"] = certificates.look
            await require_own(settings, objects, bus)
            listed = partial(_list_sop_classes, _storage_classes(settings, accept_unknown=False))
            await answer_commands(bus, "dicom-ingress", {ListSopClasses: listed}, health)

            def charset() -> str:
                return live.now.default_charset

            def storage() -> StorageClasses:
                unknown = live.now.accept_unknown_sop_classes
                return _storage_classes(settings, accept_unknown=unknown)

            served: dict[Permission, Service] = {
                Permission.ECHO: Echo(),
                Permission.STORE: Store(
                    ingest.keep,
                    objects.spool,
                    storage,
                    max_bytes=settings.dicom.max_dataset_mb * MEGABYTE,
                    read_only=settings.store.read_only,
                    tell_moved=partial(_tell_moved, bus),
                ),
            }
            commitments = Commitments(bus, settings.egress.commitment_reports)
            served[Permission.EVENT_REPORT] = CommitmentReports(commitments.report)
            if settings.database.configured:
                # It connects when first asked: instances are received while the database is away.
                catalog = await opened.enter_async_context(
                    open_catalog(settings, objects, Owner(objects, settings))
                )
                render = await opened.enter_async_context(open_render(settings, None))
                jobs = Jobs(bus, settings.jobs)
                finding, listing = (
                    FindFilter(lua.scripts, function, modalities)
                    for function in (INCOMING_FIND, INCOMING_WORKLIST)
                )
                served[Permission.FIND] = Find(catalog, settings, charset, finding)
                served[Permission.GET] = Get(
                    catalog, objects, charset, Decompression(render, objects)
                )
                served[Permission.N_ACTION] = CommitmentRequests(
                    partial(submit_commitment, jobs), modalities, settings.dicom
                )
                served[Permission.MOVE] = Move(catalog, jobs, modalities, settings, charset)
                served[Permission.FIND_WORKLIST] = Worklist(
                    catalog.worklists, settings, charset, listing
                )
            else:
                log.warning(
                    "no database is configured: queries, retrieval, commitment are not served"
                )
            services = Services(served)

            def rules() -> Rules:
                return Rules(
                    settings.dicom.maximum_pdu_length,
                    storage(),
                    frozenset(live.now.accepted_transfer_syntaxes),
                    services.offered,
                )

            async with DicomServer(
                settings.dicom,
                settings.dicom_host,
                settings.dicom.port,
                services,
                modalities,
                rules,
                settings.http.users,
                settings.health.finish_seconds,
                certificates=certificates,
            ):
                yield
    finally:
        await objects.close()


def _storage_classes(settings: Settings, *, accept_unknown: bool) -> StorageClasses:
    dicom = settings.dicom
    return StorageClasses(accept_unknown, dicom.accepted_sop_classes, dicom.rejected_sop_classes)


async def _tell_moved(bus: Bus, originator: str, number: int, instance_id: str) -> None:
    await bus.send(bus.names.moved(originator, str(number)), instance_id.encode())


async def _list_sop_classes(received: StorageClasses, _command: ListSopClasses) -> SopClasses:
    return SopClasses(sorted(filter(received.has, STORAGE_SOP_CLASSES)))
