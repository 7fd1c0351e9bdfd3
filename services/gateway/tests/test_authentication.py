# SPDX-License-Identifier: Apache-2.0
"""Who may come in, and what that costs."""

import asyncio
import base64

import httpx
import pytest
from argon2 import PasswordHasher

from pons.settings import HttpSettings, Settings
from pons_gateway.authentication import Authentication

from .conftest import Open, Store

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


async def test_the_user_is_kept_with_what_he_stores(open_client: Open, store: Store) -> None:
    """An upload remembers who sent it."""
    async with open_client(USERS) as client:
        await client.post("/instances", content=b"DICOM", auth=("alice", "secret"))
    assert store.ingest.origins[0].username == "alice"


async def test_verified_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many requests with the same credentials cost one verification, also all at once."""
    authentication = Authentication({"alice": HASH})
    verified: list[str] = []
    matches = authentication._matches

    def counting(user: str, password: str) -> bool:
        verified.append(user)
        return matches(user, password)

    monkeypatch.setattr(authentication, "_matches", counting)
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


async def test_without_users(client: httpx.AsyncClient) -> None:
    """A store without users is open; settings keep it on the loopback."""
    assert (await client.get("/system")).status_code == 200
