# SPDX-License-Identifier: Apache-2.0
"""`DicomModalityStore`, the job that sends instances to a modality: its request, and asking it."""

from typing import Any

import msgspec

from pons.jobs.board import Jobs
from pons.jobs.document import JobRequest
from pons.messages.modality import Modality

JOB_TYPE = "DicomModalityStore"
WORKER = "egress"
ROUTING = "routing"
"""The kind of worker for what rules ask for: it holds up nothing that people wait for."""


class SendingRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of every job that sends instances, whoever to."""

    synchronous: bool = True
    priority: int = 0
    permissive: bool = False
    """Count an instance that the other side refuses, and go on."""
    user_data: Any = None
    rules: list[str] = []
    """The routing rules that ask for it. Then everything is to arrive: what the other side refuses
    is passed over, and fails the job in the end."""
    then: list[dict[str, str]] = []
    """What a Lua script wants done once all has arrived (`pons_egress.lua.operations`)."""


class StoreRequest(SendingRequest, frozen=True):
    """What `POST /modalities/{modality}/store` asks for; empty and None: as the modality says."""

    modality: str
    resources: list[str]
    """Orthanc identifiers of any level."""
    local_aet: str = ""
    called_aet: str = ""
    host: str = ""
    port: int | None = None
    move_originator_aet: str = ""
    move_originator_id: int | None = None
    timeout: float = 0.0
    transaction_uid: str = ""
    """Of the storage commitment that is asked for in the end; empty: none is."""

    def aets(self, modality: Modality, default: str) -> tuple[str, str]:
        """The calling and the called AE title; `default` is the store's own."""
        return self.local_aet or modality.local_aet or default, self.called_aet or modality.aet


async def submit_store(
    jobs: Jobs,
    request: StoreRequest,
    modality: Modality | None,
    default_aet: str,
    *,
    by: str = "REST API",
) -> str:
    """Have egress send what `request` names to `modality`; gives the id of the job.

    A job for one that is not known (None) fails. `by` is how the request has come, as the job's
    content tells.
    """
    local_aet, remote_aet = request.aets(modality, default_aet) if modality else ("", "")
    content: dict[str, Any] = {
        "LocalAet": local_aet,
        "RemoteAet": remote_aet,
        "ParentResources": list(dict.fromkeys(request.resources)),
    }
    if request.move_originator_aet:
        content["MoveOriginatorAET"] = request.move_originator_aet
    if request.move_originator_id is not None:
        content["MoveOriginatorID"] = request.move_originator_id
    if request.transaction_uid:
        content["StorageCommitmentTransactionUID"] = request.transaction_uid
    return await submit_sending(
        jobs, JOB_TYPE, request, f"modality:{request.modality}", content, by=by
    )


async def submit_sending(
    jobs: Jobs,
    job_type: str,
    request: SendingRequest,
    destination: str,
    content: dict[str, Any],
    *,
    by: str = "REST API",
) -> str:
    """Have egress do a job that sends; gives its id. `content` is what is told of this kind."""
    told = {
        "Description": "Routing" if request.rules else by,
        **content,
        "InstancesCount": 0,
        "FailedInstancesCount": 0,
    }
    if request.rules:
        told["Rules"] = request.rules
    return await jobs.submit(
        JobRequest(
            job_type=job_type,
            worker=ROUTING if request.rules else WORKER,
            arguments=msgspec.to_builtins(request),
            content=told,
            user_data=request.user_data,
            destination=destination,
            retry=bool(request.rules) or jobs.retries(synchronous=request.synchronous),
        ),
        request.priority,
    )
