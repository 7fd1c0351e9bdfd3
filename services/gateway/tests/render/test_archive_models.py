# SPDX-License-Identifier: Apache-2.0
"""What may be asked of an archive, and what is ordered then."""

from typing import Any

import httpx
import pytest

from pons.jobs import ArchiveOrder, ArchiveRequest
from pons_gateway.models.archives import ArchiveRequest as Asked
from pons_gateway.models.archives import MediaQuery, ResourcesArchiveRequest

from ..conftest import STUDY, Open

pytestmark = pytest.mark.anyio


def ordered(value: Any) -> ArchiveOrder:
    asked = ResourcesArchiveRequest.model_validate(value)
    return asked.order(asked.Resources, "Archive.zip", utf8=False)


def test_an_array_of_resources() -> None:
    """A bare array is as good as an object, and what comes twice counts once."""
    expected = ArchiveOrder(ArchiveRequest(["a", "b"]), "Archive.zip")
    assert ordered(["a", " b ", "a"]) == expected
    assert ordered({"Resources": ["a", "b"], "Unknown": 7}) == expected


def test_every_field() -> None:
    """All of Orthanc's fields arrive."""
    asked = Asked.model_validate(
        {
            "Asynchronous": True,
            "Filename": " x.zip ",
            "Utf8": True,
            "Extended": True,
            "Permissive": True,
            "Priority": -3,
            "UserData": "mine",
            "LossyQuality": 50,
        }
    )
    request = ArchiveRequest(["a"], media=True, extended=True, utf8=True, permissive=True)
    assert asked.order(["a"], "a.zip", utf8=False, media=True) == ArchiveOrder(
        request, "x.zip", synchronous=False, priority=-3, user_data="mine"
    )


@pytest.mark.parametrize(
    ("value", "synchronous"),
    [
        ({}, True),
        ({"Synchronous": False}, False),
        ({"Asynchronous": True}, False),
        ({"Asynchronous": True, "Synchronous": True}, True),
    ],
)
def test_synchronous(value: dict[str, Any], synchronous: bool) -> None:
    """`Synchronous` counts where both are said, and either alone will do."""
    assert ordered({"Resources": [], **value}).synchronous is synchronous


def test_only_text_is_kept_as_user_data() -> None:
    """Other values are no error, and nothing."""
    assert ordered({"Resources": [], "UserData": {"a": 10**30}}).user_data is None


@pytest.mark.parametrize(
    ("query", "extended"), [({}, True), ({"extended": ""}, True), ({"extended": "0"}, False)]
)
def test_extended_by_the_route(query: dict[str, str], extended: bool) -> None:
    """The route says whether a DICOMDIR is extended, unless the query does."""
    asked = MediaQuery.model_validate(query).as_body()
    order = asked.order(["a"], "a.zip", utf8=True, media=True, extended=True)
    assert order.request == ArchiveRequest(["a"], media=True, extended=extended, utf8=True)


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ('"a"', "expected an object, or an array of Orthanc identifiers"),
        ("{}", "Resources: Field required"),
        ('{"Resources": "a"}', "Resources: Input should be a valid list"),
        ("nope", "not the JSON that is expected (JSON is malformed"),
        ("[" * 70 + "]" * 70, "nested deeper than 64 levels"),
        ("[1]", "Resources.0: Input should be a valid string"),
        ('[" "]', "Resources.0: String should have at least 1 character"),
        ('["\\ud800"]', "not the JSON that is expected"),
        ('{"Resources": [], "UserData": "\\ud800"}', "not the JSON that is expected"),
        ('{"Resources": [], "LossyQuality": 0}', "LossyQuality: Input should be greater than"),
        (
            '{"Resources": [], "LossyQuality": 101}',
            "LossyQuality: Input should be less than or equal to 100, got 101",
        ),
        ('{"Resources": [], "LossyQuality": true}', "LossyQuality: Input should be a valid int"),
        ('{"Resources": [], "Utf8": 1}', "Utf8: Input should be a valid boolean, got 1"),
        ('{"Resources": [], "Permissive": "true"}', "Permissive: Input should be a valid boolean"),
        ('{"Resources": [], "Priority": "x"}', "Priority: Input should be a valid integer"),
        ('{"Resources": [], "Priority": 2147483648}', "Priority: Input should be less than"),
        ('{"Resources": [], "Filename": 7}', "Filename: Input should be a valid string"),
        ('{"Resources": [], "Transcode": "nope"}', "Transcode: this store cannot transcode"),
    ],
)
async def test_a_wrong_body(open_client: Open, body: str, details: str) -> None:
    """A wrong field is named, with what is expected of it."""
    async with open_client() as client:
        answer = await client.post("/tools/create-archive", content=body)
    assert answer.status_code == 400
    assert details in told(answer)


@pytest.mark.parametrize(
    ("query", "details"),
    [
        ("lossy-quality=0", "lossy-quality: Input should be greater than or equal to 1"),
        ("lossy-quality=101", "lossy-quality: Input should be less than or equal to 100"),
        (
            "lossy-quality=x",
            "lossy-quality: expected a whole number from 0 to 9223372036854775807, got 'x'",
        ),
        ("permissive=x", "permissive: expected 0, 1, true or false, got 'x'"),
        ("transcode=", "this store cannot transcode archives to ''"),
    ],
)
async def test_a_wrong_query(open_client: Open, query: str, details: str) -> None:
    """A wrong parameter is named, with what is expected of it."""
    async with open_client() as client:
        answer = await client.get(f"/studies/{STUDY}/archive?{query}")
    assert answer.status_code == 400
    assert details in told(answer)


def told(answer: httpx.Response) -> str:
    details: str = answer.json()["Details"]
    return details
