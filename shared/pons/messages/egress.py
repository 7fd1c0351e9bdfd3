# SPDX-License-Identifier: Apache-2.0
"""Commands to egress: what is asked of other systems."""

from uuid import UUID

import msgspec

from pons.messages.modality import Modality


class EchoModality(msgspec.Struct, frozen=True):
    """To egress: C-ECHO to a configured modality, or to one that is described here."""

    modality: str
    timeout: float | None = None
    described: Modality | None = None


class AskPeerSystem(msgspec.Struct, frozen=True):
    """To egress: what a peer tells of itself (its `/system`). Answered by `PeerAnswer`."""

    peer: str


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
