# SPDX-License-Identifier: Apache-2.0
"""What a plan gives to endpoints is what FastAPI would, and what is not plain is left to it."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Header, Path, Query, Request, Response
from fastapi.dependencies.utils import get_dependant
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field

from pons.errors import DamagedObject
from pons_gateway.query import Flag, Number
from pons_gateway.routers import ROUTERS
from pons_gateway.routing import GatewayRoute, TreeRouter
from pons_gateway.solving import NotPlain, plan

pytestmark = pytest.mark.anyio

ROUTES = pytest.mark.parametrize("route", [GatewayRoute, APIRoute])


class Body(BaseModel):
    Level: str
    Limit: int = Field(0, ge=0)


class Loose(BaseModel):
    expand: Flag = False


async def ask(
    endpoint: Any, route: type[APIRoute], request: str, body: bytes = b"", path: str = "/{id}"
) -> Any:
    """What a client is told by the endpoint, or what was wrong with the request."""
    app, router = FastAPI(), APIRouter(route_class=route, strict_content_type=False)
    method, url = request.split(" ")
    router.add_api_route(path, endpoint, methods=[method])
    app.router = tree = TreeRouter()
    tree.grow(router.routes)

    @app.exception_handler(RequestValidationError)
    async def refused(_request: Request, error: RequestValidationError) -> Response:
        return JSONResponse([[one["type"], *one["loc"], one["msg"]] for one in error.errors()])

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return (await client.request(method, url, content=body)).json()


async def shouted(name: Annotated[str, Path(alias="id")], loud: Flag = True) -> str:
    return name.upper() if loud else name


async def everything(
    request: Request,
    name: Annotated[str, Path(alias="id")],
    shout: Annotated[str, Depends(shouted)],
    asked: Annotated[Loose, Query()],
    count: Annotated[Number, Query(alias="a-count")] = 3,
    word: str | None = None,
) -> Response:
    given = [request.url.path, name, shout, asked.expand, count, word]
    return JSONResponse(given)


@ROUTES
async def test_paths_and_queries(route: type[APIRoute]) -> None:
    """Each parameter has what the request says of it, or its default."""
    assert await ask(everything, route, "GET /x") == ["/x", "x", "X", False, 3, None]
    told = await ask(everything, route, "GET /x?loud=0&expand&a-count=7&word=y&other=z")
    assert told == ["/x", "x", "x", True, 7, "y"]


@ROUTES
@pytest.mark.parametrize("query", ["loud=x", "expand=x", "a-count=x"])
async def test_wrong_queries(route: type[APIRoute], query: str) -> None:
    """What is wrong is told, of the endpoint's own parameters and of a dependency's."""
    ((_, part, name, words),) = await ask(everything, route, f"GET /x?{query}")
    assert (part, name) == ("query", query.partition("=")[0])
    assert "expected" in words


async def takes_body(asked: Body) -> Response:
    return JSONResponse(asked.model_dump())


async def may_take_body(asked: Body | None = None) -> Response:
    return JSONResponse(asked and asked.model_dump())


@ROUTES
@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{"Level": "Study"}', {"Level": "Study", "Limit": 0}),
        (b"", [["missing", "body", "Field required"]]),
        (b"{}", [["missing", "body", "Level", "Field required"]]),
        (
            b'{"Level": "Study", "Limit": -1}',
            [["greater_than_equal", "body", "Limit", "Input should be greater than or equal to 0"]],
        ),
    ],
)
async def test_bodies(route: type[APIRoute], body: bytes, told: Any) -> None:
    """A body is there, is what its model says, and its mistakes are told by their place."""
    assert await ask(takes_body, route, "POST /x", body) == told


@ROUTES
async def test_a_body_that_may_be_missing(route: type[APIRoute]) -> None:
    """Its default is there instead."""
    assert await ask(may_take_body, route, "POST /x") is None
    assert await ask(may_take_body, route, "POST /x", b'{"Level": "S"}') == {
        "Level": "S",
        "Limit": 0,
    }


@ROUTES
async def test_dependencies_are_called_once(route: type[APIRoute]) -> None:
    """Once for a request, whoever asks for them."""
    calls = []

    async def counted(request: Request) -> int:
        calls.append(request.url.path)
        return len(calls)

    async def again(count: Annotated[int, Depends(counted)]) -> int:
        return count

    async def endpoint(
        one: Annotated[int, Depends(counted)], two: Annotated[int, Depends(again)]
    ) -> Response:
        return JSONResponse([one, two])

    assert await ask(endpoint, route, "GET /x") == [1, 1]
    assert calls == ["/x"]


async def test_dependencies_of_a_second_try() -> None:
    """A GET that missed an object looks for it again."""
    found = []

    async def stored(request: Request) -> int:
        found.append(request.url.path)
        return len(found)

    async def endpoint(where: Annotated[int, Depends(stored)]) -> Response:
        if where == 1:
            raise DamagedObject("The object is not there", what="missing")
        return JSONResponse(where)

    assert await ask(endpoint, GatewayRoute, "GET /x") == 2


async def endless() -> AsyncIterator[str]:
    yield "opened"


def in_a_thread() -> str:
    return "thread"


async def with_header(header: Annotated[str, Header()]) -> Response:
    return JSONResponse(header)


async def with_generator(opened: Annotated[str, Depends(endless)]) -> Response:
    return JSONResponse(opened)


async def with_thread(given: Annotated[str, Depends(in_a_thread)]) -> Response:
    return JSONResponse(given)


async def with_number(number: Annotated[int, Path(alias="id")]) -> Response:
    return JSONResponse(number)


async def with_list(words: Annotated[list[str], Query()]) -> Response:
    return JSONResponse(words)


async def with_two_bodies(one: Body, two: Body) -> Response:
    return JSONResponse([one.Level, two.Level])


@pytest.mark.parametrize(
    ("endpoint", "request_line", "body", "told"),
    [
        (with_header, "GET /x", b"", [["missing", "header", "header", "Field required"]]),
        (with_generator, "GET /x", b"", "opened"),
        (with_thread, "GET /x", b"", "thread"),
        (with_number, "GET /7", b"", 7),
        (with_list, "GET /x?words=a&words=b", b"", ["a", "b"]),
        (
            with_two_bodies,
            "POST /x",
            b'{"one": {"Level": "a"}, "two": {"Level": "b"}}',
            ["a", "b"],
        ),
    ],
)
async def test_what_is_left_to_fastapi(
    endpoint: Any, request_line: str, body: bytes, told: Any
) -> None:
    """What no plan knows works all the same."""
    with pytest.raises(NotPlain):
        plan(get_dependant(path="/{id}", call=endpoint))
    assert await ask(endpoint, GatewayRoute, request_line, body) == told


async def test_values_are_made_answers_by_fastapi() -> None:
    """An endpoint that gives a value is FastAPI's altogether."""

    async def endpoint() -> Body:
        return Body(Level="Study")

    assert await ask(endpoint, GatewayRoute, "GET /x") == {"Level": "Study", "Limit": 0}


def test_nearly_all_routes_have_a_plan() -> None:
    """Those that have none take parameters in ways of their own, and are asked rarely."""
    solved_by_fastapi = {
        route.path
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, GatewayRoute) and route.solve is None
    }
    assert solved_by_fastapi == {
        "/tools/dead-letters/{letter}",
        "/tools/dead-letters/{letter}/retry",
        "/tools/create-archive",
        "/tools/create-media",
        "/tools/create-media-extended",
    }
