# SPDX-License-Identifier: Apache-2.0
"""Modalities: the DICOM peers that this store knows, asks and sends to."""

from typing import Annotated, Any, get_args

from fastapi import Depends, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from pons.remotes.descriptions import Modality
from pons.remotes.modalities import as_described, to_json
from pons_gateway.bodies.json import json_value
from pons_gateway.dependencies import BackendsDep
from pons_gateway.errors import BadJson, telling_unknown_items
from pons_gateway.models.answers import Done
from pons_gateway.models.jobs import SubmittedJob
from pons_gateway.models.modalities import EchoRequest, Operation, StoreContent, StoreRequest
from pons_gateway.query import Flag
from pons_gateway.resources.sending import ended, send_echo, submit_resources
from pons_gateway.responses.answers import done, json_answer, silent
from pons_gateway.routing import Router

router = Router("Modalities", "The DICOM peers that this store knows, asks and sends to.")

Name = Annotated[str, Path(description="Name of the modality.")]
Expand = Annotated[Flag, Query(description="Give the configurations instead of the names.")]
IDENTIFIERS: list[dict[str, Any]] = [
    {"type": "string", "description": "One identifier."},
    {"type": "array", "items": {"type": "string"}, "description": "Identifiers."},
]
STORE_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "title": "StoreRequest",
                    "anyOf": [StoreRequest.model_json_schema(), *IDENTIFIERS],
                }
            },
            "text/plain": {"schema": IDENTIFIERS[0]},
        },
    }
}


async def store_request(request: Request) -> StoreRequest:
    """The body, which may be an identifier that is no JSON."""
    body = await request.body()
    try:
        value = json_value(body)
    except BadJson:
        value = body.decode("utf-8", "replace").strip()
    try:
        return StoreRequest.model_validate(value)
    except ValidationError as error:
        mistakes = [one | {"loc": ("body", *one["loc"])} for one in error.errors()]
        raise RequestValidationError(mistakes) from None


StoreBody = Annotated[StoreRequest, Depends(store_request)]


@router.get(
    "/modalities",
    summary="List modalities",
    response_model=list[str] | dict[str, Modality],
)
async def list_modalities(backends: BackendsDep, expand: Expand = False) -> Response:
    known = backends.modalities.list()
    if not expand:
        return json_answer(list(known))
    return json_answer({name: to_json(modality) for name, modality in known.items()})


@router.get(
    "/modalities/{name}", summary="What can be done with a modality", response_model=list[Operation]
)
async def operations(name: Name, backends: BackendsDep) -> Response:
    if name not in backends.modalities.list():
        return silent(404)
    return json_answer(get_args(Operation))


@router.put("/modalities/{name}", summary="Add or change a modality", response_class=Response)
async def put_modality(name: Name, described: Modality, backends: BackendsDep) -> Response:
    """A name has letters, digits, `-` and `_` only. What is put wins over the settings."""
    await backends.modalities.put(name, as_described(described))
    return done()


@router.delete("/modalities/{name}", summary="Forget a modality", response_class=Response)
async def delete_modality(name: Name, backends: BackendsDep) -> Response:
    """It is forgotten also where the settings name it."""
    with telling_unknown_items():
        await backends.modalities.delete(name)
    return done()


@router.get("/modalities/{name}/configuration", summary="Show a modality", response_model=Modality)
async def configuration(name: Name, backends: BackendsDep) -> Response:
    with telling_unknown_items():
        return json_answer(to_json(await backends.modalities.read(name)))


@router.post(
    "/modalities/{name}/echo",
    summary="Ask a modality whether it is there (C-ECHO)",
    response_model=Done,
)
async def echo(name: Name, backends: BackendsDep, asked: EchoRequest | None = None) -> Response:
    """The body may be empty. An answer of 500 says why the modality could not be reached."""
    with telling_unknown_items():
        await backends.modalities.read(name)
    await send_echo(backends, name, (asked or EchoRequest()).Timeout)
    return json_answer({})


@router.post(
    "/tools/dicom-echo",
    summary="Ask a modality that is described in the body whether it is there (C-ECHO)",
    response_model=Done,
)
async def echo_described(described: Modality, backends: BackendsDep) -> Response:
    modality = as_described(described)
    await send_echo(backends, modality.aet, float(modality.timeout), modality)
    return json_answer({})


@router.post(
    "/modalities/{name}/store",
    summary="Send resources of any level to a modality (C-STORE), as a job",
    response_model=StoreContent | SubmittedJob,
    openapi_extra=STORE_BODY,
)
async def store(name: Name, body: StoreBody, backends: BackendsDep) -> Response:
    """What was sent, once the job has ended; with `Asynchronous` the job that goes on."""
    asked = body.addressed(name)
    with telling_unknown_items():
        modality = await backends.modalities.read(name)
    job_id = await submit_resources(backends, asked, modality)
    if not asked.synchronous:
        return json_answer({"ID": job_id, "Path": f"/jobs/{job_id}"})
    return json_answer((await ended(backends, job_id)).content)
