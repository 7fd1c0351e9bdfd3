# SPDX-License-Identifier: Apache-2.0
"""Pictures, numbers and bytes of frames, as they are asked for over HTTP."""

import gzip
import io
import subprocess
import sys
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image as Pillow

from pons_render.image import Located

from .asked import VIEWS, Make, assert_empty, assert_refused, example

pytestmark = pytest.mark.anyio


def pixels_of(answer: httpx.Response) -> Any:
    assert answer.status_code == 200
    with Pillow.open(io.BytesIO(answer.content)) as picture:
        return np.asarray(picture)


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


def test_this_process_knows_no_codec() -> None:
    """The service itself stays small: numpy, pydicom and the codecs are loaded by workers only."""
    assert loaded_by("pons_render.app") & {"numpy", "pydicom", "PIL", "gdcm"} == set()


def test_a_worker_knows_no_service() -> None:
    """Each is a process, which starts with what decodes alone: settings are half of a start."""
    loaded = loaded_by("pons_render.worker")
    assert "numpy" in loaded
    assert loaded & {"asyncio", "pydantic", "fastapi", "pons.settings", "nats", "pydicom"} == set()


def loaded_by(module: str) -> set[str]:
    """The modules that a Python has once it has imported this one."""
    script = f"import {module}, sys; print(*sys.modules)"
    told = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    ).stdout
    return set(told.split())
