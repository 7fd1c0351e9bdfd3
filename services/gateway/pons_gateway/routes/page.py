# SPDX-License-Identifier: Apache-2.0
"""Pages for people, the description for programs, and whether the gateway is well."""

from functools import lru_cache

from starlette.requests import Request
from starlette.responses import Response

import pons
from pons_gateway import openapi
from pons_gateway.answers import Answer, html_answer, json_answer
from pons_gateway.backends import Backends
from pons_gateway.home import home_page
from pons_gateway.html import FAVICON, UNSUPPORTED, documentation
from pons_gateway.routing import Group, Routes

GROUP = Group("Pages and health", "Pages for people, and whether the gateway is well.")


@GROUP.get("/", "Redirect to the page for people", gives="", pages=True)
async def root(_request: Request, _backends: Backends) -> Response:
    return _redirect(b"app/explorer.html")


@GROUP.get("/favicon.ico", "Redirect to the icon", gives="", pages=True)
async def favicon(_request: Request, _backends: Backends) -> Response:
    return _redirect(b"app/images/favicon.ico")


@GROUP.get("/app/images/favicon.ico", "The icon", gives="image/x-icon", pages=True)
async def icon(_request: Request, _backends: Backends) -> Response:
    return Answer(FAVICON, 200, (b"content-type", b"image/x-icon"))


@GROUP.get(
    "/app/images/unsupported.png",
    "The picture to which `returnUnsupportedImage` redirects",
    gives="image/png",
)
async def unsupported(_request: Request, _backends: Backends) -> Response:
    return Answer(UNSUPPORTED, 200, (b"content-type", b"image/png"))


@GROUP.get("/app/explorer.html", "A page that says what runs here", gives="text/html", pages=True)
async def home(request: Request, backends: Backends) -> Response:
    return html_answer(await home_page(backends, request.url.hostname or "localhost"))


@GROUP.get("/docs", "This description, for people", gives="text/html")
async def docs(_request: Request, backends: Backends) -> Response:
    return html_answer(_documentation(_routes(backends)))


@GROUP.get("/openapi.json", "This description, for programs", example={"openapi": "3.1.0"})
async def description(_request: Request, backends: Backends) -> Response:
    return json_answer(openapi.describe(_routes(backends), pons.__version__))


@GROUP.get("/health/live", "Whether the process runs", example={"service": "gateway"}, public=True)
@GROUP.get(
    "/health/ready",
    "Whether everything that the gateway needs works, the index above all, and what does not",
    example={"service": "gateway", "ready": True, "failures": {}},
    public=True,
)
async def health(request: Request, backends: Backends) -> Response:
    answer = await backends.health.respond(request.scope["path"].rstrip("/"))
    assert answer is not None
    status, content_type, body = answer
    return Answer(body, status, (b"content-type", content_type.encode()))


@lru_cache(maxsize=1)
def _documentation(routes: Routes) -> str:
    return documentation(openapi.describe(routes, pons.__version__))


def _redirect(location: bytes) -> Answer:
    """Relative, so that it holds behind a proxy that serves the store below another path."""
    return Answer(b"", 307, (b"location", location))


def _routes(backends: Backends) -> Routes:
    from pons_gateway.routes import routes_of  # this module has some of them

    return routes_of(backends.settings)
