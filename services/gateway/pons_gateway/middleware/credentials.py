# SPDX-License-Identifier: Apache-2.0
"""HTTP Basic: whose credentials a request carries (RFC 7617)."""

import base64
import binascii
from collections.abc import Iterable, Mapping

from pons.passwords.verify import Passwords


class Authentication:
    """Who a request comes from. Without users, everybody is welcome and nobody has a name."""

    def __init__(self, users: Mapping[str, str]) -> None:
        self._passwords = Passwords(users)

    @property
    def needed(self) -> bool:
        return self._passwords.needed

    async def user(self, headers: Iterable[tuple[bytes, bytes]], address: str = "") -> str | None:
        """The user whose credentials the headers carry; None when they are missing or wrong.

        `address` is the client's. Raises `TooManyLogins` when too many passwords wait.
        """
        if not self.needed:
            return ""
        for name, value in headers:
            if name == b"authorization":
                credentials = _credentials(value)
                return credentials and await self.verified(*credentials, address)
        return None

    async def verified(self, user: str, password: str, address: str) -> str | None:
        """The user whose password that is; None for a wrong one and an unknown user.

        Raises `TooManyLogins`.
        """
        return await self._passwords.verified(user, password, address)


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
