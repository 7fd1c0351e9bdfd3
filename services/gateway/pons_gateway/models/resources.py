# SPDX-License-Identifier: Apache-2.0
"""Answers about resources of the four levels."""

from typing import Any, Literal

from pydantic import BaseModel, Field, RootModel

from pons.dicom.levels import Level
from pons_gateway.models.examples import ANOTHER, ID, OBJECT, example


class Resource(BaseModel, extra="allow"):
    """What the objects of all levels may have; callers choose the parts."""

    ID: str = Field(description="Identifier in the store.")
    MainDicomTags: dict[str, Any] = Field({}, description="The main tags of the level, by name.")
    Labels: list[str] = Field([], description="The words that clients put on it.")
    Metadata: dict[str, str] = Field({}, description="Values by name, where they are asked for.")
    Attachments: list[Any] = Field([], description="The attachments, where they are asked for.")
    RequestedTags: dict[str, Any] = Field({}, description="The tags that were asked for.")


class Collection(Resource):
    """What has instances below it."""

    IsStable: bool = Field(True, description="Whether nothing has arrived for some time.")
    LastUpdate: str = Field("", description="When something arrived last: `20240102T111213`.")


class Patient(Collection):
    """A patient."""

    model_config = example(
        ID=ID,
        Type="Patient",
        MainDicomTags={"PatientID": "P1", "PatientName": "ROE^RICHARD", "PatientSex": "M"},
        IsProtected=False,
        Studies=[ANOTHER],
        IsStable=True,
        LastUpdate="20240102T111213",
        Labels=[],
    )
    Type: Literal["Patient"]
    IsProtected: bool = Field(False, description="Whether it is kept when the store is full.")
    Studies: list[str] = Field([], description="Identifiers of its studies.")


class Study(Collection):
    """A study."""

    model_config = example(
        ID=ID,
        Type="Study",
        ParentPatient=ANOTHER,
        MainDicomTags={"StudyInstanceUID": "1.2.3", "StudyDate": "20240102"},
        PatientMainDicomTags={"PatientID": "P1", "PatientName": "ROE^RICHARD"},
        Series=[ANOTHER],
        IsStable=True,
        LastUpdate="20240102T111213",
        Labels=[],
    )
    Type: Literal["Study"]
    ParentPatient: str = Field("", description="Identifier of its patient.")
    PatientMainDicomTags: dict[str, Any] = Field({}, description="The patient's main tags.")
    Series: list[str] = Field([], description="Identifiers of its series.")


class Series(Collection):
    """A series."""

    model_config = example(
        ID=ID,
        Type="Series",
        ParentStudy=ANOTHER,
        MainDicomTags={"SeriesInstanceUID": "1.2.3.4", "Modality": "CT"},
        Status="Complete",
        ExpectedNumberOfInstances=1,
        Instances=[ANOTHER],
        IsStable=True,
        LastUpdate="20240102T111213",
        Labels=[],
    )
    Type: Literal["Series"]
    ParentStudy: str = Field("", description="Identifier of its study.")
    Status: str = Field("", description="`Complete`, `Missing`, `Inconsistent` or `Unknown`.")
    ExpectedNumberOfInstances: int | None = Field(None, description="Where the images tell it.")
    Instances: list[str] = Field([], description="Identifiers of its instances.")


class Instance(Resource):
    """An instance."""

    model_config = example(
        ID=ID,
        Type="Instance",
        ParentSeries=ANOTHER,
        MainDicomTags={"SOPInstanceUID": "1.2.3.4.5", "InstanceNumber": "1"},
        FileSize=525312,
        FileUuid=OBJECT,
        IndexInSeries=1,
        Labels=[],
    )
    Type: Literal["Instance"]
    ParentSeries: str = Field("", description="Identifier of its series.")
    FileSize: int = Field(0, description="Bytes of the DICOM file.")
    FileUuid: str = Field("", description="Key of the DICOM file among the objects.")
    IndexInSeries: int | None = Field(None, description="Its number in the series.")


MODELS: dict[Level, Any] = {
    "Patient": Patient,
    "Study": Study,
    "Series": Series,
    "Instance": Instance,
}
LISTS: dict[Level, Any] = {
    "Patient": list[str] | list[Patient],
    "Study": list[str] | list[Study],
    "Series": list[str] | list[Series],
    "Instance": list[str] | list[Instance],
}
"""Of a list: identifiers, or objects."""


class AnyResource(RootModel[Patient | Study | Series | Instance]):
    """A resource of any level."""


class Statistics(BaseModel):
    """How many resources are below one, and what they take."""

    model_config = example(
        CountSeries=2,
        CountInstances=120,
        DiskSize="63037440",
        DiskSizeMB=60,
        DicomDiskSize="63037440",
        DicomDiskSizeMB=60,
        UncompressedSize="63037440",
        UncompressedSizeMB=60,
        DicomUncompressedSize="63037440",
        DicomUncompressedSizeMB=60,
    )
    CountStudies: int | None = Field(None, description="Of patients only.")
    CountSeries: int | None = Field(None, description="Of patients and studies only.")
    CountInstances: int | None = Field(None, description="Not of instances.")
    DiskSize: str = Field(description="Bytes as stored, with attachments.")
    DiskSizeMB: int = Field(description="The same in MiB.")
    DicomDiskSize: str = Field(description="Bytes of the DICOM files as stored.")
    DicomDiskSizeMB: int = Field(description="The same in MiB.")
    UncompressedSize: str = Field(description="Bytes, with attachments.")
    UncompressedSizeMB: int = Field(description="The same in MiB.")
    DicomUncompressedSize: str = Field(description="Bytes of the DICOM files.")
    DicomUncompressedSizeMB: int = Field(description="The same in MiB.")


class Ancestor(BaseModel):
    """What a deleted resource belonged to, and is still there."""

    ID: str = Field(description="Identifier in the store.")
    Path: str = Field(description="Where it is answered.")
    Type: Level = Field(description="Its level.")


class Deletion(BaseModel):
    """What a deletion has left."""

    model_config = example(
        RemainingAncestor={"ID": ANOTHER, "Path": f"/patients/{ANOTHER}", "Type": "Patient"}
    )
    RemainingAncestor: Ancestor | None = Field(
        description="The nearest one that is left; none when the patient is gone."
    )
