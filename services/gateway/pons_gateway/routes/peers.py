# SPDX-License-Identifier: Apache-2.0
"""Peers: the other stores that this one sends to over HTTP."""

from starlette.requests import Request
from starlette.responses import Response

from pons.errors import NotFound
from pons.remotes.peers import parse_peer, shown
from pons_gateway.answers import UnknownItem, done, json_answer, silent
from pons_gateway.backends import Backends
from pons_gateway.bodies import json_body
from pons_gateway.legacy import JSON, Group
from pons_gateway.parameters import Flag

EXPAND = Flag("expand", "Give the configurations instead of the names.")
OPERATIONS = ["configuration", "store", "store-straight", "system"]
SHOWN = {
    "HttpHeaders": ["X-Department"],
    "Password": None,
    "Pkcs11": False,
    "Timeout": 10,
    "Url": "https://archive.example.org/",
    "Username": "pons",
}
GIVEN = {
    "Url": "https://archive.example.org/",
    "Username": "pons",
    "Password": "secret",
    "HttpHeaders": {"X-Department": "nm"},
    "Timeout": 10,
}

GROUP = Group("Peers", "The other stores that this one sends to over HTTP.")


@GROUP.get("/peers", "List peers", query=(EXPAND,), example=["archive"])
async def list_peers(request: Request, backends: Backends) -> Response:
    known = backends.peers.list()
    if not EXPAND(request):
        return json_answer(list(known))
    return json_answer({name: shown(peer) for name, peer in known.items()})


@GROUP.get("/peers/{name}", "What can be done with a peer", example=OPERATIONS)
async def operations(request: Request, backends: Backends) -> Response:
    if request.path_params["name"] not in backends.peers.list():
        return silent(404)
    return json_answer(OPERATIONS)


@GROUP.put("/peers/{name}", "Add or change a peer", takes=JSON, body=GIVEN, gives="")
async def put_peer(request: Request, backends: Backends) -> Response:
    name = request.path_params["name"]
    await backends.peers.put(name, parse_peer(await json_body(request), name))
    return done()


@GROUP.delete("/peers/{name}", "Forget a peer", gives="")
async def delete_peer(request: Request, backends: Backends) -> Response:
    try:
        await backends.peers.delete(request.path_params["name"])
    except NotFound as error:
        raise UnknownItem(error.message, error.details) from error
    return done()


@GROUP.get("/peers/{name}/configuration", "Show a peer, without its secrets", example=SHOWN)
async def configuration(request: Request, backends: Backends) -> Response:
    return json_answer(shown(await backends.peers.read(request.path_params["name"])))
