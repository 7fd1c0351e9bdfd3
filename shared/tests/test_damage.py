# SPDX-License-Identifier: Apache-2.0
"""Objects that are not what they were, in a folder and in buckets: no reading passes them off."""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest
import xxhash
import zstandard

from pons.errors import DamagedObject, InvalidInstance, NotFound
from pons.health.readiness import Health
from pons.objects import PIECE, SPOOL_ABOVE, Objects, new_key, open_objects
from pons.objects.damage import DAMAGED_OBJECTS, found, notice
from pons.objects.stored_file import (
    ObjectFile,
    check_file,
    local_file,
    open_file,
    read_file,
    read_file_range,
    stream_file,
    verify_file,
)
from pons.settings import StorageSettings
from pons_testing.object_folders import Lend
from pons_testing.s3 import Endpoint, run_moto, run_rclone

pytestmark = pytest.mark.anyio

SMALL = os.urandom(1000) * 40
LARGE = os.urandom(1 << 20) * 9
assert len(LARGE) > SPOOL_ABOVE
PLACES = ["file", "moto", "rclone"]


@pytest.fixture(scope="module")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    with run_moto(tmp_path_factory.mktemp("moto")) as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def rclone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    with run_rclone(tmp_path_factory.mktemp("rclone")) as endpoint:
        yield endpoint


@pytest.fixture(params=PLACES)
async def objects(
    request: pytest.FixtureRequest, tmp_path: Path, lend_objects: Lend
) -> AsyncIterator[Objects]:
    name = f"damage-{os.urandom(4).hex()}"
    if request.param == "file":
        lend_objects(tmp_path, name)
        storage = StorageSettings.model_validate({"kind": "file", "path": tmp_path})
    else:
        storage = request.getfixturevalue(request.param).storage(tmp_path)
    opened = open_objects(storage, name)
    yield opened
    await opened.close()


