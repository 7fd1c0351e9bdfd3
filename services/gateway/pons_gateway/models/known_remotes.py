# SPDX-License-Identifier: Apache-2.0
"""Modalities and peers as Explorer lists and changes them."""

from typing import Literal

from pydantic import BaseModel, Field

from pons.remotes.contacts import Outcome
from pons.remotes.descriptions import Modality, Peer
from pons.remotes.registry import Source
from pons_gateway.models.examples import STRICT, example
from pons_gateway.models.remotes import ShownPeer
from pons_gateway.models.session import CAMEL

REVISION = "Number of its last change, for `If-Match`; 0 where only the settings say it."
SOURCE = "Whether the settings name it, and whether it was changed since."


class LastContact(BaseModel):
    """How it went when this store last asked a remote for something."""

    model_config = CAMEL | example(
        at=1774000000.0,
        did="C-STORE",
        outcome="absent",
        why="connection refused by 192.0.2.1:104",
        well=1773990000.0,
    )

    at: float = Field(description="When it ended, in seconds since 1970.")
    did: str = Field(description="What was done: a DICOM service, or a request of HTTP.")
    outcome: Outcome = Field(
        description="`well`: it did what it was asked. `failed`: it was there, and did not. "
        "`absent`: there was no connection with it."
    )
    why: str = Field(description="What went wrong; empty where nothing did.")
    well: float = Field(description="When a contact last went well, as `at`; 0: never.")


LAST = "How the last contact with it went; none since it is known by this address, or long ago."


class KnownModality(BaseModel):
    """A modality, and where it comes from."""

    name: str = Field(description="What this store calls it.")
    source: Source = Field(description=SOURCE)
    revision: int = Field(description=REVISION)
    modality: Modality = Field(description="Its configuration.")
    contact: LastContact | None = Field(None, description=LAST)


class KnownPeer(BaseModel):
    """A peer without its secrets, and where it comes from."""

    name: str = Field(description="What this store calls it.")
    source: Source = Field(description=SOURCE)
    revision: int = Field(description=REVISION)
    peer: ShownPeer = Field(description="Its configuration.")
    notes: dict[str, str] = Field(description="What users have written beside.")
    contact: LastContact | None = Field(None, description=LAST)


class RemoteState(BaseModel):
    """A modality or a peer, and how it is."""

    kind: Literal["modality", "peer"] = Field(description="What it is.")
    name: str = Field(description="What this store calls it.")
    contact: LastContact | None = Field(None, description=LAST)


class RemoteNews(BaseModel):
    """The data of an event `remotes`: all of them, modalities first, each sorted by name."""

    model_config = example(remotes=[{"kind": "modality", "name": "pacs", "contact": None}])

    remotes: list[RemoteState] = Field(description="As they are now.")


class KnownRemotes(BaseModel):
    """Everything that this store knows by name and calls."""

    model_config = CAMEL | example(
        modalities=[
            {
                "name": "pacs",
                "source": "settings",
                "revision": 0,
                "modality": {"AET": "PACS", "Host": "192.0.2.1", "Port": 104},
            }
        ],
        peers=[],
        certificate=False,
    )

    modalities: list[KnownModality] = Field(description="Sorted by name.")
    peers: list[KnownPeer] = Field(description="Sorted by name.")
    certificate: bool = Field(
        description="Whether this store has a certificate to show to modalities with TLS."
    )


class ChangedPeer(BaseModel):
    """A peer as it is to be. Secrets are never shown, so that it says which of them stay."""

    model_config = (
        STRICT
        | CAMEL
        | example(
            peer={"Url": "https://archive.example.org/", "Username": "pons"}, keepPassword=True
        )
    )

    peer: Peer = Field(description="As of `PUT /peers/{name}`.")
    keep_password: bool = Field(False, description="Whether its password stays.")
    keep_key_password: bool = Field(False, description="Whether the password of its key stays.")
    keep_headers: list[str] = Field(
        [], max_length=256, description="Names of the headers whose values stay."
    )
