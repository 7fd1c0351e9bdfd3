# SPDX-License-Identifier: Apache-2.0
"""Modalities and peers over REST: the bodies that are taken, and what is told of others."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec
import pytest

from pons.bus.bucket import Outdated
from pons.errors import NotFound, RemoteFailure
from pons.jobs import Job, JobDocument, JobRequest, StoreRequest
from pons.messages.egress import EchoModality, StoreStraight
from pons.messages.modality import Modality
from pons.messages.services import Done
from pons.remotes.peers import OtherStore

from ..conftest import INSTANCE, NOBODY, STUDY, Open, Store

pytestmark = pytest.mark.anyio

PACS = {"AET": "PACS", "Host": "192.0.2.1", "Port": 104}
KNOWN = Modality("PACS", "192.0.2.1", 104)
EXPECTED = "The body is not the JSON that is expected"


@dataclass
class FakeRegistry:
    """What is known by name, in memory."""

    known: dict[str, Any] = field(default_factory=dict)
    revisions: dict[str, int] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def revision(self, name: str) -> int:
        return self.revisions.get(name, 0)

    def list(self) -> dict[str, Any]:
        return dict(self.known)

    def sources(self) -> dict[str, str]:
        return dict.fromkeys(self.known, "here")

    async def read(self, name: str) -> Any:
        if name not in self.known:
            raise NotFound(f"There is nothing called {name!r}")
        return self.known[name]

    async def put(self, name: str, one: Any, revision: int | None = None) -> None:
        if revision not in (None, self.revision(name)):
            raise Outdated
        self.revisions[name] = self.revision(name) + 1
        self.known[name] = one

    async def add(self, name: str, one: Any) -> None:
        if name in self.known:
            raise Outdated
        await self.put(name, one)

    async def delete(self, name: str, revision: int | None = None) -> None:
        await self.read(name)
        if revision not in (None, self.revision(name)):
            raise Outdated
        del self.known[name]


@dataclass
class FakeJobs:
    submitted: list[tuple[JobRequest, int]] = field(default_factory=list)

    async def submit(self, request: JobRequest, priority: int = 0) -> str:
        self.submitted.append((request, priority))
        return "the-job"

    def retries(self, *, synchronous: bool) -> bool:
        """As a store whose settings ask for no retries."""
        return False

    async def wait_for(self, job_id: str, _seconds: float) -> Job:
        request = self.submitted[-1][0]
        document = JobDocument(job_id, request.job_type, request.worker, 0, 0.0, 0.0, "Success")
        return Job(request, document, 1)

    @property
    def asked(self) -> StoreRequest:
        """What the last job is to send."""
        return msgspec.convert(self.submitted[-1][0].arguments, StoreRequest)


@pytest.fixture
def modalities() -> FakeRegistry:
    return FakeRegistry({"pacs": KNOWN})


@pytest.fixture
def peers() -> FakeRegistry:
    return FakeRegistry({"one": OtherStore("http://one/", "me", "secret")})


@pytest.fixture
def jobs() -> FakeJobs:
    return FakeJobs()


@pytest.fixture
async def client(
    open_client: Open, modalities: FakeRegistry, peers: FakeRegistry, jobs: FakeJobs
) -> AsyncIterator[httpx.AsyncClient]:
    async with open_client(modalities=modalities, peers=peers, jobs=jobs) as client:
        yield client


async def details(answer: httpx.Response) -> str:
    """What a 400 tells, without the words that all have."""
    assert answer.status_code == 400, answer.text
    told: str = answer.json()["Details"]
    return told.removeprefix(f"{EXPECTED} (").removesuffix(")")


async def test_both_forms_of_a_modality(
    client: httpx.AsyncClient, modalities: FakeRegistry
) -> None:
    """An object and an array are taken, whatever the body calls itself."""
    form = {"content-type": "application/x-www-form-urlencoded"}
    for body in (PACS, ["PACS", "192.0.2.1", "104"]):
        text = json.dumps(body)
        assert (await client.put("/modalities/new", content=text, headers=form)).content == b""
        assert modalities.known.pop("new") == KNOWN


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("[]", "expected an object, [AET, Host, Port] or [AET, Host, Port, Manufacturer], got []"),
        ('["A", "h", 0]', "Port: Input should be greater than or equal to 1, got 0"),
        ('{"AET": "A", "Host": "h"}', "Port: Field required"),
        ("", "it is empty"),
        ("{}", "AET: Field required"),
        ("junk", "JSON is malformed: invalid character (byte 0)"),
        ('["A", "h", NaN]', "JSON is malformed: invalid character (byte 11)"),
    ],
)
async def test_no_modality(client: httpx.AsyncClient, body: str, told: str) -> None:
    """The answer names the field, its value and what is expected."""
    assert await details(await client.put("/modalities/x", content=body)) == told


async def test_json_has_bounds(client: httpx.AsyncClient) -> None:
    """What could not be told again is refused before anybody keeps it."""
    deep = await client.put("/modalities/x", content="[" * 99 + "]" * 99)
    assert await details(deep) == "The JSON body is nested deeper than 64 levels"
    large = await client.put("/modalities/x", content='["A", "h", 99999999999999999999]')
    assert await details(large) == "The JSON body has a number of more than 64 bits"
    endless = await client.put("/modalities/x", content=b" " * (16 * 1024 * 1024 + 1))
    assert endless.status_code == 413
    assert endless.json()["Details"] == "The body has more than 16 MiB"


async def test_flags(client: httpx.AsyncClient) -> None:
    """A flag is its name alone, or one of four words."""
    for word in ("", "=", "=1", "=true"):
        expanded = await client.get(f"/modalities?expand{word}")
        assert expanded.json()["pacs"].items() >= PACS.items()
    for word in ("=0", "=false"):
        assert (await client.get(f"/modalities?expand{word}")).json() == ["pacs"]
    wrong = await client.get("/modalities?expand=yes")
    assert wrong.json()["OrthancStatus"] == 5
    assert await details(wrong) == "expand: expected 0, 1, true or false, got 'yes'"


async def test_timeout_of_an_echo(client: httpx.AsyncClient, store: Store) -> None:
    """An echo waits as long as it is asked to, within a day; the body may be empty or blank."""
    store.services.answers[EchoModality] = Done()
    for body in ("", " ", "{}", '{"Timeout": 0.5}'):
        answer = await client.post("/modalities/pacs/echo", content=body)
        assert (answer.status_code, answer.json()) == (200, {})
    asked = [command for _, command in store.services.commands]
    assert asked == [*[EchoModality("pacs")] * 3, EchoModality("pacs", 0.5)]
    for wrong in ("1", '"yes"'):
        answer = await client.post("/modalities/pacs/echo", content=f'{{"CheckFind": {wrong}}}')
        assert (await details(answer)).startswith("CheckFind: Input should be ")
    described = {"AET": "WS", "Host": "h", "Port": 1, "CheckFind": True}
    asking: dict[str, Any] = {
        "/modalities/pacs/echo": {"CheckFind": True},
        "/tools/dicom-echo": described,
    }
    for path, about in asking.items():
        assert (await client.post(path, json=about)).json() == {}
        assert store.services.commands[-1][1].check_find
    for wrong in ("-1", "true", "86401", '"5"'):
        answer = await client.post("/modalities/pacs/echo", content=f'{{"Timeout": {wrong}}}')
        assert (await details(answer)).startswith("Timeout: Input should be ")


@pytest.mark.parametrize(
    "body",
    [STUDY, f" {STUDY}\n", f'"{STUDY}"', f'["{STUDY}"]', f'{{"Resources": "{STUDY}"}}'],
)
async def test_one_resource(client: httpx.AsyncClient, jobs: FakeJobs, body: str) -> None:
    """A bare identifier, as text or JSON, is sent with the modality's own values."""
    answer = await client.post("/modalities/pacs/store", content=body)
    assert (answer.status_code, answer.json()["RemoteAet"]) == (200, "PACS")
    assert jobs.asked == StoreRequest("pacs", [STUDY])


