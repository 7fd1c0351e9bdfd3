# SPDX-License-Identifier: Apache-2.0
"""Jobs: what is being done, and stopping or repeating it."""

import time
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from pons.errors import Conflict, NotFound
from pons.jobs import Jobs, to_json
from pons.objects import check_size
from pons_gateway.answers import UnknownItem, done, json_answer, silent
from pons_gateway.backends import Backends
from pons_gateway.disposition import content_disposition
from pons_gateway.legacy import Group, Handler
from pons_gateway.parameters import Flag

EXPAND = Flag("expand", "Give objects instead of identifiers.")
JOB = "3f4e8d1c-6f0a-4b5e-9c2d-7a1b0e8f6d54"
EXAMPLE = {
    "ID": JOB,
    "Type": "DicomModalityStore",
    "State": "Success",
    "Priority": 0,
    "Progress": 100,
    "ErrorCode": 0,
    "ErrorDescription": "Success",
    "ErrorDetails": "",
    "CreationTime": "20240102T101112.000000",
    "CompletionTime": "20240102T101113.000000",
    "Timestamp": "20240102T101120.000000",
    "EffectiveRuntime": 0.4,
    "Content": {
        "Description": "REST API",
        "LocalAet": "PONS",
        "RemoteAet": "WORKSTATION",
        "InstancesCount": 12,
        "FailedInstancesCount": 0,
        "ParentResources": [],
    },
}

GROUP = Group("Jobs", "Work that goes on while the client does something else.")


@GROUP.get("/jobs", "List jobs", query=(EXPAND,), example=[JOB])
async def list_jobs(request: Request, backends: Backends) -> Response:
    if not EXPAND(request):
        return json_answer(await backends.jobs.ids())
    now = time.time()
    return json_answer([to_json(job, now) for job in await backends.jobs.list()])


@GROUP.get("/jobs/{id}", "Show a job", example=EXAMPLE)
async def show_job(request: Request, backends: Backends) -> Response:
    try:
        job = await backends.jobs.get(request.path_params["id"])
    except NotFound:
        return silent(404)
    return json_answer(to_json(job, time.time()))


@GROUP.delete("/jobs/{id}", "Forget a finished job", gives="")
async def delete_job(request: Request, backends: Backends) -> Response:
    try:
        await backends.jobs.delete(request.path_params["id"])
    except (NotFound, Conflict):
        return silent(404)
    return done()


@GROUP.get(
    "/jobs/{id}/{key}",
    "What a job has made: the key of an archive or a medium is `archive`",
    gives="application/zip",
)
async def output(request: Request, backends: Backends) -> Response:
    key = request.path_params["key"]
    job = await backends.jobs.get(request.path_params["id"])
    made = job.document.outputs.get(key)
    if made is None:
        raise UnknownItem(f"Job has no such output: {key}")
    there = await backends.objects.size(made.object_key)  # while the status can still tell
    check_size(made.object_key, there, made.size)
    return StreamingResponse(
        backends.objects.stream(made.object_key, size=made.size),
        media_type=made.media_type,
        headers={
            "content-length": str(made.size),
            "content-disposition": content_disposition(made.filename),
            "x-content-type-options": "nosniff",
        },
    )


@GROUP.delete("/jobs/{id}/{key}", "Remove what a job has made", gives="")
async def delete_output(request: Request, backends: Backends) -> Response:
    try:
        await backends.jobs.drop_output(request.path_params["id"], request.path_params["key"])
    except NotFound as error:
        raise UnknownItem(error.message) from None
    return done()


def acting(act: Callable[[Jobs, str], Awaitable[None]]) -> Handler:
    """A handler for one action; Orthanc leaves one that is not possible unanswered."""

    async def handler(request: Request, backends: Backends) -> Response:
        try:
            await act(backends.jobs, request.path_params["id"])
        except (NotFound, Conflict):
            return silent(400)
        return json_answer({})

    return handler


ACTIONS: dict[str, tuple[Callable[[Jobs, str], Awaitable[None]], str]] = {
    "cancel": (Jobs.cancel, "End a job"),
    "pause": (Jobs.pause, "Let a job rest"),
    "resume": (Jobs.resume, "Go on with a paused job"),
    "resubmit": (Jobs.resubmit, "Start a failed job again"),
}
for name, (act, summary) in ACTIONS.items():
    GROUP.add("POST", f"/jobs/{{id}}/{name}", acting(act), summary, example={})
