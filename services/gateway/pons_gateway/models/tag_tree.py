# SPDX-License-Identifier: Apache-2.0
"""A header as a tree for people."""

from pydantic import BaseModel, Field

from pons_gateway.models.examples import example

USUAL_LENGTH, LARGEST_LENGTH = 512, 1 << 20
"""Characters of a value; the rest is cut."""


class TagTreeQuery(BaseModel):
    """How much of each value."""

    longest: int = Field(
        USUAL_LENGTH,
        ge=USUAL_LENGTH,
        le=LARGEST_LENGTH,
        description="Characters of a value beyond which it is cut.",
    )


class ShownTag(BaseModel):
    """An element of a data set."""

    tag: str = Field(description="Group and element, `00080060`.")
    path: str = Field(description="Where `/instances/{id}/content/` has its value, whole.")
    vr: str = Field(description="Value Representation.")
    name: str = Field(description="What PS3.6, or the dictionary of its creator, calls it.")
    keyword: str = Field(description="Its keyword; empty for a private one.")
    creator: str | None = Field(None, description="Who a private one belongs to.")
    value: str | None = Field(None, description="The value as text; null for a binary one.")
    meaning: str | None = Field(None, description="What a UID is called.")
    bytes: int | None = Field(None, description="How many bytes a value has that is not shown.")
    length: int | None = Field(None, description="How many characters a value has that is cut.")
    cut: bool = Field(description="Whether there is more than is shown.")
    count: int | None = Field(None, description="How many items a sequence has, where it is known.")
    items: "list[list[ShownTag]] | None" = Field(None, description="Items of a sequence.")


class TagTreeAnswer(BaseModel):
    """The header of an instance."""

    model_config = example(
        meta=[],
        tags=[
            {
                "tag": "00080060",
                "path": "0008-0060",
                "vr": "CS",
                "name": "Modality",
                "keyword": "Modality",
                "value": "CT",
                "cut": False,
            }
        ],
        more=False,
    )

    meta: list[ShownTag] = Field(description="The file meta information.")
    tags: list[ShownTag] = Field(description="The data set, up to its pixels.")
    more: bool = Field(description="Whether there are more elements than are shown.")
