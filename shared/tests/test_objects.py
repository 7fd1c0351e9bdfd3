# SPDX-License-Identifier: Apache-2.0
"""The contract of object stores: the same tests for a folder and for every S3 server."""

import hashlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest

from pons.errors import NotFound
from pons.objects import SHARDS, Body, ObjectEntry, Objects, Spool, key_path, new_key, open_objects
from pons.settings import StorageSettings
from pons_testing.object_folders import Lend
from pons_testing.s3 import Endpoint, endpoint_from_environment, run_moto, run_rclone

pytestmark = pytest.mark.anyio

KINDS = ["file", "s3-rclone", "s3-moto"]
if endpoint_from_environment() is not None:
    KINDS.append("s3-environment")

Add = Callable[[Body], Awaitable[UUID]]


@pytest.fixture(scope="module")
def rclone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    with run_rclone(tmp_path_factory.mktemp("rclone")) as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    with run_moto(tmp_path_factory.mktemp("moto")) as endpoint:
        yield endpoint


@pytest.fixture(params=KINDS)
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> StorageSettings:
    if request.param == "file":
        return StorageSettings.model_validate({"kind": "file", "path": tmp_path})
    if request.param == "s3-environment":
        endpoint = endpoint_from_environment()
        assert endpoint is not None
        return endpoint.storage(tmp_path)
    server: Endpoint = request.getfixturevalue(request.param.removeprefix("s3-"))
    return server.storage(tmp_path)


@pytest.fixture
async def objects(storage: StorageSettings, lend_objects: Lend) -> AsyncIterator[Objects]:
    """A store under a name that no other test uses."""
    name = f"alpha-{os.urandom(4).hex()}"
    if storage.kind == "file":
        lend_objects(Path(storage.path), name)
    opened = open_objects(storage, name)
    yield opened
    await opened.close()


@pytest.fixture
async def other_store(storage: StorageSettings, lend_objects: Lend) -> AsyncIterator[Objects]:
    """A second store in the same folder or bucket."""
    name = f"beta-{os.urandom(4).hex()}"
    if storage.kind == "file":
        lend_objects(Path(storage.path), name)
    opened = open_objects(storage, name)
    yield opened
    await opened.close()


@pytest.fixture
async def add(objects: Objects) -> AsyncIterator[Add]:
    """Puts a body under a new key and removes it after the test: a bucket may outlive it."""
    keys = []

    async def add(body: Body) -> UUID:
        keys.append(new_key())
        await objects.put(keys[-1], body)
        return keys[-1]

    yield add
    await objects.delete(keys)


def fill(spool: Spool, mebibytes: int) -> str:
    """Write so many random MiB to the spool; their digest."""
    digest = hashlib.blake2b()
    for _ in range(mebibytes):
        piece = os.urandom(1 << 20)
        digest.update(piece)
        spool.write(piece)
    return digest.hexdigest()


async def stream(objects: Objects, key: UUID, start: int = 0, length: int | None = None) -> bytes:
    return b"".join([piece async for piece in objects.stream(key, start, length)])


def shard_of(key: UUID) -> str:
    return key_path("main", key).split("/")[1]


async def entries(objects: Objects, key: UUID) -> set[ObjectEntry]:
    """What the store lists in the shard of `key`."""
    return {entry async for entry in objects.list(shard_of(key))}


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
async def test_body_comes_back(add: Add, objects: Objects, kind: Callable[[bytes], Body]) -> None:
    """What was put is read back byte for byte, whatever kind of buffer it came in."""
    key = await add(kind(b"\0DICM\xff" * 1000))
    assert await objects.read(key) == b"\0DICM\xff" * 1000
    assert await objects.size(key) == 6000


async def test_wide_items_count_as_bytes(add: Add, objects: Objects) -> None:
    """A buffer of 16-bit items is stored in full."""
    key = await add(memoryview(b"abcdefgh").cast("H"))
    assert await objects.read(key) == b"abcdefgh"


