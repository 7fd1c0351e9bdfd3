# SPDX-License-Identifier: Apache-2.0
"""The cookie of a session: what it is called, how it is set, and where it is in a request."""

from collections.abc import Iterable

from starlette.types import Scope

GUARDS = "Path=/; HttpOnly; SameSite=Strict"
"""No script reads it, and no page of another site makes a browser send it."""
AT_ONCE = "; Max-Age=0"
HOST_ONLY = "__Host-"
"""Begins a name that no other host and no page without TLS can set (RFC 6265bis 4.1.3.2)."""

Header = tuple[bytes, bytes]


def cookie_name(store_id: str, scope: Scope) -> str:
    """Stores on one host have names of their own: browsers do not tell ports apart."""
    return f"{HOST_ONLY if is_secure(scope) else ''}pons-{store_id}"


def is_secure(scope: Scope) -> bool:
    """Whether the browser came by TLS, as the server or a trusted proxy says."""
    return bool(scope["scheme"] == "https")


def set_cookie(name: str, token: str, *, secure: bool) -> Header:
    """The header of an answer that sets the cookie; it ends with the browser."""
    return b"set-cookie", _described(name, token, secure=secure).encode("latin-1")


def clear_cookie(name: str, *, secure: bool) -> Header:
    """The header of an answer that takes the cookie back."""
    return b"set-cookie", (_described(name, "", secure=secure) + AT_ONCE).encode("latin-1")


def _described(name: str, token: str, *, secure: bool) -> str:
    return f"{name}={token}; {GUARDS}{'; Secure' if secure else ''}"


def cookie_of(headers: Iterable[Header], name: str) -> str:
    """The value of a request's cookie; empty without one, and where there are two of the name.

    Then one of them is another's, who could set it for this host, and nobody knows which.
    """
    sought = name.encode("latin-1")
    found = [
        value
        for header, content in headers
        if header == b"cookie" and sought in content
        for key, _, value in (part.strip().partition(b"=") for part in content.split(b";"))
        if key == sought
    ]
    return found[0].decode("latin-1") if len(found) == 1 else ""
