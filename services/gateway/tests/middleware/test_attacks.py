# SPDX-License-Identifier: Apache-2.0
"""What attackers make of logging in, and of sessions."""

import re
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher

from pons.messages.index import ClearChanges
from pons.messages.services import Done
from pons.passwords.guesses import Allowance, Guesses
from pons.passwords.verify import Passwords
from pons.settings import HttpSettings, Settings
from pons_testing.buckets import MemoryBus

from ..conftest import Open, Store, known_sessions
from .logins import ALICE, HASH, LOGIN, LOGOUT, SESSION, USERS, cookies

pytestmark = pytest.mark.anyio

BROWSER = {"User-Agent": "Mozilla/5.0", "Accept-Language": "de"}


async def test_wrong_credentials(open_client: Open) -> None:
    """An unknown user and a wrong password are told the same, and no browser asks for another."""
    async with open_client(USERS) as client:
        answers = [
            await client.post(LOGIN, json={"user": user, "password": password})
            for user, password in (("alice", "wrong"), ("nobody", "secret"), ("", ""))
        ]
        assert {answer.status_code for answer in answers} == {401}
        assert len({answer.content for answer in answers}) == 1
        assert answers[0].json()["Details"] == "Unknown user or wrong password"
        for answer in answers:
            assert "set-cookie" not in answer.headers
            assert "www-authenticate" not in answer.headers


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"user": "alice"}',
        b'{"user": "alice", "password": null}',
        b'{"user": ["alice"], "password": "secret"}',
        b'{"user": {"$ne": ""}, "password": "secret"}',
        b'{"user": "alice", "password": "' + b"x" * 2000 + b'"}',
        b'{"user": "' + b"x" * 300 + b'", "password": "secret"}',
    ],
)
async def test_malformed_logins(open_client: Open, body: bytes) -> None:
    """What is no user with a password is a bad request, and nobody verifies it."""
    async with open_client(USERS) as client:
        answer = await client.post(LOGIN, content=body)
        assert answer.status_code == 400
        assert "set-cookie" not in answer.headers


async def test_strangers_send_short_bodies(open_client: Open) -> None:
    """Nobody who is not known yet has the store read megabytes."""
    async with open_client(USERS) as client:
        for content in (b" " * 100_000, pieces()):
            answer = await client.post(
                LOGIN, content=content, headers={"Transfer-Encoding": "chunked"}
            )
            assert answer.status_code == 413
            assert answer.json()["Details"] == "The body has more than 16 KiB"


async def pieces() -> Any:
    for _ in range(1000):
        yield b" " * 1000


async def test_a_flood_of_logins(open_client: Open) -> None:
    """An address that guesses hears 429 with a time to wait, and its guesses cost nothing more."""
    async with open_client(USERS) as client:
        passwords = authentication(client)
        passwords._guesses = Guesses(Allowance(3, 60.0), Allowance(100, 60.0))
        statuses = [
            (await client.post(LOGIN, json={"user": "alice", "password": f"wrong {n}"})).status_code
            for n in range(6)
        ]
        assert statuses == [401, 401, 401, 429, 429, 429]
        answer = await client.post(LOGIN, json=ALICE)
        assert answer.status_code == 429
        assert answer.headers["retry-after"]
        assert answer.json()["Details"].startswith("Too many wrong passwords (try again in")
        basic = await client.get("/system", auth=("alice", "other"))
        assert basic.status_code == 429, "the other door leads to the same room"
        transport = httpx.ASGITransport(client._transport.app, client=("192.0.2.7", 1))  # type: ignore[attr-defined]
        async with httpx.AsyncClient(transport=transport, base_url="http://store") as other:
            assert (await other.post(LOGIN, json=ALICE)).status_code == 200


def authentication(client: httpx.AsyncClient) -> Passwords:
    passwords: Passwords = client._transport.app.state.authentication._passwords  # type: ignore[attr-defined]
    return passwords


