# SPDX-License-Identifier: Apache-2.0
"""Keeps names that others have pointed at this store from being asked by."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable
from fnmatch import fnmatchcase
from ipaddress import ip_address

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

from pons_gateway.errors import UnknownHost, error_answer

log = structlog.get_logger()

NEVER_PUBLIC = (".local", ".internal", ".home.arpa", ".test")
"""Ends of names that public DNS never has (RFC 6762, RFC 8375, RFC 6761, ICANN's `internal`)."""
REMEMBERED = 64
"""`Host` headers kept at most that were let in."""
LOGGED = 20
"""Names at most of which the log tells; a stranger must not fill it."""


class Hosts:
    """421 for a request by a name that is not this store's.

    Who owns a domain can point one of its names at an address of this network, and a page of that
    name is then of the same origin as the store: the browser guards nothing. Addresses, loopback
    names, the machine's own and those in `http.hosts` are let in; with `on_loopback` false, where
    only strangers from the internet are kept out, so are names that public DNS cannot have.
    Public paths are answered under any name, to a stranger.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        hosts: Iterable[str],
        on_loopback: bool,
        is_public: Callable[[str], bool],
    ) -> None:
        self.app = app
        self._hosts = tuple(hosts)
        self._on_loopback = on_loopback
        self._is_public = is_public
        self._own: frozenset[str] | None = None
        self._asking = asyncio.Lock()
        self._logged: set[str] = set()
        self._known: set[bytes] = set()

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http":
            for name, value in scope["headers"]:
                if name == b"host" and value not in self._known:
                    return self._if_known(scope, receive, send)
        return self.app(scope, receive, send)

    async def _if_known(self, scope: Scope, receive: Receive, send: Send) -> None:
        for name, value in scope["headers"]:
            if name != b"host" or value in self._known:
                continue
            host = host_name(value)
            if await self._is_known(host):
                self._remember(value)
            elif not self._is_public(scope["path"]):
                await self._refuse(host, scope, receive, send)
                return
            else:
                scope["stranger"] = True
        await self.app(scope, receive, send)

    def _remember(self, value: bytes) -> None:
        """Headers that were let in, as they came: most requests bring one of a few."""
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known.add(value)

    async def _is_known(self, host: str) -> bool:
        if is_address(host) or host == "localhost" or host.endswith(".localhost"):
            return True
        if not self._on_loopback and ("." not in host or host.endswith(NEVER_PUBLIC)):
            return True
        if any(fnmatchcase(host, pattern.lower()) for pattern in self._hosts):
            return True
        return host in await self._own_names()

    async def _own_names(self) -> frozenset[str]:
        """Asked for at the first name that is not known otherwise: DNS may take its time."""
        async with self._asking:
            if self._own is None:
                self._own = await asyncio.to_thread(own_names)
        return self._own

    async def _refuse(self, host: str, scope: Scope, receive: Receive, send: Send) -> None:
        error = UnknownHost(
            f"{host[:100]!r} is no name of this store",
            "setting http.hosts lists names by which it may be asked",
        )
        if host not in self._logged and len(self._logged) < LOGGED:
            self._logged.add(host)
            log.warning("request refused", error=str(error), path=scope["path"])
        await error_answer(error, scope)(scope, receive, send)


def host_name(value: bytes) -> str:
    """The name in a `Host` header, without port, brackets and the dot at its end."""
    host = value.decode("latin-1").strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].removesuffix(".")


def is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def own_names() -> frozenset[str]:
    """What this machine calls itself; may ask DNS."""
    return frozenset(name.lower() for name in (socket.gethostname(), socket.getfqdn()))
