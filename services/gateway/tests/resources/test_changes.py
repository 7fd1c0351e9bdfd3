# SPDX-License-Identifier: Apache-2.0
"""The logs of changes and exports: how much of them is asked for."""

import json
from typing import Any

import httpx
import pytest

from pons_gateway.models.changes import Change, Changes, Export, Exports

from ..conftest import STUDY, Store

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("", (None, 100, None, None)),
        ("?limit=0", (None, 0, None, None)),
        ("?limit=100001", (None, 100_000, None, None)),
        ("?since=&to=&limit=", (None, 100, None, None)),
        ("?since=99999999999999999999", (2**63 - 1, 100, None, None)),
        ("?type=;", (None, 100, None, None)),
        ("?last=0&since=5", (5, 100, None, None)),
    ],
)
async def test_which_changes(
    client: httpx.AsyncClient, store: Store, query: str, asked: tuple[Any, ...]
) -> None:
    """What is empty is not given, and a page has a bound."""
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
    for query in ("since=x", "since=-1", "limit=abc", "limit=1.5"):
        for path in ("/changes", "/exports"):
            answer = await client.get(f"{path}?{query}")
            assert (answer.status_code, answer.json()["OrthancStatus"]) == (400, 5)
            assert "expected a whole number from 0 on" in answer.json()["Details"]
    assert (await client.get("/changes?to=x")).status_code == 400
    assert (await client.get("/changes/stream?since=-1")).status_code == 400
    answer = await client.get("/changes?type=NewStudy;Nonsense")
    assert (answer.status_code, answer.json()["OrthancStatus"]) == (400, 8)
    assert answer.json()["Details"] == "Unknown type of change: Nonsense"


async def test_which_exports(client: httpx.AsyncClient, store: Store) -> None:
    """They begin with the first, and are documented as they are told."""
    answer = (await client.get("/exports?limit=100001")).json()
    assert store.catalog.asked == (0, 100_000)
    Exports.model_validate(answer, strict=True)
    assert list(answer) == list(Exports.model_fields)
    assert set(answer["Exports"][0]) <= set(Export.model_fields)


async def test_a_number_of_the_last_event_that_is_none(client: httpx.AsyncClient) -> None:
    """It is refused before the stream begins: going on from anywhere else would lose changes."""
    answer = await client.get("/changes/stream", headers={"Last-Event-ID": "7a"})
    assert (answer.status_code, answer.json()["OrthancStatus"]) == (400, 5)
    assert "last-event-id" in answer.json()["Details"]


@pytest.mark.parametrize(
    ("query", "headers", "since"),
    [
        ("", {}, 0),
        ("?since=5", {}, 5),
        ("?last", {}, 21),
        ("?since=5", {"Last-Event-ID": "6"}, 6),
        ("?last", {"Last-Event-ID": "0"}, 0),
        ("?since=5&type=NewStudy", {}, 5),
    ],
)
async def test_where_the_stream_begins(
    client: httpx.AsyncClient, store: Store, query: str, headers: dict[str, str], since: int
) -> None:
    """With `since`, with the end, and at the last event that the client had before all."""
    store.catalog.after_a_read = store.backends.health.stop.set
    answer = await client.get(f"/changes/stream{query}", headers=headers)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert store.catalog.asked[0] == since
    assert store.catalog.asked[3] == ([5] if "type" in query else None)
    event = answer.text.partition("\n\n")[0].splitlines()
    assert event[1] == "id: 7"
    told = json.loads(event[0].removeprefix("data: "))
    Change.model_validate(told, strict=True)
    assert (told["Seq"], told["ID"]) == (7, STUDY)
