# SPDX-License-Identifier: Apache-2.0
"""Headers as Orthanc's JSON: of one instance, of all below a resource, or what these share."""

from collections.abc import AsyncIterator, Iterable
from typing import Any

from orjson import Fragment, loads
from starlette.requests import Request
from starlette.responses import Response

from pons.catalog import SMALL, StoredHeader
from pons.dicom.levels import LEVELS, Level
from pons.dicom.modules import MODULES
from pons.dicom.orthanc_json import Style, format_header
from pons.errors import NotFound
from pons.header import Header
from pons.header.large_tags import plain_members, write_large
from pons_gateway.answers import json_answer, json_object, json_of
from pons_gateway.backends import Backends
from pons_gateway.large_text import LargeMember, Text, gather_text
from pons_gateway.legacy import Group, Handler
from pons_gateway.parameters import Flag, Tags
from pons_gateway.resource_json import FOLDERS
from pons_gateway.routes.resources import ID
from pons_gateway.wanted import FULL, SHORT
from pons_gateway.whole_file import whole_header

SIMPLIFY = Flag("simplify", "Show tags by their names only.")
IGNORE_LENGTH = Tags("ignore-length", "Tags whose value is shown however long it is.")
WHOLE = Flag("whole", "Read the whole file again, so that tags after the pixel data appear.")

FORMATS = (SIMPLIFY, SHORT, FULL)
TAGS = {"0010,0010": {"Name": "PatientName", "Type": "String", "Value": "ROE^RICHARD"}}

GROUP = Group("Tags", "What stands in the headers of DICOM files.")


def style_of(request: Request) -> Style:
    """The format that `simplify` or `short` asks for; full without."""
    if SIMPLIFY(request):
        return Style.SIMPLIFIED
    return Style.SHORT if SHORT(request) else Style.FULL


@GROUP.get(
    "/instances/{id}/tags",
    "The tags of an instance, in full unless asked otherwise",
    query=(*FORMATS, IGNORE_LENGTH, WHOLE),
    example=TAGS,
)
async def tags(request: Request, backends: Backends) -> Response:
    return await _tags(request, backends, style_of(request))


@GROUP.get(
    "/instances/{id}/simplified-tags",
    "The tags of an instance by their names",
    query=(IGNORE_LENGTH, WHOLE),
    example={"PatientName": "ROE^RICHARD", "PixelData": None},
)
async def simplified_tags(request: Request, backends: Backends) -> Response:
    return await _tags(request, backends, Style.SIMPLIFIED)


async def _tags(request: Request, backends: Backends, style: Style) -> Response:
    identifier, ignored = request.path_params["id"], IGNORE_LENGTH(request)
    if WHOLE(request):
        return json_of(
            await whole_header(
                identifier, backends, lambda header: _whole_text(header, style, ignored, backends)
            )
        )
    text = await backends.catalog.read_header(
        identifier, lambda found: _text(found, style, ignored, backends)
    )
    if text is None:
        raise NotFound("Unknown resource")
    return json_of(text)


@GROUP.get(
    "/instances/{id}/header",
    "The file meta information of an instance",
    query=FORMATS,
    example={
        "0002,0010": {"Name": "TransferSyntaxUID", "Type": "String", "Value": "1.2.840.10008.1.2.1"}
    },
)
async def meta_header(request: Request, backends: Backends) -> Response:
    meta = await backends.catalog.read_meta(request.path_params["id"])
    if meta is None:
        raise NotFound("Unknown resource")
    return json_answer(format_header(meta, style_of(request), without_binary=True))


def module(of: Level, module_of: Level) -> Handler:
    """The tags of one module, as the first instance of the resource has them."""
    attributes = frozenset(MODULES[module_of])

    async def handler(request: Request, backends: Backends) -> Response:
        style, ignored = style_of(request), IGNORE_LENGTH(request)
        text = await backends.catalog.read_first_header(
            of,
            request.path_params["id"],
            lambda found: gather_text(
                write_large(found.json, style, ignore_length=ignored, only=attributes),
                backends.objects,
            ),
        )
        if text is None:
            raise NotFound("Unknown resource")
        return json_of(text)

    return handler


