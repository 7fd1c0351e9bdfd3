# SPDX-License-Identifier: Apache-2.0
"""Destinations that are this store itself, as far as their address says so.

A name of this machine that only others know it by is not seen here, nor are doors in front of it:
what goes round by these is ended as any circle is.
"""

import socket
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any
from urllib.parse import urlsplit

from pons.messages.destinations import parts
from pons.messages.modality import Modality
from pons.remotes.peers import OtherStore
from pons.remotes.registry import Registry
from pons.settings import Settings

PORTS = {"http": 80, "https": 443}
EVERYWHERE = frozenset(("0.0.0.0", "::"))  # noqa: S104 it is only compared
LOOPBACK = frozenset(("127.0.0.1", "::1", "localhost"))


class OwnDoors:
    """Where this store is reached on this machine."""

    def __init__(
        self, modalities: Registry[Modality], peers: Registry[OtherStore], settings: Settings
    ) -> None:
        self._kinds: dict[str, Registry[Any]] = {"modality": modalities, "peer": peers}
        self._dicom = (settings.dicom_host, settings.dicom.port)
        self._http = (settings.http_host, settings.http.port)

    def has(self, destination: str) -> bool:
        """Whether what is sent there comes in here; what is not known is somebody else."""
        kind, name = parts(destination)
        known = self._kinds[kind].list().get(name) if kind in self._kinds else None
        if isinstance(known, Modality):
            return known.port == self._dicom[1] and _is_here(known.host, self._dicom[0])
        if isinstance(known, OtherStore):
            url = urlsplit(known.url)
            port = url.port or PORTS.get(url.scheme)
            return port == self._http[1] and _is_here(url.hostname or "", self._http[0])
        return False


def _is_here(host: str, listening: str) -> bool:
    """Whether what goes to a name or an address comes to who listens at `listening` here."""
    everywhere = listening in EVERYWHERE
    try:
        address = ip_address(host)
    except ValueError:
        named = host.lower().rstrip(".")
        if everywhere:
            return named in {"localhost", socket.gethostname().lower()}
        return named == listening.lower() or (named == "localhost" and listening in LOOPBACK)
    if everywhere:
        return address.is_unspecified or _is_of_this_machine(address)
    return str(address) == listening


def _is_of_this_machine(address: IPv4Address | IPv6Address) -> bool:
    """Whether one of its interfaces has it: then it is what this machine would speak from, too.

    To bind to it would say nothing where that is allowed for every address, as beside keepalived.
    """
    if address.is_loopback:
        return True
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    with suppress(OSError, ValueError), socket.socket(family, socket.SOCK_DGRAM) as one:
        one.connect((str(address), 9))  # of this kind of socket: nothing is sent
        return ip_address(one.getsockname()[0].partition("%")[0]) == address
    return False