async def test_every_field_of_a_request_to_send(client: httpx.AsyncClient, jobs: FakeJobs) -> None:
    """All of Orthanc's fields arrive, and the job is named at once."""
    body = f"""{{"Resources": ["{STUDY}", "{INSTANCE}"], "Asynchronous": true, "Priority": -3,
        "Permissive": true, "LocalAet": "ME", "CalledAet": "YOU", "Host": "h", "Port": "104",
        "Timeout": 7, "MoveOriginatorAet": "MOVER", "MoveOriginatorID": 42,
        "UserData": {{"a": [1]}}, "StorageCommitment": false}}"""
    answer = await client.post("/modalities/pacs/store", content=body)
    assert answer.json() == {"ID": "the-job", "Path": "/jobs/the-job"}
    assert jobs.submitted[0][1] == -3
    assert jobs.asked == StoreRequest(
        modality="pacs",
        resources=[STUDY, INSTANCE],
        synchronous=False,
        priority=-3,
        permissive=True,
        local_aet="ME",
        called_aet="YOU",
        host="h",
        port=104,
        move_originator_aet="MOVER",
        move_originator_id=42,
        timeout=7.0,
        user_data={"a": [1]},
    )


async def test_commitment_in_the_end(client: httpx.AsyncClient, jobs: FakeJobs) -> None:
    """Each job has a transaction of its own, which its content names."""
    body = {"Resources": [STUDY], "StorageCommitment": True}
    answer = (await client.post("/modalities/pacs/store", json=body)).json()
    assert answer["StorageCommitmentTransactionUID"].startswith("2.25.")
    assert jobs.asked.transaction_uid == answer["StorageCommitmentTransactionUID"]


