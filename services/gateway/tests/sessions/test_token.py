# SPDX-License-Identifier: Apache-2.0
"""Tokens of sessions: whose they are, and what is none of ours."""

import base64

import msgspec
import pytest

from pons_gateway.sessions.token import Session, Signer

KEY = b"k" * 32
USERS = {"alice": "hash of alice", "müller": "hash of müller"}
SIGNER = Signer(KEY, USERS)
SESSION = Session("identifier", "alice", limit=2000, ends=1500)
TOKEN = SIGNER.sign(SESSION)


def forged(session: object, signature: bytes = b"x" * 32) -> str:
    told = msgspec.msgpack.encode(session)
    return ".".join(
        base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (told, signature)
    )


def test_what_is_signed_is_read() -> None:
    """Until it ends."""
    assert SIGNER.read(TOKEN, 1000) == SESSION
    assert SIGNER.read(TOKEN, 1499.9) == SESSION
    assert SIGNER.read(TOKEN, 1500) is None
    other = Session("identifier", "müller", limit=1200, ends=1500)
    assert SIGNER.read(SIGNER.sign(other), 1199) == other
    assert SIGNER.read(SIGNER.sign(other), 1200) is None


def test_every_character_counts() -> None:
    """A token that is changed anywhere, cut anywhere or longer is none."""
    for at, character in enumerate(TOKEN):
        for other in ("A", "B", "-", "=", ".", "\n", "é"):
            if other != character:
                changed = TOKEN[:at] + other + TOKEN[at + 1 :]
                assert SIGNER.read(changed, 1000) is None, changed
        assert SIGNER.read(TOKEN[:at], 1000) is None
        assert SIGNER.read(TOKEN[at + 1 :], 1000) is None
        assert SIGNER.read(TOKEN[:at] + "A" + TOKEN[at:], 1000) is None
    for more in ("A", "=", "==", ".", " ", f".{TOKEN}"):
        assert SIGNER.read(TOKEN + more, 1000) is None


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "a.b",
        forged(SESSION),
        forged(SESSION, b""),
        forged(["identifier", "alice", 2000]),
        forged(["identifier", "nobody", 2000, 1500]),
        forged({"id": "identifier"}),
        forged(["identifier", "alice", "2000", "1500"]),
        forged(None),
        forged("x" * 100_000),
        "\ud800",
        "A" * 1_000_000,
    ],
    ids=range(14),
)
def test_forged(token: str) -> None:
    """What we have not signed is nobody's, and no error."""
    assert SIGNER.read(token, 1000) is None


def test_another_key_is_another_store() -> None:
    """Its sessions open nothing here, and its cookies have another name."""
    other = Signer(b"o" * 32, USERS)
    assert other.read(TOKEN, 1000) is None
    assert other.store_id != SIGNER.store_id
    assert len(SIGNER.store_id) == 8


def test_a_session_ends_with_the_password() -> None:
    """Also where the user is gone, and it does not become another's."""
    assert Signer(KEY, {**USERS, "alice": "another hash"}).read(TOKEN, 1000) is None
    assert Signer(KEY, {"bob": "hash of alice"}).read(TOKEN, 1000) is None
    assert Signer(KEY, {}).read(TOKEN, 1000) is None
    with pytest.raises(KeyError):
        Signer(KEY, {}).sign(SESSION)
