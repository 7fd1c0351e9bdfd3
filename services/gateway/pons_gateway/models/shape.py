# SPDX-License-Identifier: Apache-2.0
"""How resources are shown, and what queries say of it: parts, requested tags, format of tags."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, Field

from pons.catalog import DEFAULT_PARTS, Fields, Part
from pons.dicom.orthanc_json import Style
from pons.errors import BadRequest
from pons_gateway.query import Flag, Number, TagList, Words

PARTS = ", ".join(part for part in Part if part)
"""What callers may choose from."""
META_GROUP = "0002"
"""Group of the file meta information, which cannot be requested: Orthanc passes over it."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How a resource is shown."""

    fields: Fields
    style: Style
    chosen: bool = False
    """Whether the caller named the parts: then lists hold objects."""


PLAIN = Shape(Fields(), Style.SIMPLIFIED)


def shape_with(
    words: Sequence[str] | None, tags: Iterable[str], *, full: bool, short: bool
) -> Shape:
    """The shape with these parts (None: the usual ones) and tags. Raises `BadRequest`."""
    parts = DEFAULT_PARTS if words is None else parts_of(words)
    fields = Fields(parts, requested(tags))
    return Shape(fields, style_of(full=full, short=short), chosen=words is not None)


def style_of(*, full: bool, short: bool) -> Style:
    """The format that `full` or `short` asks for; simplified without."""
    if short:
        return Style.SHORT
    return Style.FULL if full else Style.SIMPLIFIED


def parts_of(words: Sequence[str]) -> frozenset[Part]:
    """The parts that these words name. Raises `BadRequest` for others."""
    for word in words:
        if word not in set(Part) or not word:
            raise BadRequest(f"Unknown part of a resource: {word!r}", f"known are {PARTS}")
    return frozenset(map(Part, words))


def requested(tags: Iterable[str]) -> tuple[str, ...]:
    """The tags that can be requested, ascending."""
    return tuple(sorted(tag for tag in set(tags) if not tag.startswith(META_GROUP)))


class ShapeQuery(BaseModel):
    """The parameters that shape objects."""

    response_content: Words | None = Field(
        None,
        alias="response-content",
        description=f"Which parts of the objects to show, separated by `;`: {PARTS}.",
    )
    requested_tags: TagList = Field(
        default_factory=frozenset,
        alias="requested-tags",
        description="More tags to show, as `RequestedTags`, separated by `;`.",
    )
    requested_tags_too: TagList = Field(
        default_factory=frozenset,
        alias="requestedTags",
        description="An older name of `requested-tags`.",
    )
    full: Flag = Field(False, description="Show tags with their numbers, names and kinds.")
    short: Flag = Field(False, description="Show tags with their numbers only.")
    simplify: Flag = Field(
        False,
        description="Show tags by their names only, which is what happens without, too.",
    )

    def shape(self) -> Shape:
        """What is asked for. Raises `BadRequest` for an unknown part."""
        if not self.model_fields_set:
            return PLAIN
        tags = self.requested_tags | self.requested_tags_too
        return shape_with(self.response_content, tags, full=self.full, short=self.short)


class ListQuery(ShapeQuery):
    """Which of all resources of a level to list, and how to show them."""

    since: Number | None = Field(
        None, description="Leave out so many at the start; only together with `limit`."
    )
    limit: Number | None = Field(
        None, description="Give so many at most, 0 for all; only together with `since`."
    )
    expand: Flag = Field(False, description="Give objects instead of identifiers.")

    def part(self, path: str) -> tuple[int, int]:
        """How many to leave out, and how many to give. Raises `BadRequest` for one of them."""
        if (self.since is None) != (self.limit is None):
            missing = "limit" if self.limit is None else "since"
            raise BadRequest(f'Missing "{missing}" argument for GET request against: {path}')
        return self.since or 0, self.limit or 0


class BelowQuery(ShapeQuery):
    """How to show what a resource has below."""

    expand: Flag = Field(True, description="Give objects instead of identifiers.")
