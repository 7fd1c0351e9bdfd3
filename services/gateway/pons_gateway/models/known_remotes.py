# SPDX-License-Identifier: Apache-2.0
"""Modalities and peers as Explorer lists and changes them."""

from pydantic import BaseModel, Field

from pons.remotes.descriptions import Modality, Peer
from pons.remotes.registry import Source
from pons_gateway.models.examples import STRICT, example
from pons_gateway.models.remotes import ShownPeer
from pons_gateway.models.session import CAMEL

REVISION = "Number of its last change, for `If-Match`; 0 where only the settings say it."
SOURCE = "Whether the settings name it, and whether it was changed since."


class KnownModality(BaseModel):
    """A modality, and where it comes from."""

    name: str = Field(description="What this store calls it.")
    source: Source = Field(description=SOURCE)
    revision: int = Field(description=REVISION)
    modality: Modality = Field(description="Its configuration.")


class KnownPeer(BaseModel):
    """A peer without its secrets, and where it comes from."""

    name: str = Field(description="What this store calls it.")
    source: Source = Field(description=SOURCE)
    revision: int = Field(description=REVISION)
    peer: ShownPeer = Field(description="Its configuration.")
    notes: dict[str, str] = Field(description="What users have written beside.")


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
