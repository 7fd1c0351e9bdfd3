# SPDX-License-Identifier: Apache-2.0
"""Accelerated transfers between stores, as Orthanc's plugin of that name speaks them."""

import asyncio
from functools import partial
from typing import Annotated
from uuid import uuid5

import msgspec
from fastapi import Path, Query, Request, Response

from pons.errors import NotFound, PonsError, RemoteFailure, TooLarge, Unavailable
from pons.jobs import submit_transfer
from pons.jobs.transfers import PULL, PUSH, transferred
from pons.limits import MEGABYTE
from pons.messages.egress import AskPeer
from pons.messages.transfers import Compression
from pons.objects.bodies import freed
from pons.ownership import read_objects_mark
from pons.remotes.peers import OtherStore
from pons_gateway.backends import Backends
from pons_gateway.bodies.gathering import gathered, gunzipped, limited
from pons_gateway.dependencies import BackendsDep
from pons_gateway.errors import telling_unknown_items
from pons_gateway.files.buckets import bucket_answer, parts_of
from pons_gateway.models.answers import Done
from pons_gateway.models.jobs import SubmittedJob
from pons_gateway.models.transfers import (
    LookedUp,
    LookUp,
    Push,
    PushAnnouncement,
    RemoteTransfer,
    Transfer,
    TransferPeers,
)
from pons_gateway.resources.sending import ask_peer, refuse_unknown
from pons_gateway.responses.answers import json_answer
from pons_gateway.responses.media_types import OCTETS, answers, takes
from pons_gateway.routing import Router, writes
from pons_gateway.uploads.pushes import Announcement, Pushes
from pons_gateway.uploads.upload import origin_of, store_file

router = Router(
    "Accelerated transfers",
    "Many instances to or from another store, in buckets that go over several connections; spoken "
    "by Pons and by Orthanc's transfers accelerator.",
)

CONNECTIVITY = 2.0
"""Seconds that a peer has to tell which plugins it has."""
REMOTE_SELF = "RemoteSelf"
"""What a peer is noted to call this store, where it is to pull what it is sent."""
GZIP_MORE = 64 * 1024
"""Bytes by which gzip may make a bucket larger."""

PushId = Annotated[str, Path(alias="id", description="Identifier of the push.")]


@router.get(
    "/transfers/peers",
    summary="Which peers take accelerated transfers",
    response_model=TransferPeers,
)
async def list_peers(backends: BackendsDep) -> Response:
    """A peer that does not answer within two seconds is `disabled`."""
    known = backends.peers.list()
    names = await asyncio.gather(*(capability(backends, *one) for one in known.items()))
    return json_answer(dict(zip(known, names, strict=True)))


async def capability(backends: Backends, name: str, peer: OtherStore) -> str:
    asked = AskPeer(name, "plugins", timeout=CONNECTIVITY)
    try:
        plugins = await ask_peer(backends, asked, peer)
    except Unavailable:
        raise
    except PonsError:
        return "disabled"
    if not isinstance(plugins, list) or "transfers" not in plugins:
        return "disabled"
    return "bidirectional" if REMOTE_SELF in peer.properties else "installed"


@router.post(
    "/transfers/send",
    summary="Send resources to a peer: a job here, or of a peer that pulls",
    response_model=SubmittedJob | RemoteTransfer,
)
async def send(body: Transfer, backends: BackendsDep) -> Response:
    """A peer that is noted with `RemoteSelf` is asked to pull, which gives no job here."""
    peer = await peer_called(backends, body.Peer)
    request = body.request()
    await refuse_unknown(backends, request.resource_ids)
    if REMOTE_SELF not in peer.properties:
        return submitted(await submit_transfer(backends.jobs, request, PUSH))
    told = {
        "Resources": request.resources,
        "Compression": request.compression,
        "Originator": await originator(backends),
        "Peer": peer.properties[REMOTE_SELF],
    }
    asked = AskPeer(body.Peer, "transfers/pull", msgspec.json.encode(told))
    answer = await ask_peer(backends, asked, peer)
    if not isinstance(answer, dict) or not {"ID", "Path"} <= answer.keys():
        raise RemoteFailure(f"Peer {body.Peer!r} has answered with something else than a job")
    url = f"{peer.url.rstrip('/')}{answer['Path']}"
    return json_answer({"Peer": body.Peer, "RemoteJob": answer["ID"], "URL": url})


@router.post(
    "/transfers/pull",
    summary="Get resources from a peer, as a job",
    response_model=SubmittedJob,
)
@writes
async def pull(body: Transfer, backends: BackendsDep) -> Response:
    """Each instance is stored once it is whole and has the MD5 that the peer tells."""
    await peer_called(backends, body.Peer)
    return submitted(await submit_transfer(backends.jobs, body.request(), PULL))


