# SPDX-License-Identifier: Apache-2.0
"""Queries to modalities over REST: what is asked, and how answers are shown."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec
import pytest

from pons.errors import NotFound, RemoteFailure
from pons.messages.egress import AnsweredQuery, FindModality, dimse_payload
from pons.messages.modality import Modality

from ..conftest import Open, Store
from .test_remotes import FakeRegistry

pytestmark = pytest.mark.anyio

ID = "7f0c3a52-1d9e-4b86-9a3b-2c5d8e4f6a10"
STUDY_KEYS = {"00100010": "ROE*", "00080020": ""}
QUERY = AnsweredQuery(ID, "pacs", "Study", STUDY_KEYS, counts=[2, 1], local_aet="MINE", timeout=3)


def study(number: int) -> dict[str, Any]:
    return {
        "00080052": {"vr": "CS", "Value": ["STUDY"]},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": f"ROE^{number}"}]},
        "00100020": {"vr": "LO", "Value": [f"P{number}"]},
        "0020000D": {"vr": "UI", "Value": [f"1.2.{number}"]},
        "0020000E": {"vr": "UI"},
    }


@dataclass
class FakeQueries:
    """Queries in memory, each with the same answers."""

    known: dict[str, AnsweredQuery] = field(default_factory=dict)

    async def ids(self) -> list[str]:
        return list(self.known)

    async def get(self, query_id: str) -> AnsweredQuery:
        if query_id not in self.known:
            raise NotFound(f"There is no query {query_id!r}")
        return self.known[query_id]

    async def delete(self, query_id: str) -> None:
        self.known.pop(query_id, None)

    async def answer(self, query: AnsweredQuery, index: int) -> bytes:
        assert index < query.count
        return msgspec.json.encode(study(index))

    async def pages(self, query: AnsweredQuery) -> AsyncIterator[list[bytes]]:
        start = 0
        for count in query.counts:
            yield [msgspec.json.encode(study(number)) for number in range(start, start + count)]
            start += count


@pytest.fixture
def queries() -> FakeQueries:
    return FakeQueries({ID: QUERY})


@pytest.fixture
async def client(open_client: Open, queries: FakeQueries) -> AsyncIterator[httpx.AsyncClient]:
    known = FakeRegistry({"pacs": Modality("PACS", "192.0.2.1", 104)})
    async with open_client(modalities=known, queries=queries) as client:
        yield client


async def asked(client: httpx.AsyncClient, store: Store, path: str, body: Any) -> FindModality:
    """What egress is asked for by a POST."""
    store.services.answers[FindModality] = QUERY
    answer = await client.post(path, json=body)
    assert (answer.status_code, answer.json()) == (200, {"ID": ID, "Path": f"/queries/{ID}"})
    service, command = store.services.commands[-1]
    assert service == "egress"
    assert isinstance(command, FindModality)
    return command


async def test_a_query(client: httpx.AsyncClient, store: Store) -> None:
    """Levels and tags have any of their names; what is missing has Orthanc's defaults."""
    path = "/modalities/pacs/query"
    body: dict[str, Any] = {"Level": "studies", "Query": {"PatientName": "ROE*", "0008,0020": ""}}
    assert await asked(client, store, path, body) == FindModality("pacs", "Study", STUDY_KEYS)
    body = {"Level": "Image", "Normalize": False, "LocalAet": "ME", "Timeout": 3}
    wanted = FindModality("pacs", "Instance", {}, normalize=False, local_aet="ME", timeout=3)
    assert await asked(client, store, path, body) == wanted


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"Query": {}}, "Level: Field required"),
        ({"Level": "Nope"}, "Unknown level: 'Nope'"),
        ({"Level": "Study", "Query": {"Nope": ""}}, "Unknown DICOM tag: Nope"),
        ({"Level": "Study", "Query": {"PatientID": 12}}, "Query.PatientID: Input should be"),
        ({"Level": "Study", "Query": []}, "Query: Input should be"),
        ({"Level": "Study", "Query": {"PatientID": "1", "0010,0020": "2"}}, "is there twice"),
        ({"Level": "Study", "LocalAet": "x" * 17}, "LocalAet: expected 1 to 16 characters"),
    ],
)
async def test_no_query(client: httpx.AsyncClient, body: Any, told: str) -> None:
    """What is wrong is told, and nobody is asked."""
    answer = await client.post("/modalities/pacs/query", json=body)
    assert answer.status_code == 400
    assert told in answer.json()["Details"]


