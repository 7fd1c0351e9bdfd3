# SPDX-License-Identifier: Apache-2.0
"""Query parameters: what they accept, and how a wrong one is told."""

from typing import Annotated, Any

import httpx
import pytest
from fastapi import Query, Request, Response
from pydantic import BaseModel, Field

from pons_gateway.answers import json_answer
from pons_gateway.query import MAX_NUMBER, Flag, LenientNumber, Number, read_query
from pons_gateway.routing import Router

from .conftest import Store, opened_app

pytestmark = pytest.mark.anyio


class Asked(BaseModel):
    """One parameter of each kind."""

    flag: Flag = Field(False, description="A flag.")
    strict: Number | None = Field(None, description="A number.")
    lenient: LenientNumber = Field(None, description="A number or none.")


router = Router("Test", "Routes of this test.")


@router.lean("/asked/lean")
async def lean(request: Request) -> Response:
    return json_answer(read_query(request, Asked).model_dump())


@router.get("/asked/model")
async def of_a_model(asked: Annotated[Asked, Query()]) -> Response:
    return json_answer(asked.model_dump())


@router.get("/asked/endpoint")
async def of_an_endpoint(
    flag: Flag = False, strict: Number | None = None, lenient: LenientNumber = None
) -> Response:
    return json_answer({"flag": flag, "strict": strict, "lenient": lenient})


@pytest.fixture(params=["lean", "model", "endpoint"])
async def ask(request: pytest.FixtureRequest, store: Store) -> Any:
    """Asks one of the routes above."""
    app = opened_app(store.backends)
    app.router.grow(router.routes)  # type: ignore[attr-defined]
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://store") as client:

        async def ask(query: str) -> Any:
            return await client.get(f"/asked/{request.param}{query}")

        yield ask


@pytest.mark.parametrize(
    ("query", "flag", "strict", "lenient"),
    [
        ("", False, None, None),
        ("?flag", True, None, None),
        ("?flag=", True, None, None),
        ("?flag=1&strict=0&lenient=0", True, 0, 0),
        ("?flag=true&strict=007&lenient=007", True, 7, 7),
        ("?flag=1&flag=false", False, None, None),
        (f"?flag=0&strict={MAX_NUMBER}&lenient={MAX_NUMBER}", False, MAX_NUMBER, MAX_NUMBER),
        (f"?lenient={MAX_NUMBER + 1}", False, None, None),
        ("?lenient=", False, None, None),
        ("?lenient=-1", False, None, None),
        ("?lenient=1_0", False, None, None),
        ("?lenient=%D9%A1", False, None, None),
        ("?lenient=" + "9" * 5000, False, None, None),
        ("?lenient=" + "0" * 5000, False, None, 0),
        ("?unknown=1", False, None, None),
    ],
)
async def test_values(
    ask: Any, query: str, flag: bool, strict: int | None, lenient: int | None
) -> None:
    """A name alone is true, the last of two counts, and a lenient number may be nonsense."""
    answer = await ask(query)
    assert answer.json() == {"flag": flag, "strict": strict, "lenient": lenient}


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("?flag=yes", "flag: expected 0, 1, true or false, got 'yes'"),
        ("?flag=True", "flag: expected 0, 1, true or false, got 'True'"),
        ("?strict=", f"strict: expected a whole number from 0 to {MAX_NUMBER}, got ''"),
        ("?strict=-1", f"strict: expected a whole number from 0 to {MAX_NUMBER}, got '-1'"),
        ("?strict=1.0", f"strict: expected a whole number from 0 to {MAX_NUMBER}, got '1.0'"),
        ("?strict=+1", f"strict: expected a whole number from 0 to {MAX_NUMBER}, got ' 1'"),
    ],
)
async def test_a_wrong_value(ask: Any, query: str, told: str) -> None:
    """The answer names the parameter, its value and what is expected instead."""
    answer = await ask(query)
    assert (answer.status_code, answer.json()["OrthancStatus"]) == (400, 5)
    assert answer.json()["Details"] == told
