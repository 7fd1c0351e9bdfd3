# SPDX-License-Identifier: Apache-2.0
"""Tags as Orthanc shows them, and how they are asked for."""

from typing import Any

from pydantic import BaseModel, Field, RootModel

from pons.dicom.orthanc_json import Style
from pons_gateway.models.examples import ID, example
from pons_gateway.query import Flag, TagList

FULL_TAGS: dict[str, Any] = {
    "0010,0010": {"Name": "PatientName", "Type": "String", "Value": "ROE^RICHARD"}
}
SIMPLE_TAGS: dict[str, Any] = {"PatientName": "ROE^RICHARD", "PixelData": None}


class StyleQuery(BaseModel):
    """In which format tags are shown; in full unless asked otherwise."""

    simplify: Flag = Field(False, description="Show tags by their names only.")
    short: Flag = Field(False, description="Show tags with their numbers only.")
    full: Flag = Field(False, description="Show tags with their numbers, names and kinds.")

    @property
    def style(self) -> Style:
        """The format that `simplify` or `short` asks for; full without."""
        if self.simplify:
            return Style.SIMPLIFIED
        return Style.SHORT if self.short else Style.FULL


class LengthQuery(BaseModel):
    """Which long values are shown."""

    ignore_length: TagList = Field(
        default_factory=frozenset,
        alias="ignore-length",
        description="Tags whose value is shown however long it is, separated by `,` or `;`.",
    )


class WholeQuery(LengthQuery):
    """How far the tags of an instance are read."""

    whole: Flag = Field(
        False, description="Read the whole file again, so that tags after the pixel data appear."
    )


class ManyTagsQuery(StyleQuery, LengthQuery):
    """How tags of instances are shown."""


class TagsQuery(StyleQuery, WholeQuery):
    """How the tags of one instance are shown."""


class Tag(BaseModel):
    """What stands in one tag, in full."""

    Name: str = Field(description="Keyword of the attribute, or the name that settings gave it.")
    Type: str = Field(description="`String`, `Sequence`, `Null`, `Binary` or `TooLong`.")
    Value: str | list[dict[str, Any]] | None = Field(
        description="Text, the items of a sequence, or nothing."
    )


class Tags(RootModel[dict[str, Tag | str | list[dict[str, Any]] | None]]):
    """Number of a tag to what stands in it; in other formats to its value, or name to value."""

    model_config = example(**FULL_TAGS)


class SimpleTags(RootModel[dict[str, str | list[dict[str, Any]] | None]]):
    """Name of a tag to its value: text, the items of a sequence, or nothing."""

    model_config = example(**SIMPLE_TAGS)


class TagsByInstance(RootModel[dict[str, Tags]]):
    """Identifier of an instance to its tags."""

    model_config = example(**{ID: FULL_TAGS})
