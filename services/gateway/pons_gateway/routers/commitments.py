# SPDX-License-Identifier: Apache-2.0
"""Storage commitment: modalities are asked to keep instances for good (N-ACTION), and report."""

from typing import Annotated

from fastapi import Path, Response

from pons_gateway.dependencies import BackendsDep, DeleterDep
from pons_gateway.models.answers import Done
from pons_gateway.models.commitments import AskedCommitment, CommitmentReport, CommitmentRequest
from pons_gateway.resources.commitments import (
    commitment_report,
    delete_committed,
    request_commitment,
)
from pons_gateway.responses.answers import json_answer
from pons_gateway.routing import Router, writes

router = Router(
    "Storage commitment",
    "What modalities were asked to keep for good, and what they have said to that.",
)

Name = Annotated[str, Path(description="Name of the modality.")]
Uid = Annotated[str, Path(description="The transaction UID.")]


@router.post(
    "/modalities/{name}/storage-commitment",
    summary="Ask a modality to keep instances for good (N-ACTION)",
    response_model=AskedCommitment,
)
async def ask(name: Name, body: CommitmentRequest, backends: BackendsDep) -> Response:
    """The modality has taken the request; it reports to the DICOM port of this store."""
    uid = await request_commitment(backends, body.asked(name))
    return json_answer({"ID": uid, "Path": f"/storage-commitment/{uid}"})


@router.get(
    "/storage-commitment/{uid}",
    summary="What a modality has said to a request for storage commitment",
    response_model=CommitmentReport,
)
async def report(uid: Uid, backends: BackendsDep) -> Response:
    """What it was asked for and did not mention is among the failures."""
    return json_answer(await commitment_report(backends, uid))


@router.post(
    "/storage-commitment/{uid}/remove",
    summary="Delete here what a modality keeps for good",
    response_model=Done,
)
@writes
async def remove(uid: Uid, by: DeleterDep, backends: BackendsDep) -> Response:
    """409 unless the modality keeps everything that it was asked for."""
    await delete_committed(backends, uid, by)
    return json_answer({})
