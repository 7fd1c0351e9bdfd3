# SPDX-License-Identifier: Apache-2.0
"""Attachments are put, changed and taken away."""

from collections.abc import AsyncIterator
from dataclasses import replace
from hashlib import md5
from typing import Any

import httpx
import pytest
import zstandard

from pons.errors import Conflict, NotFound
from pons.messages.index import DeleteAttachment, PutAttachment, Revision, Written
from pons.objects import SHARDS, Kind, Objects, kind_of
from pons.settings import HttpSettings, Settings, StorageSettings

from ..conftest import NOBODY, STUDY, Open, Store
from .attached import CONTENT, FILE, MD5, ONE, Catalog, attach

pytestmark = pytest.mark.anyio


async def kept(objects: Objects) -> set[Any]:
    return {entry.key for shard in SHARDS async for entry in objects.list(shard)}


async def test_a_file_is_attached(client: httpx.AsyncClient, store: Store) -> None:
    """The body is an object before the index hears of it; the answer has the new revision."""
    answer = await client.put(ONE, content=CONTENT, headers={"If-Match": f"7-{MD5}"})
    assert (answer.status_code, answer.json()) == (200, {})
    assert answer.headers["etag"] == f'"0-{MD5}"'
    service, command = store.services.commands[0]
    assert service == "index"
    assert command == PutAttachment(
        "Study", STUDY, 1024, command.object_key, 5120, 5120, "", MD5, MD5, Revision(7, MD5)
    )
    assert await store.backends.objects.read(command.object_key) == CONTENT
    assert kind_of(command.object_key) is not Kind.ANNOUNCED


async def test_a_large_body_in_chunks_goes_through_a_spool(
    client: httpx.AsyncClient, store: Store
) -> None:
    """Whatever the size, and without being told it, the whole body is kept."""

    async def chunks() -> AsyncIterator[bytes]:
        for number in range(20):
            yield bytes([number]) * (1 << 20)

    assert (await client.put(ONE, content=chunks())).status_code == 200
    command = store.services.commands[0][1]
    assert command.size == 20 << 20
    stored = await store.backends.objects.read(command.object_key)
    assert md5(stored).hexdigest() == command.md5
    spools = list((store.backends.objects.local_path(command.object_key) or "").parents)  # type: ignore[union-attr]
    assert list((spools[2] / ".spool").iterdir()) == []


async def test_attachments_of_a_compressing_store(
    open_client: Open, store: Store, catalog: Catalog
) -> None:
    """Where the store compresses, attachments are compressed too, if they get smaller."""
    store.services.answers[PutAttachment] = Written(0)
    settings = Settings(storage=StorageSettings(compression=True))
    async with open_client(settings, catalog=catalog) as client:
        for content, compression in ((CONTENT, "zstd"), (b"x", "")):
            await client.put(ONE, content=content)
            command = store.services.commands.pop()[1]
            stored = await store.backends.objects.read(command.object_key)
            assert (command.compression, command.stored_size) == (compression, len(stored))
            assert command.stored_md5 == md5(stored).hexdigest()
            assert command.size == len(content)


@pytest.mark.parametrize("error", [Conflict("changed"), NotFound("gone meanwhile")])
async def test_nothing_is_left_of_what_is_refused(
    client: httpx.AsyncClient, store: Store, error: Exception
) -> None:
    """A refused attachment leaves no object behind."""
    store.services.answers[PutAttachment] = error
    answer = await client.put(ONE, content=CONTENT)
    assert answer.status_code == (409 if isinstance(error, Conflict) else 404)
    assert await kept(store.backends.objects) == set()


