# SPDX-License-Identifier: Apache-2.0
"""`StorageCommitmentScp`, the job that tells a modality what this store keeps for good.

A modality asks for it on the DICOM port (N-ACTION), and the job ends when it has heard the report
(N-EVENT-REPORT, PS3.4 annex J).
"""

from collections.abc import Sequence

import msgspec

from pons.errors import OutOfResources
from pons.jobs.board import Jobs, read_documents
from pons.jobs.document import JobRequest
from pons.messages.egress import Reference
from pons.messages.modality import Modality
from pons.remotes.commitments import packed, unpacked

JOB_TYPE = "StorageCommitmentScp"
COMMITMENT = "commitment"
"""The kind of worker for it: a report waits for nothing that is sent, and holds up nothing."""
MOST_WAITING = 1000
"""Reports that may wait for one modality; of large requests a twentieth, since whoever lists all
jobs reads what each was asked."""
LARGE = 64 * 1024
"""Bytes of a large one once it is packed: some 5,000 instances."""


class CommitmentRequest(msgspec.Struct, frozen=True):
    """What a modality has asked this store to keep."""

    modality: str
    """Its name: where the report goes."""
    called_aet: str
    """The title by which it called, and which calls back."""
    transaction_uid: str
    asked: bytes
    """The instances, packed: a job's request is one message."""

    async def instances(self) -> list[Reference]:
        """What it has asked for, each once."""
        return await unpacked(self.asked, list[Reference])


async def submit_commitment(
    jobs: Jobs,
    name: str,
    modality: Modality,
    *,
    called_aet: str,
    remote_ip: str,
    transaction_uid: str,
    instances: Sequence[Reference],
    most_waiting: int = MOST_WAITING,
) -> str:
    """Have egress report to the modality `name` which of `instances` the store keeps; gives the id
    of the job, which is durable then.

    Raises `TooLarge` for more instances than a message has room for, `OutOfResources` when too many
    reports wait for the modality already, and `Unavailable`.
    """
    unique = list(dict.fromkeys(instances))
    asked = await packed(unique)
    destination = f"modality:{name}"
    most = most_waiting if len(asked) < LARGE else most_waiting // 20
    waiting = sum(
        one.job_type == JOB_TYPE and one.destination == destination and not one.finished
        for one, _ in await read_documents(jobs.bus)
    )
    if waiting >= most:
        what = f"{waiting} reports of storage commitment wait for modality {name!r} already"
        raise OutOfResources(what, "see to it that it can be reached, or delete their jobs")
    request = CommitmentRequest(name, called_aet, transaction_uid, asked)
    return await jobs.submit(
        JobRequest(
            job_type=JOB_TYPE,
            worker=COMMITMENT,
            arguments=msgspec.to_builtins(request, builtin_types=(bytes,)),
            content={
                "Description": "Storage commitment",
                "CalledAet": called_aet,
                "RemoteAet": modality.aet,
                "RemoteIp": remote_ip,
                "TransactionUid": transaction_uid,
                "InstancesCount": len(unique),
            },
            destination=destination,
            retry=True,
        )
    )
