# SPDX-License-Identifier: Apache-2.0
"""Labels: words that clients put on resources."""

import re

from starlette.requests import Request
from starlette.responses import Response

from pons.dicom.levels import LEVELS, Level
from pons.errors import BadRequest, NotFound
from pons.messages.index import DeleteLabel, PutLabel
from pons.messages.services import Done
from pons_gateway.answers import done, json_answer, silent
from pons_gateway.backends import Backends
from pons_gateway.legacy import Group, Handler
from pons_gateway.resource_json import FOLDERS

LABEL = re.compile(r"[A-Za-z0-9_-]{1,64}")

GROUP = Group("Labels", "Words that clients put on resources, to find them by.")


@GROUP.get("/tools/labels", "List every label that some resource has", example=["reviewed"])
async def all_labels(_request: Request, backends: Backends) -> Response:
    return json_answer(await backends.catalog.all_labels())


def list_labels(level: Level) -> Handler:
    async def handler(request: Request, backends: Backends) -> Response:
        return json_answer(await _labels(request, backends, level))

    return handler


def show(level: Level) -> Handler:
    async def handler(request: Request, backends: Backends) -> Response:
        labels = await _labels(request, backends, level)
        return done() if request.path_params["label"] in labels else silent(404)

    return handler


def put(level: Level) -> Handler:
    async def handler(request: Request, backends: Backends) -> Response:
        command = PutLabel(level, request.path_params["id"], _label(request))
        await backends.ask("index", command, Done)
        return done()

    return handler


def delete(level: Level) -> Handler:
    async def handler(request: Request, backends: Backends) -> Response:
        command = DeleteLabel(level, request.path_params["id"], _label(request))
        await backends.ask("index", command, Done)
        return done()

    return handler


async def _labels(request: Request, backends: Backends, level: Level) -> list[str]:
    labels = await backends.catalog.labels(level, request.path_params["id"])
    if labels is None:
        raise NotFound("Unknown resource")
    return labels


def _label(request: Request) -> str:
    label: str = request.path_params["label"]
    if LABEL.fullmatch(label) is None:
        raise BadRequest("A label has 1 to 64 letters, digits, _ or -")
    return label


def _add_routes(level: Level) -> None:
    name = level.lower()
    folder = f"/{FOLDERS[level]}/{{id}}/labels"
    one = f"{folder}/{{label}}"
    GROUP.add("GET", folder, list_labels(level), f"List the labels of a {name}",
              example=["reviewed"])  # fmt: skip
    GROUP.add("GET", one, show(level), f"Whether a {name} has a label (404: no)", gives="")
    GROUP.add("PUT", one, put(level), f"Put a label on a {name}", gives="", writes=True)
    GROUP.add("DELETE", one, delete(level), f"Take a label off a {name}", gives="", writes=True)


for _level in LEVELS:
    _add_routes(_level)
