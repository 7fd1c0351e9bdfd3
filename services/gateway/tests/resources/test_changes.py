# SPDX-License-Identifier: Apache-2.0
"""The logs of changes and exports: how much of them is asked for."""

from typing import Any

import httpx
import pytest

from pons_gateway.models.changes import Change, Changes, Export, Exports

from ..conftest import Store

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("", (None, 100, None, None)),
        ("?limit=0", (None, 0, None, None)),
        ("?limit=100001", (None, 100_000, None, None)),
        ("?since=x&to=-1&limit=1.5", (None, 100, None, None)),
        ("?type=;", (None, 100, None, None)),
        ("?last=0&since=5", (5, 100, None, None)),
    ],
)
async def test_which_changes(
    client: httpx.AsyncClient, store: Store, query: str, asked: tuple[Any, ...]
) -> None:
    """What is no number is ignored, and a page has a bound."""
    answer = (await client.get(f"/changes{query}")).json()
    assert store.catalog.asked == asked
    Changes.model_validate(answer, strict=True)
    assert list(answer) == list(Changes.model_fields)
    assert list(answer["Changes"][0]) == list(Change.model_fields)


async def test_wrong_questions(client: httpx.AsyncClient) -> None:
    """A flag or a type that is none is told with its value."""
    for path in ("/changes", "/exports"):
        answer = await client.get(f"{path}?last=perhaps")
        assert (answer.status_code, answer.json()["OrthancStatus"]) == (400, 5)
        assert answer.json()["Details"] == "last: expected 0, 1, true or false, got 'perhaps'"
    answer = await client.get("/changes?type=NewStudy;Nonsense")
    assert (answer.status_code, answer.json()["OrthancStatus"]) == (400, 8)
    assert answer.json()["Details"] == "Unknown type of change: Nonsense"


async def test_which_exports(client: httpx.AsyncClient, store: Store) -> None:
    """They begin with the first, and are documented as they are told."""
    answer = (await client.get("/exports?since=x&limit=100001")).json()
    assert store.catalog.asked == (0, 100_000)
    Exports.model_validate(answer, strict=True)
    assert list(answer) == list(Exports.model_fields)
    assert set(answer["Exports"][0]) <= set(Export.model_fields)
