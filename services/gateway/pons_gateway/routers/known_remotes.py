# SPDX-License-Identifier: Apache-2.0
"""Explorer's pages of modalities and peers; what is changed is changed as over REST."""

from fastapi import Response

from pons_gateway.dependencies import BackendsDep
from pons_gateway.models.known_remotes import ChangedPeer, KnownRemotes
from pons_gateway.resources.configuration import ExpectedDep, put_unchanged
from pons_gateway.resources.known_remotes import changed_peer, known_remotes
from pons_gateway.responses.answers import done, json_answer
from pons_gateway.responses.media_types import NO_BODY
from pons_gateway.routers import tag_tree
from pons_gateway.routers.remotes import Name
from pons_gateway.routing import Router, page

router = Router(tag_tree.router.title, tag_tree.router.description, prefix="/explorer/api")


@router.get(
    "/remotes",
    summary="Modalities and peers, where each comes from, and how the last contact with it went",
    response_model=KnownRemotes,
)
@page
async def list_remotes(backends: BackendsDep) -> Response:
    """Without secrets. The last contact is that of the whole store, not of the user who asks."""
    return json_answer(known_remotes(backends))


@router.put("/peers/{name}", summary="Add or change a peer; secrets may stay", **NO_BODY)
@page
async def put_peer(
    name: Name, asked: ChangedPeer, expected: ExpectedDep, backends: BackendsDep
) -> Response:
    """As `PUT /peers/{name}`. Secrets stay only where the address is the same."""
    changed = await changed_peer(backends, name, asked)
    await put_unchanged(backends.peers, name, changed, expected)
    return done()
