# SPDX-License-Identifier: Apache-2.0
"""What bodies ask of the catalog."""

from collections.abc import Iterable
from dataclasses import replace

from pons.catalog import DEFAULT_PARTS, Fields, Order, Part, Search
from pons.catalog.search import OrderKind
from pons.dicom.levels import Level
from pons.dicom.metadata import Names
from pons.dicom.tag_names import parse_tag
from pons.errors import BadRequest
from pons.settings import Settings
from pons_gateway.errors import UnknownItem
from pons_gateway.models.find import BulkContent, CountRequest, FindRequest, SortKey
from pons_gateway.models.shape import Shape, shape_with, style_of

ORDER_KINDS: dict[str, OrderKind] = {
    "DicomTag": "text",
    "DicomTagAsInt": "integer",
    "DicomTagAsFloat": "float",
    "Metadata": "text",
    "MetadataAsInt": "integer",
    "MetadataAsFloat": "float",
}


def count_search(body: CountRequest, names: Names) -> Search:
    """The search whose results are counted. Raises `BadRequest` where capitals matter."""
    if body.CaseSensitive:
        raise BadRequest("CaseSensitive cannot be used for counting")
    return _query(body, names)


def find_search(body: FindRequest, names: Names, settings: Settings) -> Search:
    """The search of a body, with the limits that the store sets.

    Orthanc finishes a search with regard to case outside its database, where it cannot skip; and
    its limits are those of its database, so that a search that headers decide looks at as many.
    """
    search = _query(body, names)
    if body.Since and body.CaseSensitive and search.query:
        raise BadRequest("Since cannot be used together with CaseSensitive")
    instances = search.level == "Instance"
    cap = settings.find.limit_instances if instances else settings.find.limit_results
    return replace(
        search,
        order=tuple(_orders(body.OrderBy, names)),
        since=body.Since,
        limit=_least(body.Limit, cap),
        candidates=cap,
    )


def find_shape(body: FindRequest) -> Shape:
    """How what is found is shown. Raises `BadRequest` for unknown parts and `UnknownTag`."""
    tags = map(parse_tag, body.RequestedTags)
    return shape_with(body.ResponseContent, tags, full=body.Full, short=body.Short)


def bulk_shape(body: BulkContent) -> Shape:
    """How many resources at once are shown."""
    parts = DEFAULT_PARTS | {Part.METADATA} if body.Metadata else DEFAULT_PARTS
    return Shape(Fields(parts), style_of(full=body.Full, short=body.Short))


def _query(body: CountRequest, names: Names) -> Search:
    return Search(
        body.Level,
        query=tuple((parse_tag(tag), value) for tag, value in body.Query.items()),
        metadata=tuple((_number(name, names), value) for name, value in body.MetadataQuery.items()),
        case_sensitive=body.CaseSensitive,
        labels=tuple(body.Labels),
        labels_constraint=body.LabelsConstraint,
        parent=_parent(body),
    )


def _orders(orders: Iterable[SortKey], names: Names) -> Iterable[Order]:
    for order in orders:
        of_metadata = order.Type.startswith("Metadata")
        yield Order(
            tag="" if of_metadata else parse_tag(order.Key),
            metadata=_number(order.Key, names) if of_metadata else 0,
            kind=ORDER_KINDS[order.Type],
            descending=order.Direction == "DESC",
        )


def _number(name: str, names: Names) -> int:
    number = names.number(name)
    if number is None:
        raise UnknownItem(f"Unknown metadata: {name}")
    return number


def _parent(body: CountRequest) -> tuple[Level, str] | None:
    parents: list[tuple[Level, str | None]] = [
        ("Patient", body.ParentPatient),
        ("Study", body.ParentStudy),
        ("Series", body.ParentSeries),
    ]
    return next(((level, parent) for level, parent in parents if parent is not None), None)


def _least(limit: int, cap: int) -> int:
    """The lesser of two limits, where 0 is none."""
    return min(limit or cap, cap or limit)
