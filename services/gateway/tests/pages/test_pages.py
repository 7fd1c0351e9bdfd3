# SPDX-License-Identifier: Apache-2.0
"""The pages for people, and the description of the interface."""

import json
import re
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest

from pons.messages.services import Done, Ping
from pons.settings import HttpSettings, Settings, StoreSettings

from ..conftest import Open, Store

pytestmark = pytest.mark.anyio

FOREIGN = re.compile(r"""(?:src|href|url)\s*[=(]\s*["']?(?:https?:)?//""")


async def test_home(open_client: Open, store: Store) -> None:
    """The first page tells counts, where to send, and which services are there."""
    store.services.answers[Ping] = Done()
    render = httpx.AsyncClient(
        transport=httpx.MockTransport(lambda _: httpx.Response(404)), base_url="http://render:1"
    )
    async with render, open_client(render=render) as client:
        answer = await client.get("/app/explorer.html")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "<b>1,200</b><span>instances</span>" in answer.text
    assert "<b>1</b><span>patient</span>" in answer.text
    assert "4.0 MB" in answer.text
    assert "storescu -aec PONS store 4242" in answer.text
    assert answer.text.count('class="up"') == 5
    assert 'href="../studies?expand"' in answer.text


async def test_ways_to_the_page(client: httpx.AsyncClient) -> None:
    """Addresses that people know from Orthanc lead there; the redirects hold behind a proxy."""
    for path, location, kind in (
        ("/", "app/explorer.html", "text/html; charset=utf-8"),
        ("/favicon.ico", "app/images/favicon.ico", "image/x-icon"),
    ):
        answer = await client.get(path)
        assert (answer.status_code, answer.headers["location"]) == (307, location)
        assert answer.content == b""
        answer = await client.get(f"/{location}")
        assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    links = re.findall(r'href="(\.\./[^"?]*)', (await client.get("/app/explorer.html")).text)
    for link in links:
        assert (await client.get(urljoin("/app/explorer.html", link))).status_code != 404, link
    assert len(links) >= 9
    picture = await client.get("/app/images/unsupported.png")
    assert picture.headers["content-type"] == "image/png"
    assert picture.content[:4] == b"\x89PNG"


async def test_a_store_without_pages(open_client: Open) -> None:
    """They are not there; what programs need still is."""
    async with open_client(Settings(http=HttpSettings(explorer=False))) as client:
        for path in ("/", "/favicon.ico", "/app/explorer.html"):
            assert (await client.get(path)).status_code == 404
        assert (await client.get("/app/images/unsupported.png")).status_code == 200
        assert (await client.get("/system")).status_code == 200


async def test_home_without_services(client: httpx.AsyncClient, store: Store) -> None:
    """With everything else away, the page still comes, and says so."""
    store.catalog.away = True
    answer = await client.get("/app/explorer.html")
    assert answer.status_code == 200
    assert answer.text.count("no answer") == 4
    assert "<b>–</b><span>instances</span>" in answer.text


async def test_home_escapes(open_client: Open) -> None:
    """A title is text, whatever it is."""
    settings = Settings(store=StoreSettings(title="<script>alert(1)</script>"))
    async with open_client(settings) as client:
        text = (await client.get("/app/explorer.html", headers={"Host": "<i>host"})).text
    assert "<script>" not in text
    assert "<i>" not in text


async def test_pages_need_nothing_from_elsewhere(client: httpx.AsyncClient) -> None:
    """No page loads a script, style, font or picture from another server."""
    for path in ("/app/explorer.html", "/docs"):
        assert FOREIGN.search((await client.get(path)).text) is None