async def test_empty_object(add: Add, objects: Objects) -> None:
    """An object without bytes is an object."""
    key = await add(b"")
    assert await objects.read(key) == b""
    assert await objects.size(key) == 0
    assert await objects.read_range(key, 0, 10) == b""
    assert await stream(objects, key) == b""


@pytest.mark.parametrize(
    ("start", "length", "expected"),
    [
        (0, 1, b"0"),
        (0, 10, b"0123456789"),
        (3, 4, b"3456"),
        (9, 1, b"9"),
        (7, 100, b"789"),
        (10, 1, b""),
        (100, 5, b""),
        (0, 0, b""),
        (4, 0, b""),
    ],
)
async def test_range(add: Add, objects: Objects, start: int, length: int, expected: bytes) -> None:
    """A range is exact, cut off at the end of the object and empty after it."""
    key = await add(b"0123456789")
    assert await objects.read_range(key, start, length) == expected
    assert await stream(objects, key, start, length) == expected


async def test_range_before_the_object_is_a_mistake(add: Add, objects: Objects) -> None:
    """Nobody gets the end of an object by a negative start."""
    key = await add(b"0123456789")
    with pytest.raises(ValueError, match="no 4 bytes from -4"):
        await objects.read_range(key, -4, 4)
    with pytest.raises(ValueError, match="no -1 bytes"):
        await objects.read_range(key, 0, -1)


async def test_stream_is_in_pieces(add: Add, objects: Objects) -> None:
    """A stream comes in pieces of 1 MiB, the last one shorter."""
    body = os.urandom((2 << 20) + 5)
    key = await add(body)
    pieces = [piece async for piece in objects.stream(key)]
    assert [len(piece) for piece in pieces] == [1048576, 1048576, 5]
    assert b"".join(pieces) == body


async def test_stream_from_the_middle(add: Add, objects: Objects) -> None:
    """A stream may start anywhere and go to the end."""
    body = os.urandom(3 << 20)
    key = await add(body)
    assert await stream(objects, key, 1_234_567) == body[1_234_567:]


async def test_abandoned_stream_leaves_the_store_usable(add: Add, objects: Objects) -> None:
    """Readers that go away in the middle do not use up connections or threads."""
    key = await add(bytes(4 << 20))
    for _ in range(40):
        pieces = objects.stream(key)
        assert len(await anext(pieces)) == 1048576
        await pieces.aclose()  # type: ignore[attr-defined]
    assert await objects.size(key) == 4194304


async def test_spool_becomes_an_object(add: Add, objects: Objects) -> None:
    """A body gathered in a spool is stored, and its temporary file is gone."""
    with objects.spool() as spool:
        spool.write(b"first ")
        spool.write(memoryview(b"second"))
        assert spool.size == 12
        assert spool.path.read_bytes() == b"first second"
        key = await add(spool)
    assert not spool.path.exists()
    assert await objects.read(key) == b"first second"


async def test_closed_spool_leaves_nothing(objects: Objects) -> None:
    """A body that is given up leaves no temporary file; closing twice is fine."""
    spool = objects.spool()
    spool.write(bytes(100))
    spool.close()
    spool.close()
    assert not spool.path.exists()
    with pytest.raises(ValueError, match="closed"):
        spool.write(b"more")
    with pytest.raises(ValueError, match="closed"):
        await objects.put(new_key(), spool)


async def test_large_object(add: Add, objects: Objects) -> None:
    """40 MB from a spool (three parts on S3) come back whole and in ranges across parts."""
    with objects.spool() as spool:
        digest = fill(spool, 40)
        middle = spool.path.read_bytes()[(16 << 20) - 50 : (16 << 20) + 50]
        key = await add(spool)
    read = hashlib.blake2b()
    async for piece in objects.stream(key):
        read.update(piece)
    assert read.hexdigest() == digest
    assert await objects.size(key) == 41943040
    assert await objects.read_range(key, (16 << 20) - 50, 100) == middle


