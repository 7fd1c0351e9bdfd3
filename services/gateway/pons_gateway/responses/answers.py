# SPDX-License-Identifier: Apache-2.0
"""Answers in Orthanc's forms."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from pons_gateway.responses.large_text import LargeMember, Text
from pons_gateway.responses.streamed import resumed
from pons_gateway.responses.xml import large_document, paged_document

NOSNIFF = (b"x-content-type-options", b"nosniff")
JSON_TYPE = (b"content-type", b"application/json; charset=utf-8")
XML_TYPE = (b"content-type", b"application/xml; charset=utf-8")
TEXT_TYPE = (b"content-type", b"text/plain; charset=utf-8")
PLAIN_TYPE = (b"content-type", b"text/plain")
WITHOUT_LENGTH = (204, 304)
"""Statuses whose answers have no body, and say nothing of its length (RFC 9110 8.6)."""
HTML_TYPE = (b"content-type", b"text/html; charset=utf-8")


class Answer(Response):
    """A whole answer with its headers as they are sent: nothing is encoded twice."""

    def __init__(self, body: bytes = b"", status: int = 200, *headers: tuple[bytes, bytes]) -> None:
        self.status_code = status
        self.background = None
        self.body = body
        self.raw_headers = list(headers)
        if status not in WITHOUT_LENGTH:
            self.raw_headers.append((b"content-length", b"%d" % len(body)))
        if body:
            self.raw_headers.append(NOSNIFF)


def json_answer(value: Any, status: int = 200) -> Answer:
    """An answer that is `value`."""
    return Answer(json_bytes(value), status, JSON_TYPE)


def json_bytes(value: Any) -> bytes:
    """`value` as JSON, indented as Orthanc's answers are."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2)


def json_text(text: bytes) -> Answer:
    """JSON that is written already."""
    return Answer(text, 200, JSON_TYPE)


class JsonInPieces(StreamingResponse):
    """JSON as it is read or made, told as XML where the client prefers that."""

    def __init__(
        self,
        pieces: AsyncIterator[bytes],
        as_xml: AsyncIterator[bytes],
        length: int | None = None,
    ) -> None:
        super().__init__(pieces)
        self.raw_headers = [JSON_TYPE, NOSNIFF]
        if length is not None:
            self.raw_headers.append((b"content-length", b"%d" % length))
        self._as_xml = as_xml

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("wants_xml"):
            self.body_iterator, self.raw_headers = self._as_xml, [XML_TYPE, NOSNIFF]
        await super().__call__(scope, receive, send)


def json_of(text: Text) -> Response:
    """JSON that is written already, however large."""
    if isinstance(text, bytes):
        return json_text(text)
    return JsonInPieces(text.pieces(), large_document(text), text.size)


def text_answer(text: str) -> Answer:
    return Answer(text.encode(), 200, TEXT_TYPE)


def html_answer(html: str) -> Answer:
    return Answer(html.encode(), 200, HTML_TYPE)


def done() -> Answer:
    """Success of an operation that has nothing to say."""
    return Answer(b"", 200, (b"content-type", b"text/plain"))


def silent(status: int) -> Answer:
    """Orthanc's answer where a handler found nothing to say: a status and no body."""
    return Answer(b"", status)


class Answered(Exception):
    """Ends a request with an answer, from where none can be returned: a dependency."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status_code)
        self.answer = answer


async def json_list(pages: AsyncIterator[list[Any]]) -> Response:
    """An array of what the pages hold; streamed when there is more than one page.

    Raises what the first page raises, while the status can still tell.
    """
    nothing: list[Any] = []
    first = await anext(pages, nothing)
    second = await anext(pages, None)
    return json_answer(first) if second is None else _paged(b"[]", first, second, pages)


async def json_object(pages: AsyncIterator[dict[str, Any] | LargeMember]) -> Response | None:
    """An object of what the pages hold; streamed when there is more than one page, or a large one.

    None when there is no page. Raises what the first page raises.
    """
    first = await anext(pages, None)
    if first is None:
        return None
    second = await anext(pages, None)
    if second is None and not isinstance(first, LargeMember):
        return json_answer(first)
    return _paged(b"{}", first, second, pages)


Page = list[Any] | dict[str, Any] | LargeMember


def _paged(
    brackets: bytes, first: Page, second: Page | None, others: AsyncIterator[Any]
) -> JsonInPieces:
    pages = resumed(first, resumed(second, others))
    return JsonInPieces(_bracketed(brackets, pages), paged_document(pages))


async def _bracketed(brackets: bytes, pages: AsyncIterator[Page]) -> AsyncIterator[bytes]:
    before = brackets[:1]
    async for page in pages:
        if isinstance(page, LargeMember):
            yield before + b"\n  " + orjson.dumps(page.name) + b": "
            async for piece in page.text.pieces():
                yield piece
        else:
            yield before + orjson.dumps(page, option=orjson.OPT_INDENT_2)[1:-2]
        before = b","
    yield b"\n" + brackets[1:]
