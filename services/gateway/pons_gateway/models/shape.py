# SPDX-License-Identifier: Apache-2.0
"""What a query says of how resources are shown."""

from pydantic import BaseModel, Field

from pons.errors import BadRequest
from pons_gateway.models.parts import PARTS, PLAIN, Shape, shape_with
from pons_gateway.query import Flag, Number, TagList, Words


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
