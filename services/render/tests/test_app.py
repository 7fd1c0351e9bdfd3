# SPDX-License-Identifier: Apache-2.0
import dataclasses
import gzip
import io
import random
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import xxhash
import zstandard
from PIL import Image as Pillow
from pydicom.data import get_testdata_file

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

pytestmark = pytest.mark.anyio
Make = Callable[..., bytes]
VIEWS = ("preview", "image-uint8", "image-uint16", "image-int16")


def example(name: str) -> bytes:
    return Path(str(get_testdata_file(name, download=False))).read_bytes()


def pixels_of(answer: httpx.Response) -> Any:
    assert answer.status_code == 200
    with Pillow.open(io.BytesIO(answer.content)) as picture:
        return np.asarray(picture)


def assert_empty(answer: httpx.Response, status: int) -> None:
    assert (answer.status_code, answer.content) == (status, b"")
    assert "content-type" not in answer.headers


def assert_refused(answer: httpx.Response, status: int, reason: str = "") -> None:
    """The status, and a reason that names no class of ours or of a codec."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")
    told = answer.json()
    assert told["error"] == "UnsupportedImage"
    assert told["message"]
    assert reason in told["message"]
    assert not re.search(r"Error|Exception|pylibjpeg|gdcm|plugin", told["message"])


@pytest.fixture
def ct(resources: Any) -> Located:
    """`/instances/ct`: a CT of 128 x 128 with one frame of signed 16 bits."""
    located: Located = resources.add("ct", example("CT_small.dcm"))
    return located


@pytest.fixture
def color(resources: Any, make: Make) -> Located:
    """`/instances/color`: two RGB frames."""
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    located: Located = resources.add(
        "color", make(pixels, Rows=1, NumberOfFrames=2, PixelData=pixels.tobytes())
    )
    return located


async def test_preview_is_png_by_default(client: httpx.AsyncClient, ct: Located) -> None:
    """A preview is an 8-bit PNG that uses the whole range."""
    answer = await client.get("/instances/ct/preview")
    picture = pixels_of(answer)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-length"] == str(len(answer.content))
    assert (picture.shape, picture.dtype) == ((128, 128), np.uint8)
    assert (picture.min(), picture.max()) == (0, 255)


async def test_jpeg_by_accept(client: httpx.AsyncClient, ct: Located) -> None:
    """A client that prefers JPEG gets it, in the quality that it asks for."""
    headers = {"accept": "image/jpeg"}
    good = await client.get("/instances/ct/preview", headers=headers)
    poor = await client.get("/instances/ct/preview?quality=10", headers=headers)
    assert good.headers["content-type"] == poor.headers["content-type"] == "image/jpeg"
    assert len(poor.content) * 2 < len(good.content)


async def test_pam_by_accept(client: httpx.AsyncClient, ct: Located) -> None:
    """The third format of Orthanc is served as well."""
    answer = await client.get(
        "/instances/ct/image-uint16", headers={"accept": "image/x-portable-arbitrarymap"}
    )
    assert answer.content.startswith(b"P7\nWIDTH 128\nHEIGHT 128\n")


async def test_numeric_views(client: httpx.AsyncClient, make: Make, resources: Any) -> None:
    """The three views clamp stored values, rescale slope or not."""
    values = np.array([[-5, 3], [300, 32767]], "<i2")
    resources.add("grey", make(values, RescaleSlope="2", RescaleIntercept="-1024"))
    pictures = [pixels_of(await client.get("/instances/grey/" + view)) for view in VIEWS[1:]]
    assert [picture.tolist() for picture in pictures] == [
        [[0, 3], [255, 255]],
        [[0, 3], [300, 32767]],
        [[65531, 3], [300, 32767]],
    ]


async def test_frame_by_number(client: httpx.AsyncClient, color: Located) -> None:
    """Each frame has its own picture, and the route without a frame shows the first."""
    first, second, default = [
        pixels_of(await client.get("/instances/color/" + path)).ravel().tolist()
        for path in ("frames/0/preview", "frames/1/preview", "preview")
    ]
    assert first == default == list(range(12))
    assert second == list(range(12, 24))


async def test_palette_is_colored(client: httpx.AsyncClient, resources: Any) -> None:
    """A palette image's preview is in colour."""
    resources.add("palette", example("examples_palette.dcm"))
    assert pixels_of(await client.get("/instances/palette/preview")).shape == (350, 800, 3)


async def test_frames_are_listed(client: httpx.AsyncClient, color: Located) -> None:
    """The list of frames is an array of integers."""
    answer = await client.get("/instances/color/frames")
    assert answer.json() == [0, 1]
    assert answer.headers["content-type"] == "application/json; charset=utf-8"


