# SPDX-License-Identifier: Apache-2.0
"""Explorer's page of worklists: entries of the store and of the folder, and its form."""

import msgspec
from fastapi import Response

from pons.errors import NotFound
from pons_gateway.dependencies import BackendsDep
from pons_gateway.models.known_worklists import KnownWorklists, WorklistFields
from pons_gateway.models.worklists import MadeWorklist
from pons_gateway.resources.configuration import RevisionDep
from pons_gateway.resources.known_worklists import known_worklists, with_fields
from pons_gateway.responses.answers import json_answer
from pons_gateway.routers import tag_tree
from pons_gateway.routers.worklists import Identifier, made
from pons_gateway.routing import Router, page, writes

router = Router(tag_tree.router.title, tag_tree.router.description, prefix="/explorer/api")


@router.get(
    "/worklists",
    summary="Worklist entries, those of files too",
    response_model=KnownWorklists,
)
@page
async def list_worklists(backends: BackendsDep) -> Response:
    """As modalities find them; files that are no entries say why."""
    return json_answer(await known_worklists(backends.catalog.worklists, backends.worklist_folder))


@router.post("/worklists", summary="Make a worklist entry", response_model=MadeWorklist)
@page
@writes
async def create(asked: WorklistFields, backends: BackendsDep) -> Response:
    """400 begins with the name of the field that is wrong."""
    return await made(backends, with_fields({}, asked))


@router.put(
    "/worklists/{id}", summary="Change fields of a worklist entry", response_model=MadeWorklist
)
@page
@writes
async def change(
    worklist_id: Identifier, asked: WorklistFields, revision: RevisionDep, backends: BackendsDep
) -> Response:
    """All else that the entry has stays. 400 begins with the name of the field that is wrong."""
    kept = await backends.catalog.worklists.find(worklist_id)
    if kept is None:
        raise NotFound(
            f"There is no worklist {worklist_id}", "somebody has deleted it, or it ended"
        )
    changed = with_fields(msgspec.json.decode(kept.tags), asked)
    # What stays is of this revision, whichever the form is of.
    return await made(
        backends, changed, worklist_id, kept.revision if revision is None else revision
    )
