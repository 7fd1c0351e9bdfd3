# SPDX-License-Identifier: Apache-2.0
"""Who may come in, and what that costs."""

import asyncio
import base64
import threading

import httpx
import pytest
from argon2 import PasswordHasher

from pons.passwords.queue import TooManyLogins
from pons.passwords.verify import Passwords, network
from pons.settings import HttpSettings, Settings
from pons_gateway.middleware.credentials import Authentication
from pons_testing.waiting import until

from ..conftest import Open, Store

pytestmark = pytest.mark.anyio

HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("secret")
USERS = Settings(http=HttpSettings(users={"alice": HASH}))


def basic(user: str, password: str) -> bytes:
    return b"Basic " + base64.b64encode(f"{user}:{password}".encode())


async def test_without_credentials(open_client: Open) -> None:
    """Where there are users, a request without credentials gets a 401 and nothing else."""
    async with open_client(USERS) as client:
        for path in ("/system", "/nope", "/docs", "/"):
            answer = await client.get(path)
            assert (answer.status_code, answer.content) == (401, b"")
            assert 'Basic realm="Orthanc Secure Area"' in answer.headers["www-authenticate"]


async def test_credentials(open_client: Open) -> None:
    """The right password opens, a wrong one and an unknown user do not."""
    async with open_client(USERS) as client:
        assert (await client.get("/system", auth=("alice", "secret"))).status_code == 200
        assert (await client.get("/system", auth=("alice", "wrong"))).status_code == 401
        assert (await client.get("/system", auth=("bob", "secret"))).status_code == 401


@pytest.mark.parametrize("header", ["Bearer x", "Basic", "Basic %%%", "Basic YWxpY2U=", ""])
async def test_malformed_credentials(open_client: Open, header: str) -> None:
    """What is no Basic authentication does not open."""
    async with open_client(USERS) as client:
        answer = await client.get("/system", headers={"Authorization": header})
        assert answer.status_code == 401


async def test_health_is_public(open_client: Open) -> None:
    """Probes need no password."""
    async with open_client(USERS) as client:
        assert (await client.get("/health/live")).json() == {"service": "gateway"}
        assert (await client.get("/health/ready")).status_code == 200


async def test_strangers_are_not_told_what_fails(open_client: Open, store: Store) -> None:
    """They learn that something does; a user learns what."""
    secret = "/srv/pons/objects is gone: FileNotFoundError"

    async def broken() -> None:
        raise OSError(secret)

    store.backends.health.checks["objects"] = broken
    async with open_client(USERS) as client:
        for auth in (None, ("alice", "wrong"), ("bob", "secret")):
            answer = await client.get("/health/ready", auth=auth)
            assert answer.status_code == 503
            assert answer.json() == {"service": "gateway", "ready": False}
        answer = await client.get("/health/ready", auth=("alice", "secret"))
        assert answer.status_code == 503
        assert answer.json()["failures"] == {"objects": secret}
    on_the_network = HttpSettings(host="0.0.0.0", allow_anonymous=True)
    async with open_client(Settings(http=on_the_network)) as client:
        answer = await client.get("/health/ready")
        assert answer.json() == {"service": "gateway", "ready": False}
    async with open_client() as client:
        assert (await client.get("/health/ready")).json()["failures"] == {"objects": secret}


async def test_the_user_is_kept_with_what_he_stores(open_client: Open, store: Store) -> None:
    """An upload remembers who sent it."""
    async with open_client(USERS) as client:
        await client.post("/instances", content=b"DICOM", auth=("alice", "secret"))
    assert store.ingest.origins[0].username == "alice"


