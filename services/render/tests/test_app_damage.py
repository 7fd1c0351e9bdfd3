# SPDX-License-Identifier: Apache-2.0
"""Objects that are away, gone or damaged, and decoders that break."""

import dataclasses
import random
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import xxhash
import zstandard

from pons.errors import (
    FAMILY,
    BadRequest,
    DamagedObject,
    PonsError,
    Unavailable,
    UnsupportedImage,
)
from pons.http.errors import http_status
from pons.objects import FileObjects
from pons_render.image import Located
from pons_render.pictures import Pictures
from pons_render.pool import Bounds, WorkerPool

from .asked import Make, assert_empty, assert_refused, example

pytestmark = pytest.mark.anyio


async def test_object_that_is_far_away(client: httpx.AsyncClient, resources: Any) -> None:
    """Without a local file a preview is the same, with one or two reads of the object."""
    for name in ("CT_small.dcm", "MR_small_jp2klossless.dcm", "examples_palette.dcm"):
        resources.add("instance", example(name))
        near = await client.get("/instances/instance/preview")
        resources.objects.remote = True
        resources.objects.reads.clear()
        far = await client.get("/instances/instance/preview")
        assert far.content == near.content
        assert 1 <= len(resources.objects.reads) <= 2
        resources.objects.remote = False


async def test_object_that_is_compressed_at_rest(
    client: httpx.AsyncClient, resources: Any, tmp_path: Path, make: Make
) -> None:
    """Pictures are the same for small objects, held in memory, and large ones, in a spool."""
    pixels = np.arange(2400 * 2400, dtype=np.uint16).reshape(2400, 2400)
    for content in (example("CT_small.dcm"), make(pixels)):
        located = resources.add("plain", content)
        plain = await client.get("/instances/plain/preview")
        resources.objects, folder = FileObjects(tmp_path, "main", fsync=False), resources.objects
        stored = zstandard.compress(content)
        await resources.objects.put(located.key, stored)
        packed_as = {"compression": "zstd", "stored_size": len(stored)}
        resources.put("packed", dataclasses.replace(located, **packed_as))
        packed = await client.get("/instances/packed/preview")
        assert (packed.status_code, packed.content) == (200, plain.content)
        resources.objects = folder


def assert_damaged(answer: httpx.Response) -> None:
    """An answer that says whose object is not what it was."""
    assert (answer.status_code, answer.json()["error"]) == (500, "DamagedObject")
    assert answer.json()["message"].startswith("What the store keeps of an instance is ")


@pytest.mark.parametrize("remote", [False, True])
async def test_object_that_is_gone(
    client: httpx.AsyncClient, resources: Any, ct: Located, remote: bool
) -> None:
    """An object that is missing is no instance that is missing: 500; one that was deleted since
    it was looked up is 404."""
    (resources.objects.folder / str(ct.key)).unlink()
    resources.objects.remote = remote
    assert_damaged(await client.get("/instances/ct/preview"))
    assert_damaged(await client.get("/instances/ct/frames/0/raw"))
    first, rest = ct, None
    resources.find = lambda _: answer_once()

    async def answer_once() -> Located | None:
        nonlocal first, rest
        found, first = first, rest  # type: ignore[assignment]
        return found

    assert_empty(await client.get("/instances/ct/preview"), 404)


@pytest.mark.parametrize("remote", [False, True])
async def test_object_with_other_bytes(
    client: httpx.AsyncClient, resources: Any, ct: Located, remote: bool
) -> None:
    """A flipped bit in the pixels of a single frame is no picture with other pixels."""
    path = resources.objects.folder / str(ct.key)
    content = bytearray(path.read_bytes())
    checksum = xxhash.xxh3_128_digest(content)
    resources.put("ct", dataclasses.replace(ct, checksum=checksum))
    assert (await client.get("/instances/ct/preview")).status_code == 200
    content[-99] ^= 0x40
    path.write_bytes(content)
    resources.objects.remote = remote
    for route in ("preview", "frames/0/raw", "matlab"):
        assert_damaged(await client.get(f"/instances/ct/{route}"))


@pytest.mark.parametrize("remote", [False, True])
@pytest.mark.parametrize("change", [-1, 1])
async def test_object_of_another_size(
    client: httpx.AsyncClient, resources: Any, ct: Located, remote: bool, change: int
) -> None:
    """An object that was cut off, or grew, gives no picture."""
    path = resources.objects.folder / str(ct.key)
    path.write_bytes(path.read_bytes()[:-1] if change < 0 else path.read_bytes() + b"x")
    resources.objects.remote = remote
    assert_damaged(await client.get("/instances/ct/preview"))


