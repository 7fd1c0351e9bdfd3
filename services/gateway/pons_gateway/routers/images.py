# SPDX-License-Identifier: Apache-2.0
"""Pictures, frames and raw pixels, which render makes."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends, Path, Query, Request, Response
from pydantic import WithJsonSchema

from pons.messages.views import ABOUT_FRAMES, FRAMES, VIEWS, View
from pons_gateway.dependencies import BackendsDep, ResourceId
from pons_gateway.models.failures import failures
from pons_gateway.render.pictures import relay_picture
from pons_gateway.routing import Router

BYTES = {"schema": {"type": "string", "format": "binary"}}
PICTURES = ("image/png", "image/jpeg", "image/x-portable-arbitrarymap")
MATRIX = {"schema": {"type": "string"}, "example": "double([ 0 1 ; 2 3 ])"}

router = Router(
    "Images", "Pictures as PNG or JPEG, by the `Accept` header, and the pixels as in the file."
)


async def frame_number(
    frame: Annotated[str, Path(description="Number of the frame, from 0 on.")],
) -> None:
    """Documents what render reads of the path."""


async def picture_options(
    quality: Annotated[
        str | None,
        WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 100}),
        Query(description="Quality of a JPEG; 90 without."),
    ] = None,
    unsupported: Annotated[
        str | None,
        WithJsonSchema({"type": "boolean"}),
        Query(
            alias="returnUnsupportedImage",
            description="Redirect to a picture that says so where there is no picture.",
        ),
    ] = None,
) -> None:
    """Documents what render reads of the query."""


def described(view: View, path: str) -> dict[str, Any]:
    """What the document says of a view at one of its paths."""
    parameters: list[Callable[..., Any]] = [frame_number] if "{frame}" in path else []
    parameters += [picture_options] if view.is_picture else []
    kinds = PICTURES if view.is_picture else (view.media_type,)
    content = {kind: MATRIX if kind == "text/plain" else BYTES for kind in kinds}
    return {
        "summary": view.summary,
        "dependencies": [Depends(one) for one in parameters],
        "response_class": Response,
        "responses": {200: {"content": content}, **failures(415)},
    }


async def relay(request: Request, instance_id: ResourceId, backends: BackendsDep) -> Response:
    """What render answers. Where it sees nothing it says why, and so does the answer (415, 400)."""
    path, query = request.scope["path"], request.scope["query_string"]
    accept = request.headers.get("accept", "*/*")
    return await relay_picture(backends.render, path, query, accept)


router.get(FRAMES, summary=ABOUT_FRAMES, response_model=list[int])(relay)
for view in VIEWS:
    for path in view.paths:
        router.get(path, **described(view, path))(relay)