async def test_synchronous_wins(client: httpx.AsyncClient, jobs: FakeJobs) -> None:
    """With both words given, Synchronous decides, as in Orthanc."""
    body = {"Resources": [STUDY], "Synchronous": True, "Asynchronous": True}
    assert "RemoteAet" in (await client.post("/modalities/pacs/store", json=body)).json()
    assert jobs.asked.synchronous


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "it is empty"),
        (b'" "', "Resources.0: String should have at least 1 character, got '"),
        (b"[1]", "Resources.0: Input should be a valid string, got 1"),
        (b"{}", "expected an identifier, an array of them, or an object with Resources, got {}"),
        (b"3", "expected an identifier, an array of them, or an object with Resources, got 3"),
        (b'{"Resources": [], "Permissive": 1}', "Permissive: Input should be a valid boolean, got"),
        (b'{"Resources": [], "Priority": "high"}', "Priority: Input should be a valid integer, go"),
        (b'{"Resources": [], "Port": 70000}', "Port: Input should be less than or equal to 65534"),
        (
            b'{"Resources": [], "MoveOriginatorID": 65536}',
            "MoveOriginatorID: Input should be less than or equal to 65535, got 65536",
        ),
        (b'{"Resources": [], "LocalAet": "SEVENTEEN-LETTERS"}', "LocalAet: expected 1 to 16"),
        (
            b'{"Resources": [], "UserData": ' + b"[" * 99 + b"]" * 99 + b"}",
            "The JSON body is nested",
        ),
        (b'{"Resources": [], "UserData": 99999999999999999999}', "The JSON body has a number"),
        (b'{"Resources": [], "StorageCommitment": 1}', "StorageCommitment: Input should be a vali"),
    ],
)
async def test_what_cannot_be_sent(client: httpx.AsyncClient, body: bytes, told: str) -> None:
    """Whoever asks for something impossible reads which field it is."""
    answer = await client.post("/modalities/pacs/store", content=body)
    assert (await details(answer)).startswith(told)


async def test_what_is_not_here_is_not_sent(client: httpx.AsyncClient, jobs: FakeJobs) -> None:
    """One unknown resource is a 404 that names it, and no job; so is an unknown modality."""
    answer = await client.post("/modalities/pacs/store", json=[STUDY, NOBODY])
    assert (answer.status_code, NOBODY in answer.json()["Details"]) == (404, True)
    answer = await client.post("/modalities/nobody/store", json=[STUDY])
    assert (answer.status_code, answer.json()["OrthancStatus"]) == (404, 7)
    assert jobs.submitted == []


async def test_a_file_that_is_sent_straight(client: httpx.AsyncClient, store: Store) -> None:
    """Egress is asked to send the file, which is not stored, and is told where it lies."""
    store.services.answers[StoreStraight] = Done()
    answer = await client.post("/modalities/pacs/store-straight", content=b"DICOM")
    assert (answer.status_code, answer.json()) == (
        200,
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2", "SOPInstanceUID": "1.2.3.4.5"},
    )
    [(service, command)] = store.services.commands
    assert service == "egress"
    assert command == StoreStraight(
        modality="pacs",
        object_key=command.object_key,
        size=5,
        checksum=b"checksum",
        transfer_syntax="1.2.840.10008.1.2.1",
        sop_class_uid="1.2.840.10008.5.1.4.1.1.2",
        sop_instance_uid="1.2.3.4.5",
    )
    assert store.ingest.bodies == []
    with pytest.raises(NotFound):
        await store.backends.objects.size(command.object_key)


