# SPDX-License-Identifier: Apache-2.0
"""What one client may ask of an HTTP server, and how much all of them may."""

import sys
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

MOST_DERIVED = 4096
"""Connections at once where nothing is configured and the system has descriptors for more."""
WITHOUT_LIMIT = 1024
"""Descriptors of a process, where the system does not tell."""


@dataclass(frozen=True)
class Bounds:
    """Sizes in bytes, times in seconds. The defaults suit every server of Pons."""

    head_bytes: int = 64 * 1024
    """Request line and headers together. Also what a chunked body may have between two pieces of
    data, which is where trailers are."""
    headers: int = 100
    first_byte: float = 20
    """From the connection to the first byte of its first request; a handshake may take as long
    before that."""
    head: float = 20
    """From the first byte of a head to its last."""
    body: float = 30
    """Without a byte of a body that the application waits for."""
    answer: float = 300
    """Without any progress of a client that reads an answer."""
    connections: int = 0
    """At once; 0: half of the descriptors that the process may have, `MOST_DERIVED` at most."""
    connections_per_address: int = 0
    """At once, of one IPv4 address or IPv6 /64 network; 0: half of `connections`."""
    loopback_is_one: bool = False
    """Whether loopback addresses are bounded, too. A proxy in front brings everybody from there."""


DEFAULTS = Bounds()


class Admission:
    """Counts connections, of all and of each address, and says who is one too many."""

    def __init__(self, bounds: Bounds) -> None:
        self.most = bounds.connections or min(MOST_DERIVED, descriptors() // 2)
        self.most_per_address = bounds.connections_per_address or max(1, self.most // 2)
        self._loopback_is_one = bounds.loopback_is_one
        self._count = 0
        self._of: dict[str, int] = {}

    def admit(self, host: str) -> str | None:
        """None, and the connection counts until it leaves; or the bound that it is beyond."""
        if self._count >= self.most:
            return "connections"
        if origin := self._bounded(host):
            count = self._of.get(origin, 0)
            if count >= self.most_per_address:
                return "connections_per_address"
            self._of[origin] = count + 1
        self._count += 1
        return None

    def leave(self, host: str) -> None:
        """A connection that was admitted has ended."""
        self._count -= 1
        if origin := self._bounded(host):
            if left := self._of[origin] - 1:
                self._of[origin] = left
            else:
                del self._of[origin]

    def _bounded(self, host: str) -> str:
        name, loopback = origin_of(host)
        return "" if loopback and not self._loopback_is_one else name


@lru_cache(1024)
def origin_of(host: str) -> tuple[str, bool]:
    """What counts as one address, and whether it is this machine. A client of IPv6 has 2**64
    addresses, so its network counts."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:  # a socket of the file system
        return "", True
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is None:
            return address.packed[:8].hex(), address.is_loopback
        address = address.ipv4_mapped
    return str(address), address.is_loopback


def descriptors() -> int:
    """How many files and sockets this process may have open at a time."""
    if sys.platform == "win32":
        return WITHOUT_LIMIT
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 2 * MOST_DERIVED if soft == resource.RLIM_INFINITY else soft


def raise_descriptors() -> None:
    """Let this process open as many files and sockets as the system lets it ask for."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft == hard:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (ValueError, OSError):  # macOS says that it has no limit, and has one
        return
