# SPDX-License-Identifier: Apache-2.0
"""Peers: the other stores that this one sends to over HTTP."""

from typing import Annotated, get_args

from fastapi import Path, Query, Response

from pons.remotes.descriptions import Peer
from pons.remotes.peers import as_described, shown
from pons_gateway.dependencies import BackendsDep
from pons_gateway.errors import telling_unknown_items
from pons_gateway.models.peers import Operation, ShownPeer
from pons_gateway.query import Flag
from pons_gateway.responses.answers import done, json_answer, silent
from pons_gateway.routing import Router

router = Router("Peers", "The other stores that this one sends to over HTTP.")

Name = Annotated[str, Path(description="Name of the peer.")]
Expand = Annotated[Flag, Query(description="Give the configurations instead of the names.")]


@router.get("/peers", summary="List peers", response_model=list[str] | dict[str, ShownPeer])
async def list_peers(backends: BackendsDep, expand: Expand = False) -> Response:
    known = backends.peers.list()
    if not expand:
        return json_answer(list(known))
    return json_answer({name: shown(peer) for name, peer in known.items()})


@router.get("/peers/{name}", summary="What can be done with a peer", response_model=list[Operation])
async def operations(name: Name, backends: BackendsDep) -> Response:
    if name not in backends.peers.list():
        return silent(404)
    return json_answer(get_args(Operation))


@router.put("/peers/{name}", summary="Add or change a peer", response_class=Response)
async def put_peer(name: Name, described: Peer, backends: BackendsDep) -> Response:
    """A name has letters, digits, `-` and `_` only. What is put wins over the settings."""
    await backends.peers.put(name, as_described(described))
    return done()


@router.delete("/peers/{name}", summary="Forget a peer", response_class=Response)
async def delete_peer(name: Name, backends: BackendsDep) -> Response:
    """It is forgotten also where the settings name it."""
    with telling_unknown_items():
        await backends.peers.delete(name)
    return done()


@router.get(
    "/peers/{name}/configuration",
    summary="Show a peer, without its secrets",
    response_model=ShownPeer,
)
async def configuration(name: Name, backends: BackendsDep) -> Response:
    return json_answer(shown(await backends.peers.read(name)))
