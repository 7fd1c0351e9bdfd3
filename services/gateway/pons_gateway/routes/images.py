# SPDX-License-Identifier: Apache-2.0
"""Pictures, frames and raw pixels: the render service answers, the gateway passes it on."""

from string import punctuation
from urllib.parse import quote

import httpx
import msgspec
from starlette.requests import Request
from starlette.responses import Response

from pons.errors import DamagedObject, PonsError, UnsupportedImage
from pons_gateway import render_client
from pons_gateway.backends import Backends
from pons_gateway.errors import BadFrame
from pons_gateway.legacy import JSON, TEXT, Group
from pons_gateway.parameters import Flag, Number

QUALITY = Number("quality", "Quality of a JPEG, 1 to 100; 90 without.")
UNSUPPORTED = Flag(
    "returnUnsupportedImage", "Redirect to a picture that says so where there is no picture."
)

PASSED_ON = frozenset(
    ("content-type", "content-length", "content-disposition", "content-encoding", "location")
)
REFUSALS: dict[int, type[PonsError]] = {
    400: BadFrame,
    415: UnsupportedImage,
    500: DamagedObject,
}
"""The statuses that render gives a reason with: of raw frames and values, of pictures."""

VIEWS = {
    "preview": "A picture for people, stretched to 8 bits",
    "image-uint8": "Grey values cut to 0..255",
    "image-uint16": "Grey values cut to 0..65535",
    "image-int16": "Grey values cut to -32768..32767",
}

GROUP = Group(
    "Images", "Pictures as PNG or JPEG, by the `Accept` header, and the pixels as in the file."
)


async def relay(request: Request, backends: Backends) -> Response:
    """Whatever the render service answers to the same path."""
    # Encoded again: a path may hold characters that are no part of an address as they are. Slashes
    # that come twice are one here, and must be there.
    path = quote("/" + "/".join(filter(None, request.scope["path"].split("/"))))
    query = quote(request.scope["query_string"], punctuation)
    asked = backends.render.build_request(
        "GET",
        f"{path}?{query}",
        headers={"accept": request.headers.get("accept", "*/*")},
    )
    answer = await render_client.send(backends.render, asked)
    if answer.status_code in REFUSALS and answer.headers.get("content-type") == JSON:
        raise await _refusal(answer)
    headers = {name: value for name, value in answer.headers.items() if name in PASSED_ON}
    headers["x-content-type-options"] = "nosniff"
    return render_client.Relayed(answer, status_code=answer.status_code, headers=headers)


async def _refusal(answer: httpx.Response) -> PonsError:
    """Why render makes no picture, to be described as other errors are.

    Orthanc's answer has no body where a picture is refused; why is what people ask first.
    """
    try:
        told = msgspec.json.decode(await answer.aread(), type=dict[str, str])
    finally:
        await answer.aclose()
    return REFUSALS[answer.status_code](told["message"])


GROUP.add("GET", "/instances/{id}/frames", relay, "Numbers of the frames", example=[0, 1])
for view, summary in VIEWS.items():
    for path in (f"/instances/{{id}}/{view}", f"/instances/{{id}}/frames/{{frame}}/{view}"):
        GROUP.add("GET", path, relay, summary, query=(QUALITY, UNSUPPORTED), gives="image/png")
GROUP.add(
    "GET",
    "/instances/{id}/frames/{frame}/raw",
    relay,
    "The bytes of a frame as in the file",
    gives="application/octet-stream",
)
GROUP.add(
    "GET",
    "/instances/{id}/frames/{frame}/raw.gz",
    relay,
    "The same as a gzip file",
    gives="application/gzip",
)
for path in ("/instances/{id}/matlab", "/instances/{id}/frames/{frame}/matlab"):
    GROUP.add(
        "GET",
        path,
        relay,
        "The values of a frame, as text that Octave and MATLAB evaluate to a matrix",
        gives=TEXT,
        example="double([ 0 1 ; 2 3 ])",
    )
