# SPDX-License-Identifier: Apache-2.0
"""What Explorer's lists ask of the index, and what is refused before it is asked."""

from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from pons.catalog.counting import Count
from pons.catalog.list_order import Cursor
from pons.catalog.search import Listed, Piece, Search
from pons.catalog.study_lists import Held, Plan
from pons.catalog.study_order import study_order
from pons.catalog.study_pages import Page, StudyRow
from pons.errors import NotFound, Unavailable
from pons.messages.index import DeleteLabel, PutLabel
from pons.messages.services import Done
from pons_gateway.models.study_lists import Asked
from pons_gateway.resources.study_lists import change_labels, search_of, terms_of

from ..conftest import MOMENT, PATIENT, STUDY, Store

pytestmark = pytest.mark.anyio

API = "/explorer/api"
CURSOR = Cursor("-date", 7, False, ("20240102", ""))
ROW = StudyRow(
    id=STUDY,
    patient=PATIENT,
    study_uid="1.2.3",
    tags={"00100010": "ROE^RICHARD", "00080020": "20240102", "00080090": "Dr^Who"},
    modalities=["CT", "SR"],
    origins=["CT1"],
    labels=["a"],
    series=2,
    instances=12,
    size=6_000_000,
    arriving=True,
    protected=False,
    last_update=MOMENT,
)


class FakeLists:
    """One study, and what was asked last."""

    def __init__(self) -> None:
        self.asked: tuple[Any, ...] = ()
        self.counted: list[Search] = []

    async def page(self, *asked: Any) -> Page:
        self.asked = asked
        return Page([ROW], CURSOR)

    async def count(self, search: Search) -> Count:
        self.counted.append(search)
        return Count(12431, exact=False)

    async def labels(self, search: Search) -> list[tuple[str, int]] | None:
        self.asked = (search,)
        return [("a", 4)]

    async def modalities(self, search: Search) -> list[tuple[str, int]] | None:
        return None

    async def held(self, asked: Sequence[tuple[str, str]]) -> list[Held]:
        self.asked = tuple(asked)
        return [Held(asked[0], STUDY, "P2", 2, 12)]

    async def plan(self, search: Search) -> Plan:
        self.asked = (search,)
        return Plan(3, 2, 9, 2410, 1200, 1, [(PATIENT, {"00100010": "ROE"}, 1)])


@pytest.fixture
def lists(store: Store) -> FakeLists:
    fake = FakeLists()
    store.catalog.study_lists = fake  # type: ignore[attr-defined]
    return fake


async def test_a_page(client: httpx.AsyncClient, lists: FakeLists) -> None:
    """A row has what a list shows, absent texts are empty, and the time is told."""
    body = {
        "text": "roe ct",
        "sort": "-date",
        "limit": 1,
        "after": CURSOR.encode(),
        "columns": ["ReferringPhysicianName"],
    }
    answer = await client.post(f"{API}/studies", json=body)
    assert answer.json() == {
        "rows": [
            {
                "id": STUDY,
                "patient": PATIENT,
                "studyUid": "1.2.3",
                "patientName": "ROE^RICHARD",
                "patientId": "",
                "birthDate": "",
                "sex": "",
                "date": "20240102",
                "time": "",
                "description": "",
                "accession": "",
                "modalities": ["CT", "SR"],
                "series": 2,
                "instances": 12,
                "size": 6_000_000,
                "origins": ["CT1"],
                "labels": ["a"],
                "arriving": True,
                "protected": False,
                "lastUpdate": "2024-01-02T11:12:13.000000Z",
                "more": {"ReferringPhysicianName": "Dr^Who"},
            }
        ],
        "next": CURSOR.encode(),
        "understood": [
            {"kind": "text", "value": "roe", "without": "ct"},
            {"kind": "modality", "value": "CT", "without": "roe"},
        ],
        "count": None,
    }
    assert "db;dur=" in answer.headers["server-timing"]
    search = Search("Study", query=(("00080061", "CT"),), listed=Listed((Piece("roe"),)))
    assert lists.asked == (search, study_order("-date"), CURSOR, 1)


async def test_the_whole_store_is_counted_for_nothing(
    client: httpx.AsyncClient, lists: FakeLists
) -> None:
    answer = await client.post(f"{API}/studies", json={})
    assert answer.json()["count"] == {"value": 12431, "exact": False}
    assert lists.asked[1:] == (study_order(), None, 100)


def test_a_filter_may_be_a_list_of_identifiers() -> None:
    """However a table separates them."""
    filters = {"patientId": "P1\nP 2\t P3; ", "accession": "A1,A2", "studyUid": "1.2.3"}
    asked = Asked.model_validate({"filters": filters})
    found = search_of(asked, terms_of(asked))
    assert found.query == (("00100020", "P1\\P 2\\P3"), ("00080050", "A1\\A2"))
    assert found.listed == Listed(uids=("1.2.3",))


