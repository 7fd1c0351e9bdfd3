# SPDX-License-Identifier: Apache-2.0
"""Orthanc Explorer 2, for stores that have its files: what these ask, and what is there without."""

from fastapi import Request, Response

from pons_gateway.models.answers import Document
from pons_gateway.pages.leading import first_page
from pons_gateway.pages.orthanc_explorer import BEFORE_LOGIN, configuration, no_page, style
from pons_gateway.responses.answers import Answer, json_answer
from pons_gateway.routing import Router, in_place_of_a_page, page

CSS = ((b"content-type", b"text/css; charset=utf-8"), (b"cache-control", b"no-cache"))

router = Router("Pages and health", "Pages for people, and whether the gateway is well.")


@router.get(
    "/ui/api/pre-login-configuration",
    summary="How Orthanc Explorer 2 lets people log in: not by itself",
    response_model=Document,
)
@page
async def before_login() -> Response:
    return json_answer(BEFORE_LOGIN)


@router.get(
    "/ui/api/configuration",
    summary="What Orthanc Explorer 2 shows and offers",
    response_model=Document,
)
@page
async def options(request: Request) -> Response:
    """Its options have their usual values, but for what this store does not allow."""
    return json_answer(configuration(request.app.state.actions))


@router.lean("/ui/app/customizable/custom.css", include_in_schema=False)
@page
async def its_style(request: Request) -> Response:
    return Answer(style(request.app.state.backends.settings), 200, *CSS)


@router.lean("/ui/app", include_in_schema=False)
@page
@in_place_of_a_page
async def elsewhere(request: Request) -> Response:
    """The way to the store's own page."""
    settings, path = request.app.state.backends.settings, request.url.path
    return Answer(b"", 307, (b"location", _up(path, first_page(settings))))


@router.lean("/ui/app/{path:path}", include_in_schema=False)
@page
@in_place_of_a_page
async def no_file(_request: Request) -> Response:
    return no_page()


def _up(path: str, place: str) -> bytes:
    """A place of the store from a path, so that it holds behind a proxy that serves the store below
    another path."""
    return ("../" * (path.count("/") - 1) + place).encode()
