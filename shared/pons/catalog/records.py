# SPDX-License-Identifier: Apache-2.0
"""What the catalog answers beside resources: totals, and where objects are."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pons.dicom.identity import to_text


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


def stored_object(row: Any) -> StoredObject:
    """The object of an instance's row."""
    values = dict(row)
    owner = to_text(values.pop("id"))
    values.pop("index_in_series", None)
    return StoredObject(**values, owner=owner)
