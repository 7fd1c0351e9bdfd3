# SPDX-License-Identifier: Apache-2.0
"""What Explorer is told of the files that it sends."""

from pydantic import BaseModel, Field

from pons_gateway.models.examples import ANOTHER, ID, example
from pons_gateway.models.instances import StoredInstance

STORED = {
    "ID": ID,
    "ParentPatient": ANOTHER,
    "ParentSeries": ANOTHER,
    "ParentStudy": ANOTHER,
    "Path": f"/instances/{ID}",
    "Status": "Success",
}


class UploadedFile(BaseModel):
    """What became of a file."""

    model_config = example(status=200, stored=[STORED], details="")

    status: int = Field(description="The status that the file would have had alone.")
    stored: list[StoredInstance] = Field(
        description="What is in the store of it: of a ZIP several instances, or none."
    )
    details: str = Field(description="What went wrong, and what to do; empty otherwise.")
