# SPDX-License-Identifier: Apache-2.0
"""Passwords against argon2 hashes, at no cost for those that were right a moment ago."""

import asyncio
import base64
import hashlib
import secrets
import time
from collections.abc import Mapping
from ipaddress import IPv6Address, ip_address
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import ARGON2_VERSION

from pons.passwords.guesses import Guesses
from pons.passwords.queue import Standing, VerificationQueue

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


class Passwords:
    """Verifies the passwords of a store's users."""

    def __init__(self, users: Mapping[str, str]) -> None:
        self._users = dict(users)
        self._hasher = PasswordHasher()
        self._nobody = hash_of_nothing(self._hasher) if users else ""
        self._secret = secrets.token_bytes(32)
        self._right: dict[bytes, tuple[str, float]] = {}
        """By digest: the user, and when the credentials were found right."""
        self._wrong: dict[bytes, None] = {}
        """Digests of wrong credentials: what asks with the same ones again guesses nothing."""
        self._guesses = Guesses()
        self._addresses: dict[str, float] = {}
        """When a password that came from an address was last found right."""
        self._under_way: dict[bytes, asyncio.Task[str | None]] = {}
        """By digest: the same credentials are verified once, however often they come at once."""
        self._queue = VerificationQueue()

    @property
    def needed(self) -> bool:
        """Whether there is any user."""
        return bool(self._users)

    async def verified(self, user: str, password: str, address: str) -> str | None:
        """The user, if the password is his; None for a wrong one and an unknown user.

        `address` is the client's. Raises `TooManyLogins` when too many passwords wait, or too many
        were wrong of late, for the user or from the address. What was right within a day is
        verified whatever others guess.
        """
        # A user name has no colon.
        credentials = f"{user}:{password}".encode("utf-8", "surrogatepass")
        digest = hashlib.blake2b(credentials, key=self._secret, digest_size=32).digest()
        known, when = self._right.get(digest, ("", 0.0))
        if known and time.monotonic() - when < REMEMBERED_SECONDS:
            return known
        verification = self._under_way.get(digest)
        if verification is None:
            started = self._verify(digest, (user, password), network(address))
            verification = asyncio.create_task(started)
            self._under_way[digest] = verification
            verification.add_done_callback(lambda _: self._under_way.pop(digest))
        return await asyncio.shield(verification)

    async def _verify(
        self, digest: bytes, credentials: tuple[str, str], address: str
    ) -> str | None:
        if digest in self._wrong:
            return None
        standing = self._standing(digest, address)
        self._require_room(standing, credentials[0], address)
        async with self._queue.turn(standing, address):
            self._require_room(standing, credentials[0], address)
            if not await asyncio.to_thread(self._matches, *credentials):
                self._guesses.add(address, credentials[0])
                _remember(self._wrong, digest, None)
                return None
        now = time.monotonic()
        _remember(self._right, digest, (credentials[0], now))
        _remember(self._addresses, address, now)
        return credentials[0]

    def _require_room(self, standing: Standing, user: str, address: str) -> None:
        """Raises `TooManyLogins`. Who guesses a user's password from everywhere keeps him from
        logging in neither with what was right lately, nor where he did so."""
        if standing is not Standing.PASSWORD:
            self._guesses.require_room(address, user if standing is Standing.STRANGER else None)

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


def hash_of_nothing(hasher: PasswordHasher) -> str:
    """What no password matches, and to find that out costs as much as with a hash of `hasher`.

    Bytes at random, as to hash something takes 0.2 s of CPU time at each start of a service.
    """
    salt, digest = (
        base64.b64encode(secrets.token_bytes(length)).decode().rstrip("=")
        for length in (hasher.salt_len, hasher.hash_len)
    )
    cost = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2{hasher.type.name.lower()}$v={ARGON2_VERSION}${cost}${salt}${digest}"


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
