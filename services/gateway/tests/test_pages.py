# SPDX-License-Identifier: Apache-2.0
"""The pages for people, and the description of the interface."""

import re

import httpx
import pytest

from pons.commands import Done, Ping
from pons.settings import Settings, StoreSettings
from pons_gateway.routes import ROUTES

from .conftest import Open, Store

pytestmark = pytest.mark.anyio

FOREIGN = re.compile(r"""(?:src|href|url)\s*[=(]\s*["']?(?:https?:)?//""")


async def test_home(open_client: Open, store: Store) -> None:
    """The first page tells counts, where to send, and which services are there."""
    store.services.answers[Ping] = Done()
    render = httpx.AsyncClient(
        transport=httpx.MockTransport(lambda _: httpx.Response(404)), base_url="http://render:1"
    )
    async with render, open_client(render=render) as client:
        answer = await client.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "<b>1,200</b><span>instances</span>" in answer.text
    assert "<b>1</b><span>patient</span>" in answer.text
    assert "4.0 MB" in answer.text
    assert "storescu -aec PONS store 4242" in answer.text
    assert answer.text.count('class="up"') == 5
    assert 'href="studies?expand"' in answer.text


async def test_home_without_services(client: httpx.AsyncClient, store: Store) -> None:
    """With everything else away, the page still comes, and says so."""
    store.catalog.away = True
    answer = await client.get("/")
    assert answer.status_code == 200
    assert answer.text.count("no answer") == 4
    assert "<b>–</b><span>instances</span>" in answer.text


async def test_home_escapes(open_client: Open) -> None:
    """A title is text, whatever it is."""
    settings = Settings(store=StoreSettings(title="<script>alert(1)</script>"))
    async with open_client(settings) as client:
        text = (await client.get("/", headers={"Host": "<i>host"})).text
    assert "<script>" not in text
    assert "<i>" not in text


async def test_pages_need_nothing_from_elsewhere(client: httpx.AsyncClient) -> None:
    """No page loads a script, style, font or picture from another server."""
    for path in ("/", "/docs"):
        assert FOREIGN.search((await client.get(path)).text) is None


async def test_docs(client: httpx.AsyncClient) -> None:
    """Every operation is on the documentation's page, once, with a line to try it."""
    text = (await client.get("/docs")).text
    assert text.count("<details>") == len(list(ROUTES)) == text.count("<h4>Try</h4>")
    assert "curl -X DELETE &quot;$PONS/studies/{id}&quot;" in text
    assert "curl -X POST --data-binary @file.dcm &quot;$PONS/instances&quot;" in text


async def test_openapi(client: httpx.AsyncClient) -> None:
    """Every route is described with its parameters, and every group has an example."""
    document = (await client.get("/openapi.json")).json()
    assert document["openapi"] == "3.1.0"
    described = {
        (method.upper(), path)
        for path, operations in document["paths"].items()
        for method in operations
    }
    assert described == {(route.method, route.described_path) for route in ROUTES}
    exemplified = {
        operation["tags"][0]
        for operations in document["paths"].values()
        for operation in operations.values()
        if "example" in str(operation["responses"]["200"])
    }
    assert exemplified == {tag["name"] for tag in document["tags"]}
    changes = document["paths"]["/changes"]["get"]
    assert [parameter["name"] for parameter in changes["parameters"]] == [
        "since",
        "limit",
        "to",
        "type",
        "last",
    ]


async def test_operation_ids_are_unique(client: httpx.AsyncClient) -> None:
    """Programs that are generated from the description can name every operation."""
    document = (await client.get("/openapi.json")).json()
    names = [
        operation["operationId"]
        for operations in document["paths"].values()
        for operation in operations.values()
    ]
    assert len(names) == len(set(names))


async def test_metrics_are_not_public(client: httpx.AsyncClient) -> None:
    """Metrics stay on the health port."""
    assert (await client.get("/metrics")).status_code == 404
