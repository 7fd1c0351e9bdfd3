# SPDX-License-Identifier: Apache-2.0
"""Frames for viewing: their order in a series, and what queries say of them."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from pons.messages.frames import LARGEST_EDGE, SMALLEST_EDGE, USUAL_EDGE
from pons_gateway.models.examples import ID, OBJECT, example
from pons_gateway.query import Number

MOST_FRAMES = 65536
"""Frames of one stream; further ones are asked for by the next."""
CONTENT = "5f4dcc3b5aa765d61d8327deb882cf99"


class InstanceFrames(BaseModel):
    """The frames of an instance, which follow each other."""

    Instance: str = Field(description="Its identifier.")
    Content: str = Field(description="Names its bytes: with other ones it is another.")
    First: int = Field(description="Number of its first frame among those of the series, from 0.")
    Count: int = Field(description="How many frames it has.")


class FrameOrder(BaseModel):
    """The frames of a series in the order in which they are looked at."""

    model_config = example(
        Content=CONTENT,
        Type="Volume",
        Total=1,
        Instances=[{"Instance": ID, "Content": OBJECT, "First": 0, "Count": 1}],
    )

    Content: str = Field(
        description="Names the instances and their bytes: with other ones it is another."
    )
    Type: Literal["Volume", "Sequence"] = Field(
        description="`Volume` where the order is that in space; else it is that of indices, then "
        "that of arrival."
    )
    Total: int = Field(description="How many frames there are.")
    Instances: list[InstanceFrames] = Field(description="The instances, in order.")


class FramesQuery(BaseModel):
    """Which frames."""

    model_config = ConfigDict(populate_by_name=True)

    start: Number = Field(0, alias="from", description="The first frame, from 0.")
    count: int = Field(MOST_FRAMES, ge=1, le=MOST_FRAMES, description="How many frames, at most.")
    content: str | None = Field(
        None,
        max_length=64,
        description="`Content` of the order that the caller knows: the answer may then be kept for "
        "good. 409 where the series has changed since.",
    )


class ThumbnailQuery(BaseModel):
    """How small a picture."""

    size: int = Field(
        USUAL_EDGE,
        ge=SMALLEST_EDGE,
        le=LARGEST_EDGE,
        description="Pixels of the longer edge.",
    )
    content: str | None = Field(
        None,
        max_length=64,
        description="Names the bytes, as an ETag or a frame's `Content` does: the picture may then "
        "be kept for good while they are the same.",
    )
