# SPDX-License-Identifier: Apache-2.0
"""The FastAPI application: routers, what happens to every request, and how errors are told."""

import mimetypes
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import FastAPI
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp

import pons
from pons.http.traced import Traced
from pons.limits import MEGABYTE
from pons.settings import Settings
from pons.settings.model import is_loopback
from pons_gateway.actions import allowed
from pons_gateway.backends import Backends
from pons_gateway.document import DESCRIPTION, TITLE, described
from pons_gateway.error_handlers import add_handlers
from pons_gateway.middleware.authentication import Authenticated
from pons_gateway.middleware.bodies import BodyLength
from pons_gateway.middleware.browsers import Browsers
from pons_gateway.middleware.compression import Compression
from pons_gateway.middleware.credentials import Authentication
from pons_gateway.middleware.hosts import Hosts
from pons_gateway.middleware.methods import Methods
from pons_gateway.middleware.metrics import Metrics
from pons_gateway.middleware.other_sites import OtherSites
from pons_gateway.middleware.request_filter import RequestFilter
from pons_gateway.middleware.xml import Xml
from pons_gateway.pages import explorer, orthanc_explorer
from pons_gateway.pages.built import BuiltPage, BuiltPages
from pons_gateway.pages.leading import leads_to_explorer
from pons_gateway.routers import ROUTERS
from pons_gateway.routers.pages import STATIC_FILES
from pons_gateway.routing import TreeRouter, has_mark
from pons_gateway.webdav import PREFIX, Share, is_shared

mimetypes.add_type("image/x-icon", ".ico")  # as browsers and Orthanc call it

OpenBackends = Callable[[], AbstractAsyncContextManager[Backends]]


class Gateway(FastAPI):
    """FastAPI without the layers around every request that have nothing to do here.

    They would take a tenth of a short answer. `Metrics` answers what nobody else did, `BodyLength`
    refuses what is too long, telemetry is off, and the stack on which FastAPI puts the files of a
    form is with the routes that may have one (`GatewayRoute`).
    """

    def build_middleware_stack(self) -> ASGIApp:
        """Our middlewares, the handlers of errors, and the router."""
        handlers = dict(self.exception_handlers)
        app: ASGIApp = ExceptionMiddleware(self.router.middleware_stack, handlers=handlers)
        for middleware in reversed(self.user_middleware):
            app = middleware.cls(app, *middleware.args, **middleware.kwargs)
        return app


def create_app(settings: Settings, open_backends: OpenBackends) -> FastAPI:
    """The gateway. Its lifespan opens what the routes work with: `app.state.backends`."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_backends() as backends:
            app.state.backends = backends
            yield

    router = TreeRouter(lifespan=lifespan)
    app = Gateway(
        title=TITLE,
        description=DESCRIPTION,
        version=pons.__version__,
        openapi_tags=chapters(),
        servers=[{"url": "."}],  # so that it holds behind a proxy that serves a path of its own
        openapi_url=None,  # see routers/pages.py, which knows who may read it
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.router = router
    for chapter in ROUTERS:
        router.grow(route for route in chapter.routes if is_offered(route, settings))
    for path, folder in STATIC_FILES.items():
        app.frontend(path, directory=folder, fallback=None)
    pages = built_pages(settings)
    for page in pages:
        app.frontend(page.path, directory=page.folder, fallback=None, check_dir=False)
    if settings.http.explorer:
        router.publish_files(explorer.PATH)  # it tells nothing of the store, and asks who one is
    router.files = BuiltPages(router.files, pages)
    if settings.webdav.enabled:
        router.grow([Mount(f"/{PREFIX}", Share())])
    app.state.authentication = Authentication(settings.http.users)
    add_middleware(app, settings, router, is_shared if settings.webdav.enabled else nowhere)
    add_handlers(app)
    app.state.describes_errors = settings.http.describe_errors
    app.state.actions = allowed(requests(router), settings)
    app.openapi = described(app)  # type: ignore[method-assign] # as FastAPI's manual extends it
    return app


def built_pages(settings: Settings) -> list[BuiltPage]:
    """The pages that a store with these settings has, whether their files are there yet or not."""
    if not settings.http.explorer:
        return []
    pages = [explorer.explorer_page(settings)]
    if settings.http.ui_folder:
        pages.append(orthanc_explorer.page_of_yours(settings))
    return pages


def chapters() -> list[dict[str, str]]:
    """The chapters of the document, in their order; several routers may be of one."""
    descriptions = {router.title: router.description for router in ROUTERS}
    return [{"name": title, "description": told} for title, told in descriptions.items()]


def add_middleware(
    app: FastAPI, settings: Settings, router: TreeRouter, is_shared: Callable[[str], bool]
) -> None:
    """What happens to every request; what is added last comes first."""
    http, on_loopback = settings.http, is_loopback(settings.http_host)
    if settings.lua.calls_back:
        app.add_middleware(RequestFilter)
    if not http.allow_cross_site:
        app.add_middleware(OtherSites)
    app.add_middleware(Methods, is_shared=is_shared)
    app.add_middleware(BodyLength, most=http.max_body_mb * MEGABYTE, is_shared=is_shared)
    app.add_middleware(
        Authenticated,
        authentication=app.state.authentication,
        is_public=lambda path: router.is_public(path) or leads_to_explorer(path, settings),
        on_loopback=on_loopback,
        lua_token=settings.lua.token if settings.lua.calls_back else "",
    )
    if http.hosts or not http.users:
        app.add_middleware(Hosts, hosts=http.hosts, on_loopback=on_loopback, is_public=is_probe)
    app.add_middleware(Xml)
    if http.compress_answers:
        app.add_middleware(Compression)
    app.add_middleware(Metrics)
    app.add_middleware(Browsers, hsts_seconds=http.hsts_seconds)
    if settings.traces.endpoint:
        app.add_middleware(Traced)


def requests(router: TreeRouter) -> Iterator[tuple[str, str]]:
    """Method and path of everything that routes answer to."""
    for route in router.routes:
        for method in getattr(route, "methods", None) or ():
            yield method, getattr(route, "path", "")


def is_probe(path: str) -> bool:
    """Whether a path is answered whatever the store is called."""
    return path.startswith("/health/")


def nowhere(_path: str) -> bool:
    """No path is the share's where there is none."""
    return False


def is_offered(route: BaseRoute, settings: Settings) -> bool:
    """Whether a store with these settings has the route; where none is left, there is no path."""
    if has_mark(route, "writes") and settings.store.read_only:
        return False
    if has_mark(route, "page") and not settings.http.explorer:
        return False
    if has_mark(route, "in_place_of_a_page") and settings.http.ui_folder:
        return False
    below = getattr(route, "path", "").removeprefix("/explorer/api").split("/")[1]
    return settings.store.patient_level or below != "patients"
