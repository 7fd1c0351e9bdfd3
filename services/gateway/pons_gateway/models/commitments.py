# SPDX-License-Identifier: Apache-2.0
"""Storage commitment: what a modality is to keep for good, and what it has said to that."""

from typing import Annotated, Any

from pydantic import BaseModel, Field, StringConstraints, model_validator

from pons.messages.egress import Reference, RequestCommitment
from pons.remotes import commitments
from pons_gateway.models.examples import ID, example
from pons_gateway.models.jobs import Identifier
from pons_gateway.models.lists import Listed
from pons_gateway.models.remotes import A_DAY

TRANSACTION = "2.25.329800735698586629295641978511506172918"
CT = {
    "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2",
    "SOPInstanceUID": "1.2.826.0.1.3680043.8.498.1",
}
Uid = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]


class DicomInstance(BaseModel):
    """An instance as DICOM names it. Also `[SOPClassUID, SOPInstanceUID]`."""

    model_config = example(**CT)

    SOPClassUID: Uid = Field(description="Of what kind it is.")
    SOPInstanceUID: Uid = Field(description="Which instance it is.")

    @model_validator(mode="before")
    @classmethod
    def _of_array(cls, value: Any) -> Any:
        if isinstance(value, list) and len(value) == 2:
            return {"SOPClassUID": value[0], "SOPInstanceUID": value[1]}
        if isinstance(value, dict):
            return value
        raise ValueError("expected an object or [SOPClassUID, SOPInstanceUID]")


class CommitmentRequest(BaseModel):
    """What a modality is to keep for good."""

    model_config = example(Resources=[ID])

    Resources: Listed[Identifier] = Field([], description="Orthanc identifiers of any level.")
    DicomInstances: Listed[DicomInstance] = Field(
        [], description="Instances by their UIDs, whether they are in this store or not."
    )
    Timeout: Annotated[float, Field(strict=True, ge=0, le=A_DAY)] = Field(
        0, description="Seconds to wait for the modality."
    )

    @model_validator(mode="after")
    def _something(self) -> "CommitmentRequest":
        if not self.Resources and not self.DicomInstances:
            raise ValueError("name Resources, DicomInstances, or both")
        return self

    def asked(self, modality: str) -> RequestCommitment:
        """What egress is asked, of the modality of this name."""
        named = self.DicomInstances
        return RequestCommitment(
            modality=modality,
            resources=self.Resources,
            instances=[Reference(one.SOPClassUID, one.SOPInstanceUID) for one in named],
            timeout=self.Timeout,
        )


class AskedCommitment(BaseModel):
    """Where the report will be."""

    model_config = example(ID=TRANSACTION, Path=f"/storage-commitment/{TRANSACTION}")

    ID: str = Field(description="The transaction UID.")
    Path: str = Field(description="Where it is shown.")


class CommittedInstance(BaseModel):
    """An instance that the modality keeps."""

    model_config = example(**CT)

    SOPClassUID: str = Field(description="Of what kind it is.")
    SOPInstanceUID: str = Field(description="Which instance it is.")


class FailedInstance(CommittedInstance):
    """An instance that the modality does not keep."""

    model_config = example(**CT, FailureReason=274, Description="No such object instance")

    FailureReason: int = Field(description="Failure Reason (0008,1197).")
    Description: str = Field(description="The same in words.")


class CommitmentReport(BaseModel):
    """What a modality was asked to keep, and what it has said."""

    model_config = example(RemoteAET="ARCHIVE", Status="Success", Success=[CT], Failures=[])

    RemoteAET: str = Field(description="AE title of the modality.")
    Status: commitments.Status = Field(description="Whether it has reported, and keeps all.")
    Success: list[CommittedInstance] = Field(description="What it keeps.")
    Failures: list[FailedInstance] = Field(description="What it does not keep.")
