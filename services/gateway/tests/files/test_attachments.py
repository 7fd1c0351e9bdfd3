# SPDX-License-Identifier: Apache-2.0
"""Attachments as clients of Orthanc read and write them; the objects are real."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from hashlib import md5
from typing import Any

import httpx
import pytest
import xxhash
import zstandard

from pons.catalog import StoredAttachment
from pons.errors import Conflict, NotFound
from pons.messages.index import DeleteAttachment, PutAttachment, RestoreObject, Revision, Written
from pons.messages.services import Done
from pons.objects import SHARDS, Kind, Objects, kind_of, new_key
from pons.settings import HttpSettings, IndexSettings, Settings, StorageSettings

from ..conftest import INSTANCE, NOBODY, STUDY, Open, Store

pytestmark = pytest.mark.anyio

CONTENT = bytes(range(256)) * 20
MD5 = md5(CONTENT).hexdigest()
ONE = f"/studies/{STUDY}/attachments/1024"
FILE = f"/instances/{INSTANCE}/attachments/dicom"


@dataclass
class Catalog:
    """What is attached to a study and an instance, by level and number."""

    attached: dict[tuple[str, int], StoredAttachment] = field(default_factory=dict)

    async def attachments(self, level: str, identifier: str) -> list[int] | None:
        if identifier not in (STUDY, INSTANCE):
            return None
        return [number for of, number in self.attached if of == level]

    async def find_attachment(
        self, level: str, identifier: str, number: int
    ) -> StoredAttachment | None:
        return self.attached.get((level, number)) if identifier in (STUDY, INSTANCE) else None


@pytest.fixture
def catalog() -> Catalog:
    return Catalog()


@pytest.fixture
def client(open_client: Open, catalog: Catalog, store: Store) -> httpx.AsyncClient:
    types = {"notes": 1024, "sketch": (1025, "image/svg+xml")}
    settings = Settings(index=IndexSettings(user_content_types=types))
    store.services.answers |= {
        PutAttachment: Written(0),
        DeleteAttachment: Done(),
        RestoreObject: Done(),
    }
    return open_client(settings, catalog=catalog)


async def attach(
    store: Store, catalog: Catalog, number: int, content: bytes = CONTENT, *, packed: bool = False
) -> StoredAttachment:
    """An attachment of the study, or the file (1) of the instance."""
    stored, key = zstandard.compress(content) if packed else content, new_key(Kind.REFERRED)
    await store.backends.objects.put(key, stored)
    attachment = StoredAttachment(
        number=number,
        object_key=key,
        size=len(content),
        stored_size=len(stored),
        compression="zstd" if packed else "",
        revision=0 if number == 1 else 2,
        md5="" if number == 1 else md5(content).hexdigest(),
        stored_md5="" if number == 1 else md5(stored).hexdigest(),
        checksum=xxhash.xxh3_128_digest(content) if number == 1 else b"",
        owner=INSTANCE if number == 1 else STUDY,
    )
    catalog.attached["Instance" if number == 1 else "Study", number] = attachment
    return attachment


async def kept(objects: Objects) -> set[Any]:
    return {entry.key for shard in SHARDS async for entry in objects.list(shard)}


async def test_lists(client: httpx.AsyncClient, store: Store, catalog: Catalog) -> None:
    """Attachments have the names that the store gives them; `full` tells their numbers."""
    for number in (1024, 1025, 1026):
        await attach(store, catalog, number)
    base = f"/studies/{STUDY}/attachments"
    assert (await client.get(base)).json() == ["notes", "sketch", "1026"]
    full = (await client.get(f"{base}?full")).json()
    assert full == {"notes": 1024, "sketch": 1025, "1026": 1026}
    assert (await client.get(f"/studies/{NOBODY}/attachments")).json()["OrthancStatus"] == 17


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(("path", "revision"), [(ONE, 2), (FILE, 0)])
async def test_what_is_told(
    client: httpx.AsyncClient,
    store: Store,
    catalog: Catalog,
    path: str,
    revision: int,
    packed: bool,
) -> None:
    """Sizes, MD5 and form are told of a client's file and of the DICOM file alike, with an ETag."""
    stored = await attach(store, catalog, 1 if path == FILE else 1024, packed=packed)
    content = await store.backends.objects.read(stored.object_key)
    told = {
        "size": "5120",
        "compressed-size": str(len(content)),
        "md5": MD5,
        "compressed-md5": md5(content).hexdigest(),
        "is-compressed": "1" if packed else "0",
    }
    for word, text in told.items():
        answer = await client.get(f"{path}/{word}")
        assert (answer.status_code, answer.text) == (200, text), word
        assert answer.headers["etag"] == f'"{revision}-{MD5}"'
    assert (await client.get(f"{path}/info")).json() == {
        "Uuid": str(stored.object_key),
        "ContentType": stored.number,
        "UncompressedSize": 5120,
        "CompressedSize": len(content),
        "UncompressedMD5": MD5,
        "CompressedMD5": told["compressed-md5"],
    }
    assert (await client.get(f"{path}/data")).content == CONTENT
    assert (await client.get(f"{path}/compressed-data")).content == content
    assert (await client.get(path)).json() == [
        "compress",
        "compressed-data",
        "compressed-md5",
        "compressed-size",
        "data",
        "info",
        "is-compressed",
        "md5",
        "size",
        "uncompress",
        "verify-md5",
    ]