async def test_report_has_one_frame_and_no_picture(
    client: httpx.AsyncClient, resources: Any
) -> None:
    """An instance without pixels lists frame 0, as in Orthanc, and shows nothing."""
    resources.add("report", example("reportsi.dcm"))
    assert (await client.get("/instances/report/frames")).json() == [0]
    for view in VIEWS:
        assert_refused(await client.get("/instances/report/" + view), 415)
    assert_refused(await client.get("/instances/report/frames/0/raw"), 400)


@pytest.mark.parametrize(
    ("name", "media_type", "size"),
    [
        ("CT_small.dcm", "application/octet-stream", 32768),
        ("SC_rgb_dcmtk_+eb+cr.dcm", "image/jpeg", 1934),
        ("MR_small_jp2klossless.dcm", "image/jp2", 4314),
        ("MR_small_RLE.dcm", "application/octet-stream", 6108),
        ("MR_small_jpeg_ls_lossless.dcm", "application/octet-stream", 4430),
        ("JPEG-lossy.dcm", "application/octet-stream", 6830),
        ("image_dfl.dcm", "application/octet-stream", 262144),
    ],
)
async def test_raw_frame(
    client: httpx.AsyncClient, resources: Any, name: str, media_type: str, size: int
) -> None:
    """Raw frames have Orthanc's media types and sizes."""
    resources.add("instance", example(name))
    answer = await client.get("/instances/instance/frames/0/raw")
    assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
    assert len(answer.content) == size


async def test_raw_frame_as_gzip(client: httpx.AsyncClient, ct: Located) -> None:
    """The same bytes in a gzip file, which a client keeps as it is."""
    answer = await client.get("/instances/ct/frames/0/raw.gz")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/gzip")
    assert "content-encoding" not in answer.headers
    raw = await client.get("/instances/ct/frames/0/raw")
    assert gzip.decompress(answer.content) == raw.content
    assert_refused(await client.get("/instances/ct/frames/1/raw.gz"), 400)


