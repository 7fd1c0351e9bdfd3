# SPDX-License-Identifier: Apache-2.0
"""Instances come in, and go out as files or tags."""

from starlette.requests import Request
from starlette.responses import Response

from pons.dicom_json import Style, format_header
from pons.errors import BadRequest, NotFound
from pons_gateway.answers import done, json_answer
from pons_gateway.backends import Backends
from pons_gateway.dicom_file import DICOM, dicom_file
from pons_gateway.parameters import Flag, Tags, Text
from pons_gateway.routes.resources import ANOTHER, ID
from pons_gateway.routing import JSON, Group
from pons_gateway.uploads import store_upload
from pons_gateway.wanted import SHORT
from pons_gateway.whole_file import whole_header

SIMPLIFY = Flag("simplify", "Show tags by their names only.")
IGNORE_LENGTH = Tags("ignore-length", "Tags whose value is shown however long it is.")
WHOLE = Flag("whole", "Read the whole file again, so that tags after the pixel data appear.")
FILENAME = Text("filename", "Name under which browsers save the file.")

GROUP = Group("DICOM files", "Send files to the store, get them back, read their tags.")


@GROUP.post(
    "/instances",
    "Store a DICOM file, a ZIP of many, a gzip of one, or a form with any of them",
    takes=DICOM,
    example={
        "ID": ID,
        "ParentPatient": ANOTHER,
        "ParentSeries": ANOTHER,
        "ParentStudy": ANOTHER,
        "Path": f"/instances/{ID}",
        "Status": "Success",
    },
)
async def upload(request: Request, backends: Backends) -> Response:
    stored = await store_upload(request, backends)
    return done() if stored is None else json_answer(stored)


@GROUP.get(
    "/instances/{id}/file",
    "The DICOM file as it was received",
    query=(FILENAME,),
    gives=DICOM,
)
async def file(request: Request, backends: Backends) -> Response:
    identifier = request.path_params["id"]
    given = FILENAME.text(request)
    name = _file_name(given) if given else f"{identifier}.dcm"
    return await dicom_file(identifier, name, backends)


@GROUP.get(
    "/instances/{id}/tags",
    "The tags of an instance, in full unless asked otherwise",
    query=(SIMPLIFY, SHORT, IGNORE_LENGTH, WHOLE),
    gives=JSON,
    example={"0010,0010": {"Name": "PatientName", "Type": "String", "Value": "ROE^RICHARD"}},
)
async def tags(request: Request, backends: Backends) -> Response:
    if SIMPLIFY(request):
        return await _tags(request, backends, Style.SIMPLIFIED)
    return await _tags(request, backends, Style.SHORT if SHORT(request) else Style.FULL)


@GROUP.get(
    "/instances/{id}/simplified-tags",
    "The tags of an instance by their names",
    query=(IGNORE_LENGTH, WHOLE),
    gives=JSON,
    example={"PatientName": "ROE^RICHARD", "PixelData": None},
)
async def simplified_tags(request: Request, backends: Backends) -> Response:
    return await _tags(request, backends, Style.SIMPLIFIED)


async def _tags(request: Request, backends: Backends, style: Style) -> Response:
    identifier, ignored = request.path_params["id"], IGNORE_LENGTH(request)
    if WHOLE(request):
        header = await whole_header(identifier, backends)
        vr = header.pixel_data.vr if header.pixel_data else None
        shown = format_header(header.json, style, pixel_vr=vr, ignore_length=ignored)
        return json_answer(shown)
    found = await backends.catalog.find_header(identifier)
    if found is None:
        raise NotFound("Unknown resource")
    shown = format_header(found.json, style, pixel_vr=found.pixel_vr, ignore_length=ignored)
    return json_answer(shown)


def _file_name(name: str) -> str:
    """`name`, when it can stand in a header as it is."""
    if not (name.isascii() and name.isprintable()) or '"' in name or "\\" in name:
        raise BadRequest(f"{name!r} is not a file name of plain characters")
    return name
