# SPDX-License-Identifier: Apache-2.0
"""What is asked of modalities, and how they and peers are shown; `pons.remotes` describes them."""

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    RootModel,
    StringConstraints,
    field_validator,
    model_validator,
)

from pons import jobs
from pons.remotes import descriptions
from pons.remotes.values import OptionalAETitle, PortNumber
from pons_gateway.models.examples import ID, OPEN, example
from pons_gateway.models.jobs import Identifier, JobOptions
from pons_gateway.models.lists import Listed

A_DAY = 86400

OfModality = Literal["configuration", "echo", "store"]
OfPeer = Literal["configuration"]
"""What can be done with each of them."""


class EchoRequest(BaseModel):
    """How to ask a modality whether it is there."""

    model_config = example(Timeout=5)

    Timeout: Annotated[float, Field(strict=True, ge=0, le=A_DAY)] = Field(
        0, description="Seconds to wait for it; 0: as the modality or the settings say."
    )


class StoreRequest(JobOptions):
    """Which resources to send to a modality, and how.

    Also an identifier as text or as JSON, or an array of identifiers. What is missing is as the
    modality or the settings say.
    """

    model_config = example(Resources=[ID], Synchronous=True)

    Resources: Annotated[
        Listed[Identifier], BeforeValidator(lambda one: one if isinstance(one, list) else [one])
    ] = Field(description="Orthanc identifiers of any level; one may stand without an array.")
    LocalAet: OptionalAETitle = Field("", description="AE title of this store.")
    CalledAet: OptionalAETitle = Field("", description="AE title of the modality.")
    Host: Annotated[str, StringConstraints(strip_whitespace=True)] = Field(
        "", description="Host name or address of the modality."
    )
    Port: PortNumber | None = Field(None, description="Port of the modality.")
    MoveOriginatorAet: OptionalAETitle = Field("", description="Who asked, where a C-MOVE did.")
    MoveOriginatorID: Annotated[int, Field(strict=True, ge=0, le=0xFFFF)] | None = Field(
        None, description="Message ID of that C-MOVE."
    )
    Timeout: Annotated[int, Field(strict=True, ge=0, le=A_DAY)] | None = Field(
        None, description="Seconds to wait for the modality."
    )
    StorageCommitment: bool = Field(
        False, strict=True, description="Refused: this store cannot ask for commitment yet."
    )

    @model_validator(mode="before")
    @classmethod
    def _of_identifiers(cls, value: Any) -> Any:
        if isinstance(value, str | list):
            return {"Resources": value}
        if isinstance(value, dict) and "Resources" in value:
            return value
        raise ValueError("expected an identifier, an array of them, or an object with Resources")

    @field_validator("StorageCommitment")
    @classmethod
    def _without_commitment(cls, value: bool) -> bool:
        if value:
            raise ValueError("this store cannot ask for it yet")
        return value

    def addressed(self, modality: str) -> jobs.StoreRequest:
        """What egress is asked, of the modality of this name."""
        return jobs.StoreRequest(
            modality=modality,
            resources=self.Resources,
            synchronous=self.synchronous,
            priority=self.Priority or 0,
            permissive=self.Permissive,
            local_aet=self.LocalAet,
            called_aet=self.CalledAet,
            host=self.Host,
            port=self.Port,
            move_originator_aet=self.MoveOriginatorAet,
            move_originator_id=self.MoveOriginatorID,
            timeout=float(self.Timeout or 0),
            user_data=self.UserData,
        )


class StoreContent(BaseModel):
    """What was sent."""

    model_config = OPEN | example(
        Description="REST API",
        LocalAet="PONS",
        RemoteAet="WORKSTATION",
        InstancesCount=12,
        FailedInstancesCount=0,
        ParentResources=[ID],
    )

    Description: str = Field(description="Who asked.")
    LocalAet: str = Field(description="AE title of this store.")
    RemoteAet: str = Field(description="AE title of the modality.")
    InstancesCount: int = Field(description="How many instances there were to send.")
    FailedInstancesCount: int = Field(description="How many of them were not taken.")
    ParentResources: list[str] = Field(description="The resources that were asked for.")


class Modalities(RootModel[dict[str, descriptions.Modality]]):
    """Name of a modality to its configuration."""

    model_config = example(pacs={"AET": "PACS", "Host": "192.0.2.1", "Port": 104})


class ShownPeer(BaseModel):
    """A peer without its secrets: passwords are null, headers have no values; notes are there."""

    model_config = OPEN | example(
        HttpHeaders=["X-Department"],
        Password=None,
        Pkcs11=False,
        Timeout=10,
        Url="https://archive.example.org/",
        Username="pons",
    )

    Url: str = Field(description="Address of its REST API.")
    HttpHeaders: list[str] = Field(description="Names of the headers that go with each request.")
    Pkcs11: bool = Field(description="Whether the key is in hardware.")
    Timeout: int = Field(description="Seconds to wait for it; 0: as in the settings.")
    Username: str | None = Field(None, description="Name to authenticate with.")
    Password: None = Field(None, description="Always null.")
    CertificateFile: str | None = Field(None, description="Path of a client's certificate.")
    CertificateKeyFile: str | None = Field(None, description="Path of its key.")
    CertificateKeyPassword: None = Field(None, description="Always null.")


class Peers(RootModel[dict[str, ShownPeer]]):
    """Name of a peer to its configuration."""
