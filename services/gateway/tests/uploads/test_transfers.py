# SPDX-License-Identifier: Apache-2.0
"""Accelerated transfers: what peers look up, fetch and push, and what egress is asked."""

import gzip
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest

from pons.catalog import InstanceToSend
from pons.errors import RemoteFailure, Unavailable
from pons.jobs import TransferRequest
from pons.messages.egress import AskPeer, PeerAnswer
from pons.objects import SHARDS, new_key
from pons.ownership import Mark, mark_objects
from pons.remotes.peers import OtherStore

from ..conftest import INSTANCE, NOBODY, STUDY, Open, Store
from ..operation.test_remotes import FakeJobs, FakeRegistry

pytestmark = pytest.mark.anyio

SECOND = "55555555-55555555-55555555-55555555-55555555"
FILES = {INSTANCE: b"DICOM one" * 1000, SECOND: b"DICOM two" * 2000}
RESOURCES = [{"Level": "Study", "ID": STUDY}]


@dataclass
class FakeArchive:
    """Two instances, all of which the study has."""

    instances: list[InstanceToSend] = field(default_factory=list)

    async def instances_to_send(self, identifiers: list[str]) -> list[InstanceToSend]:
        asked = set(identifiers)
        return [i for i in self.instances if {STUDY, i.instance_id} & asked]


@pytest.fixture
def jobs() -> FakeJobs:
    return FakeJobs()


@pytest.fixture
async def client(
    open_client: Open, store: Store, jobs: FakeJobs
) -> AsyncIterator[httpx.AsyncClient]:
    objects, archive = store.backends.objects, FakeArchive()
    await mark_objects(objects, Mark("test", UUID(int=7)))
    for identifier, content in FILES.items():
        key = new_key()
        await objects.put(key, content)
        md5 = hashlib.md5(content).hexdigest() if identifier == INSTANCE else ""
        names = ("", "", "", "", "", "")
        archive.instances.append(
            InstanceToSend(identifier, (), key, len(content), len(content), "", *names, md5=md5)
        )
    store.catalog.archive = archive  # type: ignore[attr-defined]
    known = {
        "plain": OtherStore("http://plain/"),
        "pulls": OtherStore("http://pulls/base/", properties={"RemoteSelf": "us"}),
    }
    async with open_client(peers=FakeRegistry(known), jobs=jobs) as client:
        yield client


def listed(*identifiers: str) -> list[dict[str, str]]:
    return [
        {
            "ID": one,
            "Size": str(len(FILES[one])),
            "MD5": hashlib.md5(FILES[one]).hexdigest(),
        }
        for one in identifiers
    ]


def chunk(identifier: str, start: int, size: int) -> dict[str, str]:
    return {"ID": identifier, "Offset": str(start), "Size": str(size)}


BUCKETS = [
    [chunk(INSTANCE, 0, 9000), chunk(SECOND, 0, 5000)],
    [chunk(SECOND, 5000, 13000)],
]
CONTENTS = [FILES[INSTANCE] + FILES[SECOND][:5000], FILES[SECOND][5000:]]


def announcement(compression: str = "none", **changes: Any) -> dict[str, Any]:
    both = listed(INSTANCE, SECOND)
    return {"Instances": both, "Buckets": BUCKETS, "Compression": compression, **changes}


async def kept(store: Store) -> int:
    """How many objects there are beside the two of the store."""
    objects = store.backends.objects
    return len([one for shard in SHARDS async for one in objects.list(shard)]) - 2


async def test_lookup(client: httpx.AsyncClient) -> None:
    """Size and MD5 of each instance, kept or made; who this store is, the same every time."""
    for body in (RESOURCES, {"Resources": RESOURCES}, [{"Level": "STUDY", "ID": STUDY}]):
        answer = (await client.post("/transfers/lookup", json=body)).json()
        assert answer == {
            "Instances": listed(INSTANCE, SECOND),
            "Originator": answer["Originator"],
            "CountInstances": 2,
            "TotalSize": "27000",
            "TotalSizeMB": 0,
        }
        assert UUID(answer["Originator"]).version == 5
    unknown = await client.post("/transfers/lookup", json=[{"Level": "Study", "ID": NOBODY}])
    assert unknown.status_code == 404


@pytest.mark.parametrize(
    ("ids", "query", "expected"),
    [
        (INSTANCE, "", FILES[INSTANCE]),
        (f"{INSTANCE}.{SECOND}", "offset=0&size=14000", CONTENTS[0]),
        (SECOND, "offset=5000&size=13000", CONTENTS[1]),
        (f"{INSTANCE}.{SECOND}", "offset=8999&size=2", FILES[INSTANCE][-1:] + FILES[SECOND][:1]),
        (f"{INSTANCE}.{SECOND}", "offset=9001", FILES[SECOND][1:]),
        (f"{SECOND}.{INSTANCE}", "", FILES[SECOND] + FILES[INSTANCE]),
        (INSTANCE, "offset=9000&size=5", b""),
    ],
)
@pytest.mark.parametrize("compression", ["none", "gzip"])
async def test_chunks(
    client: httpx.AsyncClient, ids: str, query: str, expected: bytes, compression: str
) -> None:
    """Any range of files one after the other, also across them."""
    answer = await client.get(f"/transfers/chunks/{ids}?{query}&compression={compression}")
    assert answer.status_code == 200
    packed = compression == "gzip"
    assert answer.headers["content-type"] == f"application/{'gzip' if packed else 'octet-stream'}"
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert (gzip.decompress(answer.content) if packed else answer.content) == expected


