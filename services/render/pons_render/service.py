# SPDX-License-Identifier: Apache-2.0
"""Render, put together: what it opens, and how an instance becomes something to decode."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pons.catalog import Catalog, open_catalog
from pons.health import Health, serving
from pons.objects import Objects, open_objects
from pons.settings import RenderSettings, Settings
from pons_render.app import create_app
from pons_render.image import Located
from pons_render.pool import Bounds, WorkerPool

_GRACE_SECONDS = 5
_UNDEFINED_LENGTH = -1


class Instances:
    """The instances of the index and their objects."""

    def __init__(self, catalog: Catalog, objects: Objects) -> None:
        self._catalog = catalog
        self.objects = objects

    async def find(self, instance_id: str) -> Located | None:
        """Where an instance is, with its header."""
        stored, header = await asyncio.gather(
            self._catalog.find_object(instance_id), self._catalog.find_header(instance_id)
        )
        if stored is None or header is None:
            return None
        undefined = stored.pixel_length == _UNDEFINED_LENGTH
        return Located(
            key=stored.object_key,
            size=stored.size,
            transfer_syntax=stored.transfer_syntax,
            header=header.json,
            pixel_offset=stored.pixel_offset,
            pixel_length=None if undefined else stored.pixel_length,
            pixel_vr=stored.pixel_vr,
            compression=stored.compression,
        )


def bounds_of(settings: RenderSettings) -> Bounds:
    """The bounds that the operator set."""
    defaults = Bounds()
    return Bounds(
        workers=settings.workers or defaults.workers,
        memory=settings.memory_mb * 1024 * 1024,
        seconds=settings.timeout,
    )


@asynccontextmanager
async def open_service(settings: Settings, health: Health) -> AsyncIterator[None]:
    """Pictures are served while the block runs; those under way get a few seconds to end."""
    objects = open_objects(settings.storage, settings.store.name)
    try:
        async with (
            open_catalog(settings, objects) as catalog,
            WorkerPool(bounds_of(settings.render)) as pool,
        ):
            health.checks["database"] = catalog.check
            app = create_app(Instances(catalog, objects), pool)
            host, port = settings.render.host, settings.render.port
            async with serving(app, host, port, timeout_graceful_shutdown=_GRACE_SECONDS):
                yield
    finally:
        await objects.close()