async def test_an_unknown_modality(client: httpx.AsyncClient) -> None:
    """Orthanc calls it an item that is not there."""
    answer = await client.post("/modalities/nope/query", json={"Level": "Study"})
    assert (answer.status_code, answer.json()["OrthancStatus"]) == (404, 7)


async def test_a_modality_that_fails(client: httpx.AsyncClient, store: Store) -> None:
    """Why not all answers came is told as a failure of the network."""
    store.services.answers[FindModality] = RemoteFailure("ended C-FIND with status 0xA700")
    answer = await client.post("/modalities/pacs/query", json={"Level": "Study"})
    assert (answer.status_code, answer.json()["OrthancStatus"]) == (500, 9)
    assert answer.json()["Details"] == "ended C-FIND with status 0xA700"


@pytest.mark.parametrize(("status", "http"), [(0xA700, 500), (0xC000, 422)])
async def test_the_status_of_a_modality(
    client: httpx.AsyncClient, store: Store, status: int, http: int
) -> None:
    """It is told for programs; `unable to process` has a status of its own."""
    failure = RemoteFailure("ended C-FIND")
    failure.told = dimse_payload(status)
    store.services.answers[FindModality] = failure
    answer = await client.post("/modalities/pacs/query", json={"Level": "Study"})
    assert answer.status_code == http
    payload = {"Type": "Dimse", "Content": {"DimseErrorStatus": status}}
    assert answer.json()["ErrorPayload"] == payload
    assert (answer.json()["OrthancStatus"], answer.json()["Details"]) == (9, "ended C-FIND")


async def test_a_query_is_shown(client: httpx.AsyncClient) -> None:
    """What was asked, of whom, in the three formats; and what can be done with it."""
    path = f"/queries/{ID}"
    assert (await client.get("/queries")).json() == [ID]
    operations = ["answers", "level", "modality", "query", "retrieve"]
    assert (await client.get(path)).json() == operations
    assert (await client.get(f"{path}/level")).text == "Study"
    assert (await client.get(f"{path}/modality")).text == "pacs"
    name = {"Name": "PatientName", "Type": "String", "Value": "ROE*"}
    assert (await client.get(f"{path}/query")).json()["0010,0010"] == name
    short = (await client.get(f"{path}/query?short")).json()
    assert short == {"0008,0020": "", "0010,0010": "ROE*"}
    simple = (await client.get(f"{path}/query?simplify")).json()
    assert simple == {"StudyDate": "", "PatientName": "ROE*"}


async def test_answers_are_shown(client: httpx.AsyncClient) -> None:
    """By their numbers, or whole, in the three formats; one of them is shown the same way."""
    path = f"/queries/{ID}/answers"
    assert (await client.get(path)).json() == ["0", "1", "2"]
    for style, keys in (
        ("", ["0008,0052", "0010,0010", "0010,0020", "0020,000d", "0020,000e"]),
        ("short", ["0008,0052", "0010,0010", "0010,0020", "0020,000d", "0020,000e"]),
        (
            "simplify",
            [
                "PatientID",
                "PatientName",
                "QueryRetrieveLevel",
                "SeriesInstanceUID",
                "StudyInstanceUID",
            ],
        ),
    ):
        shown = (await client.get(f"{path}?expand&{style}")).json()
        assert len(shown) == 3
        assert list(shown[2]) == keys
        assert (await client.get(f"{path}/2/content?{style}")).json() == shown[2]
    assert (await client.get(f"{path}/1/content?short")).json()["0020,000d"] == "1.2.1"
    below = ["content", "retrieve", "query-series", "query-instances"]
    assert (await client.get(f"{path}/0")).json() == below


