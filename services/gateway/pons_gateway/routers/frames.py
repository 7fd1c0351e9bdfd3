# SPDX-License-Identifier: Apache-2.0
"""Frames for viewing: those of a series in one stream, and small pictures."""

from typing import Annotated

import msgspec
from fastapi import Query, Request, Response

from pons.errors import BadRequest, Conflict
from pons.messages.frames import FRAME_STREAM, THUMBNAIL, FramesRequest
from pons_gateway.dependencies import BackendsDep, LevelDep, ResourceId
from pons_gateway.models.failures import failures
from pons_gateway.models.frames import FrameOrder, FramesQuery, ThumbnailQuery
from pons_gateway.render.frames import Kept, relay_frames
from pons_gateway.render.pictures import relay_picture
from pons_gateway.resources.frames import frames_of_series, middle_frame
from pons_gateway.responses.answers import json_answer
from pons_gateway.responses.media_types import OCTETS, answers
from pons_gateway.routing import LevelRouter, Router

TITLE = "Frames"
DESCRIPTION = (
    "Frames for viewing, with what is needed to show them right: docs/frames.md says how the "
    "stream is read."
)

router = Router(TITLE, DESCRIPTION)
levels = LevelRouter(TITLE, DESCRIPTION, levels=("Study", "Series", "Instance"))


@router.get(
    "/series/{id}/frame-order",
    summary="The frames of a series in the order in which they are looked at",
    response_model=FrameOrder,
)
async def frame_order(identifier: ResourceId, backends: BackendsDep) -> Response:
    """In space where positions tell it, else by index, else as they came."""
    frames = await frames_of_series(identifier, backends)
    first, instances = 0, []
    for run in frames.runs:
        told = {"Instance": run.instance, "Content": run.content, "First": first}
        instances.append(told | {"Count": run.count})
        first += run.count
    return json_answer(
        {
            "Content": frames.content,
            "Type": "Volume" if frames.is_volume else "Sequence",
            "Total": frames.total,
            "Instances": instances,
        }
    )


@router.get(
    "/series/{id}/frames",
    summary="Decoded frames of a series, one after the other, each with what is needed to show it",
    response_class=Response,
    responses=answers(OCTETS) | failures(409),
)
async def frames(
    request: Request,
    identifier: ResourceId,
    asked: Annotated[FramesQuery, Query()],
    backends: BackendsDep,
) -> Response:
    """Each has a head in JSON, then its values: stored values of grey frames, RGB of others. A
    frame that cannot be decoded has a head that says why, and the others follow."""
    known = await frames_of_series(identifier, backends)
    if asked.content not in (None, known.content):
        raise Conflict("The series has changed", "ask for /frame-order again")
    runs = known.part(asked.start, asked.count)
    if not runs:
        raise BadRequest(f"There is no frame {asked.start}", f"the series has {known.total}")
    tag = f"{known.content}-{asked.start}-{sum(run.count for run in runs)}"
    kept = Kept(tag, for_good=asked.content is not None)
    if kept.for_good and kept.is_known(request):
        return kept.unchanged()
    body = msgspec.json.encode(FramesRequest(runs, asked.start, kept=kept.for_good))
    return await relay_frames(backends.archives, FRAME_STREAM, body, kept)


@levels.get(
    "/{id}/thumbnail",
    summary="A small picture of a {level}, as people would see it",
    response_class=Response,
    responses=answers("image/png", "image/jpeg") | failures(415),
)
async def thumbnail(
    request: Request,
    level: LevelDep,
    identifier: ResourceId,
    asked: Annotated[ThumbnailQuery, Query()],
    backends: BackendsDep,
) -> Response:
    """Of the frame in the middle, by the window that its header has; of a study, that of the series
    with the most pictures. What has none is 415, which says why."""
    run = await middle_frame(level, identifier, backends)
    kept = Kept(f"{run.content}-{run.first}-{asked.size}", for_good=asked.content == run.content)
    if kept.is_known(request):
        return kept.unchanged()
    path = THUMBNAIL.format(id=run.instance, frame=run.first)
    accept = request.headers.get("accept", "*/*")
    answer = await relay_picture(backends.render, path, b"size=%d" % asked.size, accept)
    if answer.status_code == 200:
        answer.raw_headers += [*kept.headers, (b"vary", b"accept")]
    return answer
