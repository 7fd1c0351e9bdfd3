# SPDX-License-Identifier: Apache-2.0
"""Jobs: what may be asked of any of them, and how they are shown."""

from typing import Annotated, Any

from pydantic import BaseModel, Field, StrictBool, StringConstraints

from pons.jobs import JobState
from pons_gateway.models.examples import JOB, example

Identifier = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
"""Of a resource, as a body names it."""
PriorityNumber = Annotated[int, Field(strict=True, ge=-(2**31), le=2**31 - 1)]


class JobOptions(BaseModel):
    """How work is done that may be a job."""

    Synchronous: StrictBool | None = Field(
        None, description="Whether to answer when all is done; wins over `Asynchronous`."
    )
    Asynchronous: StrictBool = Field(
        False, description="Whether to answer with the job at once, which goes on."
    )
    Priority: PriorityNumber | None = Field(
        None, description="Jobs with a higher one are done first."
    )
    Permissive: StrictBool = Field(
        False, description="Whether to go on after an instance that fails, and count it."
    )
    UserData: Any = Field(None, description="Shown with the job, for your own use.")

    @property
    def synchronous(self) -> bool:
        """Whether the caller waits."""
        return not self.Asynchronous if self.Synchronous is None else self.Synchronous


class SubmittedJob(BaseModel):
    """A job that goes on after the answer; the ZIP of an archive is at `/jobs/{id}/archive`."""

    model_config = example(ID=JOB, Path=f"/jobs/{JOB}")

    ID: str = Field(description="Its identifier.")
    Path: str = Field(description="Where it is shown.")


class Job(BaseModel):
    """What a job is, and how far. Times are in UTC, such as `20240102T101112.000000`."""

    model_config = example(
        ID=JOB,
        Type="DicomModalityStore",
        State="Success",
        Priority=0,
        Progress=100,
        ErrorCode=0,
        ErrorDescription="Success",
        ErrorDetails="",
        CreationTime="20240102T101112.000000",
        CompletionTime="20240102T101113.000000",
        Timestamp="20240102T101120.000000",
        EffectiveRuntime=0.4,
        Content={
            "Description": "REST API",
            "LocalAet": "PONS",
            "RemoteAet": "WORKSTATION",
            "InstancesCount": 12,
            "FailedInstancesCount": 0,
            "ParentResources": [],
        },
    )

    ID: str = Field(description="Its identifier.")
    Type: str = Field(description="The kind of work, such as `DicomModalityStore`.")
    State: JobState = Field(description="Whether it waits, runs, rests, or how it ended.")
    Priority: int = Field(description="Jobs with a higher one are done first.")
    Progress: int = Field(description="Percent.")
    ErrorCode: int = Field(description="Orthanc's number of the error; 0 for none.")
    ErrorDescription: str = Field(description="The error in Orthanc's words.")
    ErrorDetails: str = Field(description="The error in ours.")
    ErrorPayload: dict[str, Any] | None = Field(
        None, description="Of a retrieval that failed: what became of each resource."
    )
    CreationTime: str = Field(description="When it was asked for.")
    CompletionTime: str | None = Field(None, description="When it ended; only then.")
    EstimatedTimeOfArrival: str | None = Field(
        None, description="When it may end; only while it runs."
    )
    Timestamp: str = Field(description="When it was looked at.")
    EffectiveRuntime: float = Field(description="Seconds of work.")
    Content: dict[str, Any] = Field(description="What it does and has done, by its type.")
    UserData: Any = Field(None, description="What came with the request, if anything.")