DAMAGE: dict[str, tuple[str, Callable[[bytes], bytes | None]]] = {
    "missing": ("missing", lambda stored: None),
    "empty": ("size", lambda stored: b""),
    "truncated": ("size", lambda stored: stored[: len(stored) // 2]),
    "one byte short": ("size", lambda stored: stored[:-1]),
    "grown": ("size", lambda stored: stored + b"\0"),
    "flipped": (
        "checksum",
        lambda stored: stored[:-30] + bytes([stored[-30] ^ 4]) + stored[-29:],
    ),
}
"""What happened, to what is told of it and to what it makes of an object."""


async def keep(
    objects: Objects, content: bytes, how: str = "", *, packed: bool = False, attached: bool = False
) -> ObjectFile:
    """A file of the resource `whose`, damaged after it was stored."""
    stored, key = zstandard.compress(content) if packed else content, new_key()
    changed = DAMAGE[how][1](stored) if how else stored
    await objects.put(key, stored if changed is None else changed)
    if changed is None:
        await objects.delete([key])
    return ObjectFile(
        key,
        len(content),
        len(stored),
        "zstd" if packed else "",
        "whose",
        b"" if attached else xxhash.xxh3_128_digest(content),
        md5(content).hexdigest() if attached else "",
    )


async def read_local(objects: Objects, stored: ObjectFile) -> None:
    async with local_file(objects, stored) as path:
        path.read_bytes()


async def open_whole(objects: Objects, stored: ObjectFile) -> None:
    async with open_file(objects, stored, whole=True) as file:
        await file.read_range(0, 10)


async def read_all_as_range(objects: Objects, stored: ObjectFile) -> None:
    await read_file_range(objects, stored, 0, stored.size)


WHOLE: list[Callable[[Objects, ObjectFile], Any]] = [
    read_file,
    verify_file,
    read_local,
    open_whole,
    read_all_as_range,
]


@pytest.mark.parametrize("attached", [False, True])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("how", DAMAGE)
async def test_nobody_reads_a_damaged_file_whole(
    objects: Objects, how: str, packed: bool, attached: bool
) -> None:
    """Each way to read all of a file tells what is wrong, of which object and of whose."""
    stored = await keep(objects, SMALL, how, packed=packed, attached=attached)
    told = DAMAGE[how][0]
    for read in WHOLE:
        with pytest.raises(DamagedObject, match="What the store keeps of whose is") as error:
            await read(objects, stored)
        assert error.value.what in (told, "compression" if packed and told == "checksum" else told)
        assert (error.value.object_key, error.value.owner) == (str(stored.object_key), "whose")


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("how", [how for how, (told, _) in DAMAGE.items() if told != "checksum"])
async def test_ranges_of_a_damaged_file(objects: Objects, how: str, packed: bool) -> None:
    """A range tells when the object is missing or has another size, wherever the range is."""
    stored = await keep(objects, SMALL, how, packed=packed)
    for start, length in ((0, 10), (len(SMALL) - 10, 10), (len(SMALL) // 2 + 5, 500)):
        with pytest.raises(DamagedObject) as error:
            await read_file_range(objects, stored, start, length)
        assert error.value.what == DAMAGE[how][0]
        with pytest.raises(DamagedObject):
            [piece async for piece in stream_file(objects, stored, start, length)]
    if not packed:
        with pytest.raises(DamagedObject):
            await check_file(objects, stored)
        async with open_file(objects, stored) as file:
            with pytest.raises(DamagedObject):
                await file.read_range(5, 10)


@pytest.mark.parametrize("packed", [False, True])
async def test_the_last_piece_waits_for_the_checksum(objects: Objects, packed: bool) -> None:
    """Whoever was told the length of a large file never gets as much of a damaged one."""
    stored = await keep(objects, LARGE, "flipped", packed=packed)
    given = 0
    with pytest.raises(DamagedObject):  # noqa: PT012 it is about what comes before
        async for piece in stream_file(objects, stored):
            given += len(piece)
    assert len(LARGE) - 17 * PIECE < given < len(LARGE)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("content", [b"", SMALL, LARGE], ids=["empty", "small", "large"])
async def test_what_is_whole_is_given(objects: Objects, content: bytes, packed: bool) -> None:
    """All ways give a file that is what it was."""
    stored = await keep(objects, content, packed=packed)
    for read in (*WHOLE, check_file):
        await read(objects, stored)
    assert b"".join([piece async for piece in stream_file(objects, stored)]) == content
    assert await read_file_range(objects, stored, 3, 9) == content[3:12]
    assert await read_file_range(objects, stored, 0, len(content) + 9) == content


@pytest.mark.parametrize("objects", ["moto", "rclone"], indirect=True)
async def test_comparing_costs_no_request(objects: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What S3 says with its answer is enough: one request for a file, and one for a range."""
    stored = await keep(objects, SMALL)
    client, asked = objects._bucket._client, []
    for name in ("get_object", "stat_object"):
        original = getattr(client, name)

        def counted(*args: Any, _name: str = name, _original: Any = original, **more: Any) -> Any:
            asked.append(_name)
            return _original(*args, **more)

        monkeypatch.setattr(client, name, counted)
    await read_file(objects, stored)
    await read_file_range(objects, stored, 5, 10)
    assert asked == ["get_object", "get_object"]


def counted(what: str) -> float:
    value: float = DAMAGED_OBJECTS.labels(what)._value.get()
    return value


async def test_damage_is_counted_and_logged_once(
    objects: Objects, capsys: pytest.CaptureFixture[str]
) -> None:
    """At once when the bytes are wrong; when the object is missing, after somebody looked again."""
    for how, (told, _) in DAMAGE.items():
        stored = await keep(objects, SMALL, how)
        before = counted(told)
        with pytest.raises(DamagedObject) as error:
            await read_file(objects, stored)
        assert counted(told) - before == (how != "missing")
        notice(error.value)
        notice(error.value)
        assert counted(told) - before == 1
        (line,) = (one for one in capsys.readouterr().out.splitlines() if "object damaged" in one)
        assert "error" in line
        assert f"object_key={stored.object_key}" in line
        assert "resource=whose" in line


async def test_an_object_of_nobody(objects: Objects) -> None:
    """Of an object that nobody is known to refer to, it is the object that is not there."""
    key = new_key()
    await objects.put(key, b"four")
    with pytest.raises(NotFound):
        await read_file(objects, ObjectFile(new_key(), 5, 5, ""))
    with pytest.raises(InvalidInstance, match="4 bytes instead of 5"):
        await read_file(objects, ObjectFile(key, 5, 5, ""))


async def test_health_tells_of_what_was_found(objects: Objects) -> None:
    """Once a reading found a damaged file, the process says so beside being ready."""
    before = found()
    stored = await keep(objects, SMALL, "truncated")
    with pytest.raises(DamagedObject):
        await read_file(objects, stored)
    assert found() == before + 1
    health = Health("gateway")
    assert health.told() == {}
    health.damaged = found
    told = health.told()["damaged files"]
    assert told.startswith(f"{before + 1} readings since the start found an object missing")
