# SPDX-License-Identifier: Apache-2.0
"""What the store tells of itself, and how much it holds."""

from pydantic import BaseModel, ConfigDict, Field

import pons
from pons_gateway.models.examples import example

ALL_THERE = ConfigDict(json_schema_serialization_defaults_required=True)
"""What has a default here is the same in every store, and always told."""


class Capabilities(BaseModel):
    """Which extensions of Orthanc's interface are there."""

    model_config = ALL_THERE

    HasExtendedChanges: bool = Field(True, description="`/changes` takes `to` and `type`.")
    HasExtendedFind: bool = Field(
        True, description="`/tools/find` takes constraints on metadata, orders, and counts."
    )
    HasKeyValueStores: bool = Field(False, description="Plugins may keep values: never.")
    HasQueues: bool = Field(False, description="Plugins may keep queues: never.")
    HasReserveQueueValue: bool = Field(
        False, description="Values of queues can be reserved: never."
    )


class Performance(BaseModel):
    """What bounds the work that is done at a time."""

    ConcurrentJobs: int = Field(description="Jobs that run at a time.")


class System(BaseModel):
    """Versions and settings of the store."""

    model_config = ALL_THERE | example(
        ApiVersion=31,
        Version="1.13.0",
        PonsVersion="0.1.0",
        Name="Pons",
        DicomAet="PONS",
        DicomPort=4242,
        HttpPort=8042,
    )

    ApiVersion: int = Field(
        31, description="Level of Orthanc's interface that clients may count on."
    )
    Version: str = Field("1.13.0", description="The version of Orthanc whose interface this is.")
    PonsVersion: str = Field(pons.__version__, description="The version of Pons.")
    PonsStore: str = Field(description="Name of the store among others of one installation.")
    Name: str = Field(description="Name of the store for people.")
    DicomAet: str = Field(description="Application entity title of the DICOM port.")
    DicomPort: int = Field(description="Port of DICOM associations.")
    HttpPort: int = Field(description="Port of this interface.")
    IsHttpServerSecure: bool = Field(False, description="Whether the store itself speaks HTTPS.")
    DatabaseVersion: int = Field(1, description="Version of the database's schema.")
    DatabaseServerIdentifier: str = Field(description="As `PonsStore`.")
    DatabaseBackendPlugin: str | None = Field(
        None, description="Always null: there are no plugins."
    )
    StorageAreaPlugin: str | None = Field(None, description="Always null: there are no plugins.")
    PluginsEnabled: bool = Field(False, description="Always false: there are no plugins.")
    CheckRevisions: bool = Field(
        description="Metadata and attachments are changed only by who names their revision."
    )
    StoreMD5ForAttachments: bool = Field(False, description="Always false.")
    StorageCompression: bool = Field(description="Files are compressed where they are kept.")
    MaximumStorageSize: int = Field(description="Megabytes that may be stored; 0 for any size.")
    MaximumPatientCount: int = Field(description="Patients that may be stored; 0 for any number.")
    MaximumStorageMode: str = Field(
        description="What a full store does: `Recycle` old patients, or `Reject` new instances."
    )
    DicomDefaultRetrieveMethod: str = Field("C-MOVE", description="How instances are retrieved.")
    IngestTranscoding: str = Field("", description="Always empty: files are kept as they come.")
    OverwriteInstances: bool = Field(description="A file may replace another of its instance.")
    OverwriteInstancesMode: str = Field(description="When it does.")
    PatientLevelEnabled: bool = Field(description="There are paths below `/patients`.")
    ReadOnly: bool = Field(description="The store takes nothing and changes nothing.")
    HasLabels: bool = Field(True, description="Always true: resources can be labelled.")
    UserMetadata: dict[str, int] = Field(
        description="Names of the installation's own metadata, with their numbers."
    )
    MainDicomTags: dict[str, str] = Field(
        description="The tags that lists and searches know, separated by `;`, by level."
    )
    Capabilities: Capabilities
    Performance: Performance
    ThirdPartyPatches: list[str] = Field([], description="Always empty.")
    ThirdPartyVersions: dict[str, str] = Field({}, description="Always empty.")


class StoreStatistics(BaseModel):
    """How much the store holds. Sizes are of everything that is kept, attachments included."""

    model_config = example(
        CountInstances=120,
        CountPatients=1,
        CountSeries=2,
        CountStudies=1,
        TotalDiskSize="63037440",
        TotalDiskSizeMB=60,
        TotalUncompressedSize="63037440",
        TotalUncompressedSizeMB=60,
    )

    CountInstances: int = Field(description="Instances in the store.")
    CountPatients: int = Field(description="Patients in the store.")
    CountSeries: int = Field(description="Series in the store.")
    CountStudies: int = Field(description="Studies in the store.")
    TotalDiskSize: str = Field(description="Bytes as they are kept.")
    TotalDiskSizeMB: int = Field(description="The same in megabytes, rounded down.")
    TotalUncompressedSize: str = Field(description="Bytes as they were received.")
    TotalUncompressedSizeMB: int = Field(description="The same in megabytes, rounded down.")