@pytest.mark.parametrize(
    "attributes",
    [
        {"Rows": 65535, "Columns": 65535},
        {"NumberOfFrames": 10**9},
        {"SamplesPerPixel": 7},
        {"BitsAllocated": 130},
        {"Rows": 0},
    ],
    ids=str,
)
@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.70"])
async def test_hostile_dimensions(
    client: httpx.AsyncClient,
    make: Make,
    resources: Any,
    attributes: dict[str, int],
    syntax: str,
) -> None:
    """Impossible dimensions are 415 and never reach a worker."""
    honest = {
        "Rows": 2,
        "Columns": 2,
        "SamplesPerPixel": 1,
        "PlanarConfiguration": 0,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 8,
        "BitsStored": 8,
        "PixelRepresentation": 0,
    }
    data = b"\xfe\xff\x00\xe0\x00\x00\x00\x00\xfe\xff\x00\xe0\x04\x00\x00\x00abcd"
    content = make(data, syntax, vr="OB", **(honest | attributes))
    located = resources.add("hostile", content)
    (resources.objects.folder / str(located.key)).unlink()  # a worker would find it gone: 404
    assert_refused(await client.get("/instances/hostile/preview"), 415)
    assert_refused(await client.get("/instances/hostile/frames/0/raw"), 400)
    assert_refused(await client.get("/instances/hostile/frames"), 415)


@pytest.mark.parametrize(
    "name",
    [
        "MR_small_RLE.dcm",
        "MR_small_jp2klossless.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
        "SC_rgb_jpeg_gdcm.dcm",
        "SC_rgb_small_odd_jpeg.dcm",
        "JPEG-lossy.dcm",
    ],
)
async def test_damaged_code_streams(client: httpx.AsyncClient, resources: Any, name: str) -> None:
    """Random damage to compressed pixels is a picture or 415, whatever the codec does."""
    content = example(name)
    start = resources.add("whole", content).pixel_offset + 16
    chance = random.Random(name)
    for number in range(15):
        damaged = bytearray(content)
        for _ in range(chance.randint(1, 30)):
            damaged[chance.randrange(start, len(content))] = chance.randrange(256)
        resources.put("damaged", dataclasses.replace(resources.add(str(number), content)))
        located = resources.add("damaged", content)
        (resources.objects.folder / str(located.key)).write_bytes(damaged)
        answer = await client.get("/instances/damaged/preview")
        assert answer.status_code in (200, 415)


async def test_code_stream_of_other_dimensions(client: httpx.AsyncClient, resources: Any) -> None:
    """A code stream that claims to be 60,000 pixels wide costs no memory and no time."""
    content = bytearray(example("MR_small_jp2klossless.dcm"))
    size = content.index(b"\xff\x51") + 6
    content[size : size + 8] = (60_000).to_bytes(4, "big") * 2
    resources.add("wide", bytes(content))
    assert_refused(await client.get("/instances/wide/preview"), 415)


async def test_crash_is_an_unsupported_image(
    resources: Any, ct: Located, hostile_command: tuple[str, ...]
) -> None:
    """A view whose decoder dies is an unsupported image, the next one is seen."""
    async with WorkerPool(Bounds(workers=1), (*hostile_command, str(2**28))) as pool:
        instance = await Pictures(resources, pool).find("ct")
        with pytest.raises(UnsupportedImage):
            await instance.see("segfault", 0)
        with await instance.see("preview", 0) as answer:
            text = b"".join([piece async for piece in answer.pieces()])
        assert text.isdigit()  # the next worker's process id


async def test_failure_of_the_index(client: httpx.AsyncClient, resources: Any) -> None:
    """Each error that a resource can raise has its status; a body where the gateway tells why."""
    described = {BadRequest, DamagedObject, UnsupportedImage, Unavailable, Unheard}
    for kind in (*FAMILY.values(), Unheard):

        async def find(_id: str, kind: type[PonsError] = kind) -> Located | None:
            raise kind("as it happens")

        resources.find = find
        answer = await client.get("/instances/x/preview")
        assert answer.status_code == http_status(kind("as it happens"))
        assert bool(answer.content) == (kind in described)


class Unheard(Unavailable):
    """An error of one module, which no table knows."""
