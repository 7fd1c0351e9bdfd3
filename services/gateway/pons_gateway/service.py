# SPDX-License-Identifier: Apache-2.0
"""The gateway as a service."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from pons.health.readiness import Health
from pons.http.bounds import Bounds
from pons.http.preload import preload_http
from pons.http.serving import serving
from pons.limits.heap import keep_freed_memory
from pons.runtime.https import certificates_of
from pons.settings import Settings
from pons_gateway.app import create_app
from pons_gateway.lifespan import open_backends

KEEP_ALIVE_SECONDS = 75


@asynccontextmanager
async def open_gateway(settings: Settings, health: Health) -> AsyncIterator[None]:
    """The gateway, serving as long as the block runs."""
    keep_freed_memory()
    await preload_http()
    tls = await asyncio.to_thread(certificates_of, settings.http, health.warnings)
    if tls is not None:
        health.checks["certificates"] = tls.look
    app = create_app(settings, partial(open_backends, settings, health))
    async with serving(
        app,
        settings.http_host,
        settings.http.port,
        share_port=settings.http.processes > 1,
        bounds=Bounds(
            connections=settings.http.max_connections,
            connections_per_address=settings.http.max_connections_per_address,
        ),
        trusted_proxies=settings.http.trusted_proxies,
        leaving=lambda: health.leaving,
        timeout_graceful_shutdown=settings.health.finish_seconds,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        tls=tls,
    ):
        yield
