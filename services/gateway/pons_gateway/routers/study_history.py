# SPDX-License-Identifier: Apache-2.0
"""What happened to a study."""

from fastapi import Response

from pons.errors import NotFound
from pons_gateway.dependencies import BackendsDep, ResourceId
from pons_gateway.models.study_history import StudyEvents
from pons_gateway.resources.study_history import study_events
from pons_gateway.responses.answers import json_answer
from pons_gateway.routers import tag_tree
from pons_gateway.routing import Router, page

router = Router(tag_tree.router.title, tag_tree.router.description, prefix="/explorer/api")


@router.get(
    "/studies/{id}/history",
    summary="Changes, exports and jobs of a study, newest first",
    response_model=StudyEvents,
)
@page
async def history(identifier: ResourceId, backends: BackendsDep) -> Response:
    """Also of its series, and jobs of its patient. Raises NotFound."""
    study = await backends.catalog.find("Study", identifier)
    if study is None:
        raise NotFound("There is no such study")
    events = await study_events(study, backends.catalog, backends.jobs)
    return json_answer(events.model_dump(by_alias=True))
