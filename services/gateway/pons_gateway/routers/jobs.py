# SPDX-License-Identifier: Apache-2.0
"""Jobs: what is being done, and stopping or repeating it."""

import time
from typing import Annotated

from fastapi import Path, Query, Request, Response

from pons.errors import Conflict, NotFound, check_size
from pons.jobs import to_json
from pons_gateway.dependencies import BackendsDep
from pons_gateway.errors import UnknownItem, telling_unknown_items
from pons_gateway.models.answers import Done
from pons_gateway.models.jobs import Job
from pons_gateway.query import Flag
from pons_gateway.responses.answers import done, json_answer, silent
from pons_gateway.responses.disposition import content_disposition
from pons_gateway.responses.media_types import ZIP, answers
from pons_gateway.responses.streamed import Streamed
from pons_gateway.routing import Router

router = Router("Jobs", "Work that goes on while the client does something else.")

JobId = Annotated[str, Path(alias="id", description="Identifier, as lists give it.")]
Key = Annotated[str, Path(description="Name of the output.")]
Expand = Annotated[Flag, Query(description="Give objects instead of identifiers.")]


@router.get("/jobs", summary="List jobs", response_model=list[str] | list[Job])
async def list_jobs(backends: BackendsDep, expand: Expand = False) -> Response:
    if not expand:
        return json_answer(await backends.jobs.ids())
    now = time.time()
    return json_answer([to_json(job, now) for job in await backends.jobs.list()])


@router.get("/jobs/{id}", summary="Show a job", response_model=Job)
async def show_job(job_id: JobId, backends: BackendsDep) -> Response:
    try:
        job = await backends.jobs.get(job_id)
    except NotFound:
        return silent(404)
    return json_answer(to_json(job, time.time()))


@router.delete("/jobs/{id}", summary="Forget a finished job", response_class=Response)
async def delete_job(job_id: JobId, backends: BackendsDep) -> Response:
    """404 for a job that has not ended, too."""
    try:
        await backends.jobs.delete(job_id)
    except (NotFound, Conflict):
        return silent(404)
    return done()


@router.get(
    "/jobs/{id}/{key}",
    summary="What a job has made: the key of an archive or a medium is `archive`",
    response_class=Response,
    responses=answers(ZIP),
)
async def output(job_id: JobId, key: Key, backends: BackendsDep) -> Response:
    job = await backends.jobs.get(job_id)
    made = job.document.outputs.get(key)
    if made is None:
        raise UnknownItem(f"Job has no such output: {key}")
    there = await backends.objects.size(made.object_key)  # while the status can still tell
    check_size(made.object_key, there, made.size)
    return Streamed(
        backends.objects.stream(made.object_key, size=made.size),
        made.size,
        200,
        (b"content-type", made.media_type.encode()),
        (b"content-disposition", content_disposition(made.filename).encode()),
    )


@router.delete("/jobs/{id}/{key}", summary="Remove what a job has made", response_class=Response)
async def delete_output(job_id: JobId, key: Key, backends: BackendsDep) -> Response:
    with telling_unknown_items():
        await backends.jobs.drop_output(job_id, key)
    return done()


async def act(request: Request, job_id: JobId, backends: BackendsDep) -> Response:
    """Orthanc leaves an action that is not possible unanswered."""
    action = request.scope["route"].path.rpartition("/")[2]
    try:
        await getattr(backends.jobs, action)(job_id)
    except (NotFound, Conflict):
        return silent(400)
    return json_answer({})


for action, summary, told in (
    ("cancel", "End a job", "The job ends as a failure with code 37. 400 where there is none."),
    (
        "pause",
        "Let a job rest",
        "A running job rests once it has done the instance that it is at. 400 where there is none.",
    ),
    ("resume", "Go on with a paused job", "400 for a job that is not paused."),
    (
        "resubmit",
        "Start a failed job again",
        "400 for a job that has not failed, and for an archive: ask for a new one.",
    ),
):
    path = f"/jobs/{{id}}/{action}"
    router.post(path, summary=summary, description=told, response_model=Done)(act)
