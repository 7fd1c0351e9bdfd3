# SPDX-License-Identifier: Apache-2.0
"""Archives over HTTP: their length, their failures, and bodies that ask for none."""

import io
import zipfile
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from uuid import UUID

import httpx
import msgspec
import pytest

from pons.jobs import ArchiveRequest
from pons.objects import FileObjects
from pons.settings import ArchiveSettings
from pons_render.archive import Archives
from pons_render.archive.bounds import Places

from .archived import LARGE, FakeCatalog, Make

pytestmark = pytest.mark.anyio
ClientOf = Callable[..., httpx.AsyncClient]


async def test_no_more_archives_than_places(
    catalog: FakeCatalog, objects: FileObjects, file: Make, client_of: ClientOf
) -> None:
    """The one above is told to come again, before its answer begins; a place is free afterwards."""
    await catalog.add("a", file(1, PixelData=bytes(LARGE)))
    with closing(Archives(catalog, objects, ArchiveSettings(concurrent=1))) as archives:
        archives.places = Places(1, patience=0.05)
        async with client_of(None, archives, objects, stream=True) as client:
            async with archives.places.place():
                answer = await post(client, "s")
            assert (answer.status_code, answer.json()["error"]) == (409, "Unavailable")
            for _ in range(2):
                answer = await post(client, "s")
                assert (answer.status_code, answer.content[:2]) == (200, b"PK")


async def post(client: httpx.AsyncClient, *resources: str) -> httpx.Response:
    return await client.post(
        "/archive", content=msgspec.json.encode(ArchiveRequest(list(resources)))
    )


@pytest.fixture(params=[True, False])
async def client(
    archives: Archives, objects: FileObjects, request: pytest.FixtureRequest, client_of: ClientOf
) -> AsyncIterator[httpx.AsyncClient]:
    """The route, streaming or not."""
    async with client_of(None, archives, objects, stream=request.param) as client:
        yield client


async def test_route(catalog: FakeCatalog, client: httpx.AsyncClient, file: Make) -> None:
    """A ZIP comes back, streamed or made before."""
    await catalog.add("a", file(1))
    answer = await post(client, "s")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    assert len(zipfile.ZipFile(io.BytesIO(answer.content)).namelist()) == 1


async def test_failure_before_the_answer(
    catalog: FakeCatalog, client: httpx.AsyncClient, file: Make
) -> None:
    """What fails at once is told as an error."""
    await catalog.objects.delete([await catalog.add("a", file(1))])
    answer = await post(client, "s")
    assert answer.status_code == 409
    assert answer.json()["error"] == "DamagedObject"
    assert answer.json()["message"].startswith("What the store keeps of a is missing")


async def test_failure_in_the_middle(
    catalog: FakeCatalog,
    archives: Archives,
    objects: FileObjects,
    file: Make,
    client_of: ClientOf,
) -> None:
    """A stream that cannot go on breaks off; one that is made before is an error."""
    await catalog.add("a", file(1))
    await objects.delete([await catalog.add("b", file(2))])
    async with client_of(None, archives, objects, stream=True) as client:
        with pytest.raises(AssertionError):  # httpx's word for an answer that was not completed
            await post(client, "s")
    async with client_of(None, archives, objects, stream=False) as client:
        assert (await post(client, "s")).status_code == 409
    spools = list((objects.local_path(UUID(int=7 << 76)).parents[2] / ".spool").iterdir())
    assert spools == []


async def test_length_is_known_without_streaming(
    catalog: FakeCatalog,
    archives: Archives,
    objects: FileObjects,
    file: Make,
    client_of: ClientOf,
) -> None:
    """Not streaming, an answer has a length and leaves no file behind."""
    await catalog.add("a", file(1))
    async with client_of(None, archives, objects, stream=False) as client:
        answer = await post(client, "s")
    assert int(answer.headers["content-length"]) == len(answer.content)


@pytest.mark.parametrize("body", [b"", b'{"resources": "s"}'])
async def test_body_that_is_no_request(client: httpx.AsyncClient, body: bytes) -> None:
    """What is no `ArchiveRequest` is told as an error."""
    answer = await client.post("/archive", content=body)
    assert (answer.status_code, answer.json()["error"]) == (400, "BadRequest")


@pytest.mark.parametrize("pieces", [False, True])
async def test_body_that_is_too_long(client: httpx.AsyncClient, pieces: bool) -> None:
    """Nobody fills the memory with a request, whether it says its length or not."""
    body = b'{"resources": ["' + b"x" * (16 << 20) + b'"]}'

    async def in_pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 1 << 20):
            yield body[start : start + (1 << 20)]

    answer = await client.post("/archive", content=in_pieces() if pieces else body)
    assert answer.status_code == 413
