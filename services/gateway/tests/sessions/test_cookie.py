# SPDX-License-Identifier: Apache-2.0
"""The cookie of a session in requests and answers."""

import pytest

from pons_gateway.sessions.cookie import clear_cookie, cookie_name, cookie_of, set_cookie

NAME = "pons-12345678"


def test_it_is_guarded() -> None:
    """No script, no other site, and with TLS no other host and no plain connection has it."""
    assert set_cookie(NAME, "token", secure=False) == (
        b"set-cookie",
        b"pons-12345678=token; Path=/; HttpOnly; SameSite=Strict",
    )
    secure = cookie_name("12345678", {"scheme": "https"})
    assert set_cookie(secure, "token", secure=True)[1] == (
        b"__Host-pons-12345678=token; Path=/; HttpOnly; SameSite=Strict; Secure"
    )
    assert cookie_name("12345678", {"scheme": "http"}) == NAME
    assert clear_cookie(NAME, secure=False)[1] == (
        b"pons-12345678=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"
    )


@pytest.mark.parametrize(
    ("header", "value"),
    [
        (b"pons-12345678=token", "token"),
        (b"a=b; pons-12345678=token;c=d", "token"),
        (b"pons-12345678=a=b", "a=b"),
        (b"PONS-12345678=token", ""),
        (b"xpons-12345678=token", ""),
        (b"__Host-pons-12345678=token", ""),
        (b"a=pons-12345678=token", ""),
        (b"pons-12345678", ""),
        (b"pons-12345678=\xff\xfe", "\xff\xfe"),
        (b"", ""),
        (b";;=;", ""),
    ],
)
def test_in_a_request(header: bytes, value: str) -> None:
    assert cookie_of([(b"host", b"x"), (b"cookie", header)], NAME) == value


def test_two_of_a_name_are_none() -> None:
    """Another page of the host has set one of them, and nobody knows which."""
    one, other = b"pons-12345678=one", b"pons-12345678=other"
    assert cookie_of([(b"cookie", one + b"; " + other)], NAME) == ""
    assert cookie_of([(b"cookie", one), (b"cookie", other)], NAME) == ""
    assert cookie_of([(b"cookie", one + b"; " + one)], NAME) == ""
