# SPDX-License-Identifier: Apache-2.0
"""`OrthancPeerStore`, the job that sends instances to a peer: its request, and asking it."""

from typing import Any

import msgspec

from pons.jobs.board import Jobs
from pons.jobs.document import JobRequest
from pons.jobs.store import ROUTING, WORKER
from pons.remotes.peers import OtherStore, told

PEER_JOB_TYPE = "OrthancPeerStore"


class PeerStoreRequest(msgspec.Struct, frozen=True):
    """What `POST /peers/{peer}/store` asks for. Secrets are read of the peer when the job runs."""

    peer: str
    resources: list[str]
    """Orthanc identifiers of any level."""
    priority: int = 0
    permissive: bool = False
    """Count an instance that the peer refuses, and go on."""
    compress: bool = False
    """Send with gzip."""
    transcode: str = ""
    """The transfer syntax in which to send; empty: as the instances are stored."""
    timeout: float = 0.0
    """Seconds; 0: as the peer or the settings say."""
    user_data: Any = None
    synchronous: bool = True
    rules: list[str] = []
    """As of `StoreRequest`."""
    then: list[dict[str, str]] = []
    """As of `StoreRequest`."""


async def submit_peer_store(jobs: Jobs, request: PeerStoreRequest, peer: OtherStore | None) -> str:
    """Have egress send what `request` names to `peer`; gives the id of the job.

    A job for one that is not known (None) fails.
    """
    content: dict[str, Any] = {
        "Description": "Routing" if request.rules else "REST API",
        "Peer": told(peer) if peer else [],
        "Compress": request.compress,
        "ParentResources": list(dict.fromkeys(request.resources)),
        "InstancesCount": 0,
        "FailedInstancesCount": 0,
        **size_sent(0),
    }
    if request.transcode:
        content["Transcode"] = request.transcode
    if request.rules:
        content["Rules"] = request.rules
    return await jobs.submit(
        JobRequest(
            job_type=PEER_JOB_TYPE,
            worker=ROUTING if request.rules else WORKER,
            arguments=msgspec.to_builtins(request),
            content=content,
            user_data=request.user_data,
            destination=f"peer:{request.peer}",
            retry=bool(request.rules) or jobs.retries(synchronous=request.synchronous),
        ),
        request.priority,
    )


def size_sent(size: int) -> dict[str, Any]:
    """How the job's content tells the bytes that have left; compressed ones where it compresses."""
    return {"Size": str(size), "SizeMB": size >> 20}
