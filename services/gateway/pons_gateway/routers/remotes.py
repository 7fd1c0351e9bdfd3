# SPDX-License-Identifier: Apache-2.0
"""Modalities and peers: the other stores that this one knows, asks and sends to."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, get_args

from fastapi import Body, Depends, Path, Query, Request, Response

from pons.errors import NotFound
from pons.limits import MEGABYTE
from pons.remotes import modalities, peers
from pons.remotes.descriptions import Modality, Peer
from pons.remotes.registry import Registry
from pons_gateway.bodies.gathering import gathered, limited
from pons_gateway.dependencies import BackendsDep
from pons_gateway.errors import UnknownItem, telling_unknown_items
from pons_gateway.models.answers import Done
from pons_gateway.models.examples import ID
from pons_gateway.models.jobs import SubmittedJob
from pons_gateway.models.remotes import (
    DescribedEcho,
    EchoRequest,
    Modalities,
    OfModality,
    OfPeer,
    Peers,
    SentFile,
    ShownPeer,
    StoreContent,
    StoreRequest,
)
from pons_gateway.query import Flag
from pons_gateway.resources.configuration import (
    ExpectedDep,
    RevisionDep,
    delete_unchanged,
    put_unchanged,
    with_revision,
)
from pons_gateway.resources.sending import ended, send_echo, send_straight, submit_resources
from pons_gateway.responses.answers import done, json_answer, silent
from pons_gateway.responses.media_types import DICOM, takes, takes_text
from pons_gateway.routing import Router, or_text

modality_router = Router("Modalities", "The DICOM peers that this store knows, asks and sends to.")
peer_router = Router("Peers", "The other stores that this one sends to over HTTP.")

Name = Annotated[str, Path(description="Its name: letters, digits, `-` and `_`.")]
Expand = Annotated[Flag, Query(description="Give the configurations instead of the names.")]


@dataclass(frozen=True, slots=True)
class Remotes:
    """All modalities, or all peers."""

    known: Registry[Any]
    shown: Callable[[Any], dict[str, Any]]
    operations: Any
    """What can be done with each: a `Literal`."""
    unknown: type[NotFound]
    """What Orthanc raises where the configuration of an unknown one is asked for."""


async def remotes_of(request: Request, backends: BackendsDep) -> Remotes:
    """Those that the path of the route begins with."""
    if request.scope["route"].path.startswith("/peers"):
        return Remotes(backends.peers, peers.shown, OfPeer, NotFound)
    return Remotes(backends.modalities, modalities.to_json, OfModality, UnknownItem)


RemotesDep = Annotated[Remotes, Depends(remotes_of)]


async def list_all(remotes: RemotesDep, expand: Expand = False) -> Response:
    known = remotes.known.list()
    if not expand:
        return json_answer(list(known))
    return json_answer({name: remotes.shown(one) for name, one in known.items()})


async def operations(name: Name, remotes: RemotesDep) -> Response:
    if name not in remotes.known.list():
        return silent(404)
    return json_answer(get_args(remotes.operations))


async def configuration(name: Name, remotes: RemotesDep) -> Response:
    try:
        shown = remotes.shown(await remotes.known.read(name))
        return with_revision(json_answer(shown), remotes.known, name)
    except NotFound as error:
        raise remotes.unknown(error.message, error.details) from error


async def forget(name: Name, revision: RevisionDep, remotes: RemotesDep) -> Response:
    """It is forgotten also where the settings name it. 409 where it was changed since the ETag of
    `If-Match`."""
    with telling_unknown_items():
        await delete_unchanged(remotes.known, name, revision)
    return done()


for router, folder, word, offered, every, shown in (
    (modality_router, "/modalities", "modality", list[OfModality], Modalities, Modality),
    (peer_router, "/peers", "peer", list[OfPeer], Peers, ShownPeer),
):
    one = f"{folder}/{{name}}"
    router.get(folder, summary=f"List {folder[1:]}", response_model=list[str] | every)(list_all)
    router.get(one, summary=f"What can be done with a {word}", response_model=offered)(operations)
    router.delete(one, summary=f"Forget a {word}", response_class=Response)(forget)
    router.get(
        f"{one}/configuration",
        summary=f"Show a {word}, without its secrets",
        response_model=shown,
    )(configuration)


@modality_router.put(
    "/modalities/{name}", summary="Add or change a modality", response_class=Response
)
async def put_modality(
    name: Name, described: Modality, expected: ExpectedDep, backends: BackendsDep
) -> Response:
    """What is put wins over the settings. 409 where it was changed since the ETag of `If-Match`, or
    is there in spite of `If-None-Match: *`."""
    one = modalities.as_described(described)
    await put_unchanged(backends.modalities, name, one, expected)
    return done()


@peer_router.put("/peers/{name}", summary="Add or change a peer", response_class=Response)
async def put_peer(
    name: Name, described: Peer, expected: ExpectedDep, backends: BackendsDep
) -> Response:
    """What is put wins over the settings. 409 where it was changed since the ETag of `If-Match`, or
    is there in spite of `If-None-Match: *`."""
    await put_unchanged(backends.peers, name, peers.as_described(described), expected)
    return done()


@modality_router.post(
    "/modalities/{name}/echo",
    summary="Ask a modality whether it is there (C-ECHO)",
    response_model=Done,
)
async def echo(
    name: Name,
    asked: Annotated[EchoRequest, Body(default_factory=EchoRequest)],
    backends: BackendsDep,
) -> Response:
    """The body may be empty. An answer of 500 says why the modality could not be reached."""
    with telling_unknown_items():
        await backends.modalities.read(name)
    await send_echo(backends, name, asked.Timeout, check_find=asked.CheckFind)
    return json_answer({})


@modality_router.post(
    "/tools/dicom-echo",
    summary="Ask a modality that is described in the body whether it is there (C-ECHO)",
    response_model=Done,
)
async def echo_described(described: DescribedEcho, backends: BackendsDep) -> Response:
    modality = modalities.as_described(described)
    seconds, check_find = float(modality.timeout), described.CheckFind
    await send_echo(backends, modality.aet, seconds, modality, check_find=check_find)
    return json_answer({})


@modality_router.post(
    "/modalities/{name}/store",
    summary="Send resources of any level to a modality (C-STORE), as a job",
    response_model=StoreContent | SubmittedJob,
    openapi_extra=takes_text("One identifier.", ID),
)
@or_text
async def store(name: Name, body: StoreRequest, backends: BackendsDep) -> Response:
    """What was sent, once the job has ended; with `Asynchronous` the job that goes on."""
    asked = body.addressed(name)
    with telling_unknown_items():
        modality = await backends.modalities.read(name)
    job_id = await submit_resources(backends, asked, modality)
    if not asked.synchronous:
        return json_answer({"ID": job_id, "Path": f"/jobs/{job_id}"})
    return json_answer((await ended(backends, job_id)).content)


@modality_router.post(
    "/modalities/{name}/store-straight",
    summary="Send a DICOM file to a modality (C-STORE) without keeping it",
    response_model=SentFile,
    openapi_extra=takes(DICOM),
)
async def store_straight(name: Name, request: Request, backends: BackendsDep) -> Response:
    """The answer comes when the modality has taken the file; of 500, with its reason."""
    with telling_unknown_items():
        await backends.modalities.read(name)
    limit = backends.settings.http.max_body_mb * MEGABYTE
    file = await gathered(limited(request, limit), backends.objects, limit)
    sent = await send_straight(backends, name, file)
    return json_answer({"SOPClassUID": sent.sop_class_uid, "SOPInstanceUID": sent.sop_instance_uid})
