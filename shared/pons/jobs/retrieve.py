# SPDX-License-Identifier: Apache-2.0
"""`DicomMoveScu` and `DicomGetScu`, the jobs that retrieve from a modality: asking for them."""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from pons.dicom.levels import Level
from pons.dicom.orthanc_json import Style, format_tags
from pons.errors import BadRequest
from pons.jobs.board import Jobs
from pons.jobs.document import JobRequest
from pons.jobs.store import WORKER
from pons.messages.modality import Modality

Method = Literal["C-MOVE", "C-GET"]
JOB_TYPES: dict[Method, str] = {"C-MOVE": "DicomMoveScu", "C-GET": "DicomGetScu"}

LEVEL_TAG, ACCESSION_NUMBER = "00080052", "00080050"
LEVEL_WORDS: dict[Level, str] = {
    "Patient": "PATIENT",
    "Study": "STUDY",
    "Series": "SERIES",
    "Instance": "IMAGE",
}
"""Values of QueryRetrieveLevel (0008,0052) (PS3.4 C.4.2.1.4)."""
UNIQUE_KEYS: dict[Level, str] = {
    "Patient": "00100020",
    "Study": "0020000D",
    "Series": "0020000E",
    "Instance": "00080018",
}
"""What names a resource of a level (PS3.4 C.6)."""

Identifier = dict[str, str]
"""Of what is to be retrieved: tags ("GGGGEEEE") to values."""


class RetrieveRequest(msgspec.Struct, frozen=True):
    """What is to be retrieved from a modality; empty and None: as the modality says."""

    modality: str
    method: Method
    identifiers: list[Identifier]
    """As they are sent, with QueryRetrieveLevel; see `identifier_of`."""
    target_aet: str = ""
    """Of a C-MOVE: where to; empty: to this store."""
    synchronous: bool = True
    priority: int = 0
    permissive: bool = False
    """Go on after something that the modality could not send whole."""
    local_aet: str = ""
    timeout: float = 0.0
    user_data: Any = None

    def local(self, modality: Modality, default: str) -> str:
        """The calling AE title; `default` is the store's own."""
        return self.local_aet or modality.local_aet or default


def identifier_of(level: Level, tags: Identifier) -> Identifier:
    """The identifier of one resource of a level.

    Raises `BadRequest` where nothing says which one: some nodes would send all that they have.
    """
    key = UNIQUE_KEYS[level]
    named = tags.get(key) or (level == "Study" and tags.get(ACCESSION_NUMBER))
    if not named:
        (name,) = format_tags({key: ""})
        raise BadRequest(f"{name} is missing, without which no {level.lower()} can be retrieved")
    return {LEVEL_TAG: LEVEL_WORDS[level], **{t: v for t, v in tags.items() if t != LEVEL_TAG}}


async def submit_retrieve(
    jobs: Jobs,
    request: RetrieveRequest,
    modality: Modality,
    default_aet: str,
    *,
    style: Style = Style.SHORT,
    shown: Sequence[Identifier] | None = None,
) -> str:
    """Have egress retrieve what `request` names from `modality`; gives the id of the job.

    `shown` is what the job's content tells of it, in this style; without it the identifiers.
    """
    local_aet = request.local(modality, default_aet)
    if request.method == "C-MOVE" and not request.target_aet:
        request = msgspec.structs.replace(request, target_aet=local_aet)
    listed = request.identifiers if shown is None else shown
    content: dict[str, Any] = {
        "Description": "REST API",
        "LocalAet": local_aet,
        "RemoteAet": modality.aet,
        "Query": [format_tags(dict(sorted(one.items())), style) for one in listed],
        "Details": [],
    }
    if request.method == "C-MOVE":
        content["TargetAet"] = request.target_aet
    return await jobs.submit(
        JobRequest(
            job_type=JOB_TYPES[request.method],
            worker=WORKER,
            arguments=msgspec.to_builtins(request),
            content=content,
            user_data=request.user_data,
            destination=f"modality:{request.modality}",
            retry=jobs.retries(synchronous=request.synchronous),
        ),
        request.priority,
    )
