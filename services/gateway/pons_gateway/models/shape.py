# SPDX-License-Identifier: Apache-2.0
"""What a query says of how resources are shown."""

from pydantic import BaseModel, Field

from pons_gateway.models.parts import PARTS, Shape, shape_with
from pons_gateway.query import Flag, TagList, Words


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
        tags = self.requested_tags | self.requested_tags_too
        return shape_with(self.response_content, tags, full=self.full, short=self.short)
