# SPDX-License-Identifier: Apache-2.0
"""Bodies that delete resources or read them again."""

from typing import Annotated, Any

from pydantic import BaseModel, Discriminator, Field, StrictBool, Tag

from pons.messages import index
from pons_gateway.models.examples import ANOTHER, ID, example
from pons_gateway.models.levels import LevelWord
from pons_gateway.models.lists import Listed


class LeveledId(BaseModel):
    """A resource by its level and identifier."""

    Level: LevelWord = Field(description="Level of the resource; plurals will do.")
    ID: str = Field(description="Identifier of the resource.")


def kind_of_name(value: Any) -> str | None:
    """Which of the two ways to name a resource this is; None for neither."""
    if isinstance(value, str):
        return "identifier"
    return "object" if isinstance(value, dict | LeveledId) else None


ResourceName = Annotated[
    Annotated[str, Tag("identifier")] | Annotated[LeveledId, Tag("object")],
    Discriminator(
        kind_of_name,
        custom_error_type="resource_name",
        custom_error_message="expected an identifier, or an object with Level and ID",
    ),
]


class BulkDelete(BaseModel):
    """Which resources to delete."""

    model_config = example(Resources=[ID, {"Level": "Study", "ID": ANOTHER}])

    Resources: Listed[ResourceName] = Field(
        description="Identifiers of any levels, alone or with their level."
    )

    def names(self) -> list[index.ResourceName]:
        """The resources as the index is told of them."""
        return [
            index.ResourceName(one)
            if isinstance(one, str)
            else index.ResourceName(one.ID, one.Level)
            for one in self.Resources
        ]


class ReconstructStore(BaseModel):
    """How to read every file again."""

    model_config = example(ReconstructFiles=False)

    ReconstructFiles: StrictBool = Field(
        False, description="Write the files again, too, compressed as the settings say now."
    )


class ReconstructResource(ReconstructStore):
    """How to read the files of a resource again."""

    model_config = example(ReconstructFiles=False, LimitToThisLevelMainDicomTags=False)

    LimitToThisLevelMainDicomTags: StrictBool = Field(
        False,
        description="Rebuild the main tags of this resource alone, and keep those above and below.",
    )
