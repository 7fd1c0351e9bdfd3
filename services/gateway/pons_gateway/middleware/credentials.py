# SPDX-License-Identifier: Apache-2.0
"""HTTP Basic with argon2 hashes, at no cost for credentials that were right a moment ago."""

import asyncio
import base64
import binascii
import hashlib
import secrets
import time
from collections.abc import Iterable, Mapping
from ipaddress import IPv6Address, ip_address
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from pons_gateway.middleware.verification_queue import Standing, VerificationQueue

REMEMBERED_SECONDS = 60.0
"""For how long right credentials are not verified again."""
LATELY_SECONDS = 86400.0
"""For how long right credentials, and the address they came from, are verified before others."""
REMEMBERED = 1024
"""Credentials kept at most, and addresses."""
IPV6_NETWORK_BITS = 64
"""Whoever has one address of such a network has all of them."""

Key = TypeVar("Key")
Value = TypeVar("Value")


class Authentication:
    """Who a request comes from. Without users, everybody is welcome and nobody has a name."""

    def __init__(self, users: Mapping[str, str]) -> None:
        self._users = dict(users)
        self._hasher = PasswordHasher()
        self._nobody = self._hasher.hash(secrets.token_hex(16)) if users else ""
        self._secret = secrets.token_bytes(32)
        self._right: dict[bytes, tuple[str, float]] = {}
        """By digest: the user, and when the credentials were found right."""
        self._addresses: dict[str, float] = {}
        """When a password that came from an address was last found right."""
        self._under_way: dict[bytes, asyncio.Task[str | None]] = {}
        """By digest: the same credentials are verified once, however often they come at once."""
        self._queue = VerificationQueue()

    @property
    def needed(self) -> bool:
        return bool(self._users)

    async def user(self, headers: Iterable[tuple[bytes, bytes]], address: str = "") -> str | None:
        """The user whose credentials the headers carry; None when they are missing or wrong.

        `address` is the client's. Raises `TooManyLogins` when too many passwords wait.
        """
        if not self._users:
            return ""
        for name, value in headers:
            if name == b"authorization":
                return await self._verified(value, network(address))
        return None

    async def _verified(self, header: bytes, address: str) -> str | None:
        digest = hashlib.blake2b(header, key=self._secret, digest_size=32).digest()
        user, when = self._right.get(digest, ("", 0.0))
        if user and time.monotonic() - when < REMEMBERED_SECONDS:
            return user
        credentials = _credentials(header)
        if credentials is None:
            return None
        verification = self._under_way.get(digest)
        if verification is None:
            verification = asyncio.create_task(self._verify(digest, credentials, address))
            self._under_way[digest] = verification
            verification.add_done_callback(lambda _: self._under_way.pop(digest))
        return await asyncio.shield(verification)

    async def _verify(
        self, digest: bytes, credentials: tuple[str, str], address: str
    ) -> str | None:
        async with self._queue.turn(self._standing(digest, address), address):
            if not await asyncio.to_thread(self._matches, *credentials):
                return None
        now = time.monotonic()
        _remember(self._right, digest, (credentials[0], now))
        _remember(self._addresses, address, now)
        return credentials[0]

    def _standing(self, digest: bytes, address: str) -> Standing:
        since = time.monotonic() - LATELY_SECONDS
        if digest in self._right and self._right[digest][1] > since:
            return Standing.PASSWORD
        if address in self._addresses and self._addresses[address] > since:
            return Standing.ADDRESS
        return Standing.STRANGER

    def _matches(self, user: str, password: str) -> bool:
        # An unknown user costs as much time as a wrong password.
        try:
            right = self._hasher.verify(self._users.get(user, self._nobody), password)
        except (VerificationError, InvalidHashError):
            return False
        return right and user in self._users


def network(address: str) -> str:
    """What one client may choose its address from: the address itself, or its IPv6 network."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    if not isinstance(ip, IPv6Address) or ip.ipv4_mapped:
        return address
    return str(int(ip) >> (128 - IPV6_NETWORK_BITS))


def _remember(known: dict[Key, Value], key: Key, value: Value) -> None:
    """Put an entry last; the one that was put first gives way where there are too many."""
    known.pop(key, None)
    if len(known) >= REMEMBERED:
        known.pop(next(iter(known)))
    known[key] = value


def _credentials(header: bytes) -> tuple[str, str] | None:
    scheme, _, encoded = header.partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        decoded = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    user, colon, password = decoded.partition(":")
    return (user, password) if colon else None