async def test_docs(client: httpx.AsyncClient) -> None:
    """The page of the description finds the document and all that it is made of."""
    text = (await client.get("/docs")).text
    links = re.findall(r'(?:src|href|url)\s*[=:]\s*["\']([^"\']+)', text)
    assert sorted(links) == [
        "app/images/favicon.ico",
        "docs/swagger-ui-bundle.js",
        "docs/swagger-ui.css",
        "openapi.json",
    ]
    for link in links:
        answer = await client.get(urljoin("/docs", link))
        assert answer.status_code == 200
        assert answer.content
    assert (await client.get("/docs/other.js")).status_code == 404


async def test_static_files(client: httpx.AsyncClient) -> None:
    """A browser that has a file is told so; nothing beside the folder's files is given out."""
    answer = await client.get("/docs/swagger-ui.css")
    known = {"if-none-match": answer.headers["etag"]}
    assert (await client.get("/docs/swagger-ui.css", headers=known)).status_code == 304
    for path in ("/docs/..%2f__init__.py", "/docs/%2e%2e/__init__.py", "/app/images/", "/docs/no"):
        assert (await client.get(path)).status_code == 404, path
    assert (await client.post("/docs/swagger-ui.css", content=b"")).status_code == 405


async def test_openapi(client: httpx.AsyncClient, document: dict[str, Any]) -> None:
    """Every route is described with its parameters, in the order of the chapters."""
    assert (await client.get("/openapi.json")).json() == document
    assert document["openapi"] == "3.1.0"
    changes = document["paths"]["/changes"]["get"]
    assert [parameter["name"] for parameter in changes["parameters"]] == [
        "since",
        "limit",
        "to",
        "type",
        "last",
    ]
    chapters = {
        tag
        for operations in document["paths"].values()
        for operation in operations.values()
        for tag in operation["tags"]
    }
    assert chapters == {tag["name"] for tag in document["tags"]}
    assert all(tag["description"] for tag in document["tags"])


def is_named(schema: dict[str, Any]) -> bool:
    """Whether it is a component, an array of such or of plain values, or one of these."""
    if choices := schema.get("anyOf"):
        return all(is_named(one) for one in choices)
    items = schema.get("items", {})
    return "$ref" in schema or "$ref" in items or items.get("type") in ("string", "integer")


def test_every_json_has_a_named_schema(document: dict[str, Any]) -> None:
    """Generated clients have a class for each body and each answer."""
    schemas = {
        f"{method} {path} {status}": described["schema"]
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        for status, part in [
            *operation["responses"].items(),
            ("body", operation.get("requestBody", {})),
        ]
        for media_type, described in part.get("content", {}).items()
        if "json" in media_type
    }
    assert len(schemas) > 500
    assert "post /tools/find body" in schemas
    assert [name for name, schema in schemas.items() if not is_named(schema)] == []
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))
    assert named == set(document["components"]["schemas"])


def test_operation_ids_are_unique(document: dict[str, Any]) -> None:
    """Programs that are generated from the description can name every operation."""
    names = [
        operation["operationId"]
        for operations in document["paths"].values()
        for operation in operations.values()
    ]
    assert len(names) == len(set(names))


async def test_metrics_are_not_public(client: httpx.AsyncClient) -> None:
    """Metrics stay on the health port."""
    assert (await client.get("/metrics")).status_code == 404


def test_the_document_tells_our_failures_only(document: dict[str, Any]) -> None:
    """What a parameter or a body gets wrong is 400 here, not FastAPI's 422."""
    answers = {
        status
        for operations in document["paths"].values()
        for operation in operations.values()
        for status in operation["responses"]
    }
    assert "400" in answers
    assert "422" not in answers
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_numbers_are_described_with_their_bounds(document: dict[str, Any]) -> None:
    """Generated clients know which numbers a list takes, and that tags are text."""
    parameters = document["paths"]["/studies"]["get"]["parameters"]
    schemas = {one["name"]: one["schema"] for one in parameters}
    assert schemas["since"]["anyOf"][0] == {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}
    assert schemas["requested-tags"]["type"] == "string"
    assert "default" not in schemas["requested-tags"]
