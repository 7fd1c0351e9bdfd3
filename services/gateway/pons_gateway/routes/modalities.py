# SPDX-License-Identifier: Apache-2.0
"""Modalities: the DICOM peers that this store knows, asks and sends to."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from pons.bus.requests import ANSWER_TIMEOUT
from pons.errors import NotFound
from pons.jobs import failure_of, parse_store_request, submit_store
from pons.messages.egress import EchoModality
from pons.messages.services import Done
from pons.remotes.modalities import parse_modality, to_json
from pons_gateway.answers import UnknownItem, done, json_answer, silent
from pons_gateway.backends import Backends
from pons_gateway.bodies import MAX_BODY, json_body
from pons_gateway.errors import BadJson
from pons_gateway.gathering import whole
from pons_gateway.legacy import JSON, Group
from pons_gateway.parameters import Flag
from pons_gateway.routes.resources import ID

LONGEST_JOB = 7 * 24 * 3600.0
"""Seconds that a synchronous caller may wait for its job."""

EXPAND = Flag("expand", "Give the configurations instead of the names.")
OPERATIONS = ["configuration", "echo", "store"]
MODALITY = {
    "AET": "WORKSTATION",
    "Host": "192.0.2.1",
    "Port": 104,
    "Manufacturer": "Generic",
    "AllowEcho": True,
    "AllowStore": True,
}
SENT = {
    "Description": "REST API",
    "LocalAet": "PONS",
    "RemoteAet": "WORKSTATION",
    "InstancesCount": 12,
    "FailedInstancesCount": 0,
    "ParentResources": [ID],
}

GROUP = Group("Modalities", "The DICOM peers that this store knows, asks and sends to.")


@GROUP.get("/modalities", "List modalities", query=(EXPAND,), example=["workstation"])
async def list_modalities(request: Request, backends: Backends) -> Response:
    known = backends.modalities.list()
    if not EXPAND(request):
        return json_answer(list(known))
    return json_answer({name: to_json(modality) for name, modality in known.items()})


@GROUP.get("/modalities/{name}", "What can be done with a modality", example=OPERATIONS)
async def operations(request: Request, backends: Backends) -> Response:
    if request.path_params["name"] not in backends.modalities.list():
        return silent(404)
    return json_answer(OPERATIONS)


@GROUP.put("/modalities/{name}", "Add or change a modality", takes=JSON, body=MODALITY, gives="")
async def put_modality(request: Request, backends: Backends) -> Response:
    name = request.path_params["name"]
    await backends.modalities.put(name, parse_modality(await json_body(request), name))
    return done()


@GROUP.delete("/modalities/{name}", "Forget a modality", gives="")
async def delete_modality(request: Request, backends: Backends) -> Response:
    with _unknown_item():
        await backends.modalities.delete(request.path_params["name"])
    return done()


@GROUP.get("/modalities/{name}/configuration", "Show a modality", example=MODALITY)
async def configuration(request: Request, backends: Backends) -> Response:
    with _unknown_item():
        modality = await backends.modalities.read(request.path_params["name"])
    return json_answer(to_json(modality))


@GROUP.post(
    "/modalities/{name}/echo",
    "Ask a modality whether it is there (C-ECHO)",
    takes=JSON,
    body={"Timeout": 5},
    example={},
)
async def echo(request: Request, backends: Backends) -> Response:
    name = request.path_params["name"]
    timeout = _timeout(await json_body(request, otherwise={}))
    with _unknown_item():
        await backends.modalities.read(name)
    patience = ANSWER_TIMEOUT + (timeout or 0)
    await backends.ask("egress", EchoModality(name, timeout), Done, within=patience)
    return json_answer({})


@GROUP.post(
    "/tools/dicom-echo",
    "Ask a modality that is described in the body whether it is there (C-ECHO)",
    takes=JSON,
    body={"AET": "WORKSTATION", "Host": "192.0.2.1", "Port": 104, "Timeout": 5},
    example={},
)
async def echo_described(request: Request, backends: Backends) -> Response:
    body = await json_body(request)
    modality = parse_modality(body)
    timeout = _timeout(body if isinstance(body, dict) else {})
    command = EchoModality(modality.aet, timeout, modality)
    await backends.ask("egress", command, Done, within=ANSWER_TIMEOUT + (timeout or 0))
    return json_answer({})


@GROUP.post(
    "/modalities/{name}/store",
    "Send resources of any level to a modality (C-STORE), as a job",
    takes=JSON,
    body={"Resources": [ID], "Synchronous": True},
    example=SENT,
)
async def store(request: Request, backends: Backends) -> Response:
    name = request.path_params["name"]
    asked = parse_store_request(name, await whole(request, MAX_BODY))
    with _unknown_item():
        modality = await backends.modalities.read(name)
    known = await backends.catalog.known(asked.resources)
    for identifier in asked.resources:
        if identifier not in known:
            raise NotFound(f"There is no resource {identifier}")
    aet = backends.settings.dicom.aet
    job_id = await submit_store(backends.jobs, asked, modality, aet)
    if not asked.synchronous:
        return json_answer({"ID": job_id, "Path": f"/jobs/{job_id}"})
    job = await backends.jobs.wait_for(job_id, LONGEST_JOB)
    if job.document.state == "Failure":
        raise failure_of(job)
    return json_answer(job.content)


@contextmanager
def _unknown_item() -> Iterator[None]:
    """Tell a missing modality as Orthanc does: an item that does not exist."""
    try:
        yield
    except NotFound as error:
        raise UnknownItem(error.message, error.details) from error


def _timeout(body: Any) -> float | None:
    if not isinstance(body, dict):
        raise BadJson("Expected a JSON object")
    timeout = body.get("Timeout", 0)
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or timeout < 0:
        raise BadJson(f"Timeout is a number of seconds, not {timeout!r}")
    return float(timeout) or None
