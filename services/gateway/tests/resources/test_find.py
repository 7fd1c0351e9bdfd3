# SPDX-License-Identifier: Apache-2.0
"""What the routes of searching take, what they ask of the index, and what they answer."""

from typing import Any

import httpx
import pytest

from pons.catalog import DEFAULT_PARTS, Fields, Order, Part, Search
from pons.settings import Settings

pytestmark = pytest.mark.anyio

Open = Any
Store = Any
STUDY = "22222222-22222222-22222222-22222222-22222222"
INSTANCE = "44444444-44444444-44444444-44444444-44444444"


async def test_find_asks_what_it_is_told(client: httpx.AsyncClient, store: Store) -> None:
    """Every field of the body is part of the search."""
    body = {
        "Level": "Series",
        "Query": {"PatientName": "ROE*", "0008,0020": "20240101-"},
        "MetadataQuery": {"LastUpdate": "2024*", "1234": "x"},
        "CaseSensitive": True,
        "Labels": ["a"],
        "LabelsConstraint": "Any",
        "ParentStudy": STUDY,
        "OrderBy": [
            {"Type": "DicomTagAsInt", "Key": "SeriesNumber", "Direction": "DESC"},
            {"Type": "Metadata", "Key": "LastUpdate", "Direction": "ASC"},
        ],
        "Limit": 5,
    }
    answer = await client.post("/tools/find", json=body)
    assert answer.json() == ["33333333-33333333-33333333-33333333-33333333"]
    assert store.catalog.searched == Search(
        "Series",
        query=(("00100010", "ROE*"), ("00080020", "20240101-")),
        metadata=((7, "2024*"), (1234, "x")),
        case_sensitive=True,
        labels=("a",),
        labels_constraint="Any",
        parent=("Study", STUDY),
        order=(Order("00200011", kind="integer", descending=True), Order(metadata=7)),
        limit=5,
    )


async def test_find_shows_what_is_wanted(client: httpx.AsyncClient, store: Store) -> None:
    """Expanded answers have objects; parts and requested tags are chosen by name."""
    body: dict[str, Any] = {"Level": "Studies", "Query": {}, "Expand": True}
    answer = (await client.post("/tools/find", json=body)).json()
    assert answer[0]["MainDicomTags"]["StudyDate"] == "20240102"
    assert store.catalog.wanted == Fields(DEFAULT_PARTS)
    body |= {"ResponseContent": [], "RequestedTags": ["Rows", "0002,0010"], "Short": True}
    answer = (await client.post("/tools/find", json=body)).json()
    assert answer == [{"ID": STUDY, "Type": "Study", "RequestedTags": {}}]
    assert store.catalog.wanted == Fields(frozenset(), ("00280010",))


@pytest.mark.parametrize(
    ("limit", "level", "expected"),
    [(0, "Study", 10), (3, "Study", 3), (99, "Study", 10), (0, "Instance", 20)],
)
async def test_the_store_limits_searches(
    open_client: Open, store: Store, limit: int, level: str, expected: int
) -> None:
    """A store's own limits hold where the request has no lower one."""
    settings = Settings(find={"limit_results": 10, "limit_instances": 20})
    async with open_client(settings) as client:
        body = {"Level": level, "Query": {}, "Limit": limit, "Since": 2}
        await client.post("/tools/find", json=body)
    assert (store.catalog.searched.limit, store.catalog.searched.since) == (expected, 2)


@pytest.mark.parametrize(
    ("body", "status", "orthanc"),
    [
        ([], 400, 15),
        ({"Level": "Study"}, 400, 15),
        ({"Query": {}}, 400, 15),
        ({"Level": "Nothing", "Query": {}}, 400, 8),
        ({"Level": "Study", "Query": {"Nonsense": "x"}}, 400, 27),
        ({"Level": "Study", "Query": {"PatientName": 7}}, 400, 15),
        ({"Level": "Study", "Query": {}, "Limit": -1}, 400, 15),
        ({"Level": "Study", "Query": {}, "Since": 2**63}, 400, 15),
        ({"Level": "Study", "Query": {}, "Expand": "yes"}, 400, 15),
        ({"Level": "Study", "Query": {}, "LabelsConstraint": "Some"}, 400, 15),
        ({"Level": "Study", "Query": {}, "MetadataQuery": {"nobody": "x"}}, 404, 7),
        ({"Level": "Study", "Query": {}, "ResponseContent": ["Everything"]}, 400, 8),
        ({"Level": "Study", "Query": {}, "OrderBy": [{"Type": "x", "Key": "y"}]}, 400, 15),
        ({"Level": "Study", "Query": {"StudyID": "x"}, "Since": 1, "CaseSensitive": True}, 400, 8),
    ],
)
async def test_find_refuses(
    client: httpx.AsyncClient, body: Any, status: int, orthanc: int
) -> None:
    """What cannot be understood is told, with Orthanc's number of the error."""
    answer = await client.post("/tools/find", json=body)
    assert (answer.status_code, answer.json()["OrthancStatus"]) == (status, orthanc)


async def test_counting(client: httpx.AsyncClient, store: Store) -> None:
    """Counting takes the same query, ignores what shapes answers, and has no regard to case."""
    body = {"Level": "Study", "Query": {"StudyID": "7"}, "Limit": 1, "Expand": True}
    assert (await client.post("/tools/count-resources", json=body)).json() == {"Count": 7}
    assert store.catalog.searched == Search("Study", query=(("00200010", "7"),))
    answer = await client.post("/tools/count-resources", json=body | {"CaseSensitive": True})
    assert answer.status_code == 400


