# SPDX-License-Identifier: Apache-2.0
"""Queries to modalities (C-FIND) that are answered at once: worklists, and Orthanc's older ones."""

from typing import Annotated

from fastapi import Path, Request, Response

from pons.dicom.levels import Level
from pons.dicom.orthanc_json import Style
from pons.messages.egress import FindModality
from pons_gateway.dependencies import BackendsDep
from pons_gateway.models.queries import Found, QueryKeys, WorklistRequest
from pons_gateway.models.tags import SimpleTags, Tags
from pons_gateway.resources.direct_queries import Tree, all_keys, answers_once
from pons_gateway.responses.answers import json_answer, json_list
from pons_gateway.routing import Router

router = Router("Queries", "What modalities were asked for by C-FIND, and what they answered.")

Name = Annotated[str, Path(description="Name of the modality.")]
LEVELS: dict[str, Level] = {
    "patient": "Patient",
    "study": "Study",
    "series": "Series",
    "instance": "Instance",
}


@router.post(
    "/modalities/{name}/find-worklist",
    summary="Ask the worklist of a modality (C-FIND)",
    response_model=list[SimpleTags] | list[Tags],
)
async def find_worklist(name: Name, body: WorklistRequest, backends: BackendsDep) -> Response:
    """Its entries, simplified unless asked otherwise. The body may be the query alone."""
    command = FindModality(
        modality=name,
        level="Worklist",
        query=body.Query,
        local_aet=body.LocalAet,
        timeout=body.Timeout or None,
    )
    return await json_list(answers_once(backends, command, body.style))


async def find_at_level(
    request: Request, name: Name, body: QueryKeys, backends: BackendsDep
) -> Response:
    """Deprecated: `/modalities/{name}/query` keeps answers. Below patients, keys must name one."""
    level = LEVELS[request.scope["route"].path.rpartition("-")[2]]
    command = FindModality(name, level, all_keys(level, body.root))
    return await json_list(answers_once(backends, command, Style.SIMPLIFIED))


for word, level in LEVELS.items():
    router.post(
        f"/modalities/{{name}}/find-{word}",
        summary=f"Ask a modality at {level.lower()} level, for answers that are not kept (C-FIND)",
        response_model=list[SimpleTags],
        deprecated=True,
    )(find_at_level)


@router.post(
    "/modalities/{name}/find",
    summary="Ask a modality for patients with their studies with their series (C-FIND)",
    response_model=list[Found],
    deprecated=True,
)
async def find(name: Name, body: QueryKeys, backends: BackendsDep) -> Response:
    """Deprecated: it asks again for each patient and each study that it finds."""
    return json_answer(await Tree(backends, name).patients(body.root))
