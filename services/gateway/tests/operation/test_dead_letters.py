# SPDX-License-Identifier: Apache-2.0
"""Dead letters over REST, and what the gateway repeats of the index' health."""

import json
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import zstandard

from pons.catalog.dead_letters import DeadLetter, Undelivered
from pons.dicom.identity import ResourceIds
from pons.errors import NotFound
from pons.health.readiness import Health
from pons.http.health import ready_answer
from pons.messages.index import DismissDeadLetter, Retried, RetryDeadLetters
from pons.messages.services import Done, HealthReport, ReportHealth
from pons_gateway.models.dead_letters import DeadLetter as Documented
from pons_gateway.models.dead_letters import Undelivered as UndeliveredModel
from pons_gateway.operation.index_health import NAME, IndexHealth

from ..conftest import INSTANCE, KEY, MOMENT, PATIENT, SERIES, STUDY, FakeServices, Open, Store

pytestmark = pytest.mark.anyio

IDS = ResourceIds(PATIENT, STUDY, SERIES, INSTANCE)
LETTER = DeadLetter(
    3, "why", MOMENT, None, None, KEY, [Undelivered(IDS, "1.2", "1.2.3", "1.2.3.4", KEY)]
)
UNREADABLE = DeadLetter(4, "it cannot be read", MOMENT, MOMENT, None, None, [])


@dataclass
class Letters:
    """Two letters, and what was asked."""

    asked: list[Any] = field(default_factory=list)

    async def listed(self, since: int, limit: int) -> list[DeadLetter]:
        self.asked.append((since, limit))
        return [LETTER, UNREADABLE]

    async def find(self, number: int) -> DeadLetter | None:
        return LETTER if number == LETTER.number else None


@pytest.fixture
def client(open_client: Open, store: Store) -> httpx.AsyncClient:
    return open_client(ask=lambda *words, **more: store.services.ask(*words, **more))


@pytest.fixture
def letters(store: Store) -> Letters:
    letters = Letters()
    store.catalog.dead_letters = letters  # type: ignore[attr-defined]
    return letters


async def test_they_are_listed(client: httpx.AsyncClient, letters: Letters) -> None:
    """Each with its reason and what it is about, as far as anybody can tell."""
    answer = await client.get("/tools/dead-letters?since=2&limit=9999")
    assert answer.status_code == 200
    first, second = answer.json()
    assert first == {
        "ID": 3,
        "Reason": "why",
        "Since": "20240102T111213",
        "LastRetry": None,
        "Dismissed": None,
        "Object": str(KEY),
        "Instances": [
            {
                "Patient": PATIENT,
                "Study": STUDY,
                "Series": SERIES,
                "Instance": INSTANCE,
                "StudyInstanceUID": "1.2",
                "SeriesInstanceUID": "1.2.3",
                "SOPInstanceUID": "1.2.3.4",
                "Object": str(KEY),
            }
        ],
    }
    assert (second["Object"], second["Instances"]) == (None, [])
    assert second["LastRetry"] == "20240102T111213"
    assert letters.asked == [(2, 1000)]
    assert (await client.get("/tools/dead-letters/3")).json() == first


@pytest.mark.parametrize("number", ["5", "x", "-1", "9" * 40])
async def test_one_that_is_not_there(
    client: httpx.AsyncClient, letters: Letters, number: str
) -> None:
    """Whatever its number looks like, that is a 404."""
    assert (await client.get(f"/tools/dead-letters/{number}")).status_code == 404


async def test_they_are_tried_again(
    client: httpx.AsyncClient, store: Store, letters: Letters
) -> None:
    """One, or all of them in parts."""
    answers = [Retried([3], {4: "no"}, 4), Retried([5], {}, None), Retried([], {3: "no"}, None)]

    async def ask(_service: str, command: Any, _answer: type, **_: Any) -> Any:
        store.services.commands.append(("index", command))
        return answers.pop(0)

    store.services.ask = ask  # type: ignore[assignment, method-assign]
    answer = await client.post("/tools/dead-letters/retry")
    assert answer.json() == {"Indexed": [3, 5], "Failed": {"4": "no"}}
    answer = await client.post("/tools/dead-letters/3/retry")
    assert answer.json() == {"Indexed": [], "Failed": {"3": "no"}}
    assert [command for _, command in store.services.commands] == [
        RetryDeadLetters(None, 0),
        RetryDeadLetters(None, 4),
        RetryDeadLetters([3], 0),
    ]


