# SPDX-License-Identifier: Apache-2.0
"""Files that browsers send in chunks: in which order, and what is refused."""

import asyncio
from typing import Any

import httpx
import pytest

from pons.errors import Unavailable
from pons.objects import SHARDS
from pons.settings import HttpSettings, Settings

from ..conftest import Open, Store

pytestmark = pytest.mark.anyio

MEGABYTE = 1024 * 1024
FIRST, SECOND = b"DICOM the first file", b"DICOM the second"


async def send(
    client: httpx.AsyncClient,
    chunk: bytes,
    size: object,
    name: str = "1.dcm",
    **headers: str,
) -> httpx.Response:
    """One request of jQuery-File-Upload's; more headers by their names, with underscores."""
    chunked = {"X-Requested-With": "XMLHttpRequest", "X-File-Name": name, "X-File-Size": str(size)}
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    files = {"files[]": (name, chunk)}
    return await client.post("/instances", files=files, headers=chunked | more)


async def objects_left(store: Store) -> int:
    found = [entry for shard in SHARDS async for entry in store.backends.objects.list(shard)]
    return len(found)


def details(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["Details"]


async def test_a_file_is_stored_with_its_last_chunk(
    client: httpx.AsyncClient, store: Store
) -> None:
    """Each chunk is answered with nothing, and no chunk is left; others come in between."""
    for chunk in (FIRST[:5], FIRST[5:9]):
        answer = await send(client, chunk, len(FIRST))
        assert (answer.status_code, answer.content) == (200, b"")
    await send(client, SECOND[:7], len(SECOND), "2.dcm")
    await send(client, SECOND, len(SECOND), "3.dcm")  # a whole file at once
    assert store.ingest.bodies == [SECOND]
    answer = await send(client, FIRST[9:], len(FIRST))
    assert (answer.status_code, answer.content) == (200, b"")
    await send(client, SECOND[7:], len(SECOND), "2.dcm")
    assert store.ingest.bodies == [SECOND, FIRST, SECOND]
    assert await objects_left(store) == 0


async def test_a_large_file_goes_to_the_spool(client: httpx.AsyncClient, store: Store) -> None:
    """Neither a large chunk nor the whole file is in memory."""
    large = b"DICOM" + bytes(20 * MEGABYTE)
    await send(client, large[: 9 * MEGABYTE], len(large))
    await send(client, large[9 * MEGABYTE :], len(large))
    assert store.ingest.spooled == [len(large)]
    spools = store.backends.objects.spool().path.parent
    assert [path for path in spools.iterdir() if path.stat().st_size] == []
    assert await objects_left(store) == 0


@pytest.mark.parametrize(
    "headers",
    [{"X-File-Name": "1.dcm", "X-File-Size": "99"}, {"X-Requested-With": "XMLHttpRequest"}],
)
async def test_other_forms_have_whole_files(
    client: httpx.AsyncClient, store: Store, headers: dict[str, str]
) -> None:
    """Only both kinds of headers make a chunk."""
    await client.post("/instances", files={"file": ("1.dcm", FIRST)}, headers=headers)
    assert store.ingest.bodies == [FIRST]


@pytest.mark.parametrize("size", ["", "0", "-1", "1.5", "many", "²", "9" * 30])
async def test_a_size_that_is_none(client: httpx.AsyncClient, size: str) -> None:
    """A bad request that names the header."""
    chunked = {"X-Requested-With": "XMLHttpRequest", "X-File-Name": "1.dcm"}
    for headers in (chunked, chunked | {"X-File-Size": size}):
        raw = [(name.encode(), value.encode("latin1")) for name, value in headers.items()]
        answer = await client.post("/instances", files={"file": ("1", FIRST)}, headers=raw)
        assert answer.status_code == 400
        assert answer.json()["Details"].startswith("X-File-Size is the number of the file's bytes")


async def test_a_chunk_without_a_name(client: httpx.AsyncClient) -> None:
    """Nothing tells what it is a chunk of."""
    headers = {"X-Requested-With": "XMLHttpRequest", "X-File-Size": "99"}
    answer = await client.post("/instances", files={"file": ("1", FIRST)}, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["Details"].startswith("X-File-Size without X-File-Name")


async def test_more_bytes_than_announced(client: httpx.AsyncClient, store: Store) -> None:
    """The upload is refused and forgotten: the same file can be sent again from its beginning."""
    await send(client, FIRST[:15], len(FIRST))
    status, text = details(await send(client, FIRST[:15], len(FIRST)))
    assert (status, text[:46]) == (400, "X-File-Size announced 20 bytes, 30 have come (")
    assert (await send(client, FIRST, 5, "2.dcm")).status_code == 400
    assert await objects_left(store) == 0
    await send(client, FIRST[:15], len(FIRST))
    await send(client, FIRST[15:], len(FIRST))
    assert store.ingest.bodies == [FIRST]


async def test_empty_chunk(client: httpx.AsyncClient) -> None:
    """Nothing is no chunk."""
    assert details(await send(client, b"", 9)) == (400, "Received an empty chunk")


async def test_no_dicom(client: httpx.AsyncClient, store: Store) -> None:
    """What the chunks make is refused as a whole file would be, and forgotten."""
    await send(client, b"hel", 5)
    answer = await send(client, b"lo", 5)
    assert (answer.status_code, answer.json()["OrthancStatus"]) == (400, 15)
    assert await objects_left(store) == 0


async def test_limit(open_client: Open, store: Store) -> None:
    """A file may be as large as a body."""
    async with open_client(Settings(http=HttpSettings(max_body_mb=1))) as client:
        assert (await send(client, FIRST, MEGABYTE)).status_code == 200
        assert (await send(client, FIRST, MEGABYTE + 1)).status_code == 413


async def test_a_range_must_follow(client: httpx.AsyncClient, store: Store) -> None:
    """Where the client tells, a chunk of an upload that nobody knows is refused."""
    status, text = details(await send(client, FIRST[9:], len(FIRST), Content_Range="bytes 9-19/20"))
    assert (status, text[:63]) == (
        400,
        "The chunk begins at byte 9, but 0 bytes of the file are here (s",
    )
    await send(client, FIRST[:9], len(FIRST), Content_Range="bytes 0-8/20")
    wrong = await send(client, FIRST[8:], len(FIRST), Content_Range="bytes 8-19/20")
    assert wrong.status_code == 400
    await send(client, FIRST[9:], len(FIRST), Content_Range="bytes 9-19/*")
    assert store.ingest.bodies == [FIRST]


async def test_a_range_from_zero_begins_anew(client: httpx.AsyncClient, store: Store) -> None:
    """A file that was given up half way can be sent again at once."""
    await send(client, b"something else", len(FIRST))
    await send(client, FIRST[:9], len(FIRST), Content_Range="bytes 0-8/20")
    await send(client, FIRST[9:], len(FIRST), Content_Range="bytes 9-19/20")
    assert store.ingest.bodies == [FIRST]
    assert await objects_left(store) == 0


@pytest.mark.parametrize("value", ["bytes 0-8/21", "lines 0-8/20", "bytes 0-8", ""])
async def test_a_range_that_is_none(client: httpx.AsyncClient, value: str) -> None:
    """A range of another size, or none at all, is a bad request."""
    status, text = details(await send(client, FIRST[:9], len(FIRST), Content_Range=value))
    assert (status, text[:13]) == (400, "Content-Range")


async def test_the_last_chunk_may_come_again(
    client: httpx.AsyncClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the file cannot be stored now, its chunks wait."""

    async def away(*_: Any) -> None:
        raise Unavailable("NATS does not answer")

    await send(client, FIRST[:9], len(FIRST))
    with monkeypatch.context() as patch:
        patch.setattr(store.ingest, "store", away)
        assert (await send(client, FIRST[9:], len(FIRST))).status_code == 503
    assert (await send(client, FIRST[9:], len(FIRST))).status_code == 200
    assert store.ingest.bodies == [FIRST]


async def test_chunks_that_race(client: httpx.AsyncClient, store: Store) -> None:
    """Of two chunks of a file at once, both count or one is told so: none is lost unsaid."""
    answers = await asyncio.gather(*(send(client, b"DI", 2000) for _ in range(5)))
    kept = [answer.status_code for answer in answers].count(200)
    assert kept >= 1
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert await objects_left(store) == kept