def test_filters_are_a_search() -> None:
    """Each filter is what its column is compared with."""
    asked = Asked.model_validate(
        {
            "text": "today",
            "today": "2024-05-12",
            "filters": {
                "name": "Anna Mü",
                "patientId": " 4711 ",
                "birthDate": "1958",
                "sex": "F",
                "accession": "A-1",
                "description": "knie",
                "studyUid": "1.2.3",
                "date": "2024-05..",
                "origin": "CT1",
                "station": "TrueBeam1",
                "modalities": ["CT", "MR"],
                "labels": ["a"],
                "labelsConstraint": "Any",
                "states": ["protected", "arriving"],
            },
        }
    )
    assert search_of(asked, terms_of(asked)) == Search(
        "Study",
        query=(
            ("00080020", "20240512-20240512"),
            ("00080020", "20240501-"),
            ("00100030", "19580101-19581231"),
            ("00080061", "CT\\MR"),
            ("00100040", "F"),
        ),
        labels=("a",),
        labels_constraint="Any",
        listed=Listed(
            pieces=(
                Piece("Anna", "name"),
                Piece("Mü", "name"),
                Piece("knie", "description"),
                Piece("4711", "id"),
                Piece("A-1", "accession"),
            ),
            uids=("1.2.3",),
            origins=("CT1",),
            stations=("TrueBeam1",),
            states=("arriving", "protected"),
        ),
    )


async def test_without_each_part(client: httpx.AsyncClient, lists: FakeLists) -> None:
    """Each word and each filter that asks for something is left out once."""
    body = {"text": "roe ct", "filters": {"sex": "F", "labels": [], "name": "", "date": "2024"}}
    answer = (await client.post(f"{API}/studies/without", json=body)).json()
    assert [(one["kind"], one["value"], one["without"]) for one in answer] == [
        ("text", "roe", "ct"),
        ("modality", "CT", "roe"),
        ("filter", "date", "roe ct"),
        ("filter", "sex", "roe ct"),
    ]
    assert answer[0]["count"] == {"value": 12431, "exact": False}
    listed = Listed((Piece("roe"),))
    date, modality, sex = ("00080020", "20240101-20241231"), ("00080061", "CT"), ("00100040", "F")
    assert lists.counted == [
        Search("Study", query=(modality, date, sex)),
        Search("Study", query=(date, sex), listed=listed),
        Search("Study", query=(modality, sex), listed=listed),
        Search("Study", query=(modality, date), listed=listed),
    ]


@pytest.mark.parametrize(
    ("filters", "named"),
    [
        ({"labels": ["a"], "labelsConstraint": "None"}, ["labels"]),
        ({"labels": ["a"], "labelsConstraint": "Any"}, ["labels"]),
        ({"labelsConstraint": "None"}, ["labelsConstraint"]),
        ({"labelsConstraint": "Any"}, []),
    ],
)
async def test_without_labels(
    client: httpx.AsyncClient, lists: FakeLists, filters: dict[str, object], named: list[str]
) -> None:
    """Labels and what is asked of them are left out together: without labels, `None` is to have
    no label at all."""
    answer = (await client.post(f"{API}/studies/without", json={"filters": filters})).json()
    assert [one["value"] for one in answer] == named
    assert lists.counted == [Search("Study") for _ in named]


async def test_facets_identifiers_and_a_plan(
    client: httpx.AsyncClient, store: Store, lists: FakeLists
) -> None:
    answer = await client.post(f"{API}/studies/facets", json={"text": "roe"})
    assert answer.json() == {"labels": [{"value": "a", "count": 4}], "modalities": None}
    answer = await client.post(f"{API}/studies/identifiers", json={"limit": 3})
    assert answer.json() == [STUDY]
    assert store.catalog.searched == Search("Study", limit=3)
    answer = await client.post(f"{API}/delete/plan", json={"query": {"text": "roe"}})
    assert answer.json() == {
        "studies": 3,
        "patients": 2,
        "series": 9,
        "instances": 2410,
        "size": 1200,
        "protected": [{"patient": PATIENT, "patientName": "ROE", "patientId": "", "studies": 1}],
        "protectedStudies": 1,
        "missing": [],
    }


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("studies", {"text": "x" * 65536}, "at most 8000 characters"),
    ("studies", {"text": "x " * 31}, "at most 30 words"),
    ("studies", {"text": "a\0"}, "NUL"),
    ("studies", {"after": "x"}, "not where a list"),
    ("studies", {"after": Cursor("name", 1, False, ("X",)).encode()}, "not where a list"),
    ("studies", {"sort": "colour"}, "known are date, name"),
    ("studies", {"limit": 501}, "limit"),
    ("studies", {"limit": "5"}, "limit"),
    ("studies", {"columns": ["Rows"]}, "cannot show Rows"),
    ("studies", {"colums": []}, "colums"),
    ("studies", {"today": "2024-02-30"}, "no such day"),
    ("studies/count", {"filters": {"date": "soon"}}, "no date: 'soon'"),
    ("studies/count", {"filters": {"modalities": ["*"]}}, "modalities"),
    ("studies/count", {"filters": {"states": ["lost"]}}, "states"),
    ("studies/count", {"filters": {"name": "x" * 201}}, "name"),
    ("studies/identifiers", {"limit": 100_001}, "limit"),
    ("delete/plan", {}, "either studies or query"),
    ("delete/plan", {"studies": [], "query": {}}, "either studies or query"),
    ("delete/plan", {"studies": ["x"] * 10_001}, "studies"),
    ("labels", {"studies": [STUDY]}, "neither add nor remove"),
    ("labels", {"studies": [STUDY], "add": ["no good"]}, "add"),
    ("studies/held", {"studies": [{"studyUid": ""}]}, "studyUid"),
    ("studies/held", {"studies": [{"studyUid": "1\0"}]}, "studyUid"),
    ("studies/held", {"studies": [{"studyUid": "1"}] * 1001}, "1000"),
    ("labels", {"studies": [STUDY], "add": ["a"], "remove": ["a"]}, "both in add and in remove"),
]


