# SPDX-License-Identifier: Apache-2.0
"""What is sent to peers and asked of them: the bodies that are taken, and what egress is told."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest

from pons.errors import NotFound, RemoteFailure
from pons.jobs import PeerStoreRequest
from pons.messages.egress import AskPeer, PeerAnswer, UploadToPeer
from pons.remotes.peers import OtherStore
from pons.settings import HttpSettings, Settings

from ..conftest import INSTANCE, NOBODY, STUDY, Open, Store
from .test_remotes import FakeJobs, FakeRegistry

pytestmark = pytest.mark.anyio

SYNTAX = "1.2.840.10008.1.2.4.50"


@pytest.fixture
def jobs() -> FakeJobs:
    return FakeJobs()


@pytest.fixture
async def client(open_client: Open, jobs: FakeJobs) -> AsyncIterator[httpx.AsyncClient]:
    peers = FakeRegistry({"one": OtherStore("http://one/", "me", "secret")})
    async with open_client(peers=peers, jobs=jobs) as client:
        yield client


def asked_of(jobs: FakeJobs) -> PeerStoreRequest:
    return msgspec.convert(jobs.submitted[-1][0].arguments, PeerStoreRequest)


@pytest.mark.parametrize(
    "body",
    [STUDY, f" {STUDY}\n", f'"{STUDY}"', f'["{STUDY}"]', f'{{"Resources": "{STUDY}"}}'],
)
async def test_one_resource(client: httpx.AsyncClient, jobs: FakeJobs, body: str) -> None:
    """A bare identifier, as text or JSON, is sent as it is stored; the answer has no secret."""
    answer = await client.post("/peers/one/store", content=body)
    assert answer.json() == {
        "Description": "REST API",
        "Peer": ["http://one/", "me", ""],
        "Compress": False,
        "ParentResources": [STUDY],
        "InstancesCount": 0,
        "FailedInstancesCount": 0,
        "Size": "0",
        "SizeMB": 0,
    }
    assert asked_of(jobs) == PeerStoreRequest("one", [STUDY])
    assert b"secret" not in msgspec.msgpack.encode(jobs.submitted[-1][0])


async def test_every_field(client: httpx.AsyncClient, jobs: FakeJobs) -> None:
    """All of Orthanc's fields arrive, and the job is named at once."""
    body = {
        "Resources": [STUDY, INSTANCE],
        "Synchronous": False,
        "Priority": 7,
        "Permissive": True,
        "Compress": True,
        "Transcode": SYNTAX,
        "Timeout": 9,
        "UserData": [1],
    }
    answer = await client.post("/peers/one/store", json=body)
    assert answer.json() == {"ID": "the-job", "Path": "/jobs/the-job"}
    assert asked_of(jobs) == PeerStoreRequest(
        "one",
        [STUDY, INSTANCE],
        priority=7,
        permissive=True,
        compress=True,
        transcode=SYNTAX,
        timeout=9.0,
        user_data=[1],
        synchronous=False,
    )
    request, priority = jobs.submitted[-1]
    assert (request.job_type, request.worker, priority) == ("OrthancPeerStore", "egress", 7)
    assert (request.content["Compress"], request.content["Transcode"]) == (True, SYNTAX)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"Resources": [], "Compress": 1}, "Compress: Input should be a valid boolean, got 1"),
        ({"Resources": [], "Transcode": "1.2"}, "Transcode: expected the UID of a transfer syntax"),
        ({"Resources": [], "Timeout": -1}, "Timeout: Input should be greater than or equal to 0"),
        ({}, "expected an identifier, an array of them, or an object with Resources, got {}"),
    ],
)
async def test_what_cannot_be_sent(client: httpx.AsyncClient, body: Any, told: str) -> None:
    """Whoever asks for something impossible reads which field it is."""
    answer = await client.post("/peers/one/store", json=body)
    assert (answer.status_code, told in answer.json()["Details"]) == (400, True)


async def test_what_is_not_here(client: httpx.AsyncClient, jobs: FakeJobs) -> None:
    """An unknown resource or peer is a 404, and no job."""
    answer = await client.post("/peers/one/store", json=[STUDY, NOBODY])
    assert (answer.status_code, NOBODY in answer.json()["Details"]) == (404, True)
    for request in (
        client.post("/peers/nobody/store", json=[STUDY]),
        client.post("/peers/nobody/store-straight", content=b"file"),
        client.get("/peers/nobody/system"),
    ):
        answer = await request
        assert (answer.status_code, answer.json()["OrthancStatus"]) == (404, 7)
    assert jobs.submitted == []


async def test_the_system_of_a_peer(client: httpx.AsyncClient, store: Store) -> None:
    """What the peer tells is passed on; why it tells nothing is an error of 500."""
    store.services.answers[AskPeer] = PeerAnswer(b'{"Version":"1.12.9"}')
    assert (await client.get("/peers/one/system")).json() == {"Version": "1.12.9"}
    assert store.services.commands == [("egress", AskPeer("one", "system"))]
    store.services.answers[AskPeer] = RemoteFailure("Peer 'one' (http://one): no connection")
    answer = await client.get("/peers/one/system")
    assert (answer.status_code, answer.json()["OrthancStatus"]) == (500, 9)
    assert answer.json()["Details"] == "Peer 'one' (http://one): no connection"


async def test_a_file_is_passed_on(open_client: Open, store: Store) -> None:
    """Egress finds the whole file as an object, which is gone afterwards, also after a failure."""
    peers = FakeRegistry({"one": OtherStore("http://one/")})
    content = b"DICM" * 3_000_000
    passed: list[bytes] = []

    class Egress:
        def __init__(self) -> None:
            self.fails = False

        async def ask(self, service: str, command: Any, _answer: type, **_: float) -> Any:
            assert (service, type(command), command.peer) == ("egress", UploadToPeer, "one")
            passed.append(await store.backends.objects.read(command.object_key, command.size))
            self.key = command.object_key
            if self.fails:
                raise RemoteFailure("it is full")
            return PeerAnswer(b'{"Status":"Success"}')

    egress = Egress()
    async with open_client(peers=peers, ask=egress.ask) as client:
        answer = await client.post("/peers/one/store-straight", content=content)
        assert (answer.status_code, answer.json()) == (200, {"Status": "Success"})
        egress.fails = True
        answer = await client.post("/peers/one/store-straight", content=b"small")
        assert (answer.status_code, answer.json()["Details"]) == (500, "it is full")
        answer = await client.post("/peers/one/store-straight", content=b"")
        assert (answer.status_code, answer.json()["OrthancStatus"]) == (400, 15)
    assert passed == [content, b"small"]
    with pytest.raises(NotFound):
        await store.backends.objects.size(egress.key)


async def test_too_large_a_file(open_client: Open, store: Store) -> None:
    """A file beyond the limit of bodies is refused, also when it comes in chunks."""
    peers = FakeRegistry({"one": OtherStore("http://one/")})

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b" " * 1024 * 1024

    settings = Settings(http=HttpSettings(max_body_mb=2))
    async with open_client(settings, peers=peers) as client:
        answer = await client.post("/peers/one/store-straight", content=chunks())
    assert (answer.status_code, answer.json()["OrthancStatus"]) == (413, 4)
    assert store.services.commands == []
