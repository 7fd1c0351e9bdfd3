# SPDX-License-Identifier: Apache-2.0
"""Files that Explorer sends, several in a request."""

from contextlib import aclosing
from functools import partial
from typing import Any

import structlog
from fastapi import Request, Response

from pons.errors import BadRequest, log_text
from pons.limits import MEGABYTE
from pons_gateway.bodies.gathering import limited
from pons_gateway.dependencies import BackendsDep
from pons_gateway.errors import LONGEST_DETAILS, orthanc_error
from pons_gateway.models.uploads import UploadedFile
from pons_gateway.responses.answers import json_answer
from pons_gateway.responses.media_types import takes
from pons_gateway.routers import tag_tree
from pons_gateway.routing import Router, page, writes
from pons_gateway.uploads.multipart import boundary_of, form_parts
from pons_gateway.uploads.several import IN_MEMORY, Outcome, store_several
from pons_gateway.uploads.upload import Received, origin_of, store_body

log = structlog.get_logger()
router = Router(tag_tree.router.title, tag_tree.router.description, prefix="/explorer/api")


@router.post(
    "/upload",
    summary="Store the files of a form, each as if it had come alone",
    response_model=list[UploadedFile],
    openapi_extra=takes("multipart/form-data"),
)
@page
@writes
async def upload(request: Request, backends: BackendsDep) -> Response:
    """What became of each, in their order: one that is refused keeps no other from being stored."""
    boundary = boundary_of(request.headers.get("content-type", ""))
    if boundary is None:
        raise BadRequest("The body is no form", "send multipart/form-data, a part for each file")
    limit = backends.settings.http.max_body_mb * MEGABYTE
    received = Received()
    store = partial(
        store_body, origin=origin_of(request, "RestApi"), backends=backends, received=received
    )
    chunks = received.count(limited(request, limit))
    parts = form_parts(chunks, boundary, backends.objects, limit, IN_MEMORY)
    async with aclosing(parts):
        outcomes = await store_several(parts, store)
    describes = request.app.state.describes_errors
    return json_answer([_told(one, describes=describes) for one in outcomes])


def _told(outcome: Outcome, *, describes: bool) -> dict[str, Any]:
    failure, status = outcome.failure, 200
    if failure is not None:
        status = orthanc_error(failure).http
        if status >= 500:
            log.warning("file not stored", error=log_text(failure))
    details = str(failure)[:LONGEST_DETAILS] if failure is not None and describes else ""
    return {"status": status, "stored": outcome.stored, "details": details}
