# SPDX-License-Identifier: Apache-2.0
"""Headers as Orthanc's JSON: of one instance, of all below a resource, or what these share."""

from typing import Annotated

from fastapi import Depends, Query, Request, Response

from pons.dicom.orthanc_json import Style
from pons.errors import NotFound
from pons_gateway.datasets import header_json
from pons_gateway.dependencies import BackendsDep, LevelDep, ResourceId, resource_id
from pons_gateway.models.tags import (
    ManyTagsQuery,
    SimpleTags,
    StyleQuery,
    Tags,
    TagsByInstance,
    TagsQuery,
    WholeQuery,
)
from pons_gateway.query import documented, read_query
from pons_gateway.responses.answers import json_answer, json_object, json_of
from pons_gateway.routing import LevelRouter, Router

CHAPTER = ("Tags", "What stands in the headers of DICOM files.")

StyleDep = Annotated[StyleQuery, Query()]
ManyTagsDep = Annotated[ManyTagsQuery, Query()]

router = Router(*CHAPTER)
levels = LevelRouter(*CHAPTER)
above = LevelRouter(*CHAPTER, levels=("Patient", "Study", "Series"))


@router.lean(
    "/instances/{id}/tags",
    summary="The tags of an instance, in full unless asked otherwise",
    dependencies=[Depends(resource_id), documented(TagsQuery)],
    response_model=Tags,
)
async def tags(request: Request) -> Response:
    """Long values are left out unless they are asked for."""
    asked = read_query(request, TagsQuery)
    return await _tags(request, asked, asked.style)


@router.lean(
    "/instances/{id}/simplified-tags",
    summary="The tags of an instance by their names",
    dependencies=[Depends(resource_id), documented(WholeQuery)],
    response_model=SimpleTags,
)
async def simplified_tags(request: Request) -> Response:
    """Long values are left out unless they are asked for."""
    return await _tags(request, read_query(request, WholeQuery), Style.SIMPLIFIED)


async def _tags(request: Request, asked: WholeQuery, style: Style) -> Response:
    identifier, backends = request.path_params["id"], request.app.state.backends
    read = header_json.whole_tags if asked.whole else header_json.instance_tags
    return json_of(await read(identifier, style, asked.ignore_length, backends))


@router.get(
    "/instances/{id}/header",
    summary="The file meta information of an instance",
    response_model=Tags,
)
async def meta_header(identifier: ResourceId, asked: StyleDep, backends: BackendsDep) -> Response:
    return json_answer(await header_json.meta_tags(identifier, asked.style, backends))


@levels.get("/{id}/module", summary="The tags that describe a {level}", response_model=Tags)
async def module(
    level: LevelDep,
    identifier: ResourceId,
    asked: ManyTagsDep,
    backends: BackendsDep,
) -> Response:
    """They are those of the first instance below it."""
    text = await header_json.module_tags(
        level, identifier, asked.style, asked.ignore_length, backends
    )
    return json_of(text)


@router.get(
    "/studies/{id}/module-patient",
    summary="The tags that describe the patient of a study",
    response_model=Tags,
)
async def patient_module(
    identifier: ResourceId, asked: ManyTagsDep, backends: BackendsDep
) -> Response:
    """They are those of the first instance below it."""
    text = await header_json.module_tags(
        "Study", identifier, asked.style, asked.ignore_length, backends, module="Patient"
    )
    return json_of(text)


@above.get(
    "/{id}/shared-tags",
    summary="The tags that all instances of a {level} share",
    response_model=Tags,
)
async def shared_tags(
    level: LevelDep,
    identifier: ResourceId,
    asked: StyleDep,
    backends: BackendsDep,
) -> Response:
    """A tag is shared when it has the same text in each of them."""
    return json_answer(await header_json.shared_tags(level, identifier, asked.style, backends))


@above.get(
    "/{id}/instances-tags",
    summary="The tags of each instance of a {level}",
    response_model=TagsByInstance,
)
async def instances_tags(
    level: LevelDep,
    identifier: ResourceId,
    asked: ManyTagsDep,
    backends: BackendsDep,
) -> Response:
    """They are sent as they are read."""
    answer = await json_object(
        header_json.instances_tags(level, identifier, asked.style, asked.ignore_length, backends)
    )
    if answer is None:
        raise NotFound("Unknown resource")
    return answer