async def test_one_is_dismissed(client: httpx.AsyncClient, store: Store, letters: Letters) -> None:
    """The command only marks it; one that is not there is a 404."""
    store.services.answers[DismissDeadLetter] = Done()
    answer = await client.delete("/tools/dead-letters/3")
    assert (answer.status_code, answer.content) == (200, b"")
    assert store.services.commands == [("index", DismissDeadLetter(3))]
    store.services.answers[DismissDeadLetter] = NotFound("There is no such dead letter")
    assert (await client.delete("/tools/dead-letters/3")).status_code == 404


async def test_its_file(client: httpx.AsyncClient, letters: Letters, store: Store) -> None:
    """What was received is there for whoever looks for the cause, compressed at rest or not."""
    received = bytes(128) + b"DICM" + b"not to be indexed" * 40
    assert (await client.get("/tools/dead-letters/3/file")).status_code == 404
    for kept in (received, zstandard.ZstdCompressor().compress(received)):
        await store.backends.objects.delete([KEY])
        await store.backends.objects.put(KEY, kept)
        answer = await client.get("/tools/dead-letters/3/file")
        assert answer.status_code == 200, answer.text
        assert answer.content == received
        assert "dead-letter-3.dcm" in answer.headers["content-disposition"]
    assert (await client.get("/tools/dead-letters/5/file")).status_code == 404


async def ready(health: Health) -> tuple[int, Any]:
    answer = await ready_answer(health)
    return answer.status_code, json.loads(bytes(answer.body))


async def test_the_gateway_repeats_what_the_index_says() -> None:
    """Not ready with the index' own cause, or when it is stopped; a warning is passed on as one."""
    services, health = FakeServices(), Health("gateway")
    health.started = True
    health.checks[NAME] = IndexHealth(services.ask, health).check
    status, said = await ready(health)
    assert (status, said["failures"]) == (503, {NAME: "index is not running"})
    services.answers[ReportHealth] = HealthReport(
        {"consumer": "waiting for 3 s: The disk of the database is full"}, {}
    )
    status, said = await ready(health)
    cause = "consumer: waiting for 3 s: The disk of the database is full"
    assert (status, said["failures"]) == (503, {NAME: cause})
    services.answers[ReportHealth] = HealthReport({}, {"dead letters": "2 could not be indexed"})
    status, said = await ready(health)
    assert (status, said["warnings"]) == (200, {"dead letters": "2 could not be indexed"})
    services.answers[ReportHealth] = HealthReport({}, {})
    assert await ready(health) == (200, {"service": "gateway", "ready": True, "failures": {}})


async def test_the_page_tells_what_should_be_looked_at(
    client: httpx.AsyncClient, store: Store
) -> None:
    """Failures and warnings are notes on the page for people."""
    store.backends.health.started = True
    store.backends.health.warnings["dead letters"] = "2 could not be indexed"
    answer = await client.get("/app/explorer.html")
    assert "<b>dead letters</b> 2 could not be indexed" in answer.text


async def test_they_are_as_documented(client: httpx.AsyncClient, letters: Letters) -> None:
    """Every key of a letter is documented with its type, and the bounds of a page hold."""
    for letter in (await client.get("/tools/dead-letters?since=&limit=0")).json():
        Documented.model_validate(letter, strict=True)
        assert list(letter) == list(Documented.model_fields)
        for instance in letter["Instances"]:
            assert list(instance) == list(UndeliveredModel.model_fields)
    assert letters.asked == [(0, 100)]


async def test_a_number_that_is_none(client: httpx.AsyncClient, store: Store) -> None:
    """The answer tells where the numbers are listed; nothing was done."""
    for answer in (
        await client.delete("/tools/dead-letters/%D9%A1"),
        await client.post("/tools/dead-letters/1.5/retry"),
    ):
        assert answer.status_code == 404
        assert "/tools/dead-letters" in answer.json()["Details"]
    assert store.services.commands == []
