# SPDX-License-Identifier: Apache-2.0
"""Accelerated transfers: what Orthanc's plugin of that name sends and answers."""

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    RootModel,
    StringConstraints,
    model_validator,
)

from pons.dicom.levels import Level
from pons.jobs import TransferRequest
from pons.messages import transfers
from pons.messages.transfers import Chunk, Transferred
from pons.remotes.values import number_of_text
from pons_gateway.models.examples import ID, JOB, example
from pons_gateway.models.jobs import PriorityNumber
from pons_gateway.models.lists import Listed

Identifier = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{8}){4}$")]
Bytes = Annotated[int, Field(strict=True, ge=0, le=2**50), BeforeValidator(number_of_text)]
"""A number, or its text as the plugin writes it."""
Digest = Annotated[str, StringConstraints(pattern="^[0-9a-fA-F]{32}$", to_lower=True)]
MOST = 500_000
"""Entries of a list."""


def capitalized(value: Any) -> Any:
    """The name of a level as it is here, from any case."""
    return value.capitalize() if isinstance(value, str) else value


LevelName = Annotated[Level, BeforeValidator(capitalized)]


class TransferredResource(BaseModel):
    """A resource that is to be transferred."""

    model_config = example(Level="Study", ID=ID)

    Level: LevelName = Field(description="Its level.")
    ID: Identifier = Field(description="Its identifier.")


ResourceList = Annotated[Listed[TransferredResource], Field(max_length=MOST)]


class LookUp(RootModel[ResourceList]):
    """Resources whose instances are wanted: as an array, or an object with `Resources`."""

    model_config = ConfigDict(json_schema_extra={"examples": [[{"Level": "Study", "ID": ID}]]})

    @model_validator(mode="before")
    @classmethod
    def _of_object(cls, value: Any) -> Any:
        return value["Resources"] if isinstance(value, dict) and "Resources" in value else value


class Transfer(BaseModel):
    """What is to be transferred, with whom, and how."""

    model_config = example(
        Resources=[{"Level": "Study", "ID": ID}], Peer="archive", Compression="gzip"
    )

    Resources: ResourceList = Field(description="What is transferred.")
    Peer: str = Field(min_length=1, description="Name of the peer.")
    Compression: transfers.Compression = Field(description="Whether buckets are packed.")
    Priority: PriorityNumber = Field(0, description="Jobs with a higher one are done first.")
    Originator: str = Field(
        "", description="Who has asked for a pull, as its `/transfers/lookup` says."
    )

    def request(self) -> TransferRequest:
        """What egress is asked."""
        return TransferRequest(
            peer=self.Peer,
            resources=[one.model_dump() for one in self.Resources],
            compression=self.Compression,
            originator=self.Originator,
            priority=self.Priority,
        )


class RemoteTransfer(BaseModel):
    """A job of the peer, which pulls what it is to have."""

    model_config = example(Peer="archive", RemoteJob=JOB, URL=f"http://192.0.2.1:8042/jobs/{JOB}")

    Peer: str = Field(description="Name of the peer.")
    RemoteJob: str = Field(description="Identifier of its job.")
    URL: str = Field(description="Where that is shown.")


class TransferInstance(BaseModel):
    """An instance that is transferred."""

    model_config = example(ID=ID, Size="526336", MD5="d41d8cd98f00b204e9800998ecf8427e")

    ID: Identifier = Field(description="Its identifier.")
    Size: Bytes = Field(ge=1, description="Bytes of its file.")
    MD5: Digest = Field(description="MD5 of its file.")

    def value(self) -> Transferred:
        return Transferred(self.ID, self.Size, self.MD5)


class TransferChunk(BaseModel):
    """A part of an instance's file."""

    model_config = example(ID=ID, Offset="0", Size="526336")

    ID: Identifier = Field(description="The instance.")
    Offset: Bytes = Field(description="Where the part begins.")
    Size: Bytes = Field(description="Bytes of the part.")

    def value(self) -> Chunk:
        return Chunk(self.ID, self.Offset, self.Size)


class PushAnnouncement(BaseModel):
    """What will come in buckets, each of which has parts of files in their order."""

    model_config = example(
        Instances=[{"ID": ID, "Size": "4", "MD5": "d41d8cd98f00b204e9800998ecf8427e"}],
        Buckets=[[{"ID": ID, "Offset": "0", "Size": "4"}]],
        Compression="none",
    )

    Instances: Annotated[Listed[TransferInstance], Field(max_length=MOST)] = Field(
        description="What comes."
    )
    Buckets: Annotated[Listed[Listed[TransferChunk]], Field(max_length=MOST)] = Field(
        description="In which parts it comes."
    )
    Compression: transfers.Compression = Field(description="Whether the buckets will be packed.")


class Push(BaseModel):
    """A push that is open."""

    model_config = example(ID=JOB, Path=f"/transfers/push/{JOB}")

    ID: str = Field(description="Its identifier.")
    Path: str = Field(description="Where its buckets are put, by their numbers.")


class LookedUp(BaseModel):
    """The instances of some resources."""

    model_config = example(
        Originator=JOB,
        CountInstances=1,
        TotalSize="526336",
        TotalSizeMB=1,
        Instances=[{"ID": ID, "Size": "526336", "MD5": "d41d8cd98f00b204e9800998ecf8427e"}],
    )

    Originator: str = Field(description="Who this store is for its peers.")
    CountInstances: int = Field(description="How many instances there are.")
    TotalSize: str = Field(description="Bytes of their files.")
    TotalSizeMB: int = Field(description="The same in MiB.")
    Instances: list[dict[str, Any]] = Field(description="Identifier, size and MD5 of each.")


class TransferPeers(RootModel[dict[str, Literal["installed", "bidirectional", "disabled"]]]):
    """Name of each peer to whether it takes accelerated transfers, and pulls what it is sent."""

    model_config = example(archive="installed")
