# SPDX-License-Identifier: Apache-2.0
"""`DicomModalityStore`, the job that sends instances to a modality: its request, and asking it."""

from collections.abc import Mapping
from typing import Any

import msgspec

from pons.errors import BadRequest
from pons.jobs import fields
from pons.jobs.board import Jobs
from pons.jobs.document import JobRequest
from pons.limits.json_text import NotJson, read_json
from pons.messages.modality import Modality
from pons.remotes.modalities import ae_title, port_number

JOB_TYPE = "DicomModalityStore"
WORKER = "egress"


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
    user_data: Any = None

    def aets(self, modality: Modality, default: str) -> tuple[str, str]:
        """The calling and the called AE title; `default` is the store's own."""
        return self.local_aet or modality.local_aet or default, self.called_aet or modality.aet


def parse_store_request(modality: str, body: bytes) -> StoreRequest:
    """What the body asks for: an identifier as text, an array of them, or an object.

    Raises `BadRequest` naming the field and its value.
    """
    try:
        value = read_json(body)
    except NotJson:
        value = body.decode("utf-8", "replace").strip()
    if isinstance(value, str):
        return StoreRequest(modality, fields.identifiers([value]))
    if isinstance(value, list):
        return StoreRequest(modality, fields.identifiers(value))
    if not isinstance(value, dict) or "Resources" not in value:
        raise BadRequest("Expected an identifier, an array of them, or an object with Resources")
    if fields.flag(value, "StorageCommitment"):
        raise BadRequest("StorageCommitment: this store cannot ask for it yet")
    resources = value["Resources"]
    return StoreRequest(
        modality=modality,
        resources=fields.identifiers(resources if isinstance(resources, list) else [resources]),
        synchronous=fields.synchronous(value),
        priority=fields.priority(value),
        permissive=fields.flag(value, "Permissive"),
        local_aet=_aet(value, "LocalAet"),
        called_aet=_aet(value, "CalledAet"),
        host=fields.text(value, "Host"),
        port=port_number(value["Port"], "Port") if "Port" in value else None,
        move_originator_aet=_aet(value, "MoveOriginatorAet"),
        move_originator_id=fields.number(value, "MoveOriginatorID", 0, 0xFFFF),
        timeout=float(fields.number(value, "Timeout", 0, 86400) or 0),
        user_data=value.get("UserData"),
    )


async def submit_store(
    jobs: Jobs, request: StoreRequest, modality: Modality, default_aet: str
) -> str:
    """Have egress send what `request` names to `modality`; gives the id of the job."""
    local_aet, remote_aet = request.aets(modality, default_aet)
    content: dict[str, Any] = {
        "Description": "REST API",
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
    return await jobs.submit(
        JobRequest(
            job_type=JOB_TYPE,
            worker=WORKER,
            arguments=msgspec.to_builtins(request),
            content=content,
            user_data=request.user_data,
        ),
        request.priority,
    )


def _aet(value: Mapping[str, Any], key: str) -> str:
    return ae_title(value[key], key) if value.get(key, "") != "" else ""
