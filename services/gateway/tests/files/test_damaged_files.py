# SPDX-License-Identifier: Apache-2.0
"""Files that the store lost or damaged: an error with a reason, or a connection that breaks."""

import os
from collections.abc import Callable
from hashlib import md5
from typing import Any

import httpx
import pytest
import xxhash
import zstandard

from pons.catalog import StoredAttachment, StoredObject
from pons.http.serving import serving
from pons.objects import PIECE, new_key

from ..conftest import INSTANCE, STUDY, Store, opened_app
from ..datasets.test_tags_and_files import keep, trailed

pytestmark = pytest.mark.anyio

DAMAGE: dict[str, Callable[[bytes], bytes | None]] = {
    "missing": lambda stored: None,
    "empty": lambda stored: b"",
    "truncated": lambda stored: stored[:-9],
    "grown": lambda stored: stored + b"\0",
    "flipped": lambda stored: stored[:-20] + bytes([stored[-20] ^ 1]) + stored[-19:],
}
LARGE = 3 * PIECE + 5


async def damage(store: Store, key: Any, how: str) -> None:
    """Change what lies in the object store behind its back."""
    changed = DAMAGE[how](await store.backends.objects.read(key))
    await store.backends.objects.delete([key])
    if changed is not None:
        await store.backends.objects.put(key, changed)


async def damaged(store: Store, content: bytes, how: str, compression: str = "") -> StoredObject:
    await keep(store, content, compression=compression)
    stored = store.catalog.stored
    assert stored is not None
    await damage(store, stored.object_key, how)
    return stored


def assert_told(answer: httpx.Response, stored: Any) -> None:
    """500, saying of which resource and which object."""
    assert answer.status_code == 500
    told = answer.json()
    assert (told["OrthancStatus"], told["HttpError"]) == (20, "Internal Server Error")
    assert stored.owner in told["Details"]
    assert str(stored.object_key) in told["Details"]


@pytest.mark.parametrize("compression", ["", "zstd"])
@pytest.mark.parametrize("how", DAMAGE)
async def test_a_file(client: httpx.AsyncClient, store: Store, how: str, compression: str) -> None:
    """No part of a damaged file is given as the whole."""
    stored = await damaged(store, trailed(5000), how, compression)
    assert_told(await client.get(f"/instances/{INSTANCE}/file"), stored)
    assert_told(await client.get(f"/instances/{INSTANCE}/tags?whole"), stored)


@pytest.mark.parametrize("how", ["missing", "empty", "truncated", "grown"])
async def test_a_large_file(client: httpx.AsyncClient, store: Store, how: str) -> None:
    """What its size alone tells is told before the answer begins."""
    stored = await damaged(store, trailed(LARGE), how)
    assert_told(await client.get(f"/instances/{INSTANCE}/file"), stored)
    assert_told(await client.get(f"/instances/{INSTANCE}/content"), stored)
    assert_told(await client.get(f"/instances/{INSTANCE}/content/fffc-fffc"), stored)


@pytest.mark.parametrize("compression", ["", "zstd"])
async def test_a_large_file_that_breaks_in_the_midst(store: Store, compression: str) -> None:
    """The connection breaks before the length is reached that the answer told."""
    content = trailed(9 * PIECE)[: -9 * PIECE] + os.urandom(9 * PIECE)
    await damaged(store, content, "flipped", compression)
    async with serving(opened_app(store.backends), "127.0.0.1", 0) as server:
        port = server.servers[0].sockets[0].getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            given = 0
            with pytest.raises(httpx.RemoteProtocolError):  # noqa: PT012 what came before matters
                async with client.stream("GET", f"/instances/{INSTANCE}/file") as answer:
                    assert answer.headers["content-length"] == str(len(content))
                    async for piece in answer.aiter_raw():
                        given += len(piece)
            assert given < len(content)


async def test_values_of_a_file(client: httpx.AsyncClient, store: Store) -> None:
    """A single value is read from an object of the right size only."""
    stored = await damaged(store, trailed(40), "truncated")
    assert_told(await client.get(f"/instances/{INSTANCE}/content"), stored)
    assert_told(await client.get(f"/instances/{INSTANCE}/content/0008-0018"), stored)
    assert_told(await client.get(f"/instances/{INSTANCE}/pdf"), stored)


async def test_an_instance_that_was_deleted_meanwhile(
    client: httpx.AsyncClient, store: Store
) -> None:
    """A missing object is looked up again: the instance may be gone, or have another object."""
    old = await damaged(store, b"old", "missing")
    await keep(store, b"new")
    found = [old, store.catalog.stored]

    async def find_object(_: str) -> StoredObject | None:
        return found.pop(0) if found else None

    store.catalog.find_object = find_object  # type: ignore[assignment]
    assert (await client.get(f"/instances/{INSTANCE}/file")).content == b"new"
    found.append(old)
    answer = await client.get(f"/instances/{INSTANCE}/file")
    assert (answer.status_code, answer.json()["OrthancStatus"]) == (404, 17)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("how", DAMAGE)
@pytest.mark.parametrize("number", [1, 1024])
async def test_an_attachment(
    client: httpx.AsyncClient, store: Store, how: str, packed: bool, number: int
) -> None:
    """The same for attachments of clients, and for the DICOM file as one."""
    content, key = trailed(5000), new_key()
    stored = zstandard.compress(content) if packed else content
    await store.backends.objects.put(key, stored)
    own = number == 1
    attachment = StoredAttachment(
        number=number,
        object_key=key,
        size=len(content),
        stored_size=len(stored),
        compression="zstd" if packed else "",
        revision=0,
        md5="" if own else md5(content).hexdigest(),
        stored_md5="" if own else md5(stored).hexdigest(),
        checksum=xxhash.xxh3_128_digest(content) if own else b"",
        owner=INSTANCE if own else STUDY,
    )

    async def find_attachment(level: str, identifier: str, asked: int) -> StoredAttachment:
        return attachment

    store.catalog.find_attachment = find_attachment  # type: ignore[attr-defined]
    await damage(store, key, how)
    level = f"instances/{INSTANCE}" if own else f"studies/{STUDY}"
    base = f"/{level}/attachments/{number}"
    assert_told(await client.get(f"{base}/data"), attachment)
    assert_told(await client.get(f"{base}/compressed-data"), attachment)
    part = await client.get(f"{base}/data", headers={"range": "bytes=3-40"})
    if how != "flipped":
        assert_told(part, attachment)
    verified = await client.post(f"{base}/verify-md5")
    assert verified.status_code == (500 if how == "missing" else 400)
    assert (await client.get(f"{base}/size")).status_code == (500 if own else 200)
