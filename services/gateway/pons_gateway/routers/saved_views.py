# SPDX-License-Identifier: Apache-2.0
"""Explorer's saved views: each user has his own, a store without users has one set for all."""

from typing import Annotated

from fastapi import Path, Response

from pons_gateway.dependencies import BackendsDep, UserDep
from pons_gateway.models.answers import Done
from pons_gateway.models.saved_views import SavedView, ViewAsked
from pons_gateway.responses.answers import json_answer
from pons_gateway.routers import tag_tree
from pons_gateway.routing import Router, page
from pons_gateway.sessions.saved_views import View

router = Router(tag_tree.router.title, tag_tree.router.description, prefix="/explorer/api")

ViewId = Annotated[str, Path(alias="id", description="Identifier, as lists give it.")]


@router.get("/views", summary="List saved views", response_model=list[SavedView])
@page
async def views(owner: UserDep, backends: BackendsDep) -> Response:
    """By name."""
    return json_answer([view._asdict() for view in backends.views.list(owner)])


@router.post("/views", summary="Save a view", response_model=SavedView)
@page
async def create(asked: ViewAsked, owner: UserDep, backends: BackendsDep) -> Response:
    """409 where there is one of this name, or where there are too many."""
    made = await backends.views.create(owner, asked.name, asked.search)
    return json_answer(made._asdict())


@router.put("/views/{id}", summary="Rename or change a saved view", response_model=SavedView)
@page
async def change(
    view_id: ViewId, asked: ViewAsked, owner: UserDep, backends: BackendsDep
) -> Response:
    """409 where there is another one of this name."""
    changed = await backends.views.change(owner, View(view_id, asked.name, asked.search))
    return json_answer(changed._asdict())


@router.delete("/views/{id}", summary="Delete a saved view", response_model=Done)
@page
async def delete(view_id: ViewId, owner: UserDep, backends: BackendsDep) -> Response:
    """404 for one that there is not, or that is somebody else's."""
    await backends.views.delete(owner, view_id)
    return json_answer({})
