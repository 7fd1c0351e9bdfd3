# SPDX-License-Identifier: Apache-2.0
"""Storage commitment over REST: what egress is asked, how reports are shown, what is deleted."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from pons.errors import NotFound, RemoteFailure
from pons.messages.egress import Commitment, Reference, RequestCommitment
from pons.messages.index import DeleteResources, ResourceName
from pons.messages.modality import Modality
from pons.messages.services import Done
from pons.remotes.commitments import Failed, Reported, Transaction

from ..conftest import INSTANCE, NOBODY, STUDY, Open, Store

pytestmark = pytest.mark.anyio

UID, CT = "2.25.77", "1.2.840.10008.5.1.4.1.1.2"
ONE, TWO = Reference(CT, "1.2.1"), Reference(CT, "1.2.2")


class Modalities:
    async def read(self, name: str) -> Modality:
        if name != "pacs":
            raise NotFound(f"There is no modality {name!r}")
        return Modality("PACS", "192.0.2.1", 104)


@dataclass
class FakeCommitments:
    """One transaction."""

    transaction: Transaction = field(default_factory=lambda: Transaction(UID, "PACS", 0.0))
    report: Reported = field(default_factory=Reported)

    async def find(self, uid: str) -> Transaction:
        if uid != UID:
            raise NotFound(f"There is no storage commitment {uid!r}")
        return self.transaction

    async def reported(self, uid: str) -> Reported:
        return self.report


@pytest.fixture
def commitments() -> FakeCommitments:
    return FakeCommitments()


@pytest.fixture
async def client(
    open_client: Open, store: Store, commitments: FakeCommitments
) -> AsyncIterator[httpx.AsyncClient]:
    store.services.answers[RequestCommitment] = Commitment(UID)
    store.services.answers[DeleteResources] = Done()
    async with open_client(modalities=Modalities(), commitments=commitments) as client:
        yield client


async def test_asking(client: httpx.AsyncClient, store: Store) -> None:
    """Resources and instances in both forms go to egress; the answer says where the report is."""
    body = {
        "Resources": [STUDY],
        "DicomInstances": [[CT, "1.2.1"], {"SOPClassUID": "nope", "SOPInstanceUID": "nope2"}],
        "Timeout": 7,
    }
    answer = await client.post("/modalities/pacs/storage-commitment", json=body)
    assert answer.json() == {"ID": UID, "Path": f"/storage-commitment/{UID}"}
    expected = RequestCommitment("pacs", [STUDY], [ONE, Reference("nope", "nope2")], 7.0)
    assert store.services.commands == [("egress", expected)]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, "name Resources, DicomInstances, or both"),
        ({"DicomInstances": [["1.2"]]}, "expected an object or [SOPClassUID, SOPInstanceUID]"),
        ({"DicomInstances": [{"SOPClassUID": "1"}]}, "SOPInstanceUID: Field required"),
        ({"DicomInstances": [["1.2", ""]]}, "should have at least 1 character"),
    ],
)
async def test_what_cannot_be_asked(
    client: httpx.AsyncClient, store: Store, body: Any, told: str
) -> None:
    """Nobody is asked for nothing, nor for what has no name."""
    answer = await client.post("/modalities/pacs/storage-commitment", json=body)
    assert (answer.status_code, told in answer.json()["Details"]) == (400, True), answer.text
    assert store.services.commands == []


async def test_failures_of_asking(client: httpx.AsyncClient, store: Store) -> None:
    """An unknown modality or resource is a 404; one that refuses is told with its reason."""
    body: dict[str, Any] = {"Resources": [NOBODY]}
    for name in ("pacs", "nobody"):
        answer = await client.post(f"/modalities/{name}/storage-commitment", json=body)
        assert answer.status_code == 404
    many = {"DicomInstances": [[CT, f"1.2.{number}"] for number in range(30_000)]}
    answer = await client.post("/modalities/pacs/storage-commitment", json=many)
    assert (answer.status_code, store.services.commands) == (413, [])
    store.services.answers[RequestCommitment] = RemoteFailure("does not want to")
    body = {"Resources": [STUDY]}
    answer = await client.post("/modalities/pacs/storage-commitment", json=body)
    assert (answer.status_code, answer.json()["Details"]) == (500, "does not want to")


async def test_a_report(client: httpx.AsyncClient, commitments: FakeCommitments) -> None:
    """It is shown as Orthanc shows it, before and after it has come."""
    pending = {"RemoteAET": "PACS", "Status": "Pending", "Success": [], "Failures": []}
    assert (await client.get(f"/storage-commitment/{UID}")).json() == pending
    commitments.transaction = Transaction(UID, "PACS", 0.0, "Failure")
    commitments.report = Reported([ONE], [Failed(TWO, 0x0112)])
    assert (await client.get(f"/storage-commitment/{UID}")).json() == {
        "RemoteAET": "PACS",
        "Status": "Failure",
        "Success": [{"SOPClassUID": CT, "SOPInstanceUID": "1.2.1"}],
        "Failures": [
            {
                "SOPClassUID": CT,
                "SOPInstanceUID": "1.2.2",
                "FailureReason": 274,
                "Description": "No such object instance",
            }
        ],
    }
    assert (await client.get("/storage-commitment/2.25.1")).status_code == 404


async def test_removal(
    client: httpx.AsyncClient,
    store: Store,
    commitments: FakeCommitments,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only what is kept for good is deleted, and only instances."""

    async def look_up(uid: str) -> list[tuple[str, str]]:
        return [("Patient", "a patient"), ("Instance", INSTANCE)] if uid == "1.2.1" else []

    monkeypatch.setattr(store.catalog, "look_up", look_up)
    commitments.report = Reported([ONE, TWO])
    for status in ("Pending", "Failure"):
        commitments.transaction = Transaction(UID, "PACS", 0.0, status)
        assert (await client.post(f"/storage-commitment/{UID}/remove")).status_code == 409
    assert store.services.commands == []
    commitments.transaction = Transaction(UID, "PACS", 0.0, "Success")
    answer = await client.post(f"/storage-commitment/{UID}/remove")
    assert (answer.status_code, answer.json()) == (200, {})
    deleted = DeleteResources([ResourceName(INSTANCE, "Instance")])
    assert store.services.commands == [("index", deleted)]
    assert (await client.post("/storage-commitment/2.25.1/remove")).status_code == 404
