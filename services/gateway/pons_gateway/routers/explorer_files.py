# SPDX-License-Identifier: Apache-2.0
"""The files of Explorer. They tell nothing of the store, so that a page can ask who one is."""

from fastapi import Request, Response

from pons_gateway.pages.explorer import NO_PAGES, file_answer, folder_of, is_built
from pons_gateway.responses.answers import Answer
from pons_gateway.routing import Router, page, public

HOME = "app/explorer.html"

router = Router("Pages and health", "Pages for people, and whether the gateway is well.")


@router.lean("/explorer", include_in_schema=False)
@page
@public
async def shell(request: Request) -> Response:
    if not request.url.path.endswith("/"):
        return Answer(b"", 307, (b"location", b"explorer/"))
    return await file(request)


@router.lean("/explorer/{path:path}", include_in_schema=False)
@page
@public
async def file(request: Request) -> Response:
    settings = request.app.state.backends.settings
    path = request.path_params.get("path", "")
    if not is_built(settings) and not path.startswith(NO_PAGES):
        up = "../" * (request.url.path.count("/") - 1)
        return Answer(b"", 307, (b"location", f"{up}{HOME}".encode()))
    return file_answer(request, folder_of(settings), path)
