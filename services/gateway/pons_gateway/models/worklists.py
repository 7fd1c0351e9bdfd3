# SPDX-License-Identifier: Apache-2.0
"""Worklist entries, as they are made and shown."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from pons.dicom.orthanc_json import Style
from pons_gateway.models.examples import MOMENT, STRICT, example
from pons_gateway.models.tags import Tags

WORKLIST_ID = "0192f0c1-7a3b-7c11-9f6e-2d5c8a4b9e10"
ENTRY = {
    "PatientID": "P1",
    "PatientName": "ROE^RICHARD",
    "AccessionNumber": "A100",
    "ScheduledProcedureStepSequence": [
        {
            "Modality": "CT",
            "ScheduledStationAETitle": "CT1",
            "ScheduledProcedureStepStartDate": "20240105",
            "ScheduledProcedureStepStartTime": "143000",
        }
    ],
}
STYLES = {"Simplify": Style.SIMPLIFIED, "Short": Style.SHORT, "Full": Style.FULL}


class WorklistBody(BaseModel):
    """An entry."""

    model_config = STRICT | example(Tags=ENTRY)

    Tags: dict[str, Any] = Field(
        description="Attributes by name or tag: texts, numbers, or arrays of such objects."
    )
    Force: bool = Field(
        False,
        description="Take an entry whose first step lacks Modality or "
        "ScheduledProcedureStepStartDate, too.",
    )


class WorklistFormat(BaseModel):
    """How the attributes of entries are shown."""

    format: Literal["Simplify", "Short", "Full"] = Field(
        "Simplify",
        description="Simplify: by their names. Short: by their numbers. Full: with numbers, names "
        "and kinds.",
    )

    @property
    def style(self) -> Style:
        """The format of the tags."""
        return STYLES[self.format]


class MadeWorklist(BaseModel):
    """An entry that was made."""

    model_config = example(ID=WORKLIST_ID, Path=f"/worklists/{WORKLIST_ID}")

    ID: str = Field(description="Its identifier.")
    Path: str = Field(description="Where it is shown.")


class Worklist(BaseModel):
    """An entry that the store keeps."""

    model_config = example(ID=WORKLIST_ID, Tags=ENTRY, CreationDate=MOMENT)

    ID: str = Field(description="Its identifier.")
    Tags: Tags
    CreationDate: str = Field(description="When it was made, in UTC.")
