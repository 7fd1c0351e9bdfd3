# SPDX-License-Identifier: Apache-2.0
"""A session as its cookie carries it: signed, so that no process has to remember it."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping

import msgspec

KEY_BYTES = 32
LONGEST = 2048
"""Characters of a token; ours have a few hundred at most, by the length of the user's name."""


class Session(msgspec.Struct, frozen=True, array_like=True):
    """Who has logged in, and how long that holds."""

    id: str
    """The same for all renewals of a session, and random."""
    user: str
    limit: int
    """Seconds since the epoch at which it ends whatever happens."""
    ends: int
    """At which it ends unless it is renewed."""


class Signer:
    """Signs sessions with the store's key, and reads what it has signed.

    The signature also covers the hash of the user's password: a session ends with his password,
    or as he is no user any more.
    """

    def __init__(self, key: bytes, users: Mapping[str, str]) -> None:
        self._key = key
        self._users = users

    @property
    def store_id(self) -> str:
        """What tells the cookies of one store from those of another on the same host."""
        return hmac.digest(self._key, b"cookie", hashlib.sha256).hex()[:8]

    def sign(self, session: Session) -> str:
        """The token of a session; raises `KeyError` for one of no user."""
        told = msgspec.msgpack.encode(session)
        return f"{_text(told)}.{_text(self._signature(told, session.user))}"

    def read(self, token: str, now: float) -> Session | None:
        """The session of a token; None for one that is forged, cut, of nobody or over."""
        if len(token) > LONGEST:
            return None
        told, _, signature = token.partition(".")
        try:
            written, given = _bytes(told), _bytes(signature)
            session = msgspec.msgpack.decode(written, type=Session)
        except (binascii.Error, ValueError, msgspec.MsgspecError):
            return None
        if session.user not in self._users:
            return None
        if not hmac.compare_digest(given, self._signature(written, session.user)):
            return None
        return session if now < min(session.ends, session.limit) else None

    def _signature(self, told: bytes, user: str) -> bytes:
        covered = told + b"\0" + self._users[user].encode()
        return hmac.digest(self._key, covered, hashlib.sha256)


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    """What a text stands for; one text alone stands for it. Raises `ValueError`."""
    content = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if _text(content) != text:
        raise ValueError("not as we write it")
    return content
