# SPDX-License-Identifier: Apache-2.0
"""What the catalog answers beside resources: totals, logs, and where objects are."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pons.dicom.levels import Level


@dataclass(frozen=True, slots=True)
class Totals:
    """How much the store holds."""

    patients: int
    studies: int
    series: int
    instances: int
    size: int
    """Bytes of the DICOM files and of attachments."""
    stored_size: int
    """Bytes of the objects, smaller when they are compressed at rest."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """What hangs below one resource; a count is None at and above the resource's own level."""

    size: int
    """Bytes of the DICOM files."""
    stored_size: int
    studies: int | None = None
    series: int | None = None
    instances: int | None = None
    attached_size: int = 0
    """Bytes of the attachments of clients, of the resource and of those below."""
    attached_stored_size: int = 0


@dataclass(frozen=True, slots=True)
class LoggedChange:
    seq: int
    change_type: str
    level: Level
    resource_id: str
    date: datetime


@dataclass(frozen=True, slots=True)
class ChangesPage:
    """Changes in ascending order."""

    changes: list[LoggedChange]
    done: bool
    """Whether the page reaches the end of what was asked for."""
    last: int
    """Number of the last change here; on an empty page, the highest number ever given."""


@dataclass(frozen=True, slots=True)
class LoggedExport:
    seq: int
    level: Level
    resource_id: str
    remote_modality: str
    patient_id: str
    study_uid: str
    series_uid: str
    sop_instance_uid: str
    date: datetime


@dataclass(frozen=True, slots=True)
class ExportsPage:
    """Exports in ascending order."""

    exports: list[LoggedExport]
    done: bool
    last: int


@dataclass(frozen=True, slots=True)
class StoredObject:
    """Where an instance's bytes are, and what is in them."""

    object_key: UUID
    size: int
    """Bytes of the DICOM file."""
    stored_size: int
    compression: str
    """Empty, or `zstd`."""
    transfer_syntax: str
    sop_class_uid: str
    sop_instance_uid: str
    pixel_offset: int | None
    pixel_length: int | None
    """None when there is no pixel data, -1 when its length is undefined."""
    pixel_vr: str
    owner: str = ""
    """Identifier of the instance."""
    checksum: bytes = b""
    """xxh3_128 of the DICOM file."""
    md5: str = ""


@dataclass(frozen=True, slots=True)
class StoredHeader:
    """An instance's header as it was scanned."""

    json: bytes
    """DICOM JSON, up to the pixel data."""
    meta: bytes
    """Group 0002 as DICOM JSON."""
    pixel_vr: str | None
    """VR of the pixel data that follows; None when there is none."""


@dataclass(frozen=True, slots=True)
class MetadataValue:
    """One metadata of a resource."""

    value: bytes
    revision: int
    """Counts how often it was overwritten."""


@dataclass(frozen=True, slots=True)
class StoredAttachment:
    """An attachment of a resource; a `StoredFile`."""

    number: int
    object_key: UUID
    size: int
    stored_size: int
    compression: str
    revision: int
    md5: str
    """Of the content, in hexadecimal; empty for a DICOM file, of which nobody keeps it."""
    stored_md5: str
    """Of the object."""
    checksum: bytes
    """xxh3_128 of a DICOM file; empty for others."""
    owner: str = ""
    """Identifier of the resource."""


@dataclass(frozen=True, slots=True)
class InstanceToSend:
    """An instance with everything that sending it needs."""

    instance_id: str
    parents: tuple[str, ...]
    """Identifiers of its patient, study and series."""
    object_key: UUID
    size: int
    stored_size: int
    compression: str
    transfer_syntax: str
    sop_class_uid: str
    sop_instance_uid: str
    series_uid: str
    study_uid: str
    patient_id: str
    checksum: bytes = b""
    """xxh3_128 of the DICOM file."""
    md5: str = ""

    @property
    def owner(self) -> str:
        return self.instance_id


@dataclass(frozen=True, slots=True)
class ArchivedSeries:
    """A series that is to be archived, with the tags that name it and what is above it."""

    series_key: int
    whole: bool
    """Whether all of its instances are meant, or only those that were named themselves."""
    tags: dict[str, str]
    study_key: int
    study_tags: dict[str, str]
    patient_key: int
    patient_tags: dict[str, str]
    """The study's own copy."""


@dataclass(frozen=True, slots=True)
class ArchivedInstance:
    """An instance that is to be archived."""

    instance_id: str
    index_in_series: int | None
    stored: StoredObject
