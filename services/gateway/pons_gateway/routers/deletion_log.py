# SPDX-License-Identifier: Apache-2.0
"""What became of resources that are not here any more."""

from datetime import UTC

from fastapi import Response

from pons.errors import NotFound
from pons_gateway.dependencies import BackendsDep, ResourceId
from pons_gateway.models.deletion_log import LoggedDeletion
from pons_gateway.responses.answers import json_answer
from pons_gateway.routers import tag_tree
from pons_gateway.routing import Router, page

router = Router(tag_tree.router.title, tag_tree.router.description, prefix="/explorer/api")


@router.get(
    "/deletions/{id}",
    summary="When a resource was deleted, and by whom",
    response_model=LoggedDeletion,
)
@page
async def deletion(identifier: ResourceId, backends: BackendsDep) -> Response:
    """The last time, if it came back. 404 for what was never deleted, or more than a year ago, and
    for an instance that went together with its series: of that, ask for the series."""
    found = await backends.catalog.deletion_log.find(identifier)
    if found is None:
        raise NotFound("The log of deletions does not have this")
    told = LoggedDeletion(
        level=found.level,
        at=found.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        cause=found.by.cause,
        by=found.by.name,
    )
    return json_answer(told.model_dump(by_alias=True))