async def test_the_same_work_for_who_is_there_and_who_is_not(
    open_client: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hash is verified for an unknown user too, so that time tells nobody who is a user."""
    hashes: list[str] = []

    class Counting:
        def verify(self, known: str, password: str) -> bool:
            hashes.append(known)
            return PasswordHasher().verify(known, password)

    async with open_client(USERS) as client:
        monkeypatch.setattr(authentication(client), "_hasher", Counting())
        for user in ("alice", "nobody"):
            await client.post(LOGIN, json={"user": user, "password": "wrong"})
    assert len(hashes) == 2
    assert hashes[0] == HASH != hashes[1]


@pytest.mark.parametrize(
    "value",
    [
        "",
        "a.b",
        "x" * 5000,
        "\xff\xfe",
        "eyJ1c2VyIjoiYWxpY2UifQ.c2lnbmF0dXJl",
        "' or 1=1 --",
        "%00",
    ],
)
async def test_forged_cookies(open_client: Open, value: str) -> None:
    """They open nothing, and nothing fails at them."""
    async with open_client(USERS) as client:
        await client.post(LOGIN, json=ALICE)
        (name,) = client.cookies
        forged = {b"Cookie": f"{name}={value}".encode("latin-1")}
        client.cookies.clear()
        assert (await client.get("/system", headers=forged)).status_code == 401
        state = await client.get(SESSION, headers=forged)
        assert (state.status_code, state.json()["user"]) == (200, None)


async def test_a_cookie_of_another_store_or_connection(open_client: Open) -> None:
    """Stores on one host do not take each other's sessions, nor one of a connection without TLS
    where there is TLS."""
    other = known_sessions(MemoryBus(), USERS, b"o" * 32)
    async with open_client(USERS) as client, open_client(USERS, sessions=other) as elsewhere:
        await client.post(LOGIN, json=ALICE)
        jar = dict(client.cookies)
        assert (await elsewhere.get("/system", headers=cookies(jar))).status_code == 401
        await elsewhere.post(LOGIN, json=ALICE)
        assert set(elsewhere.cookies).isdisjoint(jar)
        both = {**cookies({**jar, **dict(elsewhere.cookies)})}
        client.cookies.clear()
        assert (await client.get("/system", headers=both)).status_code == 200
        secure = "https://store/system"
        assert (await client.get(secure, headers=cookies(jar))).status_code == 401
        answer = await client.post(f"https://store{LOGIN}", json=ALICE)
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-pons-")
        assert cookie.endswith("; Secure")
        assert (await client.get(secure)).status_code == 200


async def test_a_cookie_beside_ours(open_client: Open) -> None:
    """Of two cookies of the name, one is somebody else's: nobody is logged in by either."""
    async with open_client(USERS) as client:
        await client.post(LOGIN, json=ALICE)
        ((name, value),) = client.cookies.items()
        client.cookies.clear()
        twice = {"Cookie": f"{name}=a.b; {name}={value}"}
        assert (await client.get("/system", headers=twice)).status_code == 401
        assert (await client.get("/system", headers={"Cookie": f"{name}={value}"})).is_success


async def test_headers_cannot_be_written_by_a_user_name(open_client: Open) -> None:
    """What a name holds is in the token alone, in letters that end no header."""
    odd = "a\r\nSet-Cookie: x=y; Domain=z\u2028müller"
    users = Settings(http=HttpSettings(users={"bob": HASH}))
    users.http.users[odd.replace(":", ";")] = HASH
    async with open_client(users) as client:
        name = odd.replace(":", ";")
        answer = await client.post(LOGIN, json={"user": name, "password": "secret"})
        assert answer.status_code == 200
        assert answer.json()["user"] == name
        assert len(answer.headers.get_list("set-cookie")) == 1
        assert re.fullmatch(r"[\x21-\x7e ]+", answer.headers["set-cookie"])
        assert (await client.get("/system")).status_code == 200


SAME = {"Sec-Fetch-Site": "same-origin", "Origin": "http://store"}
FOREIGN: dict[str, dict[str, str]] = {
    "another site": {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    "another port": {"Sec-Fetch-Site": "same-site", "Origin": "http://store:8000"},
    "plain http": {"Origin": "http://evil.example"},
    "hidden": {"Origin": "null"},
    "referred": {"Referer": "http://wiki.hospital/page"},
    "untold": {},
}


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN.keys())
async def test_pages_of_other_sites(
    open_client: Open, store: Store, headers: dict[str, str]
) -> None:
    """Even where a browser sent the cookie along, they change nothing, and log nobody in or out."""
    store.services.answers[ClearChanges] = Done()
    async with open_client(USERS) as client:
        await client.post(LOGIN, json=ALICE, headers={**BROWSER, **SAME})
        theirs = {**BROWSER, **headers}
        for method, path, body in (
            ("DELETE", "/changes", None),
            ("POST", "/changes?_method=delete", None),
            ("POST", LOGOUT, None),
            ("POST", LOGIN, b'{"user": "bob", "password": "secret"}'),
        ):
            answer = await client.request(method, path, content=body, headers=theirs)
            assert answer.status_code in (403, 405), (method, path)
        got = await client.get("/changes?_method=delete", headers=theirs)
        assert got.status_code == 403
        assert store.services.commands == []
        assert (await client.get(SESSION)).json()["user"] == "alice"
        own = {**BROWSER, **SAME}
        assert (await client.delete("/changes", headers=own)).status_code == 200


async def test_who_asks_by_another_name_cannot_log_in(open_client: Open) -> None:
    """A page whose name was pointed at this store is refused before it can guess."""
    settings = Settings(http=HttpSettings(users={"alice": HASH}, hosts=["store"]))
    async with open_client(settings) as client:
        for method, path in (("POST", LOGIN), ("GET", SESSION)):
            answer = await client.request(
                method, path, json=ALICE, headers={"Host": "evil.example"}
            )
            assert answer.status_code == 421
        assert (await client.post(LOGIN, json=ALICE)).status_code == 200
