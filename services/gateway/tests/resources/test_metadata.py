# SPDX-License-Identifier: Apache-2.0
"""Metadata and labels of resources, as clients of Orthanc read and write them."""

from typing import Any

import httpx
import pytest

from pons.catalog import MetadataValue
from pons.errors import Conflict, NotFound
from pons.messages.index import (
    DeleteLabel,
    DeleteMetadata,
    PutLabel,
    PutMetadata,
    Revision,
    Written,
)
from pons.messages.services import Done
from pons.settings import IndexSettings, Settings

from ..conftest import NOBODY, STUDY, Open, Store

pytestmark = pytest.mark.anyio

HELLO = "5d41402abc4b2a76b9719d911017c592"
FOLDER = f"/studies/{STUDY}/metadata"


class Catalog:
    """A study with a few metadata and two labels."""

    async def metadata(self, _level: str, identifier: str) -> dict[int, str] | None:
        return {1024: "hello", 7: "20240102T111213"} if identifier == STUDY else None

    async def find_metadata(self, _level: str, identifier: str, number: int) -> Any:
        values = {1024: MetadataValue(b"hello", 3), 1025: MetadataValue(b"\xff\0", 0)}
        return values.get(number) if identifier == STUDY else None

    async def labels(self, _level: str, identifier: str) -> list[str] | None:
        return ["a", "b"] if identifier == STUDY else None

    async def all_labels(self) -> list[str]:
        return ["a", "b", "c"]


@pytest.fixture
def client(open_client: Open, store: Store) -> httpx.AsyncClient:
    for command in (PutLabel, DeleteLabel, DeleteMetadata):
        store.services.answers[command] = Done()
    store.services.answers[PutMetadata] = Written(4)
    settings = Settings(index=IndexSettings(user_metadata={"mine": 1024}))
    return open_client(settings, catalog=Catalog())


async def test_lists(client: httpx.AsyncClient) -> None:
    """Metadata are listed by number, with the names of the store, or with their numbers."""
    assert (await client.get(FOLDER)).json() == ["LastUpdate", "mine"]
    assert (await client.get(f"{FOLDER}?numeric")).json() == [7, 1024]
    expanded = (await client.get(f"{FOLDER}?expand")).json()
    assert expanded == {"LastUpdate": "20240102T111213", "mine": "hello"}
    numbers = (await client.get(f"{FOLDER}?expand&numeric")).json()
    assert numbers == {"7": "20240102T111213", "1024": "hello"}
    assert (await client.get(f"/studies/{NOBODY}/metadata")).json()["OrthancStatus"] == 17


@pytest.mark.parametrize("name", ["mine", "1024"])
async def test_one(client: httpx.AsyncClient, name: str) -> None:
    """A value is text with its revision; whoever has it already gets 304 and the ETag again."""
    answer = await client.get(f"{FOLDER}/{name}")
    assert (answer.text, answer.headers["etag"]) == ("hello", f'"3-{HELLO}"')
    assert answer.headers["content-type"].startswith("text/plain")
    for known in (f'"3-{HELLO}"', f"3-{HELLO}"):
        same = await client.get(f"{FOLDER}/{name}", headers={"If-None-Match": known})
        assert (same.status_code, same.content) == (304, b"")
        assert same.headers["etag"] == f'"3-{HELLO}"'
    for other in (f'"2-{HELLO}"', '"3-x"'):
        again = await client.get(f"{FOLDER}/{name}", headers={"If-None-Match": other})
        assert (again.status_code, again.text) == (200, "hello")


async def test_a_value_that_is_no_text(client: httpx.AsyncClient) -> None:
    """Bytes come back as they were written."""
    assert (await client.get(f"{FOLDER}/1025")).content == b"\xff\0"


@pytest.mark.parametrize("header", ["x", "x-y", '"', "-x", "*", "", "٣-x", "9" * 30 + "-x"])
async def test_headers_that_name_no_revision(
    client: httpx.AsyncClient, store: Store, header: str
) -> None:
    """Neither a read nor a write takes a header that is no revision for one."""
    raw = {b"If-None-Match": header.encode(), b"If-Match": header.encode()}
    read = await client.get(f"{FOLDER}/1024", headers=raw)
    assert (read.status_code, read.headers["etag"]) == (400, f'"3-{HELLO}"')
    assert (await client.put(f"{FOLDER}/1024", content=b"x", headers=raw)).status_code == 400
    assert (await client.delete(f"{FOLDER}/1024", headers=raw)).status_code == 400
    assert store.services.commands == []


