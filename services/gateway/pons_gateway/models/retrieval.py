# SPDX-License-Identifier: Apache-2.0
"""What is retrieved from modalities, and what the jobs that do it tell."""

from typing import Any

from msgspec import structs
from pydantic import BaseModel, Field, ValidationInfo, field_validator

from pons.dicom.levels import Level
from pons.jobs import RetrieveRequest
from pons.jobs.retrieve import Identifier, Method, identifier_of
from pons.remotes.values import OptionalAETitle
from pons_gateway.models.examples import ID, OPEN, example
from pons_gateway.models.jobs import JobOptions
from pons_gateway.models.levels import LevelWord
from pons_gateway.models.lists import Listed
from pons_gateway.models.queries import Asking, TextKeys


class GetRequest(JobOptions, Asking):
    """What to retrieve: entities of one level, each by its unique keys."""

    model_config = example(
        Level="Study", Resources=[{"StudyInstanceUID": "1.2.826.0.1.3680043.8.498.1"}]
    )

    Level: LevelWord = Field(
        description="Level of the resources; plurals and capitals do not matter, nor `Image`."
    )
    Resources: Listed[TextKeys] = Field(
        description="For each resource tags, by name or number, and their values: that which names "
        "it at its level, those that name what is above it, and what it must have beside. They are "
        "sent as they are."
    )

    @field_validator("Resources")
    @classmethod
    def _named(cls, resources: list[Identifier], info: ValidationInfo) -> list[Identifier]:
        """Each of them a resource of the level."""
        if not resources:
            raise ValueError("name what to retrieve")
        level: Level | None = info.data.get("Level")
        return resources if level is None else [identifier_of(level, one) for one in resources]

    def asked(self, modality: str, method: Method = "C-GET") -> RetrieveRequest:
        """What egress is asked, of the modality of this name."""
        return RetrieveRequest(
            modality=modality,
            method=method,
            identifiers=self.Resources,
            synchronous=self.synchronous,
            priority=self.Priority or 0,
            permissive=self.Permissive,
            local_aet=self.LocalAet,
            timeout=self.Timeout,
            user_data=self.UserData,
        )


class MoveRequest(GetRequest):
    """What to retrieve, and where it is to go."""

    model_config = example(
        Level="Study",
        Resources=[{"StudyInstanceUID": "1.2.826.0.1.3680043.8.498.1"}],
        TargetAet="WORKSTATION",
    )

    TargetAet: OptionalAETitle = Field(
        "", description="AE title of the destination, which the modality must know; empty: here."
    )

    def moved(self, modality: str) -> RetrieveRequest:
        """What egress is asked, of the modality of this name."""
        request = self.asked(modality, "C-MOVE")
        return structs.replace(request, target_aet=self.TargetAet)


class RetrievalDetails(BaseModel):
    """What became of one resource."""

    model_config = OPEN | example(
        Query={"0008,0052": "STUDY", "0020,000d": "1.2.826.0.1.3680043.8.498.1"},
        DimseErrorStatus=0,
        ReceivedInstancesIds=[ID],
    )

    Query: dict[str, str] = Field(description="What was asked for.")
    DimseErrorStatus: int | None = Field(
        description="How the modality answered; null if the association ended before."
    )
    ReceivedInstancesIds: list[str] | None = Field(
        None,
        description="Instances that came in, 5000 at most in a job; not of a C-MOVE to elsewhere.",
    )
    Reason: str | None = Field(None, description="Why not all of it has arrived.")


class RetrievalContent(BaseModel):
    """What was retrieved."""

    model_config = OPEN | example(
        Description="REST API",
        LocalAet="PONS",
        RemoteAet="PACS",
        TargetAet="PONS",
        Query=[{"0008,0052": "STUDY", "0020,000d": "1.2.826.0.1.3680043.8.498.1"}],
        Details=[],
        FailedResourcesCount=0,
        NumberOfRemainingSuboperations=0,
        NumberOfCompletedSuboperations=12,
        NumberOfFailedSuboperations=0,
        NumberOfWarningSuboperations=0,
    )

    Description: str = Field(description="Who asked.")
    LocalAet: str = Field(description="AE title of this store.")
    RemoteAet: str = Field(description="AE title of the modality.")
    TargetAet: str | None = Field(None, description="Where it went; of C-MOVE only.")
    Query: list[dict[str, Any]] = Field(description="What was asked for.")
    Details: list[RetrievalDetails] = Field(
        description="What became of each resource, of the first 200."
    )
    FailedResourcesCount: int = Field(description="Resources that did not arrive whole.")
    NumberOfRemainingSuboperations: int = Field(description="Instances that are still to come.")
    NumberOfCompletedSuboperations: int = Field(description="Instances that arrived.")
    NumberOfFailedSuboperations: int = Field(description="Instances that did not arrive.")
    NumberOfWarningSuboperations: int = Field(description="Instances that arrived changed.")
