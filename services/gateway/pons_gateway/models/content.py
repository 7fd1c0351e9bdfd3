# SPDX-License-Identifier: Apache-2.0
"""What is inside DICOM files."""

from typing import Literal

from pydantic import BaseModel, Field

from pons_gateway.models.examples import ID, example


class OrderedSlices(BaseModel):
    """The slices of a series in their order."""

    model_config = example(
        Type="Volume",
        Dicom=[f"/instances/{ID}/file"],
        Slices=[f"/instances/{ID}/frames/0"],
        SlicesShort=[[ID, 0, 1]],
    )

    Type: Literal["Volume", "Sequence"] = Field(
        description="`Volume` where the order is that in space."
    )
    Dicom: list[str] = Field(description="Paths of the files.")
    Slices: list[str] = Field(description="Paths of the frames.")
    SlicesShort: list[tuple[str, int, int]] = Field(
        description="Instance, its first frame, and how many it has."
    )
