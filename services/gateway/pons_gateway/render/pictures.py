# SPDX-License-Identifier: Apache-2.0
"""Pictures, frames and raw pixels: render answers, and this passes it on."""

from string import punctuation
from urllib.parse import quote

import httpx
from starlette.responses import Response

from pons.errors import DamagedObject, PonsError, UnsupportedImage
from pons_gateway.errors import BadFrame
from pons_gateway.render.client import Relayed, refusal, send

PASSED_ON = frozenset(
    ("content-type", "content-length", "content-disposition", "content-encoding", "location")
)
JSON = "application/json"
REFUSALS: dict[int, type[PonsError]] = {
    400: BadFrame,
    415: UnsupportedImage,
    500: DamagedObject,
}
"""The statuses that render gives a reason with: of raw frames and values, of pictures."""


async def relay_picture(
    render: httpx.AsyncClient, path: str, query_string: bytes, accept: str
) -> Response:
    """Whatever render answers to the same path. Raises what it refuses with a reason."""
    # Encoded again: a path may hold characters that are no part of an address as they are. Slashes
    # that come twice are one here, and must be there.
    path = quote("/" + "/".join(filter(None, path.split("/"))))
    query = quote(query_string, punctuation)
    asked = render.build_request("GET", f"{path}?{query}", headers={"accept": accept})
    answer = await send(render, asked)
    if answer.status_code in REFUSALS and answer.headers.get("content-type") == JSON:
        # Orthanc's answer has no body where a picture is refused; why is what people ask first.
        raise REFUSALS[answer.status_code](str(await refusal(answer)))
    headers = {name: value for name, value in answer.headers.items() if name in PASSED_ON}
    headers["x-content-type-options"] = "nosniff"
    return Relayed(answer, status_code=answer.status_code, headers=headers)
