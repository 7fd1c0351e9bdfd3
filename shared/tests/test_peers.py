# SPDX-License-Identifier: Apache-2.0
"""Peers: what is accepted as one, and that no secret is shown."""

from typing import Any

import pytest

from pons.bus import Bus
from pons.errors import BadRequest, NotFound
from pons.remotes.peers import OtherStore, open_peers, parse_peer, shown
from pons.settings import Settings

URL = "https://example.org/orthanc"


def test_forms() -> None:
    """A peer is an address, or that with credentials, or an object; its address ends in a slash."""
    assert parse_peer([URL]) == OtherStore("https://example.org/orthanc/")
    with_user = OtherStore("https://example.org/orthanc/", "me", "secret")
    assert parse_peer([URL, "me", "secret"]) == with_user
    assert parse_peer({"Url": URL, "Username": "me", "Password": "secret"}) == with_user


def test_no_secret_is_shown() -> None:
    """Passwords are null and headers have no values; what users noted beside is there."""
    peer = parse_peer(
        {
            "Url": URL,
            "Username": "me",
            "Password": "secret1",
            "HttpHeaders": {"X-Key": "secret2"},
            "CertificateFile": "/a.pem",
            "CertificateKeyFile": "/a.key",
            "CertificateKeyPassword": "secret3",
            "Timeout": 7,
            "RemoteSelf": "here",
        }
    )
    assert shown(peer) == {
        "CertificateFile": "/a.pem",
        "CertificateKeyFile": "/a.key",
        "CertificateKeyPassword": None,
        "HttpHeaders": ["X-Key"],
        "Password": None,
        "Pkcs11": False,
        "RemoteSelf": "here",
        "Timeout": 7,
        "Url": "https://example.org/orthanc/",
        "Username": "me",
    }


def test_without_credentials() -> None:
    """What a peer does not have is not shown."""
    assert shown(parse_peer(["http://h"])) == {
        "HttpHeaders": [],
        "Pkcs11": False,
        "Timeout": 0,
        "Url": "http://h/",
    }


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        7,
        [],
        [URL, "me"],
        [URL, "me", "secret", "more"],
        {},
        {"Url": 7},
        {"Url": "ftp://h/"},
        {"Url": "http://"},
        {"Url": "http://h:x/"},
        {"Url": "http://h\r\nX: y/"},
        {"Url": "http://h/?a=b"},
        {"Url": URL, "Username": 7},
        {"Url": URL, "Username": "a:b"},
        {"Url": URL, "Timeout": -1},
        {"Url": URL, "Timeout": "7"},
        {"Url": URL, "Pkcs11": 1},
        {"Url": URL, "HttpHeaders": ["A"]},
        {"Url": URL, "HttpHeaders": {"A": "b\r\nC: d"}},
        {"Url": URL, "HttpHeaders": {"A\n": "b"}},
        {"Url": URL, "Note": {}},
    ],
)
def test_what_is_no_peer(wrong: Any) -> None:
    """What cannot be a peer is refused, without repeating what may be a secret."""
    with pytest.raises(BadRequest) as refused:
        parse_peer(wrong)
    assert "secret" not in str(refused.value)


@pytest.mark.anyio
async def test_life(bus: Bus) -> None:
    """Peers of the settings can be replaced and forgotten, and forgetting twice is an error."""
    settings = Settings(peers={"one": ["http://one/"]})
    async with open_peers(bus, settings) as peers, open_peers(bus, settings) as others:
        await peers.put("two", parse_peer(["http://two/"]))
        assert list(peers.list()) == ["one", "two"]
        assert peers.sources() == {"one": "settings", "two": "here"}
        assert (await others.read("two")).url == "http://two/"
        await peers.delete("one")
        assert list(peers.list()) == ["two"]
        with pytest.raises(NotFound):
            await others.read("one")
        with pytest.raises(NotFound):
            await peers.delete("one")
        await peers.put("one", parse_peer(["http://other/"]))
        assert peers.sources() == {"one": "changed", "two": "here"}
        with pytest.raises(BadRequest):
            await peers.put("a.b", OtherStore("http://h/"))
