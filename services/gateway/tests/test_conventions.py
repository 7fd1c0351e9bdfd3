# SPDX-License-Identifier: Apache-2.0
"""Orthanc's conventions of HTTP, as its clients rely on them."""

from typing import Any, get_args, get_type_hints

import httpx
import pytest
from fastapi import Response
from fastapi.routing import APIRoute
from fastapi.sse import EventSourceResponse, ServerSentEvent
from prometheus_client import REGISTRY

from pons.errors import FAMILY, KINDS, NotFound, PonsError
from pons.messages.index import ClearChanges, DeleteResource
from pons.settings import HttpSettings, Settings
from pons_gateway.errors import HTTP_STATUS, NUMBER_AND_WORDS, orthanc_error
from pons_gateway.routers import ROUTERS

from .conftest import NOBODY, PATIENT, STUDY, Open, Store

pytestmark = pytest.mark.anyio


async def test_wrong_method(client: httpx.AsyncClient) -> None:
    """A URI that exists, but not for this method, is 405 with Allow and nothing else."""
    answer = await client.delete("/system")
    assert (answer.status_code, answer.content) == (405, b"")
    assert answer.headers["allow"] == "GET"
    assert "content-type" not in answer.headers
    assert (await client.put("/instances", content=b"x")).headers["allow"] == "GET,POST"


async def test_unknown_uri(client: httpx.AsyncClient) -> None:
    """An unknown URI is described in JSON, as plain text so that no browser reads it as HTML."""
    answer = await client.get("/nope/<b>")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "text/plain"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.json() == {
        "HttpError": "Not Found",
        "HttpStatus": 404,
        "Message": "Unknown resource",
        "Method": "GET",
        "OrthancError": "Unknown resource",
        "OrthancStatus": 17,
        "Uri": "/nope/<b>",
    }


async def test_unknown_resource_is_silent(client: httpx.AsyncClient) -> None:
    """An unknown resource is a 404 without a body, also for what is no identifier at all."""
    for identifier in (NOBODY, "x", STUDY):
        answer = await client.get(f"/patients/{identifier}")
        assert (answer.status_code, answer.content) == (404, b"")


async def test_below_an_unknown_resource_is_described(client: httpx.AsyncClient) -> None:
    """What hangs on an unknown resource is a 404 with the error's JSON."""
    for path in ("studies", "series", "instances", "statistics"):
        answer = await client.get(f"/patients/{NOBODY}/{path}")
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/json; charset=utf-8"
        assert answer.json()["OrthancStatus"] == 17


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PROPFIND", "LOCK", "PATCH"])
async def test_other_methods(client: httpx.AsyncClient, method: str) -> None:
    """WebDAV's and HTTP's other methods find nothing, even where a GET would."""
    answer = await client.request(method, "/system")
    assert (answer.status_code, answer.content) == (404, b"")


async def test_a_word_that_is_no_method(client: httpx.AsyncClient) -> None:
    """A method that nobody knows is a bad request."""
    assert (await client.request("BREW", "/system")).status_code == 400


async def test_override_by_header(client: httpx.AsyncClient, clearing: Store) -> None:
    """A POST with X-HTTP-Method-Override is what it says."""
    headers = {"X-HTTP-Method-Override": "DELETE"}
    answer = await client.post("/changes", headers=headers)
    assert (answer.status_code, answer.content) == (200, b"")
    assert clearing.services.commands == [("index", ClearChanges())]


async def test_override_by_argument(client: httpx.AsyncClient, clearing: Store) -> None:
    """A GET with _method is what it says, in any case of letters."""
    assert (await client.get("/changes?_method=delete")).status_code == 200
    assert (await client.get("/changes?_method=DELETE")).status_code == 200
    assert len(clearing.services.commands) == 2


async def test_unknown_override(client: httpx.AsyncClient) -> None:
    """An override to anything but PUT and DELETE is a bad request without a body."""
    by_header = await client.post("/changes", headers={"X-HTTP-Method-Override": "FOO"})
    by_argument = await client.get("/changes?_method=post")
    assert [a.status_code for a in (by_header, by_argument)] == [400, 400]
    assert by_header.content == by_argument.content == b""


async def test_query_counts_for_get_only(client: httpx.AsyncClient, clearing: Store) -> None:
    """A POST with _method in its query stays a POST."""
    assert (await client.post("/changes?_method=delete")).status_code == 405
    assert clearing.services.commands == []


async def test_body_without_length(client: httpx.AsyncClient) -> None:
    """A POST that says neither its length nor that it comes in chunks is refused."""
    request = client.build_request("POST", "/instances")
    del request.headers["content-length"]
    answer = await client.send(request)
    assert (answer.status_code, answer.content) == (411, b"")


async def test_body_too_large(open_client: Open) -> None:
    """A body above the limit is refused, by its length or once a chunked one gets there."""

    async def chunks() -> Any:
        for _ in range(3):
            yield b"x" * 512 * 1024

    async with open_client(Settings(http=HttpSettings(max_body_mb=1))) as client:
        declared = await client.post("/instances", content=b"x" * (1024 * 1024 + 1))
        chunked = await client.post("/instances", content=chunks())
    assert (declared.status_code, declared.content) == (413, b"")
    assert chunked.status_code == 413
    assert chunked.json()["Details"] == "The body has more than 1 MiB"


async def test_bugs_are_internal_errors(open_client: Open) -> None:
    """A bug is a 500 that says nothing of its cause."""

    class Broken:
        async def totals(self) -> None:
            raise KeyError("secret")

    async with open_client(catalog=Broken()) as client:
        answer = await client.get("/statistics")
    assert answer.status_code == 500
    assert answer.json()["OrthancStatus"] == -1
    assert "secret" not in answer.text


