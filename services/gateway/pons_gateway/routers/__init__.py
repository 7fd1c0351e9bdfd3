# SPDX-License-Identifier: Apache-2.0
"""Every router of the gateway, in the order of the chapters of its documentation."""

from pons_gateway.routers import (
    archives,
    changes,
    content,
    dead_letters,
    images,
    instances,
    jobs,
    modalities,
    operation,
    pages,
    peers,
    storage,
    system,
    tags,
    tools,
)
from pons_gateway.routing import Router

ROUTERS: tuple[Router, ...] = (
    pages.router,
    system.router,
    tools.router,
    operation.router,
    storage.router,
    storage.levels,
    dead_letters.router,
    instances.router,
    tags.router,
    tags.levels,
    tags.above,
    content.router,
    images.router,
    archives.router,
    archives.levels,
    changes.router,
    modalities.router,
    peers.router,
    jobs.router,
)
