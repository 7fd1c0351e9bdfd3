# SPDX-License-Identifier: Apache-2.0
"""What is asked of modalities, and how they and peers are shown; `pons.remotes` describes them."""

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    RootModel,
    StrictBool,
    StringConstraints,
    model_validator,
)

from pons import jobs
from pons.dicom.transfer_syntaxes import TRANSFER_SYNTAXES
from pons.remotes import descriptions
from pons.remotes.commitments import new_transaction_uid
from pons.remotes.values import OptionalAETitle, PortNumber
from pons_gateway.models.examples import ID, OPEN, example
from pons_gateway.models.jobs import Identifier, JobOptions
from pons_gateway.models.lists import Listed

A_DAY = 86400

OfModality = Literal[
    "configuration",
    "echo",
    "find",
    "find-instance",
    "find-patient",
    "find-series",
    "find-study",
    "find-worklist",
    "get",
    "move",
    "query",
    "storage-commitment",
    "store",
    "store-straight",
]
OfPeer = Literal["configuration", "store", "store-straight", "system"]
"""What can be done with each of them."""


class EchoRequest(BaseModel):
    """How to ask a modality whether it is there."""

    model_config = example(Timeout=5)

    Timeout: Annotated[float, Field(strict=True, ge=0, le=A_DAY)] = Field(
        0, description="Seconds to wait for it; 0: as the modality or the settings say."
    )
    CheckFind: StrictBool | None = Field(
        None,
        description="Whether it has to answer a query (C-FIND), too; without it as the settings "
        "say.",
    )


class DescribedEcho(descriptions.Modality):
    """Which modality to ask whether it is there. Also an array, as of a modality."""

    model_config = example(AET="WORKSTATION", Host="192.0.2.1", Port=104, CheckFind=True)

    CheckFind: StrictBool | None = Field(
        None,
        description="Whether it has to answer a query (C-FIND), too; without it as the settings "
        "say.",
    )


class ResourcesToSend(JobOptions):
    """Which resources to send, and how; also one identifier, or an array of them."""

    Resources: Annotated[
        Listed[Identifier], BeforeValidator(lambda one: one if isinstance(one, list) else [one])
    ] = Field(description="Orthanc identifiers of any level; one may stand without an array.")

    @model_validator(mode="before")
    @classmethod
    def _of_identifiers(cls, value: Any) -> Any:
        if isinstance(value, str | list):
            return {"Resources": value}
        if isinstance(value, dict) and "Resources" in value:
            return value
        raise ValueError("expected an identifier, an array of them, or an object with Resources")


class StoreRequest(ResourcesToSend):
    """Which resources to send to a modality, and how.

    Also an identifier as text or as JSON, or an array of identifiers. What is missing is as the
    modality or the settings say.
    """

    model_config = example(Resources=[ID], Synchronous=True)

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
    StorageCommitment: StrictBool = Field(
        False,
        description="Whether to ask the modality in the end to keep the instances for good; the "
        "answer names the transaction.",
    )

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
            transaction_uid=new_transaction_uid() if self.StorageCommitment else "",
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


class SentFile(BaseModel):
    """What was in a file that was sent without being kept."""

    model_config = example(
        SOPClassUID="1.2.840.10008.5.1.4.1.1.2", SOPInstanceUID="1.2.826.0.1.3680043.8.498.1"
    )

    SOPClassUID: str = Field(description="Of what kind it is.")
    SOPInstanceUID: str = Field(description="Which instance it is.")


def transfer_syntax(uid: str) -> str:
    """The UID of a transfer syntax, as it is."""
    if uid and uid not in TRANSFER_SYNTAXES:
        raise ValueError("expected the UID of a transfer syntax")
    return uid


class PeerStoreRequest(ResourcesToSend):
    """Which resources to send to a peer, and how.

    Also an identifier as text or as JSON, or an array of identifiers. What is missing is as the
    peer or the settings say.
    """

    model_config = example(Resources=[ID], Compress=True, Synchronous=True)

    Compress: StrictBool = Field(False, description="Whether to send with gzip.")
    Transcode: Annotated[str, AfterValidator(transfer_syntax)] = Field(
        "",
        description="Transfer syntax in which the peer has to get the instances. Those that are "
        "not stored in it are refused (415): this store cannot transcode them yet.",
    )
    Timeout: Annotated[int, Field(strict=True, ge=0, le=A_DAY)] | None = Field(
        None, description="Seconds to wait for the peer."
    )

    def addressed(self, peer: str) -> jobs.PeerStoreRequest:
        """What egress is asked, of the peer of this name."""
        return jobs.PeerStoreRequest(
            peer=peer,
            resources=self.Resources,
            priority=self.Priority or 0,
            permissive=self.Permissive,
            compress=self.Compress,
            transcode=self.Transcode,
            timeout=float(self.Timeout or 0),
            user_data=self.UserData,
            synchronous=self.synchronous,
        )


class PeerStoreContent(BaseModel):
    """What was sent to a peer."""

    model_config = OPEN | example(
        Description="REST API",
        Peer=["https://archive.example.org/", "pons", ""],
        Compress=False,
        InstancesCount=12,
        FailedInstancesCount=0,
        ParentResources=[ID],
        Size="6313452",
        SizeMB=6,
    )

    Description: str = Field(description="Who asked.")
    Peer: list[str] | dict[str, Any] = Field(description="The peer, without its secrets.")
    Compress: bool = Field(description="Whether it was sent with gzip.")
    InstancesCount: int = Field(description="How many instances there were to send.")
    FailedInstancesCount: int = Field(description="How many of them were not taken.")
    ParentResources: list[str] = Field(description="The resources that were asked for.")
    Size: str = Field(description="Bytes that have left.")
    SizeMB: int = Field(description="The same in MiB.")


class PeerSystem(BaseModel):
    """What a peer tells of itself."""

    model_config = OPEN | example(Name="ARCHIVE", Version="1.12.9", ApiVersion=28)


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
