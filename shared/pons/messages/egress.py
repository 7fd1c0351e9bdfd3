# SPDX-License-Identifier: Apache-2.0
"""Commands to egress: what is asked of other systems."""

from typing import Any, Literal
from uuid import UUID

import msgspec

from pons.dicom.levels import Level
from pons.messages.modality import Modality

FindLevel = Level | Literal["Worklist"]
"""What a query looks for: entities of a level, or entries of the modality worklist."""


class StoreStraight(msgspec.Struct, frozen=True):
    """To egress: C-STORE of a DICOM file that lies in the object store for this alone."""

    modality: str
    object_key: UUID
    size: int
    checksum: bytes
    """xxh3_128 of the file."""
    transfer_syntax: str
    sop_class_uid: str
    sop_instance_uid: str


def dimse_payload(status: int) -> dict[str, Any]:
    """What an answer over HTTP tells beside of a request that ended with this DIMSE status."""
    return {"ErrorPayload": {"Type": "Dimse", "Content": {"DimseErrorStatus": status}}}


class Reference(msgspec.Struct, frozen=True, array_like=True):
    """An instance, as DICOM names it."""

    sop_class_uid: str
    sop_instance_uid: str


class RequestCommitment(msgspec.Struct, frozen=True):
    """To egress: have a modality commit to instances (N-ACTION), answered by `Commitment`."""

    modality: str
    resources: list[str] = []
    """Orthanc identifiers of any level."""
    instances: list[Reference] = []
    timeout: float = 0.0


class Commitment(msgspec.Struct, frozen=True):
    """Answer to `RequestCommitment`: a report will come, or has."""

    transaction_uid: str


class EchoModality(msgspec.Struct, frozen=True):
    """To egress: C-ECHO to a configured modality, or to one that is described here."""

    modality: str
    timeout: float | None = None
    described: Modality | None = None
    check_find: bool | None = None
    """Whether it has to answer a C-FIND, too; None: as the settings say."""


class AskPeer(msgspec.Struct, frozen=True):
    """To egress: what a peer answers at one of its paths. Answered by `PeerAnswer`."""

    peer: str
    path: Literal["system", "plugins", "transfers/pull"]
    json: bytes = b""
    """What is posted there; nothing for a GET."""
    timeout: float = 0.0
    """Seconds; 0: as the peer or the settings say."""


class UploadToPeer(msgspec.Struct, frozen=True):
    """To egress: upload an object that is no instance of this store to a peer, as it is.

    Answered by `PeerAnswer`.
    """

    peer: str
    object_key: UUID
    size: int


class PeerAnswer(msgspec.Struct, frozen=True):
    """What a peer has answered."""

    json: bytes
    """Its JSON."""


class FindModality(msgspec.Struct, frozen=True):
    """To egress: C-FIND to a configured modality; the answer is an `AnsweredQuery`.

    With `keep` it is listed among the store's queries; else its answers are there for whoever
    deletes them, or until they are too old.
    """

    modality: str
    level: FindLevel
    query: dict[str, Any]
    """Tag ("GGGGEEEE") to what its value must be: a text, or a list of such objects."""
    normalize: bool = True
    """Leave out what does not belong to the level, and go by the modality's peculiarities."""
    local_aet: str = ""
    timeout: float | None = None
    keep: bool = True


class AnsweredQuery(msgspec.Struct, frozen=True):
    """What was asked of a modality, and where its answers are (`pons.remotes.queries`)."""

    id: str
    modality: str
    level: FindLevel
    query: dict[str, Any]
    """As it was asked for."""
    counts: list[int] = []
    """How many answers each page has."""
    local_aet: str = ""
    timeout: float | None = None

    @property
    def count(self) -> int:
        """How many answers there are."""
        return sum(self.counts)


class RunScript(msgspec.Struct, frozen=True):
    """To egress: run a Lua script where functions are told of events; what it defines stays."""

    script: bytes


class ScriptRun(msgspec.Struct, frozen=True):
    """Answer to `RunScript`."""

    printed: bytes
    kept: str
    """Its name where it has defined something, so that every process loads it."""
