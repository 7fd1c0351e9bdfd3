# SPDX-License-Identifier: Apache-2.0
"""What happened to a study, as its page shows it."""

from typing import Literal

from pydantic import BaseModel, Field

from pons.dicom.levels import Level
from pons.jobs.document import JobState
from pons_gateway.models.examples import ID, JOB, example
from pons_gateway.models.session import CAMEL


class StudyEvent(BaseModel):
    """A change of the study or of one of its series, what was sent of it, or a job about it."""

    model_config = CAMEL | example(
        kind="sent",
        at="2026-05-14T10:12:13Z",
        what="workstation",
        level="Study",
        id=ID,
        job=JOB,
        count=1,
    )

    kind: Literal["change", "sent", "job"] = Field(description="What it is.")
    at: str = Field(description="When it was, in UTC; of a job, when it was asked for.")
    what: str = Field(description="A type of change, a destination, or a type of job.")
    level: Level | None = Field(
        None, description="Of what: the study, its series, instances; of a job also the patient."
    )
    id: str = Field("", description="The resource; empty for what was sent.")
    job: str = Field("", description="The job that did it.")
    count: int = Field(1, description="How many were sent.")
    state: JobState | None = Field(None, description="How a job is.")
    progress: float = Field(0, description="How far, in percent.")
    error: str = Field("", description="Why it failed.")


class StudyEvents(BaseModel):
    """What happened to a study, newest first."""

    model_config = CAMEL

    events: list[StudyEvent] = Field(description="As far as the logs and the jobs reach back.")
    more: bool = Field(description="Whether there was more than is told.")
