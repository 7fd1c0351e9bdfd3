# SPDX-License-Identifier: Apache-2.0
"""The other stores that this one sends to over HTTP: from its settings, changed over REST."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import msgspec

from pons.bus import Bus
from pons.errors import BadRequest
from pons.remotes.config_keys import ConfigKeys
from pons.remotes.registry import Registry
from pons.settings import Settings

FAMILY = "peer"
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
ADDRESS = re.compile(r"[\x21-\x7e]+")


class Peer(msgspec.Struct, frozen=True, rename="pascal", omit_defaults=True):
    """Another store and how this one authenticates there, with Orthanc's names on the wire."""

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


TEXTS = (
    "Username",
    "Password",
    "CertificateFile",
    "CertificateKeyFile",
    "CertificateKeyPassword",
)
RESERVED = frozenset(("Url", *TEXTS, "HttpHeaders", "Pkcs11", "Timeout"))


def parse_peer(value: Any, name: str = "") -> Peer:
    """The store that an object, `[Url]` or `[Url, Username, Password]` describes.

    Raises `BadRequest` naming the field; secrets are not repeated.
    """
    where = f"peer {name!r}: " if name else ""
    if isinstance(value, list | tuple):
        if len(value) not in (1, 3):
            raise BadRequest(f"{where}expected [Url] or [Url, Username, Password]")
        value = dict(zip(("Url", "Username", "Password"), value, strict=False))
    if not isinstance(value, Mapping):
        raise BadRequest(f"{where}expected an object or an array")
    fields = {
        "Url": _address(value.get("Url"), where),
        "HttpHeaders": _headers(value.get("HttpHeaders", {}), where),
        "Timeout": _seconds(value.get("Timeout", 0), where),
        "Pkcs11": _flag(value.get("Pkcs11", False), where),
        "Properties": {
            key: _text(key, text, where) for key, text in value.items() if key not in RESERVED
        },
        **{key: _text(key, value[key], where) for key in TEXTS if value.get(key) is not None},
    }
    if ":" in (value.get("Username") or ""):
        raise BadRequest(f"{where}Username: HTTP cannot send a name with a colon")
    return msgspec.convert(fields, Peer)


def shown(peer: Peer) -> dict[str, Any]:
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


@asynccontextmanager
async def open_peers(bus: Bus, settings: Settings) -> AsyncIterator[Registry[Peer]]:
    """The store's peers, known and fresh as long as the block runs.

    Raises `BadRequest` when the settings name one that cannot be.
    """
    changed: ConfigKeys[Peer] = ConfigKeys(bus, FAMILY, Peer)
    peers = Registry(FAMILY, "/peers", settings.peers, parse_peer, changed)
    async with changed.following():
        yield peers


def _address(value: Any, where: str) -> str:
    wrong = BadRequest(f"{where}Url: expected http://host/ or https://host/")
    if not isinstance(value, str) or ADDRESS.fullmatch(value) is None:
        raise wrong
    try:
        parts = urlsplit(value)
        fine = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # a port that is no number, or too large
        raise wrong from None
    if not fine or parts.query or parts.fragment:
        raise wrong
    return value if value.endswith("/") else f"{value}/"


def _text(key: str, value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise BadRequest(f"{where}{key}: expected a text")
    return value


def _headers(value: Any, where: str) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise BadRequest(f"{where}HttpHeaders: expected an object of names and values")
    for name, text in value.items():
        if HEADER_NAME.fullmatch(name) is None:
            raise BadRequest(f"{where}HttpHeaders: {name!r} is no name of a header")
        if not isinstance(text, str) or HEADER_VALUE.fullmatch(text) is None:
            raise BadRequest(f"{where}HttpHeaders: the value of {name} is no text of one line")
    return dict(value)


def _seconds(value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise BadRequest(f"{where}Timeout: expected whole seconds, 0 or more")
    return value


def _flag(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise BadRequest(f"{where}Pkcs11: expected true or false")
    return value
