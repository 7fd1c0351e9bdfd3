# SPDX-License-Identifier: Apache-2.0
"""Logging in and out of a store with several gateways, as a browser does."""

import json
import threading
from collections.abc import Callable
from io import BytesIO

import httpx
from argon2 import PasswordHasher
from pydicom import dcmwrite
from pydicom.uid import generate_uid

from outside import Store, eventually, image

HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("secret")
USERS = {
    "PONS_HTTP_USERS": json.dumps({"alice": HASH}),
    "PONS_HTTP_HOST": "127.0.0.1",
    "PONS_DICOM_HOST": "127.0.0.1",
    "PONS_HTTP_PROCESSES": "3",
}
LOGIN = {"user": "alice", "password": "secret"}
CONNECTIONS = 24
"""New ones, so that the system deals them out among all gateways."""


def asked(store: Store, cookie: str) -> list[int]:
    """What as many new connections are answered."""
    return [
        httpx.get(f"{store.http.base_url}/system", headers={"Cookie": cookie}).status_code
        for _ in range(CONNECTIONS)
    ]


def upload(store: Store) -> None:
    file = BytesIO()
    dcmwrite(file, image(generate_uid()), enforce_file_format=True)
    answer = store.http.post("/instances", content=file.getvalue(), auth=("alice", "secret"))
    assert answer.status_code == 200


def test_a_session_is_every_gateways(fresh_store: Callable[..., Store]) -> None:
    """It opens each of them, over their restart, and none once somebody has logged out at one; a
    stream of changes that is open then ends without another change."""
    store = fresh_store("sessions", **USERS)
    with httpx.Client(base_url=store.http.base_url) as browser:
        assert browser.post("/explorer/api/login", json=LOGIN).status_code == 200
        cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    assert asked(store, cookie) == [200] * CONNECTIONS

    gateways = store.processes("gateway")
    assert len(gateways) == 3
    for process in gateways:
        process.kill()
    eventually("the gateways are back", store.is_ready)
    assert asked(store, cookie) == [200] * CONNECTIONS

    told: list[str] = []
    streams = [threading.Thread(target=follow, args=(store, cookie, told.append)) for _ in range(6)]
    for one in streams:
        one.start()
    upload(store)
    eventually("all hear of an instance", lambda: len(told) == 6)
    answer = httpx.post(
        f"{store.http.base_url}/explorer/api/logout", headers={"Cookie": cookie}, content=b""
    )
    assert answer.status_code == 200
    eventually("no gateway takes it", lambda: asked(store, cookie) == [401] * CONNECTIONS)
    upload(store)
    for one in streams:
        one.join(30)
        assert not one.is_alive()
    assert len(told) == 6


def follow(store: Store, cookie: str, tell: Callable[[str], None]) -> None:
    """Tell the changes of one connection; returns when the store ends it, in good order."""
    headers = {"Cookie": cookie, "Accept": "text/event-stream"}
    with httpx.stream(
        "GET",
        f"{store.http.base_url}/changes/stream?type=NewInstance",
        headers=headers,
        timeout=60,
    ) as answer:
        assert answer.status_code == 200
        for line in answer.iter_lines():
            if line.startswith("data:"):
                tell(line)
