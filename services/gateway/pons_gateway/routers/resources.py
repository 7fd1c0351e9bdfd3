# SPDX-License-Identifier: Apache-2.0
"""The four levels: lists, objects, statistics, deletion."""

from typing import Annotated

from fastapi import Depends, Query, Request, Response

from pons.catalog import Search
from pons.dicom.levels import PLURAL
from pons.errors import NotFound
from pons.messages.index import Deleted, DeleteResource
from pons_gateway.backends import Backends
from pons_gateway.dependencies import (
    BackendsDep,
    DeleterDep,
    LevelDep,
    ResourceId,
    asked_level,
    resource_id,
)
from pons_gateway.models.resources import LISTS, MODELS, Deletion, Statistics
from pons_gateway.models.shape import ListQuery, ShapeQuery
from pons_gateway.query import documented, read_query
from pons_gateway.resources.resource_json import (
    deletion_json,
    objects_of,
    resource_json,
    statistics_json,
)
from pons_gateway.responses.answers import json_answer, json_list, silent
from pons_gateway.routing import LevelRouter, writes

router = LevelRouter("Resources", "Patients, studies, series and instances.")


@router.get("", summary="List {folder}", response_model=LISTS)
async def list_all(
    level: LevelDep,
    asked: Annotated[ListQuery, Query()],
    backends: BackendsDep,
) -> Response:
    """Identifiers, or objects with `expand` or `response-content`."""
    since, limit = asked.part(f"/{PLURAL[level]}")
    search, shape = Search(level, since=since, limit=limit), asked.shape()
    if not (asked.expand or shape.chosen):
        return await json_list(backends.catalog.search_ids(search))
    pages = backends.catalog.search(search, shape.fields)
    return await json_list(objects_of(pages, shape, backends.metadata_names))


@router.lean(
    "/{id}",
    summary="Show a {level}",
    response_model=MODELS,
    dependencies=[Depends(resource_id), documented(ShapeQuery)],
)
async def show(request: Request) -> Response:
    """Its main tags, what it belongs to, what it has below. 404 without a body if unknown."""
    level = asked_level(request)
    backends: Backends = request.app.state.backends
    shape = read_query(request, ShapeQuery).shape()
    resource = await backends.catalog.find(level, request.path_params["id"], shape.fields)
    if resource is None:
        return silent(404)
    return json_answer(resource_json(resource, shape, backends.metadata_names))


@router.delete(
    "/{id}",
    summary="Delete a {level} with everything below it",
    response_model=Deletion,
)
@writes
async def delete(
    level: LevelDep, identifier: ResourceId, by: DeleterDep, backends: BackendsDep
) -> Response:
    """What is above and has nothing else below goes with it. 404 without a body if unknown."""
    try:
        command = DeleteResource(level, identifier, by)
        deleted = await backends.ask("index", command, Deleted)
    except NotFound:
        return silent(404)
    return json_answer(deletion_json(deleted))


@router.get("/{id}/statistics", summary="What a {level} takes", response_model=Statistics)
async def statistics(level: LevelDep, identifier: ResourceId, backends: BackendsDep) -> Response:
    """How many resources are below it, and how many bytes they have."""
    found = await backends.catalog.statistics(level, identifier)
    if found is None:
        raise NotFound("Unknown resource")
    return json_answer(statistics_json(level, found))
