# SPDX-License-Identifier: Apache-2.0
"""Types of query parameters: what Orthanc makes of their text, alike on every kind of route."""

from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Query
from fastapi.dependencies.utils import get_dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from starlette.requests import Request

from pons_gateway.error_handlers import in_our_words
from pons_gateway.query import (
    Flag,
    LogNumber,
    Number,
    TagList,
    Words,
    documented,
    read_query,
    reading_whole_queries,
)
from pons_gateway.routing import GatewayRoute, LeanRoute, TreeRouter

A_NUMBER = "expected a whole number from 0 to 9223372036854775807"

pytestmark = pytest.mark.anyio


class Asked(BaseModel):
    flag: Flag = Field(False)
    number: Number | None = Field(None, alias="a-number")
    tags: TagList = Field(default_factory=frozenset)
    words: Words | None = Field(None)


async def lean(query: str) -> Asked:
    return read_query(Request({"type": "http", "query_string": query.encode()}), Asked)


async def ordinary(query: str) -> Asked:
    return await answered(query, GatewayRoute)


async def by_fastapi(query: str) -> Asked:
    return await answered(query, APIRoute)


async def answered(query: str, route: type[APIRoute]) -> Asked:
    app, router, found = FastAPI(), APIRouter(route_class=route), []

    @router.get("/")
    async def endpoint(asked: Annotated[Asked, Query()]) -> None:
        found.append(asked)

    grow(app, router)

    @app.exception_handler(RequestValidationError)
    async def refused(_request: Request, error: RequestValidationError) -> None:
        raise error

    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        await client.get(f"/?{query}")
    return found[0]


def grow(app: FastAPI, router: APIRouter) -> None:
    app.router = tree = TreeRouter()
    tree.grow(router.routes)


READERS = pytest.mark.parametrize("read", [lean, ordinary, by_fastapi])


@READERS
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {}),
        ("other=x", {}),
        ("flag", {"flag": True}),
        ("flag=true&flag=0", {"flag": False}),
        ("flag=1", {"flag": True}),
        ("a-number=007", {"number": 7}),
        (f"a-number={2**63 - 1}", {"number": 2**63 - 1}),
        ("tags=", {}),
        ("tags=PatientID&tags=PatientName;0010-0030,", {"tags": {"00100010", "00100030"}}),
        ("words=", {"words": []}),
        ("words=a&words=b;;c", {"words": ["b", "c"]}),
    ],
)
async def test_what_is_read(read: Any, query: str, expected: dict[str, Any]) -> None:
    """A name alone is true, the last of several counts, and unknown names are nobody's."""
    assert await read(query) == Asked.model_construct(
        **{"flag": False, "number": None, "tags": frozenset(), "words": None, **expected}
    )


@READERS
@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("flag=yes", "flag: expected 0, 1, true or false, got 'yes'"),
        ("flag=True", "flag: expected 0, 1, true or false, got 'True'"),
        (
            "a-number=-1",
            f"a-number: {A_NUMBER}, got '-1'",
        ),
        (
            "a-number=1_0",
            f"a-number: {A_NUMBER}, got '1_0'",
        ),
        (
            "a-number=%C2%B2",
            f"a-number: {A_NUMBER}, got '²'",
        ),
        (
            f"a-number={2**63}",
            f"a-number: {A_NUMBER}, got '{2**63}'",
        ),
    ],
)
async def test_what_is_refused(read: Any, query: str, told: str) -> None:
    """An error names the parameter, what is expected, and what came."""
    with pytest.raises(RequestValidationError) as refused:
        await read(query)
    assert str(in_our_words(refused.value.errors())) == told


@pytest.mark.parametrize("query", ["", "other=1"])
async def test_what_is_missing_is_refused(query: str) -> None:
    """A parameter that must be there is, whether there is a query or not."""

    class Needed(BaseModel):
        modality: str

    with pytest.raises(RequestValidationError) as refused:
        read_query(Request({"type": "http", "query_string": query.encode()}), Needed)
    assert [one["loc"] for one in refused.value.errors()] == [("query", "modality")]


async def test_models_are_read_at_once() -> None:
    """FastAPI is left parameters that are no models, and fills the others by `read_query`."""

    async def below(below: Annotated[Asked, Query()]) -> None:
        return None

    async def endpoint(
        one: int, asked: Annotated[Asked, Query()], two: Annotated[None, Depends(below)]
    ) -> None:
        return None

    dependant = get_dependant(path="/", call=endpoint)
    reading = reading_whole_queries(dependant)
    assert [one.name for one in dependant.query_params] == ["one", "asked"]
    assert [one.name for one in reading.query_params] == ["one"]
    assert [one.name for one in reading.dependencies] == ["two", "asked"]
    assert not reading.dependencies[0].query_params


def test_nothing_is_read_once() -> None:
    """Requests without a query, which most are, share what their model says then."""
    requests = [Request({"type": "http", "query_string": query}) for query in (b"", b"", b"flag")]
    first, again, asked = (read_query(request, Asked) for request in requests)
    assert first is again
    assert not first.model_fields_set
    assert asked.flag
    assert not first.flag


@pytest.mark.parametrize("route", [GatewayRoute, LeanRoute])
async def test_queries_are_documented(route: type[APIRoute]) -> None:
    """The document has each parameter as what it is, texts that stand for many as text."""
    app, router = FastAPI(), APIRouter(route_class=route)

    @router.get("/", dependencies=[documented(Asked)])
    async def endpoint() -> None:
        return None

    grow(app, router)
    parameters = {
        one["name"]: one["schema"] for one in app.openapi()["paths"]["/"]["get"]["parameters"]
    }
    assert parameters["flag"]["type"] == "boolean"
    assert parameters["a-number"]["anyOf"][0] == {
        "type": "integer",
        "minimum": 0,
        "maximum": 2**63 - 1,
    }
    assert parameters["tags"]["type"] == "string"
    assert parameters["words"]["anyOf"][0] == {"type": "string"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [("0012", 12), ("0" * 5000 + "7", 7), ("9" * 5000, 2**63 - 1), (str(2**63), 2**63 - 1)],
)
def test_numbers_of_logs(value: str, expected: int | None) -> None:
    """One above all is the greatest; zeros before one cost nothing."""
    assert TypeAdapter(LogNumber).validate_python(value) == expected


def test_no_number_of_a_log() -> None:
    """Nothing is as if it were not given; what is no number is told."""
    assert TypeAdapter(LogNumber).validate_python("") is None
    for value in ("x", "-1", "1.5", "1e3", "\u0663"):
        with pytest.raises(ValidationError, match="expected a whole number"):
            TypeAdapter(LogNumber).validate_python(value)
