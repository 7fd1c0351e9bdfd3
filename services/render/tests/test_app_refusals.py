# SPDX-License-Identifier: Apache-2.0
"""What render says of pictures that are not there or cannot be decoded, and of wrong requests."""

import dataclasses
from typing import Any

import httpx
import pytest

from pons_render.image import Located

from .asked import VIEWS, assert_empty, assert_refused, example

pytestmark = pytest.mark.anyio


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
