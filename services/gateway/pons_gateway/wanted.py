# SPDX-License-Identifier: Apache-2.0
"""What a caller wants to see of resources: parts, requested tags, format of tags."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from starlette.requests import Request

from pons.catalog import Part, Wanted
from pons.catalog.search import EXPANDED
from pons.dicom.orthanc_json import Style
from pons.errors import BadRequest
from pons_gateway.parameters import Flag, Tags, Words

FULL = Flag("full", "Show tags with their numbers, names and kinds.")
SHORT = Flag("short", "Show tags with their numbers only.")
SIMPLIFY = Flag("simplify", "Show tags by their names only, which is what happens without, too.")
REQUESTED = Tags("requested-tags", "More tags to show, as `RequestedTags`, separated by `;`.")
REQUESTED_TOO = Tags("requestedTags", "An older name of `requested-tags`.")
CONTENT = Words(
    "response-content",
    "Which parts of the objects to show, separated by `;`: "
    + ", ".join(part for part in Part if part)
    + ".",
)
SHOWN = (CONTENT, REQUESTED, REQUESTED_TOO, FULL, SHORT, SIMPLIFY)
"""The parameters that shape objects."""

META_GROUP = "0002"
"""Group of the file meta information, which cannot be requested: Orthanc passes over it."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How a resource is shown."""

    wanted: Wanted
    style: Style


PLAIN = Shape(Wanted(), Style.SIMPLIFIED)


def shape_of(request: Request) -> Shape:
    """The shape that a request's query asks for."""
    if not request.scope["query_string"]:
        return PLAIN
    words = CONTENT(request)
    parts = EXPANDED if words is None else parts_of(words)
    tags = requested(REQUESTED(request) | REQUESTED_TOO(request))
    return Shape(Wanted(parts, tags), style_of(full=FULL(request), short=SHORT(request)))


def style_of(*, full: bool, short: bool) -> Style:
    """The format that `full` or `short` asks for; simplified without."""
    if short:
        return Style.SHORT
    return Style.FULL if full else Style.SIMPLIFIED


def parts_of(words: Sequence[str]) -> frozenset[Part]:
    """The parts that these words name. Raises `BadRequest` for others."""
    for word in words:
        if word not in set(Part) or not word:
            known = ", ".join(part for part in Part if part)
            raise BadRequest(f"Unknown part of a resource: {word!r}", f"known are {known}")
    return frozenset(map(Part, words))


def requested(tags: Iterable[str]) -> tuple[str, ...]:
    """The tags that can be requested, ascending."""
    return tuple(sorted(tag for tag in set(tags) if not tag.startswith(META_GROUP)))
