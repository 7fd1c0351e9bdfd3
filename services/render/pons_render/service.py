# SPDX-License-Identifier: Apache-2.0
"""Render, put together: what it opens, and how an instance becomes something to decode."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from functools import partial
from typing import TypeVar

from pons.bus import open_bus
from pons.bus.roll_call import answering_roll_call
from pons.catalog import Catalog, StoredObject, open_own_catalog
from pons.header.json_elements import select_elements
from pons.health.readiness import Health
from pons.http.preload import preload_http
from pons.http.serving import serving
from pons.http.traced import Traced
from pons.jobs import Jobs, Worker
from pons.jobs.archive import WORKER
from pons.limits import MEGABYTE
from pons.objects import Objects, open_objects
from pons.settings import RenderSettings, Settings
from pons_render.access import refuse_to_be_open
from pons_render.app import create_app
from pons_render.archive import ArchiveJob, Archives
from pons_render.frame_attributes import FrameAttributes, picture_and_attributes
from pons_render.image import Located
from pons_render.picture_header import PICTURE_TAGS
from pons_render.pictures import Pictures
from pons_render.pool import Bounds, WorkerPool
from pons_render.proof import prove_decoders, unproven
from pons_render.resources import Resources

T = TypeVar("T")

_RELEASE_SECONDS = 5
"""How long giving a job back may take; a cancellation can get lost before Python 3.12."""
_UNDEFINED_LENGTH = -1


class Instances:
    """The instances of the index and their objects."""

    def __init__(self, catalog: Catalog, objects: Objects) -> None:
        self._catalog = catalog
        self.objects = objects

    async def find(self, instance_id: str) -> Located | None:
        """Where an instance is, with its header."""
        found = await self._find(instance_id, lambda json: select_elements(json, PICTURE_TAGS))
        return found and _located(instance_id, found[0], found[1])

    async def find_frames(
        self, instance_id: str, frames: range
    ) -> tuple[Located, tuple[FrameAttributes, ...]] | None:
        """The same, with what the header says of these frames. Raises `UnsupportedImage`."""
        found = await self._find(instance_id, lambda json: picture_and_attributes(json, frames))
        if found is None:
            return None
        stored, (header, attributes) = found
        return _located(instance_id, stored, header), attributes

    async def _find(
        self, instance_id: str, use: Callable[[bytes], T]
    ) -> tuple[StoredObject, T] | None:
        stored, made = await asyncio.gather(
            self._catalog.find_object(instance_id),
            self._catalog.headers.read(instance_id, lambda found: use(found.json)),
        )
        return None if stored is None or made is None else (stored, made)


def _located(instance_id: str, stored: StoredObject, header: bytes) -> Located:
    """What render needs to know of a row."""
    undefined = stored.pixel_length == _UNDEFINED_LENGTH
    return Located(
        key=stored.object_key,
        size=stored.size,
        transfer_syntax=stored.transfer_syntax,
        header=header,
        pixel_offset=stored.pixel_offset,
        pixel_length=None if undefined else stored.pixel_length,
        pixel_vr=stored.pixel_vr,
        compression=stored.compression,
        stored_size=stored.stored_size,
        owner=instance_id,
        checksum=stored.checksum,
    )


def bounds_of(settings: RenderSettings) -> Bounds:
    """The bounds that the operator set."""
    defaults = Bounds()
    return Bounds(
        workers=settings.workers or defaults.workers,
        memory=settings.memory_mb * MEGABYTE,
        seconds=settings.timeout,
    )


@asynccontextmanager
async def open_service(settings: Settings, health: Health) -> AsyncIterator[None]:
    """Pictures and archives are served, and jobs done, while the block runs; requests under way get
    a few seconds to end, jobs are given back.

    Raises `SettingsError` where anybody could see every image.
    """
    refuse_to_be_open(settings)
    await preload_http()
    app = create_app(settings.render.token, partial(open_resources, settings, health))
    if settings.traces.endpoint:
        app.add_middleware(Traced)
    host, port = settings.render.host, settings.render.port
    async with serving(
        app,
        host,
        port,
        leaving=lambda: health.leaving,
        timeout_graceful_shutdown=settings.health.finish_seconds,
    ):
        yield


@asynccontextmanager
async def open_resources(settings: Settings, health: Health) -> AsyncIterator[Resources]:
    """Everything that the routes need, and the worker of jobs, as long as the block runs."""
    objects, bounds = (
        open_objects(settings.storage, settings.store.name),
        bounds_of(settings.render),
    )
    try:
        async with (
            open_own_catalog(settings, objects) as catalog,
            WorkerPool(bounds) as pool,
            asyncio.TaskGroup() as group,
        ):
            health.checks["database"] = catalog.check
            proving = group.create_task(prove_decoders(pool, unproven(health.pulses)))
            with closing(Archives(catalog, objects, settings.archive)) as archives:
                working = group.create_task(_do_jobs(settings, health, archives, objects))
                yield Resources(
                    pictures=Pictures(Instances(catalog, objects), pool),
                    frames_ahead=bounds.workers + 1,
                    archives=archives,
                    objects=objects,
                    stream=settings.archive.stream,
                )
                proving.cancel()
                while not working.done():
                    working.cancel()
                    await asyncio.wait((working,), timeout=_RELEASE_SECONDS)
    finally:
        await objects.close()


async def _do_jobs(
    settings: Settings, health: Health, archives: Archives, objects: Objects
) -> None:
    """Work on jobs for ever; pictures are served also while NATS is away."""
    async with open_bus(settings) as bus, answering_roll_call(bus, health):
        health.checks["nats"] = bus.check
        health.pulses.include(bus.pulses)
        jobs = Jobs(bus, settings.jobs, objects)
        archive = ArchiveJob(jobs, archives, objects, settings.archive.outputs)
        handlers = {"Archive": archive, "Media": archive}
        worker = Worker(bus, settings.jobs, WORKER, handlers, objects=objects)
        health.measures.append(worker.measure)
        await worker.run()
