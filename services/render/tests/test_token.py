# SPDX-License-Identifier: Apache-2.0
"""Who is let in: with a token, whoever shows it; without one, nobody from another machine."""

import socket
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from pons.health.readiness import Health
from pons.settings import SettingsError, load_settings
from pons_render.image import Located
from pons_render.pictures import Pictures
from pons_render.service import open_service

pytestmark = pytest.mark.anyio
TOKEN = "a-secret-of-this-store"


class Asked:
    """An index that remembers who was looked up, and knows nobody."""

    objects: Any = None

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def find(self, instance_id: str) -> Located | None:
        self.asked.append(instance_id)
        return None


@pytest.fixture
def instances() -> Asked:
    return Asked()


@pytest.fixture
def guarded(instances: Asked, client_of: Callable[..., httpx.AsyncClient]) -> httpx.AsyncClient:
    absent: Any = None
    return client_of(Pictures(instances, absent), token=TOKEN)


@pytest.mark.parametrize(
    "shown",
    [
        "",
        TOKEN,
        "Bearer",
        "Bearer ",
        "Bearer a-secret-of-this-stor",
        f"Bearer {TOKEN}x",
        f"Basic {TOKEN}",
        f"Bearer  {TOKEN}",
    ],
)
async def test_others_are_refused(guarded: httpx.AsyncClient, instances: Asked, shown: str) -> None:
    """Without the token nothing is looked up, read or told, and no log has what was shown."""
    headers = {"authorization": shown} if shown else {}
    async with guarded as client:
        with capture_logs() as logs:
            for method, path in (
                ("GET", "/instances/x/preview"),
                ("GET", "/instances/x/frames/0/raw"),
                ("GET", "/openapi.json"),
                ("GET", "/unheard-of"),
                ("POST", "/archive"),
            ):
                answer = await client.request(method, path, headers=headers)
                assert (answer.status_code, answer.content) == (401, b"")
                assert answer.headers["www-authenticate"] == "Bearer"
    assert instances.asked == []
    assert len(logs) == 5
    assert "secret" not in str(logs)


async def test_the_gateway_is_let_in(guarded: httpx.AsyncClient, instances: Asked) -> None:
    """Whoever shows the token is answered."""
    async with guarded as client:
        for scheme in ("Bearer", "bearer"):
            headers = {"authorization": f"{scheme} {TOKEN}"}
            answer = await client.get("/instances/x/preview", headers=headers)
            assert answer.status_code == 404
    assert instances.asked == ["x", "x"]


@pytest.mark.parametrize("host", ["0.0.0.0", "", "192.0.2.1", "render"])
async def test_no_open_door(host: str, free_tcp_port: int) -> None:
    """Without a token render listens on loopback alone, and says what to do before it listens."""
    settings = load_settings(render={"host": host, "port": free_tcp_port})
    with pytest.raises(SettingsError, match=r"set render\.token, to the same secret"):
        async with open_service(settings, Health("render")):
            pytest.fail("it listened")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", free_tcp_port))
