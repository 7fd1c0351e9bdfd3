# SPDX-License-Identifier: Apache-2.0
"""`OrthancPeerStore`, the job that sends instances to a peer: its request, and asking it."""

from typing import Any

from pons.jobs.board import Jobs
from pons.jobs.store import SendingRequest, submit_sending
from pons.remotes.peers import OtherStore, told

PEER_JOB_TYPE = "OrthancPeerStore"


class PeerStoreRequest(SendingRequest, frozen=True):
    """What `POST /peers/{peer}/store` asks for. Secrets are read of the peer when the job runs."""

    peer: str
    resources: list[str]
    """Orthanc identifiers of any level."""
    compress: bool = False
    """Send with gzip."""
    transcode: str = ""
    """The transfer syntax in which to send; empty: as the instances are stored."""
    timeout: float = 0.0
    """Seconds; 0: as the peer or the settings say."""


async def submit_peer_store(jobs: Jobs, request: PeerStoreRequest, peer: OtherStore | None) -> str:
    """Have egress send what `request` names to `peer`; gives the id of the job.

    A job for one that is not known (None) fails.
    """
    content: dict[str, Any] = {
        "Peer": told(peer) if peer else [],
        "Compress": request.compress,
        "ParentResources": list(dict.fromkeys(request.resources)),
        **size_sent(0),
    }
    if request.transcode:
        content["Transcode"] = request.transcode
    return await submit_sending(jobs, PEER_JOB_TYPE, request, f"peer:{request.peer}", content)


def size_sent(size: int) -> dict[str, Any]:
    """How the job's content tells the bytes that have left; compressed ones where it compresses."""
    return {"Size": str(size), "SizeMB": size >> 20}
