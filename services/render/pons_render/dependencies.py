# SPDX-License-Identifier: Apache-2.0
"""What endpoints are given: resources, and what a request says, each read in one place."""

import re
from typing import Annotated

from fastapi import Depends, Header, Path, Query, Request

from pons.errors import BadRequest, NotFound, UnsupportedImage
from pons.jobs import ArchiveRequest
from pons.limits.json_text import NotJson, read_json
from pons.messages.frames import LARGEST_EDGE, SMALLEST_EDGE, USUAL_EDGE, FramesRequest
from pons.messages.views import VIEWS, View
from pons_render.formats import Format, choose_format
from pons_render.pictures import DEFAULT_QUALITY, Instance
from pons_render.resources import Resources

FRAME_NUMBER = re.compile(r"\+?[0-9]{1,20}")
LARGEST_FRAME_NUMBER = 2**32 - 1
VIEW_OF = {path: view for view in VIEWS for path in view.paths}


async def resources_of(request: Request) -> Resources:
    """What the application's lifespan has opened."""
    opened: Resources = request.app.state.resources
    return opened


async def view_of(request: Request) -> View:
    """The view that a route is there for."""
    return VIEW_OF[request.scope["route"].path]


async def frame_of(request: Request) -> int:
    """The frame of the path, 0 without one; `NotFound` for what is no unsigned 32-bit number."""
    text = request.path_params.get("frame", "0")
    if not FRAME_NUMBER.fullmatch(text) or int(text) > LARGEST_FRAME_NUMBER:
        raise NotFound("A frame number is an integer")
    return int(text)


async def format_of(accept: Annotated[str | None, Header()] = None) -> Format:
    """The format that `Accept` likes best; `NotFound` when it likes none of ours."""
    output = choose_format(accept)
    if output is None:
        raise NotFound("There is no picture of a type that Accept names")
    return output


async def quality_of(
    quality: Annotated[str | None, Query(description="Quality of a JPEG, 1 to 100.")] = None,
) -> int:
    """Orthanc checks it for the other formats too, and answers 415."""
    if quality is None:
        return DEFAULT_QUALITY
    if not quality.isascii() or not quality.isdigit() or not 1 <= int(quality[:9]) <= 100:
        raise UnsupportedImage("quality is a number from 1 to 100")
    return int(quality)


ResourcesDep = Annotated[Resources, Depends(resources_of)]
ViewDep = Annotated[View, Depends(view_of)]
FrameDep = Annotated[int, Depends(frame_of)]
FormatDep = Annotated[Format, Depends(format_of)]
QualityDep = Annotated[int, Depends(quality_of)]


async def instance_of(
    instance_id: Annotated[str, Path(alias="id")], resources: ResourcesDep
) -> Instance:
    """The instance of the path. Raises `NotFound`."""
    return await resources.pictures.find(instance_id)


async def archive_request(request: Request) -> ArchiveRequest:
    """The body, as the gateway writes it and jobs keep it. Raises `BadRequest`."""
    try:
        asked: ArchiveRequest = read_json(await request.body(), ArchiveRequest)
    except NotJson as error:
        raise BadRequest("The body is no request for an archive", str(error)) from None
    return asked


async def frames_request(request: Request) -> FramesRequest:
    """The body, as the gateway writes it. Raises `BadRequest`."""
    try:
        asked: FramesRequest = read_json(await request.body(), FramesRequest)
    except NotJson as error:
        raise BadRequest("The body is no request for frames", str(error)) from None
    return asked


async def edge_of(
    size: Annotated[int, Query(ge=SMALLEST_EDGE, le=LARGEST_EDGE)] = USUAL_EDGE,
) -> int:
    """Pixels of the longer edge, which the gateway has checked."""
    return size


InstanceDep = Annotated[Instance, Depends(instance_of)]
ArchiveRequestDep = Annotated[ArchiveRequest, Depends(archive_request)]
FramesRequestDep = Annotated[FramesRequest, Depends(frames_request)]
EdgeDep = Annotated[int, Depends(edge_of)]
