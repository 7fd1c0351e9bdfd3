# SPDX-License-Identifier: Apache-2.0
"""Searching the store by tags, metadata, labels or DICOM identifiers; many resources at once."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Annotated, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from pons.catalog import Order, Part, Search, Wanted
from pons.catalog.search import EXPANDED, LabelsConstraint, OrderKind
from pons.dicom.levels import Level
from pons.dicom.metadata import Names
from pons.dicom.tag_names import parse_tag
from pons.errors import BadRequest
from pons.settings import Settings
from pons_gateway.answers import UnknownItem, json_answer, json_list
from pons_gateway.backends import Backends
from pons_gateway.bodies import read_json
from pons_gateway.gathering import whole
from pons_gateway.legacy import JSON, TEXT, Group
from pons_gateway.resource_json import path_of, resource_json
from pons_gateway.routes.resources import ANOTHER, EXAMPLES, ID, found_objects, names_of
from pons_gateway.wanted import Shape, parts_of, requested, style_of

MAX_IDENTIFIER = 64 * 1024
"""Bytes of a body that is one identifier."""
MAX_NUMBER = 2**63 - 1

LEVEL_WORDS: dict[str, Level] = {
    "patient": "Patient",
    "patients": "Patient",
    "study": "Study",
    "studies": "Study",
    "series": "Series",
    "instance": "Instance",
    "instances": "Instance",
    "image": "Instance",
    "images": "Instance",
}
ORDER_KINDS: dict[str, OrderKind] = {
    "DicomTag": "text",
    "DicomTagAsInt": "integer",
    "DicomTagAsFloat": "float",
    "Metadata": "text",
    "MetadataAsInt": "integer",
    "MetadataAsFloat": "float",
}

Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_NUMBER)]


class OrderBody(msgspec.Struct, frozen=True, rename="pascal"):
    """One key to sort by."""

    type: Literal[
        "DicomTag",
        "DicomTagAsInt",
        "DicomTagAsFloat",
        "Metadata",
        "MetadataAsInt",
        "MetadataAsFloat",
    ]
    key: str
    direction: Literal["ASC", "DESC"] = "ASC"


class QueryBody(msgspec.Struct, frozen=True, rename="pascal"):
    """What finding and counting have in common."""

    level: str
    query: dict[str, str]
    case_sensitive: bool = False
    labels: list[str] = []
    labels_constraint: LabelsConstraint = "All"
    metadata_query: dict[str, str] = {}
    parent_patient: str | None = None
    parent_study: str | None = None
    parent_series: str | None = None


class FindBody(QueryBody, frozen=True, rename="pascal"):
    """The body of `/tools/find`."""

    expand: bool = False
    response_content: list[str] | None = None
    requested_tags: list[str] = []
    full: bool = False
    short: bool = False
    simplify: bool = False
    order_by: list[OrderBody] = []
    since: Count = 0
    limit: Count = 0


class BulkBody(msgspec.Struct, frozen=True, rename="pascal"):
    """The body of `/tools/bulk-content`."""

    resources: list[str]
    level: str | None = None
    metadata: bool = True
    full: bool = False
    short: bool = False
    simplify: bool = False


GROUP = Group("Find", "Search by tags, metadata and labels, and read many resources at once.")


@GROUP.post(
    "/tools/find",
    "Find resources by tags, metadata, labels or parent, and sort them",
    takes=JSON,
    body={
        "Level": "Study",
        "Query": {"PatientName": "ROE*", "StudyDate": "20240101-", "ModalitiesInStudy": "CT\\MR"},
        "Expand": True,
        "RequestedTags": ["ModalitiesInStudy", "NumberOfStudyRelatedInstances"],
        "Labels": ["todo"],
        "LabelsConstraint": "Any",
        "OrderBy": [{"Type": "DicomTag", "Key": "StudyDate", "Direction": "DESC"}],
        "Limit": 50,
    },
    example=[EXAMPLES["Study"]],
)
async def find(request: Request, backends: Backends) -> Response:
    body = await read_json(request, FindBody)
    search = search_of(body, names_of(backends), backends.settings)
    if not body.expand and body.response_content is None:
        return await json_list(backends.catalog.search_ids(search))
    words = body.response_content
    parts = EXPANDED if words is None else parts_of(words)
    wanted = Wanted(parts, requested(map(parse_tag, body.requested_tags)))
    shape = Shape(wanted, style_of(full=body.full, short=body.short))
    return await found_objects(search, shape, backends)


@GROUP.post(
    "/tools/count-resources",
    "Count what `/tools/find` would find, without its limits",
    takes=JSON,
    body={"Level": "Study", "Query": {"PatientName": "ROE*"}},
    example={"Count": 3},
)
async def count_resources(request: Request, backends: Backends) -> Response:
    body = await read_json(request, QueryBody)
    if body.case_sensitive:
        raise BadRequest("CaseSensitive cannot be used for counting")
    count = await backends.catalog.count(query_of(body, names_of(backends)))
    return json_answer({"Count": count})


@GROUP.post(
    "/tools/lookup",
    "Find resources by a PatientID, StudyInstanceUID, SeriesInstanceUID or SOPInstanceUID",
    takes=TEXT,
    body="1.2.3",
    example=[{"Type": "Study", "ID": ID, "Path": f"/studies/{ID}"}],
)
async def lookup(request: Request, backends: Backends) -> Response:
    body = await whole(request, MAX_IDENTIFIER)
    found = await backends.catalog.look_up(body.decode("utf-8", "replace"))
    return json_answer(
        [
            {"Type": level, "ID": identifier, "Path": path_of(level, identifier)}
            for level, identifier in found
        ]
    )


@GROUP.post(
    "/tools/bulk-content",
    "Show many resources, or what they belong to, or what they have below, at once",
    takes=JSON,
    body={"Resources": [ID, ANOTHER], "Level": "Study", "Metadata": False},
    example=[EXAMPLES["Study"]],
)
async def bulk_content(request: Request, backends: Backends) -> Response:
    body = await read_json(request, BulkBody)
    level = None if body.level is None else level_of(body.level)
    parts = EXPANDED | {Part.METADATA} if body.metadata else EXPANDED
    shape = Shape(Wanted(parts), style_of(full=body.full, short=body.short))
    names = names_of(backends)
    pages = backends.catalog.bulk(body.resources, level, shape.wanted)
    return await json_list([resource_json(r, shape, names) for r in page] async for page in pages)


def level_of(word: str) -> Level:
    """The level of a word; plurals and capitals do not matter. Raises `BadRequest`."""
    level = LEVEL_WORDS.get(word.lower())
    if level is None:
        raise BadRequest(f"Unknown level: {word!r}", "Patient, Study, Series or Instance")
    return level


def query_of(body: QueryBody, names: Names) -> Search:
    """Which resources a body asks for."""
    return Search(
        level_of(body.level),
        query=tuple((parse_tag(tag), value) for tag, value in body.query.items()),
        metadata=tuple(
            (_number(name, names), value) for name, value in body.metadata_query.items()
        ),
        case_sensitive=body.case_sensitive,
        labels=tuple(body.labels),
        labels_constraint=body.labels_constraint,
        parent=_parent(body),
    )


def search_of(body: FindBody, names: Names, settings: Settings) -> Search:
    """The search of a body, with the limits that the store sets.

    Orthanc finishes a search with regard to case outside its database, where it cannot skip; and
    its limits are those of its database, so that a search that headers decide looks at as many.
    """
    search = query_of(body, names)
    if body.since and body.case_sensitive and search.query:
        raise BadRequest("Since cannot be used together with CaseSensitive")
    instances = search.level == "Instance"
    cap = settings.find.limit_instances if instances else settings.find.limit_results
    return replace(
        search,
        order=tuple(_orders(body.order_by, names)),
        since=body.since,
        limit=_least(body.limit, cap),
        candidates=cap,
    )


def _orders(orders: Iterable[OrderBody], names: Names) -> Iterable[Order]:
    for order in orders:
        of_metadata = order.type.startswith("Metadata")
        yield Order(
            tag="" if of_metadata else parse_tag(order.key),
            metadata=_number(order.key, names) if of_metadata else 0,
            kind=ORDER_KINDS[order.type],
            descending=order.direction == "DESC",
        )


def _number(name: str, names: Names) -> int:
    number = names.number(name)
    if number is None:
        raise UnknownItem(f"Unknown metadata: {name}")
    return number


def _parent(body: QueryBody) -> tuple[Level, str] | None:
    parents: list[tuple[Level, str | None]] = [
        ("Patient", body.parent_patient),
        ("Study", body.parent_study),
        ("Series", body.parent_series),
    ]
    return next(((level, parent) for level, parent in parents if parent is not None), None)


def _least(limit: int, cap: int) -> int:
    """The lesser of two limits, where 0 is none."""
    return min(limit or cap, cap or limit)
