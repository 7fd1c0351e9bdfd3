# SPDX-License-Identifier: Apache-2.0
"""The other stores that this one sends to over HTTP: from its settings, changed over REST."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from pons.bus import Bus
from pons.limits.mistakes import validated
from pons.remotes import descriptions
from pons.remotes.registry import Registry
from pons.settings import Settings


class OtherStore(msgspec.Struct, frozen=True, rename="pascal", omit_defaults=True):
    """A peer, and how this store authenticates there; with Orthanc's names on the wire."""

    url: str
    """Ends with a slash."""
    username: str = ""
    password: str = ""
    http_headers: dict[str, str] = {}
    certificate_file: str = ""
    certificate_key_file: str = ""
    certificate_key_password: str = ""
    pkcs11: bool = False
    timeout: int = 0
    """Seconds; 0 means the store's own setting."""
    properties: dict[str, str] = {}
    """What users have noted beside."""


def parse_peer(value: Any, name: str = "") -> OtherStore:
    """The store that `value` describes, which the settings or Orthanc's file call `name`.

    Raises `BadRequest` naming the field; secrets are not repeated.
    """
    where = f"peer {name!r}: " if name else ""
    return as_described(validated(descriptions.Peer, value, where))


def as_described(described: descriptions.Peer) -> OtherStore:
    """What is kept of a description."""
    fields = described.model_dump(exclude=set(described.notes), exclude_none=True)
    return msgspec.convert(fields | {"Properties": described.notes}, OtherStore)


def shown(peer: OtherStore) -> dict[str, Any]:
    """What `GET /peers/{name}/configuration` answers with: no secret, headers by name only."""
    result: dict[str, Any] = {
        **peer.properties,
        "Url": peer.url,
        "HttpHeaders": list(peer.http_headers),
        "Pkcs11": peer.pkcs11,
        "Timeout": peer.timeout,
    }
    if peer.username:
        result |= {"Username": peer.username, "Password": None}
    if peer.certificate_file:
        result |= {
            "CertificateFile": peer.certificate_file,
            "CertificateKeyFile": peer.certificate_key_file,
            "CertificateKeyPassword": None,
        }
    return dict(sorted(result.items()))


def told(peer: OtherStore) -> list[str] | dict[str, Any]:
    """How a job's content names a peer, without secrets: as an array where that says all."""
    simple = OtherStore(url=peer.url, username=peer.username, password=peer.password)
    if peer != simple:
        return shown(peer)
    return [peer.url, peer.username, ""] if peer.username else [peer.url]


@asynccontextmanager
async def open_peers(bus: Bus, settings: Settings) -> AsyncIterator[Registry[OtherStore]]:
    """The store's peers, known and fresh as long as the block runs.

    Raises `BadRequest` when the settings name one that cannot be.
    """
    peers = Registry(bus, "peer", "/peers", settings.peers, parse_peer, OtherStore)
    async with peers.following():
        yield peers