async def test_absent_object(objects: Objects) -> None:
    """Reading what was never put is NotFound, by each way of reading."""
    await objects.check()
    key = new_key()
    with pytest.raises(NotFound, match=str(key)):
        await objects.read(key)
    with pytest.raises(NotFound, match=str(key)):
        await objects.read_range(key, 5, 5)
    with pytest.raises(NotFound, match=str(key)):
        await objects.size(key)
    with pytest.raises(NotFound, match=str(key)):
        await stream(objects, key)


async def test_delete(add: Add, objects: Objects) -> None:
    """Deleted objects are gone, others stay, and absent ones do no harm."""
    gone, stays = await add(b"gone"), await add(b"stays")
    await objects.delete([gone, new_key()])
    await objects.delete([gone])
    await objects.delete([])
    with pytest.raises(NotFound):
        await objects.read(gone)
    assert await objects.read(stays) == b"stays"


async def test_list(add: Add, objects: Objects) -> None:
    """An object is listed, with its size, in the shard of its path and no other."""
    key = await add(b"12345")
    other_shard = f"{(int(shard_of(key), 16) + 1) % 256:02x}"
    assert ObjectEntry(key, 5) in await entries(objects, key)
    assert key not in {entry.key async for entry in objects.list(other_shard)}
    await objects.delete([key])
    assert key not in {entry.key for entry in await entries(objects, key)}


async def test_list_of_an_unknown_shard_is_a_mistake(objects: Objects) -> None:
    """A listing cannot leave the store."""
    with pytest.raises(ValueError, match="shard"):
        await anext(objects.list("../beta"))


async def test_stores_do_not_see_each_other(
    add: Add, objects: Objects, other_store: Objects
) -> None:
    """Two stores in one folder or bucket neither read, list nor delete each other's objects."""
    key = await add(b"mine")
    with pytest.raises(NotFound):
        await other_store.read(key)
    assert await entries(other_store, key) == set()
    await other_store.delete([key])
    assert await objects.read(key) == b"mine"


async def test_only_files_have_a_local_path(
    add: Add, objects: Objects, storage: StorageSettings
) -> None:
    """A folder store says where an object lies; an S3 store has no such place."""
    key = await add(b"here")
    path = objects.local_path(key)
    if storage.kind == "file":
        assert path is not None
        assert path.read_bytes() == b"here"
        assert str(path).endswith(key_path("", key))
    else:
        assert path is None


async def test_check_of_a_store_in_order(objects: Objects) -> None:
    """A store that can be written passes its check, also the second time."""
    await objects.check()
    await objects.check()


async def names(objects: Objects, folder: str) -> set[str]:
    return {name async for name in objects.notes.names(folder)}


async def test_a_note_is_replaced_and_removed(objects: Objects) -> None:
    """The last one written is the one that is read; none is NotFound, twice removed is fine."""
    await objects.notes.put("owner", b"first")
    await objects.notes.put("owner", b"second")
    assert await objects.notes.read("owner") == b"second"
    await objects.notes.delete(["owner", "another"])
    await objects.notes.delete(["owner"])
    with pytest.raises(NotFound):
        await objects.notes.read("owner")


async def test_notes_are_listed_by_folder(objects: Objects) -> None:
    """However deep they lie; a folder that nobody wrote to is empty."""
    written = {"origins/00/a1", "origins/ff/00", "tombstones/x"}
    for name in written:
        await objects.notes.put(name, name.encode())
    assert await names(objects, "origins") == {"origins/00/a1", "origins/ff/00"}
    assert await names(objects, "tombstones") == {"tombstones/x"}
    assert await names(objects, "belongings") == set()


async def test_notes_are_no_objects(objects: Objects) -> None:
    """A listing of the objects never shows one."""
    await objects.notes.put("origins/00/00", b"note")
    assert [one for shard in SHARDS async for one in objects.list(shard)] == []


@pytest.mark.parametrize("name", ["", "../owner", "/etc/passwd", "a//b", "Owner", "a/", ".notes"])
async def test_a_name_cannot_lead_elsewhere(objects: Objects, name: str) -> None:
    """Names are lower-case words; anything else is a mistake of ours."""
    with pytest.raises(ValueError, match="cannot be the name of a note"):
        await objects.notes.put(name, b"")