async def test_no_chunks(client: httpx.AsyncClient) -> None:
    """What is no instance is 404, what is no number or compression 400."""
    assert (await client.get(f"/transfers/chunks/{INSTANCE}.{NOBODY}")).status_code == 404
    assert (await client.get(f"/transfers/chunks/{STUDY}")).status_code == 404
    for wrong in ("offset=-1", "size=x", "compression=zip"):
        assert (await client.get(f"/transfers/chunks/{INSTANCE}?{wrong}")).status_code == 400


@pytest.mark.parametrize("compression", ["none", "gzip"])
async def test_a_push(client: httpx.AsyncClient, store: Store, compression: str) -> None:
    """Buckets in any order, one of them twice; all is stored at the commit, and not before."""
    opened = (await client.post("/transfers/push", json=announcement(compression))).json()
    assert opened["Path"] == f"/transfers/push/{opened['ID']}"
    for number in (1, 0, 1):
        content = CONTENTS[number]
        body = gzip.compress(content) if compression == "gzip" else content
        answer = await client.put(f"{opened['Path']}/{number}", content=body)
        assert (answer.status_code, answer.json()) == (200, {})
    assert store.ingest.bodies == []
    answer = await client.post(f"{opened['Path']}/commit")
    assert (answer.status_code, answer.json()) == (200, {})
    assert sorted(store.ingest.bodies) == sorted(FILES.values())
    assert {origin.kind for origin in store.ingest.origins} == {"Plugins"}
    assert await kept(store) == 0
    assert (await client.post(f"{opened['Path']}/commit")).status_code == 404


async def test_a_push_that_is_given_up(client: httpx.AsyncClient, store: Store) -> None:
    """Nothing is stored, and nothing is left of it."""
    opened = (await client.post("/transfers/push", json=announcement())).json()
    await client.put(f"{opened['Path']}/0", content=CONTENTS[0])
    assert await kept(store) == 2
    assert (await client.delete(opened["Path"])).json() == {}
    assert (store.ingest.bodies, await kept(store)) == ([], 0)
    assert (await client.put(f"{opened['Path']}/0", content=CONTENTS[0])).status_code == 404
    assert (await client.delete(opened["Path"])).status_code == 404
    assert (await client.delete("/transfers/push/..*")).status_code == 404


@pytest.mark.parametrize("spell", [str.upper, "{{{}}}".format, "urn:uuid:{}".format])
async def test_a_push_has_one_spelling(
    client: httpx.AsyncClient, store: Store, spell: Callable[[str], str]
) -> None:
    """An identifier that is spelt in another way is none: what came under it would be lost."""
    opened = (await client.post("/transfers/push", json=announcement())).json()
    path = opened["Path"]
    other = f"/transfers/push/{spell(opened['ID'])}"
    assert (await client.put(f"{other}/0", content=CONTENTS[0])).status_code == 404
    for answer in (await client.post(f"{other}/commit"), await client.delete(other)):
        assert answer.status_code == 404
    assert (await client.delete(path)).status_code == 200


async def test_a_push_that_is_not_whole(client: httpx.AsyncClient, store: Store) -> None:
    """A missing or short bucket and a wrong MD5 are told, and store nothing of the others."""
    opened = (await client.post("/transfers/push", json=announcement())).json()
    path = opened["Path"]
    await client.put(f"{path}/0", content=CONTENTS[0])
    answer = await client.post(f"{path}/commit")
    assert (answer.status_code, "Bucket 1 of push" in answer.json()["Details"]) == (400, True)
    for wrong in (CONTENTS[1][1:], CONTENTS[1] + b"x"):
        answer = await client.put(f"{path}/1", content=wrong)
        assert (answer.status_code, "13000 were announced" in answer.text) == (400, True)
    answer = await client.put(f"{path}/1", content=b"x" * 200_000)
    assert answer.status_code == 413
    assert (await client.put(f"{path}/2", content=b"")).status_code == 404
    await client.put(f"{path}/1", content=CONTENTS[1][1:] + b"x")
    answer = await client.post(f"{path}/commit")
    assert (answer.status_code, f"Instance {SECOND} has arrived" in answer.text) == (400, True)
    assert store.ingest.bodies == []
    await client.put(f"{path}/1", content=CONTENTS[1])
    assert (await client.post(f"{path}/commit")).status_code == 200
    assert len(store.ingest.bodies) == 2


