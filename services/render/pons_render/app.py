# SPDX-License-Identifier: Apache-2.0
"""The FastAPI application: routers, and how errors are told."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import FastAPI
from starlette.middleware import Middleware

import pons
from pons_render.access import TokenRequired
from pons_render.error_handlers import add_handlers
from pons_render.resources import Resources
from pons_render.routers import ROUTERS

OpenResources = Callable[[], AbstractAsyncContextManager[Resources]]


def create_app(token: str, open_resources: OpenResources) -> FastAPI:
    """Render, for whoever shows `token`, or for everyone where it is empty.

    Its lifespan opens what the routes work with: `app.state.resources`.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_resources() as resources:
            app.state.resources = resources
            yield

    app = FastAPI(
        title="Pons render",
        version=pons.__version__,
        lifespan=lifespan,
        middleware=[Middleware(TokenRequired, token=token)] if token else [],
        redirect_slashes=False,
        docs_url=None,  # its pages need files from elsewhere
        redoc_url=None,
    )
    for router in ROUTERS:
        app.include_router(router)
    add_handlers(app)
    return app