async def test_writing(client: httpx.AsyncClient, store: Store) -> None:
    """A write carries the revision that it expects, and answers with the new one."""
    answer = await client.put(
        f"{FOLDER}/mine", content=b"hello", headers={"If-Match": f'"3-{HELLO}"'}
    )
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["etag"] == f'"4-{HELLO}"'
    removed = await client.delete(f"{FOLDER}/1024", headers={"If-Match": "3-ABC"})
    assert (removed.status_code, removed.content) == (200, b"")
    assert store.services.commands == [
        ("index", PutMetadata("Study", STUDY, 1024, b"hello", Revision(3, HELLO))),
        ("index", DeleteMetadata("Study", STUDY, 1024, Revision(3, "abc"))),
    ]


@pytest.mark.parametrize("name", ["LastUpdate", "7", "RemoteAET", "1023", "65536", "999999999"])
async def test_the_stores_own_metadata(client: httpx.AsyncClient, store: Store, name: str) -> None:
    """What is not the clients' is neither written nor removed by them: 403, without a body."""
    for answer in (await client.put(f"{FOLDER}/{name}"), await client.delete(f"{FOLDER}/{name}")):
        assert (answer.status_code, answer.content) == (403, b"")
    assert store.services.commands == []


async def test_unknown_names(client: httpx.AsyncClient) -> None:
    """A name that nothing has is 404 with the error; what is not set is 404 without a body."""
    for method in ("GET", "PUT", "DELETE"):
        for name in ("yours", "-1", "1e3", "9" * 20):
            answer = await client.request(method, f"{FOLDER}/{name}")
            assert (answer.status_code, answer.json()["OrthancStatus"]) == (404, 7)
    for path in (f"{FOLDER}/RemoteAET", f"/studies/{NOBODY}/metadata/1024"):
        answer = await client.get(path)
        assert (answer.status_code, answer.content) == (404, b"")


async def test_refused_writes(client: httpx.AsyncClient, store: Store) -> None:
    """Another revision is 409, an unknown resource 404; both are described."""
    for error, expected in ((Conflict("changed"), (409, 43)), (NotFound("nobody"), (404, 17))):
        store.services.answers |= {PutMetadata: error, DeleteMetadata: error}
        for method in ("PUT", "DELETE"):
            answer = await client.request(method, f"{FOLDER}/1024")
            assert (answer.status_code, answer.json()["OrthancStatus"]) == expected


async def test_a_large_value(client: httpx.AsyncClient, store: Store) -> None:
    """A value that no message carries is refused before it is read to its end."""
    assert (await client.put(f"{FOLDER}/1024", content=bytes(500_000))).status_code == 413
    assert store.services.commands == []


async def test_labels(client: httpx.AsyncClient, store: Store) -> None:
    """Labels are there, 200 without a body, or not, 404; writes say nothing."""
    base = f"/studies/{STUDY}/labels"
    assert (await client.get(base)).json() == ["a", "b"]
    assert (await client.get("/tools/labels")).json() == ["a", "b", "c"]
    for method, label, status in (
        ("GET", "a", 200),
        ("GET", "c", 404),
        ("GET", "@", 404),
        ("PUT", "c", 200),
        ("DELETE", "c", 200),
    ):
        answer = await client.request(method, f"{base}/{label}")
        assert (answer.status_code, answer.content) == (status, b""), (method, label)
    assert store.services.commands == [
        ("index", PutLabel("Study", STUDY, "c")),
        ("index", DeleteLabel("Study", STUDY, "c")),
    ]
    for path in (f"/studies/{NOBODY}/labels", f"/studies/{NOBODY}/labels/a"):
        assert (await client.get(path)).status_code == 404


@pytest.mark.parametrize("label", ["@", "a b", "é", "x" * 65, "a.b", "%00"])
async def test_what_is_no_label(client: httpx.AsyncClient, store: Store, label: str) -> None:
    """Letters, digits, _ and -, 64 at most: anything else is a bad request."""
    for method in ("PUT", "DELETE"):
        answer = await client.request(method, f"/studies/{STUDY}/labels/{label}")
        assert answer.status_code == 400
    assert store.services.commands == []