async def test_a_bucket_that_is_too_large(client: httpx.AsyncClient, store: Store) -> None:
    """No bucket is larger than any other body, whatever is announced, also one in chunks."""
    size = 2**40
    opened = await client.post(
        "/transfers/push",
        json=announcement(
            Instances=[{"ID": INSTANCE, "Size": str(size), "MD5": "0" * 32}],
            Buckets=[[chunk(INSTANCE, 0, size)]],
        ),
    )

    async def in_chunks() -> AsyncIterator[bytes]:
        yield b"x"

    answer = await client.put(f"{opened.json()['Path']}/0", content=in_chunks())
    assert (answer.status_code, "Bucket 0 has more than 8192 MiB" in answer.text) == (413, True)
    assert await kept(store) == 1  # the announcement


@pytest.mark.parametrize("body", [b"no gzip", gzip.compress(b"x" * 300_000)])
async def test_a_bucket_that_does_not_unpack(client: httpx.AsyncClient, body: bytes) -> None:
    """What is no gzip, or holds more than was announced, is refused."""
    opened = (await client.post("/transfers/push", json=announcement("gzip"))).json()
    answer = await client.put(f"{opened['Path']}/0", content=body)
    assert answer.status_code in (400, 413)


@pytest.mark.parametrize(
    "changes",
    [
        {"Buckets": BUCKETS[:1]},
        {"Buckets": [*BUCKETS, BUCKETS[1]]},
        {"Buckets": [[chunk(INSTANCE, 0, 9000)], [chunk(SECOND, 0, 18001)]]},
        {"Buckets": [*BUCKETS, [chunk(NOBODY, 0, 5)]]},
        {"Instances": listed(INSTANCE, INSTANCE)},
        {"Compression": "zip"},
        {"Instances": [{"ID": "../x", "Size": "1", "MD5": "0" * 32}]},
        {"Instances": [{"ID": INSTANCE, "Size": "-1", "MD5": "0" * 32}]},
    ],
)
async def test_what_is_no_push(
    client: httpx.AsyncClient, store: Store, changes: dict[str, Any]
) -> None:
    """Buckets have to be all of the instances, once."""
    answer = await client.post("/transfers/push", json=announcement(**changes))
    assert answer.status_code == 400
    assert await kept(store) == 0


async def test_send_and_pull(client: httpx.AsyncClient, jobs: FakeJobs) -> None:
    """Jobs of egress, with what it has to know."""
    body = {"Resources": RESOURCES, "Peer": "plain", "Compression": "gzip", "Priority": -10}
    for path, kind in (("send", "PushTransfer"), ("pull", "PullTransfer")):
        answer = await client.post(f"/transfers/{path}", json=body)
        assert answer.json() == {"ID": "the-job", "Path": "/jobs/the-job"}
        request, priority = jobs.submitted[-1]
        assert (request.job_type, request.worker, priority) == (kind, "egress", -10)
        asked = msgspec.convert(request.arguments, TransferRequest)
        assert asked == TransferRequest("plain", RESOURCES, "gzip", priority=-10)
        assert request.content["Resources"] == RESOURCES
    answer = await client.post("/transfers/send", json={**body, "Peer": "nobody"})
    assert (answer.status_code, answer.json()["OrthancStatus"]) == (404, 7)
    nobody = [{"Level": "Study", "ID": NOBODY}]
    assert (
        await client.post("/transfers/send", json={**body, "Resources": nobody})
    ).status_code == 404
    assert (await client.post("/transfers/send", json={"Peer": "plain"})).status_code == 400


async def test_a_peer_that_pulls(client: httpx.AsyncClient, store: Store, jobs: FakeJobs) -> None:
    """It is asked to pull from us by the name that it has for us, and its job is told."""
    store.services.answers[AskPeer] = PeerAnswer(b'{"ID":"remote","Path":"/jobs/remote"}')
    body = {"Resources": RESOURCES, "Peer": "pulls", "Compression": "none"}
    answer = await client.post("/transfers/send", json=body)
    assert answer.json() == {
        "Peer": "pulls",
        "RemoteJob": "remote",
        "URL": "http://pulls/base/jobs/remote",
    }
    ((_, asked),) = store.services.commands
    assert (asked.peer, asked.path) == ("pulls", "transfers/pull")
    own = (await client.post("/transfers/lookup", json=RESOURCES)).json()["Originator"]
    assert json.loads(asked.json) == {
        "Resources": RESOURCES,
        "Compression": "none",
        "Originator": own,
        "Peer": "us",
    }
    assert jobs.submitted == []
    store.services.answers[AskPeer] = PeerAnswer(b"[]")
    assert (await client.post("/transfers/send", json=body)).status_code == 500


async def test_peers(client: httpx.AsyncClient, store: Store) -> None:
    """Who has the plugin, and whom we have told our name there."""
    store.services.answers[AskPeer] = PeerAnswer(b'["x","transfers"]')
    answer = await client.get("/transfers/peers")
    assert answer.json() == {"plain": "installed", "pulls": "bidirectional"}
    for other in (PeerAnswer(b"[]"), RemoteFailure("down")):
        store.services.answers[AskPeer] = other
        answer = await client.get("/transfers/peers")
        assert answer.json() == {"plain": "disabled", "pulls": "disabled"}
    store.services.answers[AskPeer] = Unavailable("egress is not running")
    assert (await client.get("/transfers/peers")).status_code == 503
