# SPDX-License-Identifier: Apache-2.0
"""Retrieving from modalities what is known by its identifiers (C-MOVE, C-GET), as jobs."""

from typing import Annotated

from fastapi import Path, Response

from pons.jobs import RetrieveRequest, submit_retrieve
from pons_gateway.backends import Backends
from pons_gateway.dependencies import BackendsDep
from pons_gateway.errors import telling_unknown_items
from pons_gateway.models.jobs import SubmittedJob
from pons_gateway.models.retrieval import GetRequest, MoveRequest, RetrievalContent
from pons_gateway.resources.sending import ended
from pons_gateway.responses.answers import json_answer
from pons_gateway.routers.remotes import modality_router
from pons_gateway.routing import Router

router = Router(modality_router.title, modality_router.description)

Name = Annotated[str, Path(description="Name of the modality.")]


@router.post(
    "/modalities/{name}/move",
    summary="Have a modality send what it has to this store or to another one (C-MOVE), as a job",
    response_model=RetrievalContent | SubmittedJob,
)
async def move(name: Name, body: MoveRequest, backends: BackendsDep) -> Response:
    """What was sent, once the job has ended; with `Asynchronous` the job that goes on."""
    return await _retrieve(backends, body.moved(name))


@router.post(
    "/modalities/{name}/get",
    summary="Retrieve what a modality has over the association that asks for it (C-GET), as a job",
    response_model=RetrievalContent | SubmittedJob,
)
async def get(name: Name, body: GetRequest, backends: BackendsDep) -> Response:
    """What has come, once the job has ended; with `Asynchronous` the job that goes on."""
    return await _retrieve(backends, body.asked(name))


async def _retrieve(backends: Backends, asked: RetrieveRequest) -> Response:
    with telling_unknown_items():
        modality = await backends.modalities.read(asked.modality)
    job_id = await submit_retrieve(backends.jobs, asked, modality, backends.settings.dicom.aet)
    if not asked.synchronous:
        return json_answer({"ID": job_id, "Path": f"/jobs/{job_id}"})
    return json_answer((await ended(backends, job_id)).content)
