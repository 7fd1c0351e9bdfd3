# SPDX-License-Identifier: Apache-2.0
"""Archives and media: instances in a ZIP, at once or as a job; render makes them."""

from typing import Any

import httpx
import msgspec
from starlette.requests import Request
from starlette.responses import Response

from pons.dicom.levels import Level
from pons.errors import FAMILY, BadRequest, NotFound, PonsError
from pons.jobs import ArchiveOrder, parse_archive_order, submit_archive
from pons_gateway import render_client
from pons_gateway.answers import json_answer
from pons_gateway.backends import Backends
from pons_gateway.bodies import json_body
from pons_gateway.disposition import content_disposition
from pons_gateway.legacy import JSON, Group, Handler
from pons_gateway.models.identifiers import JOB
from pons_gateway.parameters import Flag, Number, Text
from pons_gateway.resource_json import FOLDERS
from pons_gateway.routes.resources import ID

ZIP = "application/zip"

FILENAME = Text("filename", "Name under which browsers save the ZIP.")
TRANSCODE = Text("transcode", "Refused: archives have the files as they are stored.")
QUALITY = Number("lossy-quality", "Quality of lossy transcoding, 1 to 100; without effect.")
EXTENDED = Flag("extended", "Add optional attributes to the DICOMDIR.")
RESOURCES = Text("resources", "Orthanc identifiers of any level, separated by `,`.")
PERMISSIVE = Flag(
    "permissive", "Leave out, and list in `MISSING.TXT`, instances that the store lost or damaged."
)
COMMON = (FILENAME, TRANSCODE, QUALITY, PERMISSIVE)

KINDS = {
    "archive": ("a ZIP with a folder for each patient, study and series", False, False),
    "media": ("a ZIP with a DICOMDIR, ready for a CD", True, False),
    "media-extended": ("as `create-media`, with optional attributes in the DICOMDIR", True, True),
}
"""Name in the route to what it gives, whether it has a DICOMDIR, and whether that is extended."""

OPTIONS = {
    "Asynchronous": True,
    "Filename": "study.zip",
    "Utf8": True,
    "Permissive": False,
    "Priority": 0,
    "UserData": "mine",
}
SUBMITTED = {"ID": JOB, "Path": f"/jobs/{JOB}"}

GROUP = Group(
    "Archives and media",
    "Instances in a ZIP, sent while it is made, or made by a job that keeps it for a while. "
    "With `Asynchronous` a POST answers with the job, whose ZIP is at `/jobs/{id}/archive`.",
)


def get_archive(kind: str) -> Handler:
    """A handler of GET: options are query parameters."""
    _, media, extended = KINDS[kind]

    async def handler(request: Request, backends: Backends) -> Response:
        options: dict[str, Any] = {}
        if (filename := FILENAME.text(request)) is not None:
            options["Filename"] = filename
        if (syntax := TRANSCODE.text(request)) is not None:
            options["Transcode"] = syntax
        if (quality := QUALITY(request)) is not None:
            options["LossyQuality"] = quality
        if PERMISSIVE.text(request) is not None:
            options["Permissive"] = PERMISSIVE(request)
        if media and EXTENDED.text(request) is not None:
            options["Extended"] = EXTENDED(request)
        if "id" not in request.path_params:
            options["Resources"] = _named(request)
        order = _order(request, backends, options, media=media, extended=extended)
        return await _answer(order, backends)

    return handler


def post_archive(kind: str) -> Handler:
    """A handler of POST: options are JSON."""
    _, media, extended = KINDS[kind]

    async def handler(request: Request, backends: Backends) -> Response:
        options = await json_body(request, otherwise={})
        order = _order(request, backends, options, media=media, extended=extended)
        return await _answer(order, backends)

    return handler


def _named(request: Request) -> list[str]:
    value = RESOURCES.text(request)
    if value is None:
        raise BadRequest("resources: expected Orthanc identifiers, separated by commas")
    return [word.strip() for word in value.split(",") if word.strip()]


def _order(
    request: Request, backends: Backends, options: Any, *, media: bool, extended: bool
) -> ArchiveOrder:
    identifier = request.path_params.get("id")
    return parse_archive_order(
        options,
        resources=None if identifier is None else [identifier],
        media=media,
        extended=extended,
        utf8=backends.settings.archive.utf8,
    )


async def _answer(order: ArchiveOrder, backends: Backends) -> Response:
    known = await backends.catalog.known(order.request.resources)
    for resource in order.request.resources:
        if resource not in known:
            raise NotFound("Unknown resource", resource)
    if not order.synchronous:
        job_id = await submit_archive(backends.jobs, order)
        return json_answer({"ID": job_id, "Path": f"/jobs/{job_id}"})
    return await _relay(order, backends)


async def _relay(order: ArchiveOrder, backends: Backends) -> Response:
    """The ZIP as render sends it; a failure in its midst breaks the connection."""
    client = backends.archives
    asked = client.build_request(
        "POST", "/archive", content=msgspec.json.encode(order.request), timeout=_timeout(backends)
    )
    answer = await render_client.send(client, asked)
    if answer.status_code != 200:
        raise await _refusal(answer)
    headers = {
        "content-disposition": content_disposition(order.filename),
        "x-content-type-options": "nosniff",
    }
    if "content-length" in answer.headers:
        headers["content-length"] = answer.headers["content-length"]
    return render_client.Relayed(answer, media_type=ZIP, headers=headers)


def _timeout(backends: Backends) -> httpx.Timeout:
    """A ZIP that is made before it is sent takes its time; one that is streamed begins at once."""
    settings = backends.settings
    silence = settings.render.timeout + 5 if settings.archive.stream else None
    return httpx.Timeout(silence, connect=2)


async def _refusal(answer: httpx.Response) -> PonsError:
    """What render could not do, as it tells it."""
    try:
        told = msgspec.json.decode(await answer.aread(), type=dict[str, str])
    finally:
        await answer.aclose()
    return FAMILY.get(told["error"], PonsError)(told["message"])


def _add_routes() -> None:
    levels: tuple[Level, ...] = ("Patient", "Study", "Series")
    for level in levels:
        for kind in ("archive", "media"):
            path, what = f"/{FOLDERS[level]}/{{id}}/{kind}", KINDS[kind][0]
            query = [*COMMON, EXTENDED] if kind == "media" else [*COMMON]
            summary = f"Get a {level.lower()} as {what}"
            GROUP.add("GET", path, get_archive(kind), summary, query=tuple(query), gives=ZIP)
            GROUP.add("POST", path, post_archive(kind), summary, takes=JSON, body=OPTIONS,
                      example=SUBMITTED)  # fmt: skip
    for kind, (what, media, _) in KINDS.items():
        path, summary = f"/tools/create-{kind}", f"Get any resources as {what}"
        query = [RESOURCES, *COMMON, EXTENDED] if media else [RESOURCES, *COMMON]
        GROUP.add("GET", path, get_archive(kind), summary, query=tuple(query), gives=ZIP)
        GROUP.add(
            "POST",
            path,
            post_archive(kind),
            summary,
            takes=JSON,
            body={"Resources": [ID], **OPTIONS},
            example=SUBMITTED,
        )


_add_routes()
