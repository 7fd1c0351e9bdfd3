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


class StoreRequest(msgspec.Struct, frozen=True):
    """What `POST /modalities/{modality}/store` asks for; empty and None: as the modality says."""

    modality: str
    resources: list[str]
    """Orthanc identifiers of any level."""
    synchronous: bool = True
    priority: int = 0
    permissive: bool = False
    """Count an instance that the peer refuses, and go on."""
    local_aet: str = ""
    called_aet: str = ""
    host: str = ""
    port: int | None = None
    move_originator_aet: str = ""
    move_originator_id: int | None = None
    timeout: float = 0.0
    transaction_uid: str = ""
    """Of the storage commitment that is asked for in the end; empty: none is."""
    user_data: Any = None
    rules: list[str] = []
    """The routing rules that ask for it. Then everything is to arrive: what the peer refuses is
    passed over, and fails the job in the end."""
    then: list[dict[str, str]] = []
    """What a Lua script wants done once all has arrived (`pons_egress.lua.operations`)."""

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
        "Description": "Routing" if request.rules else by,
        "LocalAet": local_aet,
        "RemoteAet": remote_aet,
        "ParentResources": list(dict.fromkeys(request.resources)),
        "InstancesCount": 0,
        "FailedInstancesCount": 0,
    }
    if request.move_originator_aet:
        content["MoveOriginatorAET"] = request.move_originator_aet
    if request.move_originator_id is not None:
        content["MoveOriginatorID"] = request.move_originator_id
    if request.transaction_uid:
        content["StorageCommitmentTransactionUID"] = request.transaction_uid
    if request.rules:
        content["Rules"] = request.rules
    return await jobs.submit(
        JobRequest(
            job_type=JOB_TYPE,
            worker=ROUTING if request.rules else WORKER,
            arguments=msgspec.to_builtins(request),
            content=content,
            user_data=request.user_data,
            destination=f"modality:{request.modality}",
            retry=bool(request.rules) or jobs.retries(synchronous=request.synchronous),
        ),
        request.priority,
    )
