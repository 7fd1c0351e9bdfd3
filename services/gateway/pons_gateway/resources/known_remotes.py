# SPDX-License-Identifier: Apache-2.0
"""What Explorer shows of modalities and peers, and how it changes a peer whose secrets it lacks."""

from typing import Any
from urllib.parse import urlsplit

import msgspec

from pons.errors import BadRequest
from pons.remotes import modalities, peers
from pons.remotes.peers import OtherStore
from pons_gateway.backends import Backends
from pons_gateway.models.known_remotes import ChangedPeer


def known_remotes(backends: Backends) -> dict[str, Any]:
    """All of them, without secrets."""
    named, others = backends.modalities.list(), backends.peers.list()
    return {
        "modalities": [
            {
                "name": name,
                "source": source,
                "revision": backends.modalities.revision(name),
                "modality": modalities.to_json(named[name]),
            }
            for name, source in backends.modalities.sources().items()
        ],
        "peers": [
            {
                "name": name,
                "source": source,
                "revision": backends.peers.revision(name),
                "peer": peers.shown(msgspec.structs.replace(others[name], properties={})),
                "notes": others[name].properties,
            }
            for name, source in backends.peers.sources().items()
        ],
        "certificate": bool(backends.settings.dicom.tls_certificate),
    }


async def changed_peer(backends: Backends, name: str, asked: ChangedPeer) -> OtherStore:
    """The peer as it is to be, with those of its secrets that stay.

    Raises `NotFound` where secrets are to stay of a peer that is unknown, and `BadRequest` where
    they would go to another address than the one that they were given for.
    """
    changed = peers.as_described(asked.peer)
    if not (asked.keep_password or asked.keep_key_password or asked.keep_headers):
        return changed
    known = await backends.peers.read(name)
    missing = [header for header in asked.keep_headers if header not in known.http_headers]
    if missing:
        raise BadRequest(f"HttpHeaders: the peer has no {missing[0]!r}", "give its value")
    password = known.password if asked.keep_password else ""
    key_password = known.certificate_key_password if asked.keep_key_password else ""
    headers = {header: known.http_headers[header] for header in asked.keep_headers}
    if (password or key_password or headers) and _origin(known.url) != _origin(changed.url):
        raise BadRequest(
            "Url: the peer has another address now",
            "give its passwords and the values of its headers again",
        )
    return msgspec.structs.replace(
        changed,
        password=changed.password or password,
        certificate_key_password=changed.certificate_key_password or key_password,
        http_headers=headers | changed.http_headers,
    )


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
