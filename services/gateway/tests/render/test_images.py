# SPDX-License-Identifier: Apache-2.0
"""Pictures: what render answers is what the client gets."""

from collections.abc import Callable

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from pons.runtime.render import open_render
from pons.settings import HttpSettings, RenderSettings, Settings

from ..conftest import INSTANCE, Open

pytestmark = pytest.mark.anyio


def render(answer: Callable[[Request], Response]) -> httpx.AsyncClient:
    """A client of a render service that answers so."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await answer(Request(scope))(scope, receive, send)

    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://render:1")


async def test_relayed_as_it_is(open_client: Open) -> None:
    """Path, query and Accept go to render; status, type and bytes come back."""
    asked: list[Request] = []

    def picture(request: Request) -> Response:
        asked.append(request)
        return Response(b"\xff\xd8", media_type="image/jpeg", headers={"server": "inner"})

    async with render(picture) as inner, open_client(render=inner) as client:
        path = f"/instances/{INSTANCE}/frames/2/preview?quality=50"
        answer = await client.get(path, headers={"Accept": "image/jpeg"})
    assert (answer.status_code, answer.content) == (200, b"\xff\xd8")
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["content-length"] == "2"
    assert "server" not in answer.headers
    assert str(asked[0].url) == f"http://render:1{path}"
    assert asked[0].headers["accept"] == "image/jpeg"


async def test_slashes_that_come_twice(open_client: Open) -> None:
    """A client that writes `//instances` gets its picture; render knows no such path."""
    asked: list[str] = []

    def picture(request: Request) -> Response:
        asked.append(request.url.path)
        return Response(b"x")

    async with render(picture) as inner, open_client(render=inner) as client:
        answer = await client.get(f"http://store//instances//{INSTANCE}/frames/")
    assert answer.status_code == 200
    assert asked == [f"/instances/{INSTANCE}/frames"]


@pytest.mark.parametrize("status", [307, 404, 415])
async def test_refusals_are_relayed(open_client: Open, status: int) -> None:
    """A picture that render cannot make keeps its status and its empty body."""

    def refusal(_request: Request) -> Response:
        return Response(status_code=status, headers={"location": "../x.png"})

    async with render(refusal) as inner, open_client(render=inner) as client:
        answer = await client.get(f"/instances/{INSTANCE}/image-uint8")
    assert (answer.status_code, answer.content) == (status, b"")
    assert answer.headers["location"] == "../x.png"


@pytest.mark.parametrize(("status", "number"), [(400, 15), (415, 23), (500, 20)])
async def test_reason_of_a_refusal(open_client: Open, status: int, number: int) -> None:
    """Why there is no picture is told as other errors are, unless errors are not described."""

    def refusal(_request: Request) -> Response:
        told = {"error": "UnsupportedImage", "message": "RLE segment 0 ends too early"}
        return JSONResponse(told, status)

    path = f"/instances/{INSTANCE}/preview"
    async with render(refusal) as inner, open_client(render=inner) as client:
        answer = await client.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("application/json")
    described = answer.json()
    assert described["Details"] == "RLE segment 0 ends too early"
    assert (described["HttpStatus"], described["OrthancStatus"]) == (status, number)
    assert (described["Method"], described["Uri"]) == ("GET", path)
    quiet = Settings(http=HttpSettings(describe_errors=False))
    async with render(refusal) as inner, open_client(quiet, render=inner) as client:
        answer = await client.get(path)
    assert (answer.status_code, answer.content) == (status, b"")


@pytest.mark.parametrize("error", [httpx.ConnectError("refused"), httpx.ReadTimeout("slow")])
async def test_render_is_away(open_client: Open, error: Exception) -> None:
    """Without render, pictures are unavailable, and that is all."""

    def away(_request: httpx.Request) -> httpx.Response:
        raise error

    inner = httpx.AsyncClient(transport=httpx.MockTransport(away), base_url="http://render:1")
    async with inner, open_client(render=inner) as client:
        answer = await client.get(f"/instances/{INSTANCE}/frames")
        assert answer.status_code == 503
        assert answer.json()["Details"].startswith("The render service")
        assert (await client.get("/system")).status_code == 200


async def test_the_store_s_token_is_shown(open_client: Open) -> None:
    """Render knows the gateway by the token; what a client sends in its place goes no further."""
    shown: list[str | None] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        shown.append(Request(scope).headers.get("authorization"))
        await Response(b"x")(scope, receive, send)

    for token in ("a-secret-of-this-store", ""):
        settings = Settings(render=RenderSettings(token=token))
        inner = open_render(settings, 1, transport=httpx.ASGITransport(app))
        async with inner, open_client(settings, render=inner) as client:
            path = f"/instances/{INSTANCE}/frames"
            answer = await client.get(path, headers={"authorization": "Bearer mine"})
        assert answer.content == b"x"
    assert shown == ["Bearer a-secret-of-this-store", None]


async def test_render_does_not_let_the_gateway_in(open_client: Open) -> None:
    """No browser asks for a password because two services are not set up for each other."""

    def refusal(_request: Request) -> Response:
        return Response(status_code=401, headers={"www-authenticate": "Bearer"})

    async with render(refusal) as inner, open_client(render=inner) as client:
        answer = await client.get(f"/instances/{INSTANCE}/preview")
    assert (answer.status_code, "www-authenticate" in answer.headers) == (503, False)
    assert "render.token has to be the same for both" in answer.json()["Details"]


async def test_render_finds_a_request_too_long(open_client: Open) -> None:
    """The refusal of its edge, which is no JSON, is told as other errors are."""

    def refusal(_request: Request) -> Response:
        return Response("Content Too Large", 413)

    async with render(refusal) as inner, open_client(archives=inner) as client:
        answer = await client.get("/tools/create-archive?resources=")
    assert (answer.status_code, answer.json()["HttpStatus"]) == (413, 413)


async def test_every_view_is_described(open_client: Open) -> None:
    """Each view has its type and parameters in the document, at every path that render knows."""
    async with open_client() as client:
        paths = (await client.get("/openapi.json")).json()["paths"]
    found = {
        path.removeprefix("/instances/{id}/"): [
            sorted(described["get"]["responses"]["200"]["content"])[0],
            *(one["name"] for one in described["get"]["parameters"]),
        ]
        for path, described in paths.items()
        if described.get("get", {}).get("tags") == ["Images"]
    }
    options = ["quality", "returnUnsupportedImage"]
    expected = {
        "frames": ["application/json", "id"],
        "frames/{frame}/raw": ["application/octet-stream", "id", "frame"],
        "frames/{frame}/raw.gz": ["application/gzip", "id", "frame"],
        "matlab": ["text/plain", "id"],
        "frames/{frame}/matlab": ["text/plain", "id", "frame"],
    }
    for view in ("preview", "image-uint8", "image-uint16", "image-int16"):
        expected[view] = ["image/jpeg", "id", *options]
        expected[f"frames/{{frame}}/{view}"] = ["image/jpeg", "id", "frame", *options]
    assert found == expected