async def test_verified_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many requests with the same credentials cost one verification, also all at once."""
    authentication = Authentication({"alice": HASH})
    verified: list[str] = []
    matches = authentication._passwords._matches

    def counting(user: str, password: str) -> bool:
        verified.append(user)
        return matches(user, password)

    monkeypatch.setattr(authentication._passwords, "_matches", counting)
    headers = [(b"authorization", basic("alice", "secret"))]
    users = await asyncio.gather(*(authentication.user(headers) for _ in range(20)))
    assert users == ["alice"] * 20
    assert len(verified) <= 2  # two may be under way at once


async def test_wrong_passwords_are_not_remembered() -> None:
    """Nothing is learnt from a wrong password, and a right one still opens after it."""
    authentication = Authentication({"alice": HASH})
    assert await authentication.user([(b"authorization", basic("alice", "wrong"))]) is None
    assert await authentication.user([(b"authorization", basic("alice", "secret"))]) == "alice"
    assert await authentication.user([(b"authorization", basic("alice", "wrong"))]) is None


async def test_guesses_from_one_address_hold_up_nobody_else(
    open_client: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They get 401, or 429 where too many come at once; a right password goes between them."""
    order: list[str] = []
    matches, permissions = Passwords._matches, threading.Semaphore(0)

    def one_at_a_time(self: Passwords, user: str, password: str) -> bool:
        order.append(password)
        assert permissions.acquire(timeout=60)
        return matches(self, user, password)

    monkeypatch.setattr(Passwords, "_matches", one_at_a_time)
    async with open_client(USERS) as client:
        guesses = [
            asyncio.create_task(client.get("/system", auth=("alice", f"wrong {number}")))
            for number in range(50)
        ]
        await until(lambda: sum(one.done() for one in guesses) == 50 - 9)
        transport = httpx.ASGITransport(client._transport.app, client=("192.0.2.7", 1))  # type: ignore[attr-defined]
        async with httpx.AsyncClient(transport=transport, base_url="http://store") as other:
            right = asyncio.create_task(other.get("/system", auth=("alice", "secret")))
            async with asyncio.timeout(60):
                while not right.done():
                    permissions.release()
                    await asyncio.sleep(0.01)
            assert right.result().status_code == 200
        permissions.release(50)
        answers = await asyncio.gather(*guesses)
    assert order.index("secret") < 5
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) == 50 - 9  # one under way, eight waiting
    assert {answer.headers["retry-after"] for answer in refused} == {"1"}
    assert refused[0].json()["Details"].startswith("Too many passwords wait")
    assert {answer.status_code for answer in answers} == {401, 429}


async def test_the_same_credentials_wait_once() -> None:
    """A client that opens many connections at once is refused none of them."""
    authentication = Authentication({"alice": HASH})
    headers = [(b"authorization", basic("alice", "secret"))]
    users = await asyncio.gather(*(authentication.user(headers, "192.0.2.7") for _ in range(100)))
    assert users == ["alice"] * 100


async def test_a_password_that_was_right_lately_needs_no_luck(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Behind a proxy with all who guess, whoever was there today is verified next."""
    authentication = Authentication({"alice": HASH})
    headers = [(b"authorization", basic("alice", "secret"))]
    assert await authentication.user(headers, "192.0.2.1") == "alice"
    monkeypatch.setattr("pons.passwords.verify.REMEMBERED_SECONDS", 0)

    async def guess(number: int) -> str | None:
        wrong = [(b"authorization", basic("alice", f"wrong {number}"))]
        return await authentication.user(wrong, "192.0.2.1")

    guesses = [asyncio.create_task(guess(number)) for number in range(50)]
    await asyncio.sleep(0)
    assert await authentication.user(headers, "192.0.2.1") == "alice"
    assert any(not one.done() for one in guesses)
    results = await asyncio.gather(*guesses, return_exceptions=True)
    assert sum(isinstance(one, TooManyLogins) for one in results) == 50 - 10


def test_an_ipv6_network_is_one_client() -> None:
    """Whoever has a network has all its addresses; others are others."""
    assert network("2001:db8::1") == network("2001:db8::ffff:2") != network("2001:db8:0:1::1")
    assert network("192.0.2.1") != network("192.0.2.2")
    assert network("::ffff:192.0.2.1") != network("::ffff:192.0.2.2")


async def test_without_users(client: httpx.AsyncClient) -> None:
    """A store without users is open; settings keep it on the loopback."""
    assert (await client.get("/system")).status_code == 200
