# SPDX-License-Identifier: Apache-2.0
"""A header as Explorer shows it."""

from typing import Annotated, Any

from fastapi import Query, Response

from pons.catalog import StoredHeader
from pons_gateway.datasets.tag_tree import TagTree
from pons_gateway.dependencies import BackendsDep, ResourceId
from pons_gateway.errors import known
from pons_gateway.models.tag_tree import TagTreeAnswer, TagTreeQuery
from pons_gateway.responses.answers import json_answer
from pons_gateway.routing import Router, page

router = Router("Explorer", "What Explorer asks beside the REST interface. It may change with it.")


@router.get(
    "/explorer/api/instances/{id}/tags",
    summary="The tags of an instance as a tree, with names, representations and nested items",
    response_model=TagTreeAnswer,
)
@page
async def tag_tree(
    identifier: ResourceId, asked: Annotated[TagTreeQuery, Query()], backends: BackendsDep
) -> Response:
    """Long values are cut, and elements beyond 20,000 left out."""
    read = backends.catalog.headers.read(identifier, lambda found: _tree(found, asked.longest))
    return json_answer(known(await read))


def _tree(header: StoredHeader, longest: int) -> dict[str, Any]:
    tree = TagTree(longest)
    meta = tree.read(header.meta)
    tags = tree.read(header.json)
    return {"meta": meta, "tags": tags, "more": tree.left == 0}
