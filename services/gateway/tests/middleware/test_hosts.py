# SPDX-License-Identifier: Apache-2.0
"""By which names the gateway may be asked."""

import socket
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher
from pydantic import ValidationError

from pons.settings import HttpSettings, Settings
from pons_gateway.app import create_app

from ..conftest import Store

pytestmark = pytest.mark.anyio

HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("secret")


def asking(store: Store, **http: Any) -> httpx.AsyncClient:
    """A client of a gateway with exactly these settings."""
    settings = Settings(http=HttpSettings(**http))
    app = create_app(settings, lambda: pytest.fail("nothing opens"))
    app.state.backends = store.backends
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1")


async def statuses(client: httpx.AsyncClient, *hosts: str) -> list[int]:
    return [
        (await client.get("/system", headers={"host": host}, auth=("alice", "secret"))).status_code
        for host in hosts
    ]


async def test_on_loopback_without_users(store: Store) -> None:
    """Only names of this machine: whoever owns a domain can point it at 127.0.0.1."""
    async with asking(store) as client:
        own = ("127.0.0.1", "127.0.0.1:8042", "[::1]:8042", "192.0.2.1", "localhost", "LOCALHOST.")
        more = ("pons.localhost:8042", socket.gethostname().upper(), f"{socket.getfqdn()}:8042")
        assert await statuses(client, *own, *more) == [200] * 9
        foreign = ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "evil.local")
        assert await statuses(client, *foreign, "evil", "") == [421] * 6
        answer = await client.get("/system", headers={"host": "evil.example:8042"})
        assert answer.json()["Details"] == (
            "'evil.example' is no name of this store (setting http.hosts lists names by which it "
            "may be asked)"
        )


async def test_health_answers_to_every_name(store: Store) -> None:
    """A probe may ask by any; it learns no more than a stranger."""
    async with asking(store) as client:
        answer = await client.get("/health/ready", headers={"host": "evil.example"})
        assert (answer.status_code, answer.json()) == (200, {"service": "gateway", "ready": True})
        assert (await client.get("/health/live", headers={"host": "evil.example"})).is_success
        assert "failures" in (await client.get("/health/ready")).json()


async def test_on_the_network_without_users(store: Store) -> None:
    """Names that nobody on the internet can own, such as those of services in a cluster, too."""
    async with asking(store, host="0.0.0.0", allow_anonymous=True) as client:
        inner = ("pons-gateway:8042", "pons.imaging.svc.cluster.local", "pacs.hospital.internal")
        assert await statuses(client, "10.1.2.3:8042", *inner) == [200] * 4
        assert await statuses(client, "evil.example", "local.evil.example") == [421] * 2


async def test_with_users(store: Store) -> None:
    """Any name, unless the setting lists some: pages of other names have no password."""
    async with asking(store, users={"alice": HASH}) as client:
        assert await statuses(client, "pacs01.hospital.example", "evil.example") == [200] * 2
    listed = ["pacs01.hospital.example", "*.imaging.example"]
    async with asking(store, users={"alice": HASH}, hosts=listed) as client:
        assert await statuses(client, "PACS01.hospital.example:8042", "a.imaging.example") == [
            200,
            200,
        ]
        assert await statuses(client, "10.1.2.3", "localhost") == [200] * 2
        foreign = ("evil.example", "imaging.example", "pacs01.hospital.example.evil.example")
        assert await statuses(client, *foreign) == [421] * 3


async def test_any_name(store: Store) -> None:
    """One star takes the guard away."""
    async with asking(store, hosts=["*"]) as client:
        assert await statuses(client, "evil.example") == [200]


@pytest.mark.parametrize("host", ["https://pacs.example", "pacs.example:80", "a.*", "", "**"])
def test_a_wrong_name_is_told(host: str) -> None:
    """Names are names, without scheme and port."""
    with pytest.raises(ValidationError, match="is not a host name: write"):
        HttpSettings(hosts=[host])