async def test_database_away(client: httpx.AsyncClient, store: Store) -> None:
    """While the database is away, readers get 503 with what is wrong, and then go on."""
    store.catalog.away = True
    answer = await client.get("/studies?expand")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
    assert answer.json()["Details"] == "The database does not answer"
    assert answer.json()["OrthancStatus"] == 36
    store.catalog.away = False
    assert (await client.get("/studies?expand")).status_code == 200


async def test_errors_may_be_left_undescribed(open_client: Open) -> None:
    """With describe_errors off, a status is all there is."""
    async with open_client(Settings(http=HttpSettings(describe_errors=False))) as client:
        for path in ("/nope", f"/patients/{NOBODY}/studies"):
            answer = await client.get(path)
            assert (answer.status_code, answer.content) == (404, b"")


async def test_directories(client: httpx.AsyncClient) -> None:
    """A GET of what has only other URIs below it lists them."""
    answer = await client.get(f"/instances/{NOBODY}/frames/0")
    assert answer.json() == [
        "image-int16",
        "image-uint16",
        "image-uint8",
        "matlab",
        "preview",
        "raw",
        "raw.gz",
    ]
    assert (await client.post(f"/instances/{NOBODY}/frames/0")).status_code == 404


async def test_slashes(client: httpx.AsyncClient) -> None:
    """Slashes that come twice or at the end change nothing."""
    assert (await client.get("http://store//patients//")).json() == [PATIENT]


async def test_success_without_result(client: httpx.AsyncClient, clearing: Store) -> None:
    """An operation with nothing to say answers an empty plain text."""
    answer = await client.delete("/changes")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == "text/plain"
    assert "x-content-type-options" not in answer.headers


async def test_delete_of_unknown_resource(client: httpx.AsyncClient, store: Store) -> None:
    """Deleting what is not there is a 404 without a body."""
    store.services.answers[DeleteResource] = NotFound("no such resource")
    answer = await client.delete(f"/studies/{NOBODY}")
    assert (answer.status_code, answer.content) == (404, b"")


async def test_answers_are_counted(client: httpx.AsyncClient) -> None:
    """Metrics tell how many answers had which status; strange methods share one name."""

    def counted(method: str, status: str) -> float:
        labels = {"method": method, "status": status}
        return REGISTRY.get_sample_value("pons_http_request_seconds_count", labels) or 0.0

    before = counted("GET", "404"), counted("other", "400")
    await client.get("/nope")
    await client.request("BREW", "/system")
    assert (counted("GET", "404"), counted("other", "400")) == (before[0] + 1, before[1] + 1)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/tools/find"),
        ("POST", "/tools/bulk-delete"),
        ("POST", "/tools/create-archive"),
        ("PUT", "/tools/accepted-transfer-syntaxes"),
        ("POST", "/tools/bulk-content"),
    ],
)
async def test_json_that_is_nested_deep(client: httpx.AsyncClient, method: str, path: str) -> None:
    """It is the sender's mistake, whether it is complete or not, and costs nothing."""
    for body in (b"[" * 100_000, b"[" * 900 + b"]" * 900, b'{"Level":' * 5000):
        answer = await client.request(method, path, content=body)
        assert (answer.status_code, answer.json()["HttpStatus"]) == (400, 400)


async def test_details_are_short(client: httpx.AsyncClient) -> None:
    """What quotes the sender does not quote all of it."""
    answer = await client.post("/tools/create-archive", json={"Resources": [["x" * 100_000]]})
    assert answer.status_code == 400
    assert len(answer.content) < 2000


def test_every_error_has_a_status() -> None:
    """The tables of the HTTP edge have no hole."""
    assert set(FAMILY.values()) <= set(HTTP_STATUS)
    assert {*FAMILY.values(), *KINDS.values()} <= set(NUMBER_AND_WORDS)


def test_statuses() -> None:
    """Statuses that clients act upon."""
    expected = {
        "InvalidInstance": (400, 15),
        "BadRequest": (400, 8),
        "NotFound": (404, 17),
        "Conflict": (409, 46),
        "Forbidden": (403, 45),
        "ReadOnly": (500, 22),
        "DamagedObject": (500, 20),
        "TooLarge": (413, 4),
        "UnsupportedImage": (415, 23),
        "RemoteFailure": (500, 9),
        "OutOfResources": (507, 19),
        "Unavailable": (503, 16),
        "DatabaseUnavailable": (503, 36),
        "StorageUnavailable": (503, 32),
        "TlsUnavailable": (503, 39),
        "ScriptUnavailable": (503, 2031),
    }
    table = {name: orthanc_error(kind("x")) for name, kind in (FAMILY | KINDS).items()}
    assert {name: (entry.http, entry.status) for name, entry in table.items()} == expected
    assert orthanc_error(PonsError("x")).http == 500


@pytest.mark.parametrize(
    "route", [route for router in ROUTERS for route in router.routes], ids=lambda route: route.path
)
def test_endpoints_answer_by_themselves(route: APIRoute) -> None:
    """FastAPI would make plain JSON of a model, without our headers and without XML.

    Server-sent events are FastAPI's own.
    """
    given = get_type_hints(route.endpoint)["return"]
    if route.response_class is EventSourceResponse:
        assert get_args(given) == (ServerSentEvent,)
        return
    assert issubclass(given, Response), f"{route.endpoint} gives {given}: see responses/answers.py"