async def test_what_cannot_be_sent_straight(client: httpx.AsyncClient, store: Store) -> None:
    """What is no file, an unknown modality, and one that refuses are told apart."""
    answer = await client.post("/modalities/pacs/store-straight", content=b"nope")
    assert (answer.status_code, answer.json()["OrthancStatus"]) == (400, 15)
    answer = await client.post("/modalities/nobody/store-straight", content=b"DICOM")
    assert (answer.status_code, answer.json()["OrthancStatus"]) == (404, 7)
    store.services.answers[StoreStraight] = RemoteFailure("refused it")
    answer = await client.post("/modalities/pacs/store-straight", content=b"DICOM")
    assert (answer.status_code, answer.json()["Details"]) == (500, "refused it")


async def test_too_long_a_request_to_send(client: httpx.AsyncClient) -> None:
    """A body of more than 16 MiB is refused, also when it comes in chunks."""

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(17):
            yield b" " * 1024 * 1024

    for body in (b" " * 17 * 1024 * 1024, chunks()):
        answer = await client.post("/modalities/pacs/store", content=body)
        assert (answer.status_code, answer.json()["OrthancStatus"]) == (413, 4)


async def test_peers(client: httpx.AsyncClient, peers: FakeRegistry) -> None:
    """Both forms and notes are taken; what is shown and offered is what there is."""
    given = {"Url": "http://two", "HttpHeaders": {"X-Key": "secret"}, "RemoteSelf": "here"}
    assert (await client.put("/peers/two", json=given)).content == b""
    assert peers.known["two"] == OtherStore(
        "http://two/", http_headers={"X-Key": "secret"}, properties={"RemoteSelf": "here"}
    )
    assert (await client.put("/peers/three", json=["http://three", "me", "secret"])).is_success
    assert peers.known["three"] == OtherStore("http://three/", "me", "secret")
    assert (await client.get("/peers")).json() == ["one", "two", "three"]
    expanded = (await client.get("/peers?expand")).json()
    assert (expanded["two"]["HttpHeaders"], expanded["two"]["RemoteSelf"]) == (["X-Key"], "here")
    assert expanded["one"] == (await client.get("/peers/one/configuration")).json()
    assert "secret" not in json.dumps(expanded)
    offered = ["configuration", "store", "store-straight", "system"]
    assert (await client.get("/peers/one")).json() == offered


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (["http://h", "secret"], "expected an object, [Url] or [Url, Username, Password]"),
        (["http://me:secret@h"], "Url: expected http://host/ or https://host/"),
        (["http://me:secret@h?a"], "Url: expected http://host/ or https://host/"),
        (["http://h", "me:secret", ""], "Username: expected a name without colon, which HTTP ca"),
        ({"Url": "http://h", "Password": ["secret"]}, "Password: Input should be a valid string"),
        ({"Url": "http://h", "Note": {"secret": 1}}, "Note: Input should be a valid string"),
        (
            {"Url": "http://h", "HttpHeaders": {"X-Key": "secret\n"}},
            "HttpHeaders.X-Key: expected a text of one line",
        ),
    ],
)
async def test_no_peer(client: httpx.AsyncClient, body: Any, told: str) -> None:
    """The answer names the field and what is expected, and repeats nothing that may be a secret."""
    answer = await client.put("/peers/x", json=body)
    assert (await details(answer)).startswith(told)
    assert "secret" not in answer.text


def test_what_is_described(document: dict[str, Any]) -> None:
    """The document has the forms of a modality, and the fields of what is sent."""
    schemas = document["components"]["schemas"]
    modality = schemas["Modality-Input"]["anyOf"]
    assert [one["type"] for one in modality] == ["object", "array", "array"]
    port = modality[0]["properties"]["Port"]
    assert (port["minimum"], port["maximum"]) == (1, 65534)
    assert "AllowStorageCommitment" not in schemas["Modality-Output"]["properties"]
    sending = document["paths"]["/modalities/{name}/store"]["post"]["requestBody"]["content"]
    assert sending["application/json"]["schema"] == {"$ref": "#/components/schemas/StoreRequest"}
    assert set(sending) == {"application/json", "text/plain"}
