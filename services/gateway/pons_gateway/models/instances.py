# SPDX-License-Identifier: Apache-2.0
"""Files that come in and go out."""

from pydantic import BaseModel, Field

from pons_gateway.models.examples import ANOTHER, ID, example


class StoredInstance(BaseModel):
    """A file that the store has now."""

    model_config = example(
        ID=ID,
        ParentPatient=ANOTHER,
        ParentSeries=ANOTHER,
        ParentStudy=ANOTHER,
        Path=f"/instances/{ID}",
        Status="Success",
    )

    ID: str = Field(description="Identifier of the instance.")
    ParentPatient: str = Field(description="Identifier of its patient.")
    ParentSeries: str = Field(description="Identifier of its series.")
    ParentStudy: str = Field(description="Identifier of its study.")
    Path: str = Field(description="Path of the instance.")
    Status: str = Field(description="`Success`, or `AlreadyStored` where it was there before.")


class FileQuery(BaseModel):
    """How a file is asked for."""

    filename: str = Field("", description="Name under which browsers save the file.")
    transcode: str | None = Field(
        None, description="Transfer syntax of the file; any but the one stored is refused."
    )
