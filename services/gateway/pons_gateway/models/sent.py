# SPDX-License-Identifier: Apache-2.0
"""What Explorer asks of the log of what was sent, and what it is told."""

from typing import Annotated

from pydantic import BaseModel, Field

from pons.dicom.levels import Level
from pons_gateway.models.examples import ID, example
from pons_gateway.models.session import CAMEL
from pons_gateway.models.study_lists import ASKED
from pons_gateway.query import MAX_NUMBER

MOST_ROWS = 500

Words = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]


class SentAsked(BaseModel):
    """Which part of the log; empty or left out: any."""

    model_config = ASKED | example(destination="pacs", patient="roe")

    destination: Words = Field("", description="A piece of its name.")
    patient: Words = Field(
        "", description="Words: pieces of the patient's identifier, or of the name known here."
    )
    before: int | None = Field(
        None, ge=0, le=MAX_NUMBER, description="Only below this number; without, the latest."
    )
    limit: int = Field(100, ge=1, le=MOST_ROWS, description="Rows at most.")


class SentRow(BaseModel):
    """Something that was sent; what is known of its study is empty once that is not here."""

    model_config = CAMEL | example(
        seq=7,
        level="Study",
        id=ID,
        destination="workstation",
        patientId="P1",
        patientName="ROE^RICHARD",
        description="Thorax",
        study=ID,
        studyUid="1.2.3",
        date="2024-01-02T10:11:12.000000Z",
    )

    seq: int = Field(description="Its number in the log.")
    level: Level = Field(description="What was sent: all of a study, say, or an instance of it.")
    id: str = Field(description="Identifier of what was sent.")
    destination: str = Field(description="Where to.")
    patient_id: str = Field(description="As in the files.")
    patient_name: str = Field(description="As in the files.")
    description: str = Field(description="StudyDescription.")
    study: str | None = Field(description="Identifier of its study; null: it is not here.")
    study_uid: str = Field(description="StudyInstanceUID.")
    date: str = Field(description="When, in UTC.")


class SentPage(BaseModel):
    """A part of the log, newest first."""

    rows: list[SentRow] = Field(description="Those that match.")
    next: int | None = Field(description="`before` of what follows; null: nothing does.")
