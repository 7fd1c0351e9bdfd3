# SPDX-License-Identifier: Apache-2.0
"""Queries to modalities whose answers come at once and are not kept: worklists, find-study, …"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec
import pytest

from pons.errors import RemoteFailure
from pons.messages.egress import AnsweredQuery, FindModality
from pons.messages.modality import Modality

from ..conftest import Open, Store
from .test_queries import study
from .test_remotes import FakeRegistry

pytestmark = pytest.mark.anyio

STEP = {"00080060": {"vr": "CS", "Value": ["CT"]}}
ENTRY = {
    "00100020": {"vr": "LO", "Value": ["P1"]},
    "00400100": {"vr": "SQ", "Value": [STEP]},
}


@dataclass
class FakeAnswers:
    """What modalities answer, and which answers were forgotten."""

    pages_of: Callable[[FindModality], list[list[dict[str, Any]]]] = lambda _: [[study(1)]]
    commands: list[FindModality] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)

    async def ask(self, _service: str, command: Any, _answer: type, **_: float) -> Any:
        self.commands.append(command)
        number = len(self.commands) - 1
        counts = [len(page) for page in self.pages_of(command)]
        return AnsweredQuery(str(number), command.modality, command.level, {}, counts)

    async def pages(self, query: AnsweredQuery) -> AsyncIterator[list[bytes]]:
        for page in self.pages_of(self.commands[int(query.id)]):
            yield [msgspec.json.encode(answer) for answer in page]

    async def drop_pages(self, query: AnsweredQuery) -> None:
        self.dropped.append(query.id)


@pytest.fixture
def answers() -> FakeAnswers:
    return FakeAnswers()


@pytest.fixture
async def client(open_client: Open, answers: FakeAnswers) -> AsyncIterator[httpx.AsyncClient]:
    known = FakeRegistry({"pacs": Modality("PACS", "192.0.2.1", 104)})
    async with open_client(modalities=known, queries=answers, ask=answers.ask) as client:
        yield client


async def test_a_worklist(client: httpx.AsyncClient, answers: FakeAnswers) -> None:
    """The body is the query alone, or holds it; answers are simplified, and are not kept."""
    answers.pages_of = lambda _: [[ENTRY]]
    path = "/modalities/pacs/find-worklist"
    query = {"PatientID": "", "ScheduledProcedureStepSequence": [{"Modality": "CT"}]}
    keys = {"00100020": "", "00400100": [{"00080060": "CT"}]}
    simple = [{"PatientID": "P1", "ScheduledProcedureStepSequence": [{"Modality": "CT"}]}]
    assert (await client.post(path, json=query)).json() == simple
    assert (await client.post(path, json={"Query": query})).json() == simple
    assert answers.commands == [FindModality("pacs", "Worklist", keys, keep=False)] * 2
    assert answers.dropped == ["0", "1"]
    short = (await client.post(path, json={"Query": query, "Short": True, "Timeout": 4})).json()
    assert short == [{"0010,0020": "P1", "0040,0100": [{"0008,0060": "CT"}]}]
    assert answers.commands[-1].timeout == 4
    full = (await client.post(path, json={"Query": {}, "Full": True})).json()
    assert full[0]["0040,0100"]["Type"] == "Sequence"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"Nope": ""}, "Unknown DICOM tag: Nope"),
        ({"Query": {"ScheduledProcedureStepSequence": ["x"]}}, "must be objects"),
        ([], "Input should be"),
        (None, "it is empty"),
    ],
)
async def test_no_worklist_query(client: httpx.AsyncClient, body: Any, told: str) -> None:
    """What is wrong is told."""
    content = {} if body is None else {"json": body}
    answer = await client.post("/modalities/pacs/find-worklist", **content)
    assert answer.status_code == 400
    assert told in answer.json()["Details"]


@pytest.mark.parametrize(
    ("word", "level", "keys", "also"),
    [
        ("patient", "Patient", {"00100010": "A*"}, {"00100020", "00100040"}),
        ("study", "Study", {"00100020": "P12"}, {"00080020", "00081030"}),
        ("series", "Series", {"00080050": "A12", "0020000D": "1.2"}, {"00080060"}),
        (
            "instance",
            "Instance",
            {"00100020": "P12", "0020000D": "1.2", "0020000E": "1.3"},
            {"00200013"},
        ),
    ],
)
async def test_each_level(
    client: httpx.AsyncClient,
    answers: FakeAnswers,
    word: str,
    level: str,
    keys: dict[str, str],
    also: set[str],
) -> None:
    """The main tags of the level are asked for beside the keys."""
    answer = await client.post(f"/modalities/pacs/find-{word}", json=keys)
    assert [one["PatientID"] for one in answer.json()] == ["P1"]
    (command,) = answers.commands
    assert (command.level, command.normalize, command.keep) == (level, True, False)
    assert command.query.items() >= (dict.fromkeys(also, "") | keys).items()
    assert answers.dropped == ["0"]


@pytest.mark.parametrize(
    ("word", "keys"),
    [
        ("study", {}),
        ("study", {"PatientID": "ab"}),
        ("series", {"PatientID": "abc"}),
        ("series", {"StudyInstanceUID": "1.2"}),
        ("instance", {"PatientID": "abc", "StudyInstanceUID": "1.2"}),
    ],
)
async def test_keys_too_vague(
    client: httpx.AsyncClient, answers: FakeAnswers, word: str, keys: dict[str, str]
) -> None:
    """Below patients, what is above must be named, as in Orthanc."""
    answer = await client.post(f"/modalities/pacs/find-{word}", json=keys)
    assert answer.status_code == 400
    assert answers.commands == []


async def test_a_tree(client: httpx.AsyncClient, answers: FakeAnswers) -> None:
    """Patients have their studies, and these their series; each is asked for with what is above."""

    def pages(command: FindModality) -> list[list[dict[str, Any]]]:
        return [[study(1), study(2)], [study(3)]] if command.level == "Patient" else [[study(1)]]

    answers.pages_of = pages
    found = (await client.post("/modalities/pacs/find", json={"PatientName": "A*"})).json()
    assert [one["PatientID"] for one in found] == ["P1", "P2", "P3"]
    assert [one["Studies"][0]["Series"][0]["PatientID"] for one in found] == ["P1"] * 3
    levels = ["Patient", *["Study", "Series"] * 3]
    assert [command.level for command in answers.commands] == levels
    assert answers.commands[3].query["00100020"] == "P2"
    assert answers.commands[2].query["0020000D"] == "1.2.1"
    assert sorted(answers.dropped) == ["0", "1", "2", "3", "4", "5", "6"]


async def test_a_tree_with_a_patient_without_id(
    client: httpx.AsyncClient, answers: FakeAnswers
) -> None:
    """It is not shown with the studies of everybody: the modality is not asked for these."""
    nameless = study(1) | {"00100020": {"vr": "LO"}}
    answers.pages_of = lambda _: [[nameless]]
    answer = await client.post("/modalities/pacs/find", json={})
    assert answer.status_code == 400
    assert "An answer has no PatientID" in answer.json()["Details"]
    assert [command.level for command in answers.commands] == ["Patient"]


async def test_a_tree_that_is_too_large(client: httpx.AsyncClient, answers: FakeAnswers) -> None:
    """What does not fit into memory is refused, and its answers are forgotten."""
    large = {"00104000": {"vr": "LT", "Value": ["x" * 10_000]}}
    answers.pages_of = lambda _: [[large] * 100] * 9
    answer = await client.post("/modalities/pacs/find", json={})
    assert answer.status_code == 400
    assert "The answers have more than 8 MB" in answer.json()["Details"]
    assert answers.dropped[-1] == str(len(answers.commands) - 1)


async def test_a_modality_that_fails(open_client: Open, store: Store) -> None:
    """Why there are no answers is told as a failure of the network."""
    known = FakeRegistry({"pacs": Modality("PACS", "192.0.2.1", 104)})
    store.services.answers[FindModality] = RemoteFailure("connection refused")
    async with open_client(modalities=known) as client:
        for path in ("find-worklist", "find-patient", "find"):
            answer = await client.post(f"/modalities/pacs/{path}", json={})
            assert (answer.status_code, answer.json()["OrthancStatus"]) == (500, 9)