async def test_refused_before_the_body_is_kept(open_client: Open, catalog: Catalog) -> None:
    """Unknown resources, the store's own attachments, bad headers and large bodies."""
    async with open_client(Settings(http=HttpSettings(max_body_mb=1)), catalog=catalog) as client:
        base = f"/studies/{NOBODY}/attachments"
        assert (await client.put(f"{base}/1024", content=b"x")).status_code == 404
        for name in ("dicom", "22", "1023", "65536"):
            answer = await client.put(f"/studies/{STUDY}/attachments/{name}", content=b"x")
            assert (answer.status_code, answer.content) == (403, b"")
        bad = await client.put(ONE, content=b"x", headers={"If-Match": "x"})
        assert bad.status_code == 400
        assert (await client.put(ONE, content=bytes(2 << 20))).status_code == 413


async def test_removing(client: httpx.AsyncClient, store: Store) -> None:
    """A client's attachment goes, with the revision it names; the DICOM file does not."""
    answer = await client.delete(ONE, headers={"If-Match": f'"2-{MD5}"'})
    assert (answer.status_code, answer.content) == (200, b"")
    assert store.services.commands == [
        ("index", DeleteAttachment("Study", STUDY, 1024, Revision(2, MD5)))
    ]
    assert (await client.delete(FILE)).status_code == 403
    store.services.answers[DeleteAttachment] = Conflict("changed")
    assert (await client.delete(ONE)).json()["OrthancStatus"] == 43


@pytest.mark.parametrize("number", [1, 1024])
async def test_form(client: httpx.AsyncClient, store: Store, catalog: Catalog, number: int) -> None:
    """Compressing and uncompressing give a new object with the same content."""
    path = FILE if number == 1 else ONE
    plain = await attach(store, catalog, number)
    assert (await client.post(f"{path}/uncompress")).json() == {}
    assert store.services.commands == []
    assert (await client.post(f"{path}/compress")).json() == {}
    command = store.services.commands.pop()[1]
    assert (command.number, command.former_key) == (number, plain.object_key)
    assert command.compression == "zstd"
    stored = await store.backends.objects.read(command.object_key)
    assert zstandard.decompress(stored) == CONTENT
    assert (command.stored_size, command.stored_md5) == (len(stored), md5(stored).hexdigest())
    assert kind_of(command.object_key) is not Kind.ANNOUNCED
    packed = replace(
        plain,
        object_key=command.object_key,
        stored_size=len(stored),
        compression="zstd",
        stored_md5=command.stored_md5 if number > 1 else "",
    )
    catalog.attached["Instance" if number == 1 else "Study", number] = packed
    assert (await client.post(f"{path}/compress")).json() == {}
    assert store.services.commands == []
    assert (await client.post(f"{path}/uncompress")).json() == {}
    command = store.services.commands.pop()[1]
    assert await store.backends.objects.read(command.object_key) == CONTENT
    assert (command.compression, command.stored_size) == ("", 5120)


async def test_what_does_not_get_smaller_stays(
    client: httpx.AsyncClient, store: Store, catalog: Catalog
) -> None:
    """Compressing what is compressed in itself changes nothing."""
    await attach(store, catalog, 1024, b"x")
    assert (await client.post(f"{ONE}/compress")).json() == {}
    assert store.services.commands == []


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("number", [1, 1024])
async def test_damage_is_found(
    client: httpx.AsyncClient, store: Store, catalog: Catalog, number: int, packed: bool
) -> None:
    """A damaged object fails its verification, and never takes the place of anything."""
    path = FILE if number == 1 else ONE
    stored = await attach(store, catalog, number, packed=packed)
    assert (await client.post(f"{path}/verify-md5")).json() == {}
    place = store.backends.objects.local_path(stored.object_key)
    assert place is not None
    content = bytearray(place.read_bytes())
    content[len(content) // 2] ^= 1
    place.write_bytes(content)
    answer = await client.post(f"{path}/verify-md5")
    assert (answer.status_code, answer.content) == (400, b"")
    reform = await client.post(f"{path}/{'uncompress' if packed else 'compress'}")
    assert (reform.status_code, reform.json()["OrthancStatus"]) == (500, 20)
    assert store.services.commands == []
