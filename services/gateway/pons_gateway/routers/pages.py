# SPDX-License-Identifier: Apache-2.0
"""Pages for people, the description for programs, and whether the gateway is well."""

from pathlib import Path
from typing import Any

import fastapi_offline
from fastapi import Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, RedirectResponse

from pons.http.health import NOT_READY, Liveness, Readiness, live_answer, ready_answer
from pons_gateway.dependencies import BackendsDep
from pons_gateway.models.answers import Document
from pons_gateway.pages.home import PAGES, home_page
from pons_gateway.pages.leading import EXPLORER, first_page
from pons_gateway.responses.answers import Answer, html_answer, json_answer
from pons_gateway.routing import Router, page, public

STATIC_FILES = {
    "/app/images": PAGES / "images",
    "/docs": Path(fastapi_offline.__file__).with_name("static"),
}
"""Path to the folder whose files are below it; Swagger UI's, so that it needs no other server."""
ICON = "app/images/favicon.ico"
TO_ELSEWHERE: dict[str, Any] = {"status_code": 307, "response_class": RedirectResponse}
TOLD_TO_STRANGERS = ("service", "ready")
"""Of `/health/ready`; the rest quotes errors, with folders and addresses."""

router = Router("Pages and health", "Pages for people, and whether the gateway is well.")


@router.get("/", summary="Redirect to the page for people", **TO_ELSEWHERE)
@page
async def root(backends: BackendsDep) -> Response:
    """Explorer, the home page before that is built, or what setting `http.page` says."""
    return _redirect(first_page(backends.settings))


@router.get("/favicon.ico", summary="Redirect to the icon", **TO_ELSEWHERE)
@page
async def favicon() -> Response:
    return _redirect(ICON)


@router.get(
    "/app/explorer.html",
    summary="A page that says what runs here, or the way to Explorer",
    response_class=HTMLResponse,
)
@page
async def known_address(request: Request, backends: BackendsDep) -> Response:
    """Where Orthanc has its page."""
    if first_page(backends.settings) == EXPLORER:
        return _redirect(f"../{EXPLORER}")
    return await home(request, backends)


@router.get(
    "/app/home.html", summary="A page that says what runs here", response_class=HTMLResponse
)
@page
async def home(request: Request, backends: BackendsDep) -> Response:
    """Without a script: for who wants no more, and while Explorer is built."""
    return html_answer(await home_page(backends, request.url.hostname or "localhost"))


@router.get("/docs", summary="This description, for people", response_class=HTMLResponse)
async def docs(request: Request) -> Response:
    return get_swagger_ui_html(
        title=f"{request.app.title} · Documentation",
        openapi_url="openapi.json",
        swagger_js_url="docs/swagger-ui-bundle.js",
        swagger_css_url="docs/swagger-ui.css",
        swagger_favicon_url=ICON,
        swagger_ui_parameters={"docExpansion": "none", "filter": True},
    )


@router.get("/openapi.json", summary="This description, for programs", response_model=Document)
async def description(request: Request) -> Response:
    return json_answer(request.app.openapi())


@router.get("/health/live", summary="Whether the process runs", response_model=Liveness)
@public
async def live(backends: BackendsDep) -> Response:
    return live_answer(backends.health)


@router.get(
    "/health/ready",
    summary="Whether everything that the gateway needs works, the index above all",
    description="Users are told what does not work; others only whether all does.",
    response_model=Readiness,
    responses=NOT_READY,
)
@public
async def ready(request: Request, backends: BackendsDep) -> Response:
    if not request.scope["stranger"]:
        return await ready_answer(backends.health)
    report = await backends.health.readiness()
    told = {name: report[name] for name in TOLD_TO_STRANGERS}
    return json_answer(told, 200 if report["ready"] else 503)


def _redirect(location: str) -> Answer:
    """Relative, so that it holds behind a proxy that serves the store below another path."""
    return Answer(b"", 307, (b"location", location.encode()))
