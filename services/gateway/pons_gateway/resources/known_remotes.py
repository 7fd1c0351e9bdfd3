# SPDX-License-Identifier: Apache-2.0
"""What Explorer shows of modalities and peers, and how it changes a peer whose secrets it lacks."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import msgspec

from pons.errors import BadRequest
from pons.messages.modality import Modality
from pons.remotes import modalities, peers
from pons.remotes.contacts import address_of
from pons.remotes.peers import OtherStore
from pons_gateway.backends import Backends
from pons_gateway.models.known_remotes import ChangedPeer

NEWS_EVERY = 1.0
"""Seconds between two news at least: each tells of all remotes."""


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
                "contact": _contact(backends, f"modality:{name}", named[name]),
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
                "contact": _contact(backends, f"peer:{name}", others[name]),
            }
            for name, source in backends.peers.sources().items()
        ],
        "certificate": bool(backends.settings.dicom.tls_certificate),
    }


async def remote_news(backends: Backends) -> AsyncIterator[dict[str, Any]]:
    """How all of them are now, and then whenever that is otherwise, until the gateway stops."""
    told = None
    while not backends.health.stop.is_set():
        # Before the look, so that no change is missed.
        sources = (backends.modalities, backends.peers, backends.contacts)
        changes = [source.changed for source in sources]
        news = {
            "remotes": [
                {"kind": kind, "name": name, "contact": _contact(backends, f"{kind}:{name}", one)}
                for kind, known in (("modality", backends.modalities), ("peer", backends.peers))
                for name, one in known.list().items()
            ]
        }
        if news != told:
            told = news
            yield news
            with suppress(TimeoutError):
                async with asyncio.timeout(NEWS_EVERY):
                    await backends.health.stop.wait()
        await _first_of([*changes, backends.health.stop])


async def _first_of(events: Iterable[asyncio.Event]) -> None:
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waiting:
            one.cancel()


def _contact(
    backends: Backends, destination: str, remote: Modality | OtherStore
) -> dict[str, Any] | None:
    """How the last contact with it went, unless it was elsewhere then."""
    contact = backends.contacts.get(destination, address_of(remote))
    if contact is None:
        return None
    told: dict[str, Any] = msgspec.to_builtins(contact)
    del told["address"]
    return told


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
