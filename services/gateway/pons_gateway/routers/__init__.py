# SPDX-License-Identifier: Apache-2.0
"""Every router of the gateway, in the order of the chapters of its documentation."""

from pons_gateway.routers import (
    changes,
    dead_letters,
    images,
    jobs,
    modalities,
    operation,
    pages,
    peers,
    storage,
    system,
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
    images.router,
    changes.router,
    modalities.router,
    peers.router,
    jobs.router,
)
