# SPDX-License-Identifier: Apache-2.0
"""`PushTransfer` and `PullTransfer`, accelerated transfers with a peer: what is asked."""

import asyncio
import hashlib
from typing import Any

import msgspec

from pons.catalog import InstanceToSend
from pons.jobs.board import Jobs
from pons.jobs.document import JobRequest
from pons.messages.transfers import Compression, Transferred
from pons.objects import Objects
from pons.objects.stored_file import stream_file

PUSH, PULL = "PushTransfer", "PullTransfer"
WORKER = "egress"


class TransferRequest(msgspec.Struct, frozen=True):
    """What is to be transferred to a peer, or from it."""

    peer: str
    resources: list[dict[str, str]]
    """`Level` and `ID` of each, as Orthanc's accelerator names them."""
    compression: Compression
    originator: str = ""
    """Who the peer has to be for a pull that it asked for itself; empty: whoever it is."""
    priority: int = 0

    @property
    def resource_ids(self) -> list[str]:
        return [resource["ID"] for resource in self.resources]


async def transferred(objects: Objects, instance: InstanceToSend) -> Transferred:
    """What the other side is told of an instance. Its MD5 is kept, or has to be made.

    Raises `DamagedObject` in that case.
    """
    md5 = instance.md5
    if not md5:
        made = hashlib.md5(usedforsecurity=False)
        async for piece in stream_file(objects, instance):
            await asyncio.to_thread(made.update, piece)
        md5 = made.hexdigest()
    return Transferred(instance.instance_id, instance.size, md5)


async def submit_transfer(jobs: Jobs, request: TransferRequest, job_type: str) -> str:
    """Have egress push or pull; gives the id of the job."""
    content: dict[str, Any] = {
        "Resources": request.resources,
        "Peer": request.peer,
        "Compression": request.compression,
        **told(job_type),
    }
    if request.originator:
        content["Originator"] = request.originator
    return await jobs.submit(
        JobRequest(
            job_type=job_type,
            worker=WORKER,
            arguments=msgspec.to_builtins(request),
            content=content,
            destination=f"peer:{request.peer}",
            retry=jobs.retries(synchronous=False),
        ),
        request.priority,
    )


def told(
    job_type: str,
    instances: int = 0,
    size: int = 0,
    buckets: int = 0,
    moved: int = 0,
    seconds: float = 0.0,
) -> dict[str, Any]:
    """What the job's content says: all `instances` and their `size`, and how many `buckets` have
    been exchanged, of so many bytes (`moved`)."""
    return {
        "TotalInstances": instances,
        "TotalSizeMB": round(size / (1 << 20)),
        "CompletedHttpQueries": buckets,
        f"{'Up' if job_type == PUSH else 'Down'}loadedSizeMB": round(moved / (1 << 20)),
        "NetworkSpeedKBs": round(moved / 1024 / seconds) if seconds else 0,
    }
