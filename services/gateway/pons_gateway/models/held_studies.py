# SPDX-License-Identifier: Apache-2.0
"""Which studies that another store tells of are here, and how much of each."""

from typing import Annotated

from pydantic import BaseModel, Field

from pons_gateway.models.examples import ID, example
from pons_gateway.models.lists import Listed
from pons_gateway.models.session import CAMEL
from pons_gateway.models.study_lists import ASKED

MOST_STUDIES = 1000
"""Studies of one request, which is one statement."""

StudyUID = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\x00]+$")]
"""Also what is no UID in the strict sense: some files have such ones."""
PatientID = Annotated[str, Field(max_length=1024, pattern=r"^[^\x00]*$")]


class ToldStudy(BaseModel):
    """A study as another store tells of it."""

    model_config = ASKED | example(studyUid="1.2.826.0.1.3680043.8.498.1", patientId="12345")

    study_uid: StudyUID = Field(description="StudyInstanceUID.")
    patient_id: PatientID = Field("", description="PatientID, by which studies of one UID differ.")


class StudiesTold(BaseModel):
    """Which studies are looked for."""

    model_config = ASKED | example(
        studies=[{"studyUid": "1.2.826.0.1.3680043.8.498.1", "patientId": "12345"}]
    )

    studies: Listed[ToldStudy] = Field(max_length=MOST_STUDIES, description="Each of them.")


class HeldStudy(BaseModel):
    """A study that is here, or a part of it."""

    model_config = CAMEL | example(
        studyUid="1.2.826.0.1.3680043.8.498.1",
        askedPatientId="12345",
        id=ID,
        patientId="12345",
        series=2,
        instances=12,
    )

    study_uid: str = Field(description="As asked.")
    asked_patient_id: str = Field(description="As asked.")
    id: str = Field(description="Identifier of the study here.")
    patient_id: str = Field(description="Of the study here; another one's where they differ.")
    series: int = Field(description="How many are here.")
    instances: int = Field(description="How many are here.")