@pytest.mark.parametrize(("number", "status"), [("3", 404), ("-1", 404), ("x", 400)])
async def test_no_answer(client: httpx.AsyncClient, number: str, status: int) -> None:
    """A number that no answer has is told as such, wherever it is."""
    for path in ("", "/content"):
        answer = await client.get(f"/queries/{ID}/answers/{number}{path}")
        assert answer.status_code == status
    answer = await client.post(f"/queries/{ID}/answers/{number}/query-series", json={})
    assert answer.status_code == status


async def test_an_unknown_query(client: httpx.AsyncClient) -> None:
    """It is 404 with the error's JSON; to delete it is no error."""
    for path in ("", "/level", "/modality", "/query", "/answers", "/answers/0/content"):
        answer = await client.get(f"/queries/nope{path}")
        assert (answer.status_code, answer.json()["OrthancStatus"]) == (404, 17)
    assert (await client.delete("/queries/nope")).status_code == 200


async def test_a_query_is_forgotten(client: httpx.AsyncClient, queries: FakeQueries) -> None:
    """Deleting answers nothing, and the query is gone."""
    answer = await client.delete(f"/queries/{ID}")
    assert (answer.status_code, answer.content) == (200, b"")
    assert queries.known == {}


async def test_a_query_below_an_answer(client: httpx.AsyncClient, store: Store) -> None:
    """The answer's identifiers join the query, which goes to the same modality as the same AET."""
    path = f"/queries/{ID}/answers/1/query-series"
    body = {"Query": {"Modality": "CT", "StudyInstanceUID": "9"}}
    keys = {"00080060": "CT", "0020000D": "1.2.1"}
    wanted = FindModality("pacs", "Series", keys, local_aet="MINE", timeout=3)
    assert await asked(client, store, path, body) == wanted


async def test_below_a_patient_and_a_series(
    client: httpx.AsyncClient, store: Store, queries: FakeQueries
) -> None:
    """Each level is told by its own identifiers; nobody is asked for what is below no series."""
    body: dict[str, Any] = {"Normalize": False}
    queries.known[ID] = msgspec.structs.replace(QUERY, level="Patient", local_aet="", timeout=None)
    command = await asked(client, store, f"/queries/{ID}/answers/0/query-studies", body)
    assert command == FindModality("pacs", "Study", {"00100020": "P0"}, normalize=False)
    queries.known[ID] = msgspec.structs.replace(QUERY, level="Series")
    asked_before = len(store.services.commands)
    answer = await client.post(f"/queries/{ID}/answers/0/query-instances", json=body)
    assert answer.status_code == 400
    assert "The answer has no SeriesInstanceUID" in answer.json()["Details"]
    assert len(store.services.commands) == asked_before


async def test_nothing_below(client: httpx.AsyncClient) -> None:
    """Levels that are not below that of the query cannot be asked for."""
    answer = await client.post(f"/queries/{ID}/answers/0/query-studies", json={})
    assert (answer.status_code, answer.json()["OrthancStatus"]) == (404, 17)
    empty = await client.post(f"/queries/{ID}/answers/0/query-series", content=b"")
    assert empty.status_code == 400


async def test_many_answers_are_streamed(client: httpx.AsyncClient, queries: FakeQueries) -> None:
    """Pages follow one another in one array."""
    queries.known[ID] = msgspec.structs.replace(QUERY, counts=[3] * 40)
    answer = await client.get(f"/queries/{ID}/answers?expand&short")
    shown = json.loads(answer.content)
    assert [one["0010,0020"] for one in shown] == [f"P{number}" for number in range(120)]
    assert "content-length" not in answer.headers