@router.post(
    "/transfers/lookup",
    summary="Which instances resources have, for who wants to pull them",
    response_model=LookedUp,
)
async def lookup(body: LookUp, backends: BackendsDep) -> Response:
    identifiers = [one.ID for one in body.root]
    await refuse_unknown(backends, identifiers)
    found = await backends.catalog.archive.instances_to_send(identifiers)
    listed = [await transferred(backends.objects, instance) for instance in found]
    size = sum(one.size for one in listed)
    return json_answer(
        {
            "Instances": [one.to_json() for one in listed],
            "Originator": await originator(backends),
            "CountInstances": len(listed),
            "TotalSize": str(size),
            "TotalSizeMB": round(size / MEGABYTE),
        }
    )


@router.get(
    "/transfers/chunks/{ids}",
    summary="Parts of instances' files, one after the other",
    response_class=Response,
    responses=answers(OCTETS, "application/gzip"),
)
async def chunks(
    ids: Annotated[str, Path(description="Identifiers of instances, separated by `.`.")],
    backends: BackendsDep,
    offset: Annotated[int, Query(ge=0, description="Bytes that are left out.")] = 0,
    size: Annotated[int, Query(ge=0, description="Bytes that are wanted; 0 for all.")] = 0,
    compression: Annotated[Compression, Query(description="`gzip`, or `none`.")] = "none",
) -> Response:
    identifiers = ids.split(".")
    found = await backends.catalog.archive.instances_to_send(identifiers)
    files = {one.instance_id: one for one in found}
    for identifier in identifiers:
        if identifier not in files:
            raise NotFound(f"There is no instance {identifier[:50]!r}")
    parts = parts_of([files[identifier] for identifier in identifiers], offset, size)
    return await bucket_answer(backends.objects, parts, compression)


@router.post("/transfers/push", summary="Announce what is pushed", response_model=Push)
@writes
async def open_push(body: PushAnnouncement, backends: BackendsDep) -> Response:
    """Its buckets may come within an hour; nothing is stored before it is committed."""
    push = await pushes(backends).open(
        Announcement(
            [one.value() for one in body.Instances],
            [[chunk.value() for chunk in bucket] for bucket in body.Buckets],
            body.Compression,
        )
    )
    return json_answer({"ID": push, "Path": f"/transfers/push/{push}"})


@router.put(
    "/transfers/push/{id}/{bucket}",
    summary="A bucket of a push",
    response_model=Done,
    openapi_extra=takes(OCTETS),
)
@writes
async def put_bucket(
    push: PushId,
    bucket: Annotated[int, Path(ge=0, description="Its number, from 0.")],
    request: Request,
    backends: BackendsDep,
) -> Response:
    """One that comes again takes the place of the first."""
    announced = await pushes(backends).announced(push)
    size = announced.size_of(bucket)
    most = backends.settings.http.max_body_mb * MEGABYTE
    if size > most:  # of a body in chunks nobody else knows how large it will be
        raise TooLarge(f"Bucket {bucket} has more than {most // MEGABYTE} MiB", "make more of them")
    arriving = limited(request, size + GZIP_MORE)
    if announced.compression == "gzip":
        arriving = gunzipped(arriving, size, backends.settings.ingest.unpack_limit)
    content = await gathered(arriving, backends.objects, size + GZIP_MORE)
    with freed(content):
        await pushes(backends).keep(push, announced, bucket, content)
    return json_answer({})


@router.post(
    "/transfers/push/{id}/commit", summary="Store what has been pushed", response_model=Done
)
@writes
async def commit(push: PushId, request: Request, backends: BackendsDep) -> Response:
    """Nothing is stored where a bucket is missing, or a file has another MD5 than announced."""
    store = partial(store_file, origin=origin_of(request, "Plugins"), backends=backends)
    await pushes(backends).commit(push, store)
    return json_answer({})


@router.delete("/transfers/push/{id}", summary="Give up a push", response_model=Done)
@writes
async def discard(push: PushId, backends: BackendsDep) -> Response:
    await pushes(backends).discard(push)
    return json_answer({})


def pushes(backends: Backends) -> Pushes:
    return Pushes(backends.partial_uploads, backends.objects)


def submitted(job_id: str) -> Response:
    return json_answer({"ID": job_id, "Path": f"/jobs/{job_id}"})


async def peer_called(backends: Backends, name: str) -> OtherStore:
    """The peer. Raises `UnknownItem`."""
    with telling_unknown_items():
        return await backends.peers.read(name)


async def originator(backends: Backends) -> str:
    """Who this store is for its peers: the same from every gateway, and nobody else."""
    mark = await read_objects_mark(backends.objects)
    if mark is None:
        raise Unavailable("The store has no mark yet", "try again shortly")
    return str(uuid5(mark.id, "transfers"))
