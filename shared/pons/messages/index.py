# SPDX-License-Identifier: Apache-2.0
"""Commands to the index: every write of the database is one of them, and what it answers."""

from typing import Literal
from uuid import UUID

import msgspec

from pons.dicom.levels import Level

Cause = Literal["asked", "script", "age", "room"]
"""Why something is deleted: a client asks, a script or a rule of retention says so, the store is
full."""


class Deleter(msgspec.Struct, frozen=True):
    """Who deletes, as the log of deletions tells."""

    cause: Cause = "asked"
    name: str = ""
    """The user who asked, or the rule; empty where nobody is known."""


class DeleteResource(msgspec.Struct, frozen=True):
    """To index: delete a resource, its descendants and the ancestors that it leaves empty."""

    level: Level
    resource_id: str
    by: Deleter = Deleter()


class Ancestor(msgspec.Struct, frozen=True):
    level: Level
    resource_id: str


class Deleted(msgspec.Struct, frozen=True):
    """Answer to `DeleteResource`: the nearest ancestor that is still there, if any."""

    remaining: Ancestor | None


class ResourceName(msgspec.Struct, frozen=True):
    """A resource by its identifier; of any level where that is left open."""

    resource_id: str
    level: Level | None = None


class DeleteResources(msgspec.Struct, frozen=True):
    """To index: delete resources as `DeleteResource` does, all or none; unknown ones are passed
    over. At most `DELETED_AT_ONCE`."""

    resources: list[ResourceName]
    by: Deleter = Deleter()


DELETED_AT_ONCE = 5000
"""Names that fit in one message."""


class ProtectPatient(msgspec.Struct, frozen=True):
    """To index: keep a patient from being recycled, or put it at the end of that queue."""

    resource_id: str
    protected: bool


class Reconstruct(msgspec.Struct, frozen=True):
    """To index: read files again and rebuild headers and main tags from them, for some instances
    of a resource, or of the whole store where `level` is left open. May be repeated."""

    level: Level | None = None
    resource_id: str = ""
    after: int = 0
    """Where to go on: `next` of the answer before."""
    rewrite: bool = False
    """Also compress or decompress objects as `storage.compression` says now."""
    level_only: bool = False
    """Only the main tags of the resource itself, from its newest instance."""


class Reconstructed(msgspec.Struct, frozen=True):
    """Answer to `Reconstruct`."""

    instances: int
    """How many were rebuilt; files that are damaged or gone are passed over."""
    next: int | None
    """What to ask with for those that are left; None at the end."""


class Revision(msgspec.Struct, frozen=True):
    """A state of a metadata or of an attachment, as an ETag names it."""

    number: int
    md5: str
    """Of the content, in hexadecimal."""


class Written(msgspec.Struct, frozen=True):
    """Answer to `PutMetadata` and `PutAttachment`."""

    revision: int


class PutMetadata(msgspec.Struct, frozen=True):
    """To index: set a metadata of a resource.

    With `index.check_revisions` it raises `Conflict` where one is there that is not `expected`.
    """

    level: Level
    resource_id: str
    number: int
    value: bytes
    expected: Revision | None = None


class DeleteMetadata(msgspec.Struct, frozen=True):
    """To index: remove a metadata; raises as `PutMetadata` does, and `NotFound`."""

    level: Level
    resource_id: str
    number: int
    expected: Revision | None = None


class PutLabel(msgspec.Struct, frozen=True):
    """To index: add a label to a resource, if it is not there yet."""

    level: Level
    resource_id: str
    label: str


class DeleteLabel(msgspec.Struct, frozen=True):
    """To index: remove a label from a resource, if it is there."""

    level: Level
    resource_id: str
    label: str


class PutAttachment(msgspec.Struct, frozen=True):
    """To index: the object becomes an attachment of a resource; raises as `PutMetadata` does."""

    level: Level
    resource_id: str
    number: int
    object_key: UUID
    size: int
    stored_size: int
    compression: str
    md5: str
    stored_md5: str
    expected: Revision | None = None


class DeleteAttachment(msgspec.Struct, frozen=True):
    """To index: remove an attachment of a client; raises as `DeleteMetadata` does."""

    level: Level
    resource_id: str
    number: int
    expected: Revision | None = None


class RestoreObject(msgspec.Struct, frozen=True):
    """To index: an attachment, or the DICOM file (1), lies in another object with the same content.

    Raises `Conflict` when it lies no more in `former_key`.
    """

    level: Level
    resource_id: str
    number: int
    former_key: UUID
    object_key: UUID
    stored_size: int
    compression: str
    stored_md5: str


class ClearChanges(msgspec.Struct, frozen=True):
    """To index: empty the change log; its numbers go on."""


class ClearExports(msgspec.Struct, frozen=True):
    """To index: empty the exports log."""


class Export(msgspec.Struct, frozen=True):
    """A resource that was sent, for the exports log."""

    level: Level
    resource_id: str
    patient_id: str
    study_uid: str
    series_uid: str
    sop_instance_uid: str
    """Of one of its instances, as the UIDs above; below its own level they say nothing."""


class LogExports(msgspec.Struct, frozen=True):
    """To index: keep what job `job_id` sent to `modality`. Repeating it adds nothing."""

    job_id: str
    modality: str
    exports: list[Export]


class CollectNow(msgspec.Struct, frozen=True):
    """To index: one full round of the collector now, over every object of the store."""


class Collected(msgspec.Struct, frozen=True):
    """Answer to `CollectNow`."""

    deleted: int
    """Objects deleted in this round, orphans among them."""
    orphans: int
    """Objects found that nothing refers to, older than `storage.orphan_grace`."""
    waiting: int
    """Objects that are still to be deleted."""
    swept: bool
    """False when orphans could not be looked for: announcements are still on their way."""


class RetryDeadLetters(msgspec.Struct, frozen=True):
    """To index: announce dead letters again, the way in; some of them at a time. May be repeated.

    Raises `NotFound` when none of `letters` is there.
    """

    letters: list[int] | None = None
    """Their numbers; None: all that nobody has dismissed."""
    after: int = 0
    """Where to go on: `next` of the answer before."""


class Retried(msgspec.Struct, frozen=True):
    """Answer to `RetryDeadLetters`."""

    indexed: list[int]
    """Those that are dealt with: what they announced is in the index, or is about to be."""
    failed: dict[int, str]
    """Those that are still dead letters, with the reason."""
    next: int | None
    """What to ask with for those that are left; None at the end."""


class DismissDeadLetter(msgspec.Struct, frozen=True):
    """To index: a dead letter is not to be counted any more; it and its object stay.

    Raises `NotFound`.
    """

    letter: int


class PutWorklist(msgspec.Struct, frozen=True):
    """To index: keep a worklist entry, new or instead of the one that was there. May be repeated.

    With `replace` it raises `NotFound` where none is there, `Conflict` where that has another
    revision, and `OutOfResources` for a new one beyond `worklists.maximum`.
    """

    worklist_id: UUID
    tags: bytes
    """DICOM JSON."""
    study_uid: str
    """That the one step of the entry makes; empty where that does not end the entry."""
    first_day: str
    last_day: str
    """Days on which its steps begin, YYYYMMDD; empty where that is not known of each of them."""
    replace: bool = False
    revision: int | None = None
    """Of what is replaced; None for any."""


class DeleteWorklist(msgspec.Struct, frozen=True):
    """To index: a worklist entry is not there any more.

    Raises `NotFound`, and `Conflict` where it has another revision.
    """

    worklist_id: UUID
    revision: int | None = None
