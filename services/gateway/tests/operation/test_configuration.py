# SPDX-License-Identifier: Apache-2.0
"""What is known by name is changed only where nobody else has changed it meanwhile, if so asked."""

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from ..conftest import Open
from .test_remotes import FakeRegistry

pytestmark = pytest.mark.anyio

MODALITY: dict[str, Any] = {"AET": "PACS", "Host": "192.0.2.1", "Port": 104}
PEER: dict[str, Any] = {"Url": "http://one.example/"}
ROUTING: dict[str, Any] = {"On": "StableStudy", "To": ["modality:pacs"]}
RETENTION: dict[str, Any] = {"When": [{"All": []}], "KeepDays": 7}
WEBHOOK: dict[str, Any] = {"Url": "http://one.example/", "Secret": "0123456789abcdef"}


@pytest.fixture
async def client(open_client: Open) -> AsyncIterator[httpx.AsyncClient]:
    async with open_client(
        modalities=FakeRegistry(),
        peers=FakeRegistry(),
        routing=SimpleNamespace(rules=FakeRegistry(), webhooks=FakeRegistry()),
        retention=SimpleNamespace(rules=FakeRegistry()),
    ) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "shown", "body", "changed"),
    [
        ("/modalities/one", "/modalities/one/configuration", MODALITY, {"Port": 105}),
        ("/peers/one", "/peers/one/configuration", PEER, {"Timeout": 5}),
        ("/routing/rules/one", "/routing/rules/one", ROUTING, {"Enabled": False}),
        ("/retention/rules/one", "/retention/rules/one", RETENTION, {"KeepDays": 8}),
        ("/routing/webhooks/one", "/routing/webhooks/one", WEBHOOK, {"Url": "http://two.example/"}),
    ],
)
async def test_the_second_of_two_is_told(
    client: httpx.AsyncClient,
    path: str,
    shown: str,
    body: dict[str, Any],
    changed: dict[str, Any],
) -> None:
    """Who changes what he has read is refused when it is another by now; who names no revision
    writes as ever."""
    assert (await client.put(path, json=body)).status_code == 200
    tag = (await client.get(shown)).headers["etag"]
    mine = {"If-Match": tag}
    assert (await client.put(path, json=body | changed, headers=mine)).status_code == 200
    late = await client.put(path, json=body, headers=mine)
    assert (late.status_code, late.json()["OrthancError"]) == (409, "Bad revision number")
    assert "changed meanwhile" in late.json()["Details"]
    ((name, value),) = changed.items()
    assert (await client.get(shown)).json()[name] == value
    assert (await client.put(path, json=body)).status_code == 200
    assert (await client.put(path, json=body, headers={"If-Match": "*"})).status_code == 200


@pytest.mark.parametrize(
    ("path", "shown", "body"),
    [
        ("/modalities/one", "/modalities/one/configuration", MODALITY),
        ("/peers/one", "/peers/one/configuration", PEER),
        ("/routing/rules/one", "/routing/rules/one", ROUTING),
        ("/retention/rules/one", "/retention/rules/one", RETENTION),
        ("/routing/webhooks/one", "/routing/webhooks/one", WEBHOOK),
    ],
)
async def test_what_is_new_and_what_goes(
    client: httpx.AsyncClient, path: str, shown: str, body: dict[str, Any]
) -> None:
    """Who means to add one replaces none that somebody was quicker with; who deletes what he has
    read leaves what it is by now."""
    new = {"If-None-Match": "*"}
    assert (await client.put(path, json=body, headers=new)).status_code == 200
    late = await client.put(path, json=body, headers=new)
    assert (late.status_code, late.json()["OrthancError"]) == (409, "Bad revision number")
    assert "There is one called 'one' already" in late.json()["Details"]
    read = {"If-Match": (await client.get(shown)).headers["etag"]}
    assert (await client.put(path, json=body)).status_code == 200
    stale = await client.delete(path, headers=read)
    assert (stale.status_code, stale.json()["OrthancError"]) == (409, "Bad revision number")
    read = {"If-Match": (await client.get(shown)).headers["etag"]}
    assert (await client.delete(path, headers=read)).status_code == 200
    assert (await client.get(shown)).status_code in (400, 404)
    assert (await client.put(path, json=body, headers=new)).status_code == 200
    assert (await client.delete(path)).status_code == 200
    for wrong in ({"If-None-Match": '"1"'}, {**new, "If-Match": '"1"'}):
        assert (await client.put(path, json=body, headers=wrong)).status_code == 400


async def test_an_etag_that_is_none(client: httpx.AsyncClient) -> None:
    """It is refused, and nothing is written."""
    answer = await client.put("/peers/one", json=PEER, headers={"If-Match": '"a"'})
    assert answer.status_code == 400
    assert (await client.get("/peers")).json() == []


async def test_a_proxy_that_weakens_etags(client: httpx.AsyncClient) -> None:
    await client.put("/peers/one", json=PEER)
    answer = await client.put("/peers/one", json=PEER, headers={"If-Match": 'W/"1"'})
    assert answer.status_code == 200


async def test_lists_of_the_page_have_revisions(client: httpx.AsyncClient) -> None:
    """So that its forms can say of which one a change is."""
    await client.put("/modalities/pacs", json=MODALITY)
    await client.put("/peers/one", json=PEER)
    await client.put("/routing/rules/all", json=ROUTING)
    remotes = (await client.get("/explorer/api/remotes")).json()
    rules = (await client.get("/explorer/api/rules")).json()["rules"]
    await client.put("/retention/rules/old", json=RETENTION)
    (kept,) = (await client.get("/explorer/api/retention")).json()
    assert (kept["name"], kept["source"], kept["revision"]) == ("old", "here", 1)
    assert kept["rule"]["KeepDays"] == 7
    told = [*remotes["modalities"], *remotes["peers"], *rules]
    assert [one["revision"] for one in told] == [1, 1, 1]
    peer = {"peer": PEER}
    stale = await client.put("/explorer/api/peers/one", json=peer, headers={"If-Match": '"0"'})
    assert stale.status_code == 409