@pytest.mark.parametrize(
    ("path", "body", "why"), REFUSED, ids=[f"{path} {body}"[:60] for path, body, _ in REFUSED]
)
async def test_what_is_refused(
    client: httpx.AsyncClient, lists: FakeLists, path: str, body: dict[str, Any], why: str
) -> None:
    """Before anything is asked, and in words that say what was wrong."""
    answer = await client.post(f"{API}/{path}", json=body)
    assert answer.status_code == 400
    assert why in answer.json()["Details"]
    assert len(answer.content) < 2000
    assert lists.asked == ()


async def test_what_is_held(client: httpx.AsyncClient, lists: FakeLists) -> None:
    """A study that others tell of, with what is here of it and whose that is."""
    told = [{"studyUid": "1.2.3", "patientId": "P1"}, {"studyUid": "1.2.4"}]
    answer = await client.post(f"{API}/studies/held", json={"studies": told})
    assert answer.json() == [
        {
            "studyUid": "1.2.3",
            "askedPatientId": "P1",
            "id": STUDY,
            "patientId": "P2",
            "series": 2,
            "instances": 12,
        }
    ]
    assert lists.asked == (("1.2.3", "P1"), ("1.2.4", ""))


async def test_labels_of_many(client: httpx.AsyncClient, store: Store, lists: FakeLists) -> None:
    """Each study is labelled once, those that a search finds as those that are named."""
    store.services.answers |= {PutLabel: Done(), DeleteLabel: Done()}
    body: dict[str, Any] = {"studies": [STUDY, STUDY], "add": ["x"], "remove": ["y"]}
    answer = await client.post(f"{API}/labels", json=body)
    assert answer.json() == {"changed": 1, "missing": []}
    expected = [PutLabel("Study", STUDY, "x"), DeleteLabel("Study", STUDY, "y")]
    assert store.services.commands == [("index", command) for command in expected]
    answer = await client.post(f"{API}/labels", json={"query": {"text": "roe"}, "add": ["x"]})
    assert answer.json() == {"changed": 1, "missing": []}
    store.catalog.pages_of_ids = [[f"{n:040}" for n in range(6000)], ["x" * 44] * 4001]
    answer = await client.post(f"{API}/labels", json={"query": {}, "add": ["x"]})
    assert (answer.status_code, len(store.services.commands)) == (400, 3)
    assert "More than 10000 studies match" in answer.json()["Details"]


async def test_labels_of_what_is_not_there() -> None:
    """What is gone is told; an index that is away is no such thing."""

    async def ask(_service: str, command: Any, _answer: type) -> Done:
        if command.resource_id == "gone":
            raise NotFound("no such resource")
        if command.resource_id == "away":
            raise Unavailable("index is not running")
        return Done()

    studies = ["a", "gone", "b"]
    assert await change_labels(studies, ["x"], [], ask) == ["gone"]
    with pytest.raises(Unavailable):
        await change_labels([*studies, "away"], ["x"], [], ask)


def test_the_document_has_them(document: dict[str, Any]) -> None:
    """Under the chapter of Explorer, with names in the page's own spelling."""
    route = document["paths"]["/explorer/api/studies"]["post"]
    assert route["tags"] == ["Explorer"]
    schemas = document["components"]["schemas"]
    assert {"patientId", "labelsConstraint"} <= set(schemas["Filters"]["properties"])
    assert {"from", "to", "without"} <= set(schemas["Understood"]["properties"])
    assert {"lastUpdate", "studyUid"} <= set(schemas["ListedStudy"]["properties"])
