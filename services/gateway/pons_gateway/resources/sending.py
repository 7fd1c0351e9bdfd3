# SPDX-License-Identifier: Apache-2.0
"""What egress is asked: whether a modality or peer is there, and to send it something."""

from typing import Any

import msgspec

from pons.bus.requests import ANSWER_TIMEOUT
from pons.errors import NotFound
from pons.jobs import (
    Job,
    PeerStoreRequest,
    StoreRequest,
    failure_of,
    submit_peer_store,
    submit_store,
)
from pons.messages.egress import (
    AskPeer,
    EchoModality,
    PeerAnswer,
    StoreStraight,
    UploadToPeer,
)
from pons.messages.modality import Modality
from pons.messages.services import Done
from pons.objects import Body
from pons.objects.bodies import freed, size_of
from pons.remotes.peers import OtherStore
from pons_gateway.backends import Backends

SLOWEST = 128 * 1024
"""Bytes a second that a peer, or a modality, takes at least."""
PATIENCE = 600.0
"""Seconds that a modality may take beside for a file."""
LONGEST_JOB = 7 * 24 * 3600.0
"""Seconds that a synchronous caller may wait for its job."""


async def send_echo(
    backends: Backends,
    modality: str,
    seconds: float,
    described: Modality | None = None,
    *,
    check_find: bool | None = None,
) -> None:
    """C-ECHO to a known modality, or to one that is `described`; 0 seconds: as it is configured.

    `check_find`: and a C-FIND. Raises `RemoteFailure` with the reason when it does not answer.
    """
    command = EchoModality(modality, seconds or None, described, check_find)
    within = 2 * (ANSWER_TIMEOUT + seconds)  # for both
    await backends.ask("egress", command, Done, within=within)


async def send_straight(backends: Backends, modality: str, file: Body) -> StoreStraight:
    """Have a file sent that is not kept; what was sent. A `Spool` is consumed.

    Raises `InvalidInstance` for what is no DICOM file, `RemoteFailure` with the reason when the
    modality does not take it.
    """
    with freed(file):
        found = await backends.ingest.examine(file)
        async with backends.partial_uploads.passing(file) as key:
            command = StoreStraight(
                modality=modality,
                object_key=key,
                size=found.size,
                checksum=found.checksum,
                transfer_syntax=found.transfer_syntax,
                sop_class_uid=found.sop_class_uid,
                sop_instance_uid=found.sop_instance_uid,
            )
            within = PATIENCE + found.size / SLOWEST
            await backends.ask("egress", command, Done, within=within)
    return command


async def submit_resources(backends: Backends, asked: StoreRequest, modality: Modality) -> str:
    """Have resources sent; gives the id of the job. Raises `NotFound` for one that is not here."""
    await refuse_unknown(backends, asked.resources)
    return await submit_store(backends.jobs, asked, modality, backends.settings.dicom.aet)


async def submit_to_peer(backends: Backends, asked: PeerStoreRequest, peer: OtherStore) -> str:
    """Have resources sent; gives the id of the job. Raises `NotFound` for one that is not here."""
    await refuse_unknown(backends, asked.resources)
    return await submit_peer_store(backends.jobs, asked, peer)


async def refuse_unknown(backends: Backends, resources: list[str]) -> None:
    """Raise `NotFound` for a resource that is not here."""
    known = await backends.catalog.known(resources)
    for identifier in resources:
        if identifier not in known:
            raise NotFound(f"There is no resource {identifier}")


async def ask_peer(backends: Backends, asked: AskPeer, peer: OtherStore) -> Any:
    """What a peer answers. Raises `RemoteFailure` when it does not."""
    seconds = asked.timeout or _timeout(backends, peer)
    answer = await backends.ask("egress", asked, PeerAnswer, within=ANSWER_TIMEOUT + 2 * seconds)
    return msgspec.json.decode(answer.json)


async def upload_to_peer(backends: Backends, name: str, peer: OtherStore, file: Body) -> Any:
    """What a peer answers to a file. Raises `RemoteFailure` when it does not take it."""
    size = size_of(file)
    within = ANSWER_TIMEOUT + 4 * _timeout(backends, peer) + size / SLOWEST  # it tries twice
    async with backends.partial_uploads.passing(file) as key:
        command = UploadToPeer(name, key, size)
        answer = await backends.ask("egress", command, PeerAnswer, within=within)
    return msgspec.json.decode(answer.json)


def _timeout(backends: Backends, peer: OtherStore) -> float:
    """Seconds after which egress gives up to connect, or to wait for an answer."""
    return peer.timeout or backends.settings.egress.http_timeout


async def ended(backends: Backends, job_id: str) -> Job:
    """The job when it has succeeded; raises what it failed with."""
    job = await backends.jobs.wait_for(job_id, LONGEST_JOB)
    if job.document.state == "Failure":
        raise failure_of(job)
    return job
