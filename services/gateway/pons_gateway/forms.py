# SPDX-License-Identifier: Apache-2.0
"""Answers in the form that the client prefers: XML for JSON, and compressed."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Mapping

import orjson
from starlette.responses import Response, StreamingResponse

from pons_gateway.answers import JSON_TYPE, XML_TYPE, Answer, PagedAnswer
from pons_gateway.large_text import LargeAnswer
from pons_gateway.xml_form import document, large_document, paged_document, wants_xml

SMALLEST_COMPRESSED = 2048
IN_A_THREAD_ABOVE = 256 * 1024
WINDOW = {"gzip": 31, "deflate": 15}
"""zlib's way to say which form, by its name in Accept-Encoding."""
COMPRESSED = ("application/json", "application/xml", "text/", "application/javascript")
LEVEL = 1


def preferred(response: Response, headers: Mapping[bytes, bytes]) -> Response:
    """`response`, or what it says as XML where the Accept header prefers that."""
    accept = headers.get(b"accept", b"")
    if b"xml" not in accept or not wants_xml(accept.decode("latin-1")):
        return response
    pieces = None
    if isinstance(response, PagedAnswer):
        pieces = paged_document(response.pages)
    elif isinstance(response, LargeAnswer):
        pieces = large_document(response.text)
    if pieces is not None:
        xml = StreamingResponse(pieces)
        xml.raw_headers = [XML_TYPE, (b"x-content-type-options", b"nosniff")]
        return xml
    if response.status_code != 200 or JSON_TYPE not in response.raw_headers:
        return response
    others = [
        (name, value)
        for name, value in response.raw_headers
        if name not in (b"content-type", b"content-length", b"x-content-type-options")
    ]
    return Answer(document(orjson.loads(response.body)), 200, XML_TYPE, *others)


async def compressed(response: Response, headers: Mapping[bytes, bytes]) -> Response:
    """`response`, compressed where the client takes that and it is text of some length."""
    coding = _coding(headers.get(b"accept-encoding", b"").decode("latin-1"))
    kind = response.headers.get("content-type", "")
    if not coding or response.status_code != 200 or not kind.startswith(COMPRESSED):
        return response
    kept = [item for item in response.raw_headers if item[0] != b"content-length"]
    told = [*kept, (b"content-encoding", coding.encode()), (b"vary", b"accept-encoding")]
    if isinstance(response, StreamingResponse):
        streamed = StreamingResponse(_deflated(response.body_iterator, WINDOW[coding]))  # type: ignore[arg-type]
        streamed.raw_headers = told
        return streamed
    body = bytes(response.body)
    if len(body) < SMALLEST_COMPRESSED:
        return response
    if len(body) > IN_A_THREAD_ABOVE:
        packed = await asyncio.to_thread(zlib.compress, body, LEVEL, WINDOW[coding])
    else:
        packed = zlib.compress(body, LEVEL, WINDOW[coding])
    told = [item for item in told if item[0] != b"x-content-type-options"]
    return Answer(packed, 200, *told)


def _coding(accepted: str) -> str:
    """The coding of ours that the client takes, gzip before deflate; empty for none."""
    taken = {}
    for item in accepted.lower().split(","):
        name, _, parameter = item.strip().partition(";")
        taken[name.strip()] = parameter.replace(" ", "") not in ("q=0", "q=0.0", "q=0.000")
    return next((name for name in WINDOW if taken.get(name, taken.get("*", False))), "")


async def _deflated(chunks: AsyncIterator[bytes], window: int) -> AsyncIterator[bytes]:
    packer = zlib.compressobj(LEVEL, wbits=window)
    async for chunk in chunks:
        if piece := packer.compress(chunk):
            yield piece
    yield packer.flush()
