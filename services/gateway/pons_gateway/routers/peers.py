# SPDX-License-Identifier: Apache-2.0
"""What is sent to peers, and asked of them, over HTTP."""

from typing import Annotated

from fastapi import Depends, Path, Request, Response

from pons.errors import InvalidInstance
from pons.limits import MEGABYTE
from pons.messages.egress import AskPeer
from pons.objects.bodies import freed, size_of
from pons.remotes.peers import OtherStore
from pons_gateway.bodies.gathering import gathered, limited
from pons_gateway.dependencies import BackendsDep
from pons_gateway.errors import telling_unknown_items
from pons_gateway.models.examples import ID
from pons_gateway.models.instances import StoredInstance
from pons_gateway.models.jobs import SubmittedJob
from pons_gateway.models.remotes import PeerStoreContent, PeerStoreRequest, PeerSystem
from pons_gateway.resources.sending import ask_peer, ended, submit_to_peer, upload_to_peer
from pons_gateway.responses.answers import json_answer
from pons_gateway.responses.media_types import DICOM, takes, takes_text
from pons_gateway.routers.remotes import peer_router
from pons_gateway.routing import Router, or_text

router = Router(peer_router.title, peer_router.description)

Name = Annotated[str, Path(description="Its name: letters, digits, `-` and `_`.")]


async def peer_of(name: Name, backends: BackendsDep) -> OtherStore:
    """The peer in the path. Raises `UnknownItem`."""
    with telling_unknown_items():
        return await backends.peers.read(name)


PeerDep = Annotated[OtherStore, Depends(peer_of)]


@router.post(
    "/peers/{name}/store",
    summary="Send resources of any level to a peer, as a job",
    response_model=PeerStoreContent | SubmittedJob,
    openapi_extra=takes_text("One identifier.", ID),
)
@or_text
async def store(
    name: Name, body: PeerStoreRequest, peer: PeerDep, backends: BackendsDep
) -> Response:
    """What was sent, once the job has ended; with `Asynchronous` the job that goes on."""
    job_id = await submit_to_peer(backends, body.addressed(name), peer)
    if not body.synchronous:
        return json_answer({"ID": job_id, "Path": f"/jobs/{job_id}"})
    return json_answer((await ended(backends, job_id)).content)


@router.post(
    "/peers/{name}/store-straight",
    summary="Pass a DICOM file on to a peer, without keeping it here",
    response_model=StoredInstance | list[StoredInstance],
    openapi_extra=takes(DICOM),
)
async def store_straight(
    name: Name, request: Request, peer: PeerDep, backends: BackendsDep
) -> Response:
    """The peer's answer. An answer of 500 says why the peer does not take the file."""
    limit = backends.settings.http.max_body_mb * MEGABYTE
    body = await gathered(limited(request, limit), backends.objects, limit)
    with freed(body):
        if not size_of(body):
            raise InvalidInstance("Received an empty DICOM file")
        return json_answer(await upload_to_peer(backends, name, peer, body))


@router.get(
    "/peers/{name}/system",
    summary="What a peer tells of itself: its version, and its name",
    response_model=PeerSystem,
)
async def system(name: Name, peer: PeerDep, backends: BackendsDep) -> Response:
    """An answer of 500 says why the peer does not tell it."""
    return json_answer(await ask_peer(backends, AskPeer(name, "system"), peer))