def instances_tags(level: Level) -> Handler:
    """The tags of every instance of a resource, by identifier, as they are read."""

    async def handler(request: Request, backends: Backends) -> Response:
        style, ignored = style_of(request), IGNORE_LENGTH(request)
        texts = backends.catalog.header_pages(
            level,
            request.path_params["id"],
            lambda found: _text(found, style, ignored, backends),
        )

        async def members() -> AsyncIterator[dict[str, Any] | LargeMember]:
            async for page in texts:
                small = {}
                for one, text in page:
                    if isinstance(text, bytes):
                        small[one] = Fragment(text)
                    else:
                        if small:
                            yield small
                        small = {}
                        yield LargeMember(one, text)
                if small:
                    yield small

        answer = await json_object(members())
        if answer is None:
            raise NotFound("Unknown resource")
        return answer

    return handler


def shared_tags(level: Level) -> Handler:
    """The tags that have the same text in every instance of a resource."""

    async def handler(request: Request, backends: Backends) -> Response:
        style = style_of(request)
        shared: dict[str, Any] | None = None

        def compare(found: StoredHeader) -> None:
            nonlocal shared
            texts = (one for one in _values(found, backends) if one[1]["Type"] == "String")
            if shared is not None:
                texts = (one for one in texts if shared.get(one[0]) == one[1])
            shared = dict(texts)

        identifier = request.path_params["id"]
        async for _page in backends.catalog.header_pages(level, identifier, compare):
            pass
        if shared is None:
            raise NotFound("Unknown resource")
        return json_answer(_restyled(shared, style))

    return handler


def _restyled(full: dict[str, Any], style: Style) -> dict[str, Any]:
    """Tags in full, in another format."""
    if style is Style.FULL:
        return full
    if style is Style.SHORT:
        return {tag: one["Value"] for tag, one in full.items()}
    return {one["Name"]: one["Value"] for one in full.values()}


def _text(header: StoredHeader, style: Style, ignored: frozenset[str], backends: Backends) -> Text:
    if len(header.json) <= SMALL:
        return backends.tags_text.write(
            header.json, style, pixel_vr=header.pixel_vr, ignore_length=ignored
        )
    pieces = write_large(header.json, style, pixel_vr=header.pixel_vr, ignore_length=ignored)
    return gather_text(pieces, backends.objects)


def _whole_text(header: Header, style: Style, ignored: frozenset[str], backends: Backends) -> Text:
    vr = header.pixel_data.vr if header.pixel_data else None
    pieces = write_large(header.json, style, pixel_vr=vr, ignore_length=ignored)
    return gather_text(pieces, backends.objects)


def _values(header: StoredHeader, backends: Backends) -> Iterable[tuple[str, Any]]:
    """Tag to what is shown of it in full; of a large header without its sequences."""
    if len(header.json) <= SMALL:
        full: dict[str, Any] = loads(backends.tags_text.write(header.json, Style.FULL))
        return full.items()
    return plain_members(header.json)


MODULE_QUERY = (*FORMATS, IGNORE_LENGTH)
for level in LEVELS:
    one, name = f"/{FOLDERS[level]}/{{id}}", level.lower()
    GROUP.add("GET", f"{one}/module", module(level, level), f"The tags that describe a {name}",
              query=MODULE_QUERY, example=TAGS)  # fmt: skip
    if level != "Instance":
        GROUP.add("GET", f"{one}/shared-tags", shared_tags(level),
                  f"The tags that all instances of a {name} share", query=FORMATS,
                  example=TAGS)  # fmt: skip
        GROUP.add("GET", f"{one}/instances-tags", instances_tags(level),
                  f"The tags of each instance of a {name}", query=MODULE_QUERY,
                  example={ID: TAGS})  # fmt: skip
GROUP.add("GET", "/studies/{id}/module-patient", module("Study", "Patient"),
          "The tags that describe the patient of a study", query=MODULE_QUERY,
          example=TAGS)  # fmt: skip