async def test_lookup(client: httpx.AsyncClient) -> None:
    """What has a DICOM identifier is told with its level and path."""
    answer = await client.post("/tools/lookup", content="1.2.3")
    assert answer.json()[1] == {"Type": "Study", "ID": STUDY, "Path": f"/studies/{STUDY}"}
    assert (await client.post("/tools/lookup", content=b"\xff")).json() == []


async def test_bulk_content(client: httpx.AsyncClient, store: Store) -> None:
    """Objects of many resources have their metadata unless told otherwise."""
    answer = await client.post("/tools/bulk-content", json={"Resources": [INSTANCE]})
    assert (answer.json()[0]["ID"], answer.json()[0]["Metadata"]) == (INSTANCE, {})
    assert store.catalog.asked == ([INSTANCE], None)
    body = {"Resources": [INSTANCE], "Level": "Study", "Metadata": False}
    answer = await client.post("/tools/bulk-content", json=body)
    assert (answer.json()[0]["ID"], "Metadata" in answer.json()[0]) == (STUDY, False)
    assert store.catalog.asked == ([INSTANCE], "Study")
    bad = await client.post("/tools/bulk-content", json={"Resources": [], "Level": "x"})
    assert bad.status_code == 400


async def test_lists_are_shaped_as_searches_are(client: httpx.AsyncClient, store: Store) -> None:
    """Requested tags and parts can be chosen for lists, for one resource, and around it."""
    query = "requested-tags=Rows;0008,0061&requestedTags=Columns&response-content=Labels"
    wanted = Fields(frozenset((Part.LABELS,)), ("00080061", "00280010", "00280011"))
    for path in (
        "/studies",
        f"/studies/{STUDY}",
        f"/studies/{STUDY}/instances",
        f"/studies/{STUDY}/patient",
    ):
        answer = await client.get(f"{path}?{query}")
        assert answer.status_code == 200, path
        shown = answer.json()
        shown = shown[0] if isinstance(shown, list) else shown
        assert set(shown) == {"ID", "Type", "Labels", "RequestedTags"}, path
        assert store.catalog.wanted == wanted, path
    for bad in ("response-content=Everything", "requested-tags=Nonsense"):
        assert (await client.get(f"/studies/{STUDY}?{bad}")).status_code == 400


@pytest.mark.parametrize(
    ("body", "details"),
    [
        (b"", "it is empty"),
        (b"{", "Input data was truncated"),
        (b'{"Level": "Study", "Query": {"PatientName": 7}}', "Query.PatientName: "),
        (
            b'{"Level": "Study", "Query": {}, "Limit": "5"}',
            "Limit: Input should be a valid integer",
        ),
        (
            b'{"Level": "Study", "Query": {}, "OrderBy": [{"Type": "x", "Key": "y"}]}',
            "OrderBy.0.Type",
        ),
        (b'{"Level": 7, "Query": {}}', "Level: Input should be 'Patient', 'Study', "),
        (b'{"Level": "Any", "Query": {}}', "known are Patient, Study, Series, Instance"),
        (b'{"Level": "Study", "Query": {"PatientName": "\\ud800"}}', "The body is not the JSON"),
        (b'{"Level": "Study", "Query": {"PatientName": "\xff"}}', "not UTF-8"),
        (b'{"Level": "Study", "Query": {}, "More": 1' + b"0" * 30 + b"}", "more than 64 bits"),
        (b'{"Level": "Study", "Query": {}, "More": ' + b"[" * 99 + b"]" * 99 + b"}", "deeper than"),
    ],
)
async def test_what_is_wrong_with_a_body(
    client: httpx.AsyncClient, body: bytes, details: str
) -> None:
    """The answer names the field and what is expected there, whatever the body says it is."""
    for kind in ("application/json", "application/x-www-form-urlencoded"):
        answer = await client.post("/tools/find", content=body, headers={"content-type": kind})
        assert answer.status_code == 400
        assert details in answer.json()["Details"]


async def test_what_shapes_objects_does_not_matter_for_identifiers(
    client: httpx.AsyncClient,
) -> None:
    """Tags that are requested for no object are not looked up."""
    body: dict[str, Any] = {"Level": "Study", "Query": {}, "RequestedTags": ["Nonsense"]}
    assert (await client.post("/tools/find", json=body)).json() == [STUDY]
    assert (await client.post("/tools/find", json=body | {"Expand": True})).status_code == 400


async def test_a_body_that_does_not_end(client: httpx.AsyncClient) -> None:
    """JSON that comes in chunks is read up to a bound."""

    async def chunks() -> Any:
        for _ in range(17):
            yield b" " * 1024 * 1024

    assert (await client.post("/tools/find", content=chunks())).status_code == 413


async def test_searches_are_described(client: httpx.AsyncClient, document: dict[str, Any]) -> None:
    """The document tells what a search takes, with an example that the store takes."""
    body = document["paths"]["/tools/find"]["post"]["requestBody"]
    schema = body["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/FindRequest"}
    described = document["components"]["schemas"]["FindRequest"]
    assert described["required"] == ["Level", "Query"]
    assert all("description" in one for one in described["properties"].values())
    answer = await client.post("/tools/find", json=described["examples"][0])
    assert answer.status_code == 200
