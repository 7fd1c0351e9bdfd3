# SPDX-License-Identifier: Apache-2.0
"""Orthanc Explorer 2, for stores that have its files: where they are, and what they ask."""

from fastapi import Request, Response

from pons_gateway.models.answers import Document
from pons_gateway.pages.explorer import file_answer
from pons_gateway.pages.leading import first_page
from pons_gateway.pages.orthanc_explorer import (
    BEFORE_LOGIN,
    STYLE,
    configuration,
    folder_of,
    style,
)
from pons_gateway.responses.answers import Answer, json_answer
from pons_gateway.routing import Router, page

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


@router.lean("/ui/app", include_in_schema=False)
@page
async def index(request: Request) -> Response:
    """The page; without a folder of it, the way to the store's own."""
    settings, path = request.app.state.backends.settings, request.url.path
    if not settings.http.ui_folder:
        return Answer(b"", 307, (b"location", _up(path, first_page(settings))))
    if not path.endswith("/"):
        return Answer(b"", 307, (b"location", b"app/"))
    return file_answer(request, folder_of(settings), "")


@router.lean("/ui/app/{path:path}", include_in_schema=False)
@page
async def file(request: Request) -> Response:
    """A file, or the page itself, which has addresses of its own."""
    settings, path = request.app.state.backends.settings, request.path_params["path"]
    if path == STYLE:
        return Answer(style(settings), 200, *CSS)
    return file_answer(request, folder_of(settings), path)


def _up(path: str, place: str) -> bytes:
    """A place of the store from a path, so that it holds behind a proxy that serves the store below
    another path."""
    return ("../" * (path.count("/") - 1) + place).encode()
