# SPDX-License-Identifier: Apache-2.0
"""Bodies of searches, and what they answer beside resources."""

from typing import Literal

from pydantic import BaseModel, Field

from pons.catalog.search import LabelsConstraint as Constraint
from pons.dicom.levels import Level
from pons_gateway.models.examples import ANOTHER, ID, STRICT, example
from pons_gateway.models.levels import AnyLevel
from pons_gateway.models.lists import Listed
from pons_gateway.models.shape import PARTS
from pons_gateway.query import MAX_NUMBER

OrderType = Literal[
    "DicomTag",
    "DicomTagAsInt",
    "DicomTagAsFloat",
    "Metadata",
    "MetadataAsInt",
    "MetadataAsFloat",
]


class SortKey(BaseModel):
    """One key to sort by; resources without it come last."""

    model_config = STRICT | example(Type="DicomTag", Key="StudyDate", Direction="DESC")

    Type: OrderType = Field(description="Whether the key is a tag, and how values are compared.")
    Key: str = Field(description="Name or number of the tag or of the metadata.")
    Direction: Literal["ASC", "DESC"] = Field("ASC", description="Ascending or descending.")


class TagFormat(BaseModel):
    """How tags are shown."""

    Full: bool = Field(False, description="Show tags with their numbers, names and kinds.")
    Short: bool = Field(False, description="Show tags with their numbers only.")
    Simplify: bool = Field(
        False, description="Show tags by their names only, which is what happens without, too."
    )


class CountRequest(BaseModel):
    """Which resources to count, or to find."""

    model_config = STRICT | example(Level="Study", Query={"PatientName": "ROE*"})

    Level: AnyLevel = Field(
        description="Level of the resources; plurals and capitals do not matter, nor `Image`."
    )
    Query: dict[str, str] = Field(
        description="Tags and what their values must be, as C-FIND has it: `*` and `?`, ranges "
        "with `-`, alternatives separated by `\\`."
    )
    CaseSensitive: bool = Field(False, description="Whether capitals matter. Not for counting.")
    Labels: Listed[str] = Field([], description="Labels that resources must have or not have.")
    LabelsConstraint: Constraint = Field("All", description="How many of `Labels` resources have.")
    MetadataQuery: dict[str, str] = Field(
        {}, description="Metadata, by name or number, and what their values must be."
    )
    ParentPatient: str | None = Field(None, description="Identifier of the patient to look in.")
    ParentStudy: str | None = Field(None, description="Identifier of the study to look in.")
    ParentSeries: str | None = Field(None, description="Identifier of the series to look in.")


class FindRequest(CountRequest, TagFormat):
    """Which resources to find, in which order, how many, and how to show them."""

    model_config = example(
        Level="Study",
        Query={"PatientName": "ROE*", "StudyDate": "20240101-", "ModalitiesInStudy": "CT\\MR"},
        Expand=True,
        RequestedTags=["ModalitiesInStudy", "NumberOfStudyRelatedInstances"],
        Labels=["todo"],
        LabelsConstraint="Any",
        OrderBy=[{"Type": "DicomTag", "Key": "StudyDate", "Direction": "DESC"}],
        Limit=50,
    )

    Expand: bool = Field(False, description="Give objects instead of identifiers.")
    ResponseContent: Listed[str] | None = Field(
        None, description=f"Which parts of the objects to give: {PARTS}. Implies `Expand`."
    )
    RequestedTags: Listed[str] = Field([], description="More tags to show.")
    OrderBy: Listed[SortKey] = Field([], description="Keys to sort by, the first one first.")
    Since: int = Field(
        0, ge=0, le=MAX_NUMBER, description="Leave out so many. Not with `CaseSensitive`."
    )
    Limit: int = Field(0, ge=0, le=MAX_NUMBER, description="Give so many at most, 0 for all.")


class BulkContent(TagFormat):
    """Which resources to show, and how."""

    model_config = STRICT | example(Resources=[ID, ANOTHER], Level="Study", Metadata=False)

    Resources: Listed[str] = Field(description="Identifiers, of any level.")
    Level: AnyLevel | None = Field(
        None,
        description="Show what they belong to, or what they have below, at this level; "
        "themselves without.",
    )
    Metadata: bool = Field(True, description="Show metadata, too.")


class Count(BaseModel):
    """How many resources there are."""

    model_config = example(Count=3)

    Count: int = Field(description="How many.")


class Found(BaseModel):
    """A resource that has a DICOM identifier."""

    model_config = example(Type="Study", ID=ID, Path=f"/studies/{ID}")

    Type: Level = Field(description="Its level.")
    ID: str = Field(description="Identifier in the store.")
    Path: str = Field(description="Where it is answered.")
