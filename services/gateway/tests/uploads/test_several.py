# SPDX-License-Identifier: Apache-2.0
"""Several files of one request, each with its outcome."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from structlog.testing import capture_logs

from pons.errors import BadRequest, OutOfResources, Unavailable
from pons.messages.events import Origin
from pons.objects import Body
from pons_gateway.uploads.several import AT_ONCE, MOST_FILES, store_several

from ..conftest import STUDY, Store

pytestmark = pytest.mark.anyio

PATH = "/explorer/api/upload"
MEGABYTE = 1024 * 1024


def form(*bodies: bytes) -> list[tuple[str, tuple[str, bytes]]]:
    return [("file", (str(at), body)) for at, body in enumerate(bodies)]


async def test_outcomes(client: httpx.AsyncClient, store: Store) -> None:
    """Each file has its own, as `POST /instances` would give it, in their order."""
    answer = await client.post(PATH, files=form(b"DICOM 1", b"hello", b"DICOM 2", b"DICOM 1", b""))
    assert answer.status_code == 200
    told = answer.json()
    assert [one["status"] for one in told] == [200, 400, 200, 200, 400]
    assert [[one["Status"] for one in file["stored"]] for file in told] == [
        ["Success"],
        [],
        ["Success"],
        ["AlreadyStored"],
        [],
    ]
    assert told[0]["stored"][0]["ParentStudy"] == STUDY
    assert told[1]["details"].startswith("This is not a DICOM file")
    assert told[4]["details"].startswith("Received an empty")
    assert {origin.kind for origin in store.ingest.origins} == {"RestApi"}


async def test_large_ones_go_to_spools(client: httpx.AsyncClient, store: Store) -> None:
    """So that many at once take little memory; no spool is left."""
    spools = store.backends.objects.spool().path.parent
    large = b"DICOM" + bytes(3 * MEGABYTE)
    answer = await client.post(PATH, files=form(large, b"DICOM", bytes(3 * MEGABYTE)))
    assert [one["status"] for one in answer.json()] == [200, 200, 400]
    assert store.ingest.spooled == [len(large), 3 * MEGABYTE]
    assert [path for path in spools.iterdir() if path.stat().st_size] == []


async def test_no_form(client: httpx.AsyncClient) -> None:
    """It says what is wanted."""
    answer = await client.post(PATH, content=b"DICOM 1")
    assert answer.status_code == 400
    assert "multipart/form-data" in answer.json()["Details"]


async def test_a_form_that_ends_early(client: httpx.AsyncClient, store: Store) -> None:
    """What came whole is stored."""
    head = b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\n'
    answer = await client.post(
        PATH,
        content=head + b"DICOM 1\r\n" + head + b"DICOM",
        headers={"Content-Type": "multipart/form-data; boundary=x"},
    )
    assert answer.status_code == 400
    assert store.ingest.bodies == [b"DICOM 1"]


async def bodies(*some: bytes) -> AsyncIterator[Body]:
    for one in some:
        yield one


async def test_so_many_at_a_time() -> None:
    """No file is read while as many are stored as may be."""
    storing: list[Body] = []
    read, full, goes_on = 0, asyncio.Event(), asyncio.Event()

    async def files() -> AsyncIterator[Body]:
        nonlocal read
        for _ in range(2 * AT_ONCE):
            read += 1
            yield b"x"

    async def store(body: Body) -> dict[str, str]:
        storing.append(body)
        if len(storing) == AT_ONCE:
            full.set()
        await goes_on.wait()
        return {}

    task = asyncio.create_task(store_several(files(), store))
    await full.wait()
    for _ in range(20):
        await asyncio.sleep(0)
    assert (read, len(storing)) == (AT_ONCE, AT_ONCE)
    goes_on.set()
    assert len(await task) == 2 * AT_ONCE


@pytest.mark.parametrize("kind", [OutOfResources, Unavailable])
async def test_a_store_that_takes_no_more(kind: type[OutOfResources | Unavailable]) -> None:
    """Those that come behind are not tried, and have the same reason."""
    tried: list[Body] = []

    async def store(body: Body) -> dict[str, str]:
        tried.append(body)
        if body == b"taken":
            return {}
        raise kind("no")

    outcomes = await store_several(bodies(b"taken", *[b"x"] * 20), store)
    assert [type(one.failure) for one in outcomes] == [type(None), *[kind] * 20]
    assert 2 <= len(tried) <= AT_ONCE + 1


async def test_a_store_that_takes_nothing(
    client: httpx.AsyncClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request has the status that each file would have had alone, which metrics and proxies
    look at."""

    async def full(_body: Body, _origin: Origin) -> None:
        raise OutOfResources("The disk is full")

    monkeypatch.setattr(store.ingest, "store", full)
    answer = await client.post(PATH, files=form(b"DICOM 1", b"DICOM 2"))
    assert answer.status_code == 507
    assert answer.json()["Details"] == "The disk is full"
    answer = await client.post(PATH, files=form(b"", b"DICOM 1"))
    assert [one["status"] for one in answer.json()] == [400, 507]


async def test_one_zip_at_a_time() -> None:
    """Each may take as much memory as a request; other files do not wait for them."""
    zips = most = 0
    others = asyncio.Event()

    async def store(body: Body) -> dict[str, str]:
        nonlocal zips, most
        if body == b"x":
            others.set()
            return {}
        zips += 1
        most = max(zips, most)
        await others.wait()
        await asyncio.sleep(0)
        zips -= 1
        return {}

    outcomes = await store_several(bodies(*[b"PK\3\4"] * 3, b"x", b"PK\3\4"), store)
    assert (len(outcomes), most) == (5, 1)


async def test_a_client_that_goes(store: Store) -> None:
    """What was not begun is freed all the same."""
    spool, begun = store.backends.objects.spool(), []

    async def files() -> AsyncIterator[Body]:
        yield spool

    async def keep(body: Body) -> None:
        begun.append(body)

    task = asyncio.create_task(store_several(files(), keep))
    await asyncio.sleep(0)  # it has the file, whose own task has not had its turn
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert begun == []
    with pytest.raises(ValueError, match="closed"):
        spool.write(b"x")


async def test_a_bug_is_told_when_the_others_are_stored() -> None:
    done: list[Body] = []

    async def store(body: Body) -> dict[str, str]:
        if body == b"bug":
            raise ZeroDivisionError
        await asyncio.sleep(0)
        done.append(body)
        return {}

    with pytest.raises(ZeroDivisionError):
        await store_several(bodies(b"1", b"bug", b"2"), store)
    assert done == [b"1", b"2"]
    with capture_logs() as logs, pytest.raises(BadRequest):
        await store_several(bodies(b"bug", *[b"x"] * MOST_FILES), store)
    assert [one["event"] for one in logs] == ["file of a form not stored"]


async def test_too_many() -> None:
    """It says how many may come; those are stored."""
    done: list[Body] = []

    async def store(body: Body) -> dict[str, str]:
        done.append(body)
        return {}

    with pytest.raises(BadRequest, match=f"at most {MOST_FILES} files"):
        await store_several(bodies(*[b"x"] * (MOST_FILES + 1)), store)
    assert len(done) == MOST_FILES
