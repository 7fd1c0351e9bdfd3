# SPDX-License-Identifier: Apache-2.0
"""Who may associate, and to do what."""

import asyncio
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from types import MappingProxyType
from typing import Protocol

from pons.dicom.network.rejection import Reason, Rejection
from pons.dicom.network.user_information import USER_AND_PASSWORD, UserIdentity
from pons.messages.modality import Modality
from pons.passwords.queue import TooManyLogins
from pons.passwords.verify import Passwords
from pons.settings import DicomSettings
from pons_ingress import metrics
from pons_ingress.service_classes import Permission


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end of an association."""

    calling_aet: str
    called_aet: str
    remote_ip: str


class KnownModalities(Protocol):
    """The part of `pons.remotes.modalities.Modalities` that admission asks."""

    def find_by_aet(self, aet: str, strict: bool = False) -> Mapping[str, Modality]:
        """Those with this AE title, by name; factory settings give many scanners the same one."""


class Seats:
    """How many associations there are, and may be (0: any number)."""

    def __init__(self, maximum: int) -> None:
        self._maximum = maximum
        self._taken = 0

    @contextmanager
    def seat(self) -> Iterator[Callable[[], None]]:
        """A call that takes a seat or raises `Rejection`; the block gives it back."""
        taken = False

        def take() -> None:
            nonlocal taken
            if self._maximum and self._taken >= self._maximum:
                there = f"there are {self._taken} associations already"
                raise Rejection(Reason.LOCAL_LIMIT, there)
            taken = True
            self._taken += 1
            metrics.ASSOCIATIONS_OPEN.inc()

        try:
            yield take
        finally:
            if taken:
                self._taken -= 1
                metrics.ASSOCIATIONS_OPEN.dec()


class Admission:
    """Applies the settings about AE titles and modalities to a peer."""

    def __init__(
        self,
        settings: DicomSettings,
        modalities: KnownModalities,
        users: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._settings = settings
        self._modalities = modalities
        self._passwords = Passwords(users)
        self._always = frozenset(
            permission
            for permission in Permission
            if getattr(settings, f"always_allow_{permission}", False)
        )

    async def permissions(self, peer: Peer) -> frozenset[Permission]:
        """What `peer` may do, at least one thing. Raises `Rejection`."""
        settings = self._settings
        if settings.check_called_aet and not self._same(peer.called_aet, settings.aet):
            raise Rejection(Reason.CALLED_AET, f"this is {settings.aet}, not {peer.called_aet}")
        known = await self._known(peer)
        permissions = self._always.union(*map(_granted, known))
        if not permissions:
            raise Rejection(
                Reason.CALLING_AET,
                f"{peer.calling_aet} is not a modality that may ask for anything",
            )
        return permissions

    async def verified(self, peer: Peer, identity: UserIdentity | None) -> bool:
        """Whether the peer has shown the password of a user. Raises `Rejection` for a wrong one.

        Where the store has no users, and for identities of other kinds, nothing is verified.
        """
        if identity is None or identity.kind != USER_AND_PASSWORD or not self._passwords.needed:
            return False
        user = identity.primary.decode("utf-8", "replace")
        password = identity.secondary.decode("utf-8", "replace")
        try:
            known = await self._passwords.verified(user, password, peer.remote_ip)
        except TooManyLogins as error:
            raise Rejection(Reason.CONGESTION, error.message) from None
        if known is None:
            raise Rejection(Reason.NO_REASON, "the user's name or password is wrong")
        return True

    async def _known(self, peer: Peer) -> list[Modality]:
        found = self._modalities.find_by_aet(peer.calling_aet, self._settings.strict_aet_comparison)
        if not found or not self._settings.check_modality_host:
            return list(found.values())
        here = await living_at(found, peer.remote_ip)
        if not here:
            raise Rejection(
                Reason.CALLING_AET,
                f"{peer.calling_aet} is configured at another host than {peer.remote_ip}",
            )
        return list(here.values())

    def _same(self, one: str, other: str) -> bool:
        if self._settings.strict_aet_comparison:
            return one.strip() == other.strip()
        return one.strip().upper() == other.strip().upper()


def _granted(modality: Modality) -> Iterable[Permission]:
    return (p for p in Permission if getattr(modality, f"allow_{p}"))


async def living_at(found: Mapping[str, Modality], remote_ip: str) -> dict[str, Modality]:
    """Those of these modalities whose host is where `remote_ip` is."""
    return {name: one for name, one in found.items() if await _lives_at(one.host, remote_ip)}


async def _lives_at(host: str, remote_ip: str) -> bool:
    """Whether `host`, a name or an address, is where `remote_ip` is."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return plain_ip(remote_ip) in {plain_ip(str(address[4][0])) for address in found}


def plain_ip(address: str) -> str:
    """An address without scope, IPv4 also where it comes mapped into IPv6."""
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped:
        return str(ip.ipv4_mapped)
    return str(ip)
