# SPDX-License-Identifier: Apache-2.0
"""What a resource belongs to, and what it has below."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import Depends, Query, Request, Response

from pons.catalog import Search
from pons.dicom.levels import LEVELS, PLURAL, Level
from pons.errors import NotFound
from pons_gateway.dependencies import BackendsDep, LevelDep, ResourceId
from pons_gateway.errors import known
from pons_gateway.models.resources import LISTS, MODELS
from pons_gateway.models.shape import BelowQuery, ShapeQuery
from pons_gateway.resources.resource_json import LEVEL_OF, objects_of, resource_json
from pons_gateway.responses.answers import json_answer, json_list
from pons_gateway.routing import Router

router = Router("Above and below", "What a resource belongs to, and what it has below.")

ABOVE: dict[str, Level] = {level.lower(): level for level in LEVELS[:-1]}
"""The last segment of paths, which is singular for what is above."""


async def level_above(request: Request) -> Level:
    """The level that the path of the route ends with, in the singular."""
    return ABOVE[request.scope["route"].path.rsplit("/", 1)[1]]


async def level_below(request: Request) -> Level:
    """The level that the path of the route ends with, in the plural."""
    return LEVEL_OF[request.scope["route"].path.rsplit("/", 1)[1]]


async def list_below(
    of: LevelDep,
    level: Annotated[Level, Depends(level_below)],
    identifier: ResourceId,
    asked: Annotated[BelowQuery, Query()],
    backends: BackendsDep,
) -> Response:
    """Objects, or identifiers with `expand=false`."""
    search, shape = Search(level, parent=(of, identifier)), asked.shape()
    if not asked.expand:
        return await json_list(existing(backends.catalog.search_ids(search)))
    pages = existing(backends.catalog.search(search, shape.fields))
    return await json_list(objects_of(pages, shape, backends.metadata_names))


async def show_above(
    of: LevelDep,
    level: Annotated[Level, Depends(level_above)],
    identifier: ResourceId,
    asked: Annotated[ShapeQuery, Query()],
    backends: BackendsDep,
) -> Response:
    """The object of what the resource belongs to."""
    shape = asked.shape()
    found = known(await backends.catalog.above(level, of, identifier, shape.fields))
    return json_answer(resource_json(found, shape, backends.metadata_names))


async def existing(pages: AsyncIterator[list[Any]]) -> AsyncIterator[list[Any]]:
    """The pages; without any, what they belong to does not exist, since all has something below.

    Raises `NotFound`.
    """
    found = False
    async for page in pages:
        found = True
        yield page
    if not found:
        raise NotFound("Unknown resource")


for position, above in enumerate(LEVELS):
    for below in LEVELS[position + 1 :]:
        router.get(
            f"/{PLURAL[above]}/{{id}}/{PLURAL[below]}",
            summary=f"List the {PLURAL[below]} of a {above.lower()}",
            response_model=LISTS[below],
        )(list_below)
        router.get(
            f"/{PLURAL[below]}/{{id}}/{above.lower()}",
            summary=f"Show the {above.lower()} of a {below.lower()}",
            response_model=MODELS[above],
        )(show_above)
