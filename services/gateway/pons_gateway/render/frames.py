# SPDX-License-Identifier: Apache-2.0
"""Streams of frames as render makes them, and for how long a client may keep what it got."""

from dataclasses import dataclass

import httpx
from starlette.requests import Request
from starlette.responses import Response

from pons.messages.frames import NEVER_KEPT
from pons_gateway.render.client import Relayed, refusal, send
from pons_gateway.responses.answers import Answer
from pons_gateway.responses.media_types import OCTETS

FOR_GOOD = b"private, max-age=86400, immutable"
ASK_AGAIN = b"private, no-cache"


@dataclass(frozen=True, slots=True)
class Kept:
    """What names an answer, and whether its address does so, too."""

    tag: str
    for_good: bool

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """ETag and Cache-Control."""
        control = FOR_GOOD if self.for_good else ASK_AGAIN
        return [(b"etag", f'"{self.tag}"'.encode()), (b"cache-control", control)]

    def is_known(self, request: Request) -> bool:
        """Whether the client has this answer already."""
        known = request.headers.get("if-none-match", "")
        return any(one.strip().removeprefix("W/") == f'"{self.tag}"' for one in known.split(","))

    def unchanged(self) -> Answer:
        """What such a client is told."""
        return Answer(b"", 304, *self.headers)


async def relay_frames(render: httpx.AsyncClient, path: str, body: bytes, kept: Kept) -> Response:
    """The records as render sends them; a failure in their midst breaks the connection."""
    answer = await send(render, render.build_request("POST", path, content=body))
    if answer.status_code != 200:
        raise await refusal(answer)
    relayed = Relayed(answer, media_type=OCTETS)
    never = answer.headers.get("cache-control") == NEVER_KEPT
    headers = [(b"cache-control", NEVER_KEPT.encode())] if never else kept.headers
    relayed.raw_headers += [*headers, (b"x-content-type-options", b"nosniff")]
    return relayed
