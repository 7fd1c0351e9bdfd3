# SPDX-License-Identifier: Apache-2.0
"""HTTP Basic with argon2 hashes, at no cost for credentials that were right a moment ago."""

import asyncio
import base64
import binascii
import hashlib
import secrets
import time
from collections.abc import Iterable, Mapping

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

REMEMBERED_SECONDS = 60.0
REMEMBERED = 1024
"""Credentials kept at most."""
AT_ONCE = 2
"""Verifications at once: each takes 64 MiB and 50 ms, which a stranger must not multiply."""


class Authentication:
    """Who a request comes from. Without users, everybody is welcome and nobody has a name."""

    def __init__(self, users: Mapping[str, str]) -> None:
        self._users = dict(users)
        self._hasher = PasswordHasher()
        self._nobody = self._hasher.hash(secrets.token_hex(16)) if users else ""
        self._secret = secrets.token_bytes(32)
        self._right: dict[bytes, tuple[str, float]] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)

    @property
    def needed(self) -> bool:
        return bool(self._users)

    async def user(self, headers: Iterable[tuple[bytes, bytes]]) -> str | None:
        """The user whose credentials the headers carry; None when they are missing or wrong."""
        if not self._users:
            return ""
        for name, value in headers:
            if name == b"authorization":
                return await self._verified(value)
        return None

    async def _verified(self, header: bytes) -> str | None:
        digest = hashlib.blake2b(header, key=self._secret, digest_size=32).digest()
        known = self._remembered(digest)
        if known is not None:
            return known
        credentials = _credentials(header)
        if credentials is None:
            return None
        async with self._slots:
            known = self._remembered(digest)  # verified while this request waited its turn
            if known is not None:
                return known
            if not await asyncio.to_thread(self._matches, *credentials):
                return None
        self._remember(digest, credentials[0])
        return credentials[0]

    def _matches(self, user: str, password: str) -> bool:
        # An unknown user costs as much time as a wrong password.
        try:
            right = self._hasher.verify(self._users.get(user, self._nobody), password)
        except (VerificationError, InvalidHashError):
            return False
        return right and user in self._users

    def _remembered(self, digest: bytes) -> str | None:
        user, until = self._right.get(digest, ("", 0.0))
        return user if until > time.monotonic() else None

    def _remember(self, digest: bytes, user: str) -> None:
        if len(self._right) >= REMEMBERED:
            self._right.clear()
        self._right[digest] = (user, time.monotonic() + REMEMBERED_SECONDS)


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