async def test_media_types_and_names(
    client: httpx.AsyncClient, store: Store, catalog: Catalog
) -> None:
    """A file has the type of its kind; a compressed one is just bytes; `filename` names it."""
    await attach(store, catalog, 1)
    for number in (1024, 1025):
        await attach(store, catalog, number, packed=True)
    base = f"/studies/{STUDY}/attachments"
    for path, kind in (
        (f"{FILE}/data", "application/dicom"),
        (f"{FILE}/compressed-data", "application/dicom"),
        (f"{base}/notes/data", "application/octet-stream"),
        (f"{base}/sketch/data", "image/svg+xml"),
        (f"{base}/sketch/compressed-data", "application/octet-stream"),
    ):
        assert (await client.get(path)).headers["content-type"] == kind
    named = await client.get(f"{ONE}/data?filename=a.txt")
    assert named.headers["content-disposition"] == 'filename="a.txt"'
    named = await client.get(f"{ONE}/data?filename=%0d%0aa")
    assert "\r" not in named.headers["content-disposition"]


async def test_conditional_reads(client: httpx.AsyncClient, store: Store, catalog: Catalog) -> None:
    """Whoever has the revision gets 304; a header that names none is 400, with the right ETag."""
    await attach(store, catalog, 1)
    for word in ("", "/data", "/compressed-md5", "/is-compressed"):
        for header, status in (
            (f'"0-{MD5}"', 304),
            (f'"1-{MD5}"', 200),
            ('"0-x"', 200),
            ("x", 400),
        ):
            answer = await client.get(f"{FILE}{word}", headers={"If-None-Match": header})
            assert (answer.status_code, answer.headers["etag"]) == (status, f'"0-{MD5}"')
            assert status != 304 or answer.content == b""


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("128-131", 128, 131), ("5000-", 5000, 5119), ("-131", 0, 131), ("-", 0, 5119),
     ("5119-9999999", 5119, 5119)],
)  # fmt: skip
async def test_ranges(
    client: httpx.AsyncClient,
    store: Store,
    catalog: Catalog,
    asked: str,
    first: int,
    last: int,
    packed: bool,
) -> None:
    """Parts of a file, in Orthanc's reading: `-b` is the beginning up to b."""
    await attach(store, catalog, 1024, packed=packed)
    answer = await client.get(f"{ONE}/data", headers={"Range": f"bytes={asked}"})
    assert (answer.status_code, answer.content) == (206, CONTENT[first : last + 1])
    assert answer.headers["content-range"] == f"bytes {first}-{last}/5120"
    assert answer.headers["content-length"] == str(last + 1 - first)
    assert answer.headers["content-type"] == "application/octet-stream"


async def test_ranges_of_what_is_stored(
    client: httpx.AsyncClient, store: Store, catalog: Catalog
) -> None:
    """A range of compressed data counts in the bytes that are stored."""
    stored = await attach(store, catalog, 1024, packed=True)
    content = await store.backends.objects.read(stored.object_key)
    answer = await client.get(f"{ONE}/compressed-data", headers={"Range": "bytes=-20"})
    assert (answer.status_code, answer.content) == (206, content[:21])
    assert answer.headers["content-range"] == f"bytes 0-20/{len(content)}"


@pytest.mark.parametrize("asked", ["bytes=5120-", "bytes=9-8", "bytes=0-1,3-4", "lines=1-2", "x"])
async def test_ranges_that_are_not_there(
    client: httpx.AsyncClient, store: Store, catalog: Catalog, asked: str
) -> None:
    """What cannot be cut out of the file is 416."""
    await attach(store, catalog, 1024)
    answer = await client.get(f"{ONE}/data", headers={"Range": asked})
    assert (answer.status_code, answer.json()["OrthancStatus"]) == (416, 41)


@pytest.mark.parametrize("packed", [False, True])
async def test_large_files_come_in_pieces(
    client: httpx.AsyncClient, store: Store, catalog: Catalog, packed: bool
) -> None:
    """A file of several pieces, a long range of it, and an empty one."""
    content = bytes(3 << 20) + b"end"
    await attach(store, catalog, 1024, content, packed=packed)
    whole = await client.get(f"{ONE}/data")
    assert whole.content == content
    assert whole.headers["content-length"] == str(len(content))
    assert whole.headers["etag"] == f'"2-{md5(content).hexdigest()}"'
    part = await client.get(f"{ONE}/data", headers={"Range": "bytes=7-"})
    assert part.content == content[7:]
    await attach(store, catalog, 1024, b"")
    empty = await client.get(f"{ONE}/data")
    assert (empty.status_code, empty.content) == (200, b"")


async def test_what_is_not_there(client: httpx.AsyncClient) -> None:
    """An attachment that is not there is 404 without a body; a name of none is described."""
    for path in (ONE, f"{ONE}/data", f"/studies/{NOBODY}/attachments/notes/size"):
        answer = await client.get(path)
        assert (answer.status_code, answer.content) == (404, b"")
    for word in ("compress", "uncompress", "verify-md5"):
        assert (await client.post(f"{ONE}/{word}")).status_code == 404
    for method in ("GET", "PUT", "DELETE"):
        answer = await client.request(method, f"/studies/{STUDY}/attachments/yours")
        assert (answer.status_code, answer.json()["OrthancStatus"]) == (404, 7)


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


async def test_what_is_offered_is_there(
    client: httpx.AsyncClient, catalog: Catalog, store: Store
) -> None:
    """The list below an attachment is that of its routes in the document."""
    await attach(store, catalog, 1024)
    paths = (await client.get("/openapi.json")).json()["paths"]
    one = "/studies/{id}/attachments/{attachment}/"
    below = sorted(path.removeprefix(one) for path in paths if path.startswith(one))
    assert (await client.get(ONE)).json() == below
