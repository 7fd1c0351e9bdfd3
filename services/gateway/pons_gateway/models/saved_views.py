# SPDX-License-Identifier: Apache-2.0
"""Searches of the list of studies that are saved by name."""

from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from pons.catalog.words import LONGEST
from pons_gateway.models.examples import example
from pons_gateway.models.session import CAMEL
from pons_gateway.models.study_lists import ASKED

Name = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]*$"
    ),
]
SearchText = Annotated[str, Field(max_length=3 * LONGEST, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""As an address has it: three characters for one that is not ASCII."""


class ViewAsked(BaseModel):
    """A view as it is to be."""

    model_config = ASKED | example(name="CBCT of last week", search="q=cbct&date=last+week")

    name: Name = Field(description="What people call it; no two of one user have the same name.")
    search: SearchText = Field(description="What the address of the list has behind `?`.")


class SavedView(BaseModel):
    """A view of the user who asks, or of the store where it has no users."""

    model_config = CAMEL | example(
        id="0f8c2d71a9e4b6350f8c2d71a9e4b635",
        name="CBCT of last week",
        search="q=cbct&date=last+week",
    )

    id: str = Field(description="Its identifier.")
    name: str = Field(description="What people call it.")
    search: str = Field(description="What the address of the list has behind `?`.")
