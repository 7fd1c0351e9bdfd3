# SPDX-License-Identifier: Apache-2.0
"""Worklist entries as Explorer lists them, and as its form writes them."""

from pydantic import BaseModel, ConfigDict, Field

from pons_gateway.models.examples import STRICT, example
from pons_gateway.models.session import CAMEL
from pons_gateway.models.worklists import WORKLIST_ID

STEP = "Of its first step."
FIELDS = {
    "PatientName": "ROE^RICHARD",
    "PatientID": "P1",
    "AccessionNumber": "A100",
    "Modality": "CT",
    "ScheduledStationAETitle": "CT1",
    "ScheduledProcedureStepStartDate": "20240105",
    "ScheduledProcedureStepStartTime": "143000",
}


class WorklistFields(BaseModel):
    """What people write of an entry; other attributes of an entry stay as they are."""

    model_config = STRICT | ConfigDict(extra="forbid") | example(**FIELDS)

    PatientName: str = Field("", description="As DICOM writes it: `ROE^RICHARD`.")
    PatientID: str = Field("", description="Number of the patient.")
    PatientBirthDate: str = Field("", description="YYYYMMDD.")
    PatientSex: str = Field("", description="`M`, `F` or `O`.")
    AccessionNumber: str = Field("", description="Number of the order.")
    RequestedProcedureID: str = Field("", description="Number of the procedure.")
    RequestedProcedureDescription: str = Field("", description="What is to be done.")
    Modality: str = Field("", description=STEP)
    ScheduledStationAETitle: str = Field("", description=STEP)
    ScheduledProcedureStepStartDate: str = Field("", description=f"{STEP} YYYYMMDD.")
    ScheduledProcedureStepStartTime: str = Field("", description=f"{STEP} HHMMSS.")
    ScheduledProcedureStepDescription: str = Field("", description=STEP)
    ScheduledPerformingPhysicianName: str = Field("", description=STEP)


class KnownWorklist(BaseModel):
    """An entry: one that the store keeps, or a file of the folder."""

    model_config = CAMEL | example(
        id=WORKLIST_ID,
        revision=1704465000000000,
        file="",
        problem="",
        studyUid="1.2.3",
        steps=1,
        fields=FIELDS,
    )

    id: str = Field(description="Its identifier; empty for a file.")
    revision: int = Field(description="What `If-Match` of its change names; 0 for a file.")
    file: str = Field(description="Its path within the folder; empty for one that the store keeps.")
    problem: str = Field(description="Why a file is no entry; empty where it is one.")
    study_uid: str = Field(description="Its StudyInstanceUID.")
    steps: int = Field(description="How many scheduled steps it has.")
    fields: WorklistFields


class KnownWorklists(BaseModel):
    """What modalities find in this store."""

    model_config = CAMEL | example(entries=[], more=False, hasFolder=True, folderProblem="")

    entries: list[KnownWorklist] = Field(description="Those that the store keeps, then files.")
    more: bool = Field(description="Whether there are more than are told.")
    has_folder: bool = Field(description="Whether setting `worklists.folder` names a folder.")
    folder_problem: str = Field(description="Why files are not told; empty where they are.")
