# SPDX-License-Identifier: Apache-2.0
"""What travels on NATS: announcements of instances, the index' answers, the change feed."""

from typing import Literal
from uuid import UUID

import msgspec

from pons.dicom.levels import Level

OriginKind = Literal["Unknown", "DicomProtocol", "RestApi", "Plugins", "Lua", "WebDav"]
StoreStatus = Literal["Success", "AlreadyStored", "FilteredOut", "StorageFull"]


class Origin(msgspec.Struct, frozen=True):
    """Where an instance came from."""

    kind: OriginKind
    remote_ip: str = ""
    remote_aet: str = ""
    called_aet: str = ""
    username: str = ""


class InstanceReceived(msgspec.Struct, frozen=True, array_like=True):
    """A durable instance: everything the index needs, so that nobody reads the object again."""

    token: int
    """Number that the announcing process gave it, repeated in the answer."""
    object_key: UUID
    patient_id: str
    study_uid: str
    series_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax: str
    size: int
    """Bytes of the DICOM file."""
    stored_size: int
    """Bytes of the object, smaller when it is compressed at rest."""
    compression: str
    """Empty, or `zstd`."""
    checksum: bytes
    """xxh3_128 of the DICOM file."""
    received_at: float
    """Seconds since the epoch."""
    origin: Origin
    header: bytes
    """The header as DICOM JSON, zstd; empty when it is an object of its own."""
    header_key: UUID | None
    meta: bytes
    """Group 0002 as DICOM JSON."""
    pixel_offset: int | None
    pixel_length: int | None
    """None when there is no pixel data, -1 when its length is undefined."""
    pixel_vr: str
    trace: str = ""
    """The span that it was announced in (W3C traceparent); empty where no trace is told. Releases
    that know no traces pass over it."""


class Announcement(msgspec.Struct, frozen=True, array_like=True):
    """Instances that one process had ready together."""

    process: str
    instances: list[InstanceReceived]
    awaited: bool = True
    """Whether somebody waits for an answer; otherwise it may take a moment longer."""


class Indexed(msgspec.Struct, frozen=True, array_like=True):
    """What the index made of one announced instance. An empty status: refused, see `reason`."""

    token: int
    status: StoreStatus | Literal[""]
    reason: str = ""


class IndexedBatch(msgspec.Struct, frozen=True, array_like=True):
    answers: list[Indexed]


class StoreFull(msgspec.Struct, frozen=True, array_like=True):
    """The index asks an announcing process: there is no room for these; who can still be told?

    The answer lists the tokens whose senders will hear `StorageFull`. Only they may be thrown away:
    what was acknowledged meanwhile is kept, full or not.
    """

    tokens: list[int]


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the change log."""

    seq: int
    change_type: str
    level: Level
    resource_id: str
    date: float
    """Seconds since the epoch."""
    trace: str = ""
    """The span that it is published in (W3C traceparent), where it comes of an instance whose trace
    is told and that has just been written. The log itself does not keep it."""


class Deletion(msgspec.Struct, frozen=True):
    """A resource that is gone, which the change log does not tell."""

    after: int
    """Number of the last change that came before."""
    level: Level
    resource_id: str


class Changes(msgspec.Struct, frozen=True):
    """A run of changes, their numbers ascending, and what was deleted meanwhile, in its order."""

    changes: list[Change]
    deletions: list[Deletion] = []


class DeadLetter(msgspec.Struct, frozen=True):
    """An announcement that the index can never take, as it came, for people to look at."""

    reason: str
    announcement: bytes
    """msgpack of an `Announcement`, of one instance where it could be told apart."""