async def test_matlab(client: httpx.AsyncClient, ct: Located, color: Located) -> None:
    """Stored values as text, of the first frame or of one; no quality, no `Accept` matters."""
    headers = {"accept": "image/jpeg"}
    answer = await client.get("/instances/ct/matlab?quality=0", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.text.startswith("double([ 175 180 166 143 ")
    assert answer.text.count("; ") == 127
    answer = await client.get("/instances/color/frames/1/matlab")
    assert answer.text == (
        "double(permute(reshape([ 12 13 14 15 16 17 18 19 20 21 22 23 ], [ 3 4 1 ]), [ 3 2 1 ]))"
    )
    assert_refused(await client.get("/instances/ct/frames/1/matlab"), 400)
    assert_empty(await client.get("/instances/ct/frames/one/matlab"), 404)
    assert_empty(await client.get("/instances/nobody/matlab"), 404)


async def test_raw_bytes_are_those_of_the_file(
    client: httpx.AsyncClient, resources: Any, make: Make
) -> None:
    """The second raw frame is the second slice."""
    resources.add("grey", make(np.arange(8, dtype="<u2").reshape(4, 2), Rows=2, NumberOfFrames=2))
    answer = await client.get("/instances/grey/frames/1/raw", headers={"accept": "image/png"})
    assert answer.content == b"\x04\0\x05\0\x06\0\x07\0"


@pytest.mark.parametrize(
    "path",
    [
        "/instances/nobody/preview",
        "/instances/nobody/frames",
        "/instances/nobody/frames/0/raw",
        "/instances/nobody/frames/0/image-uint8",
        "/instances/ct/frames/one/preview",
        "/instances/ct/frames/-1/preview",
        "/instances/ct/frames/1.0/preview",
        "/instances/ct/frames/4294967296/preview",
        "/instances/ct/frames/one/raw",
        "/instances/ct/frames/0/unheard-of",
        "/instances/ct/unheard-of",
        "/instances/ct/raw",
        "/unheard-of",
    ],
)
async def test_not_found(client: httpx.AsyncClient, ct: Located, path: str) -> None:
    """Unknown instances, unknown routes and frames that are no numbers are 404 without a body."""
    assert_empty(await client.get(path), 404)


@pytest.mark.parametrize("accept", ["text/plain", "image/gif", "application/json", ""])
async def test_accept_that_nothing_matches(
    client: httpx.AsyncClient, ct: Located, accept: str
) -> None:
    """A client that wants none of the formats gets 404 without a body."""
    answer = await client.get("/instances/ct/preview", headers={"accept": accept})
    assert_empty(answer, 404)


@pytest.mark.parametrize("view", VIEWS)
async def test_frame_past_the_last(client: httpx.AsyncClient, ct: Located, view: str) -> None:
    """A frame that the image does not have is 415 with a reason."""
    reason = "There is no frame 1, the image has 1"
    assert_refused(await client.get(f"/instances/ct/frames/1/{view}"), 415, reason)


async def test_raw_frame_past_the_last(client: httpx.AsyncClient, ct: Located) -> None:
    """For raw frames Orthanc answers 400."""
    assert_refused(await client.get("/instances/ct/frames/1/raw"), 400)


@pytest.mark.parametrize("view", VIEWS[2:])
async def test_jpeg_of_16_bits(client: httpx.AsyncClient, ct: Located, view: str) -> None:
    """JPEG of a 16-bit view is 415 with a reason."""
    answer = await client.get("/instances/ct/" + view, headers={"accept": "image/jpeg"})
    assert_refused(answer, 415)


@pytest.mark.parametrize("view", VIEWS[1:])
async def test_color_as_numbers(client: httpx.AsyncClient, color: Located, view: str) -> None:
    """Colour has no numeric view."""
    assert_refused(await client.get("/instances/color/" + view), 415)


@pytest.mark.parametrize("quality", ["0", "101", "-5", "good", "", "1e2", "99999999999999999999"])
@pytest.mark.parametrize("accept", ["image/jpeg", "image/png"])
async def test_wrong_quality(
    client: httpx.AsyncClient, ct: Located, quality: str, accept: str
) -> None:
    """A quality outside 1 to 100 is 415, for PNG too."""
    answer = await client.get(
        f"/instances/ct/preview?quality={quality}", headers={"accept": accept}
    )
    assert_refused(answer, 415)


async def test_undecodable(client: httpx.AsyncClient, resources: Any) -> None:
    """A damaged code stream and a syntax without decoder are 415 with a reason."""
    resources.add("damaged", example("JPEG2000-embedded-sequence-delimiter.dcm"))
    video = dataclasses.replace(
        resources.add("jpeg", example("MR_small_RLE.dcm")),
        transfer_syntax="1.2.840.10008.1.2.4.102",
    )
    resources.put("video", video)
    reasons = {
        "damaged": "3722445056 x 1024 pixels take ",
        "video": "No decoder for transfer syntax 1.2.840.10008.1.2.4.102",
    }
    for name, reason in reasons.items():
        for view in VIEWS:
            assert_refused(await client.get(f"/instances/{name}/{view}"), 415, reason)
    assert len((await client.get("/instances/video/frames/0/raw")).content) == 6108


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/instances/ct/frames/7/preview", "../../../../app/images/unsupported.png"),
        ("/instances/report/preview", "../../app/images/unsupported.png"),
    ],
)
async def test_unsupported_picture(
    client: httpx.AsyncClient, ct: Located, resources: Any, path: str, location: str
) -> None:
    """Web pages can ask for a picture that says that there is none."""
    resources.add("report", example("reportsi.dcm"))
    for argument in ("returnUnsupportedImage", "returnUnsupportedImage=1"):
        answer = await client.get(f"{path}?{argument}")
        assert (answer.status_code, answer.headers["location"]) == (307, location)
    assert_refused(await client.get(f"{path}?returnUnsupportedImage=false"), 415)


async def test_unsupported_picture_is_not_for_what_is_not_found(
    client: httpx.AsyncClient,
) -> None:
    """An unknown instance stays unknown."""
    assert_empty(await client.get("/instances/nobody/preview?returnUnsupportedImage"), 404)


async def test_wrong_method(client: httpx.AsyncClient, ct: Located) -> None:
    """POST is not allowed, without a body."""
    answer = await client.post("/instances/ct/preview")
    assert_empty(answer, 405)
    assert "GET" in answer.headers["allow"]


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
    described = {BadRequest, DamagedObject, UnsupportedImage}
    for kind in (*FAMILY.values(), Unheard):

        async def find(_id: str, kind: type[PonsError] = kind) -> Located | None:
            raise kind("as it happens")

        resources.find = find
        answer = await client.get("/instances/x/preview")
        assert answer.status_code == http_status(kind("as it happens"))
        assert bool(answer.content) == (kind in described)


class Unheard(Unavailable):
    """An error of one module, which no table knows."""


def test_this_process_knows_no_codec() -> None:
    """The service itself stays small: numpy, pydicom and the codecs are loaded by workers only."""
    import subprocess

    script = "import pons_render.app, sys; print(sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    ).stdout
    assert [name for name in ("numpy", "pydicom", "PIL", "gdcm") if f"'{name}'" in loaded] == []
