# SPDX-License-Identifier: Apache-2.0
"""JSON answers as XML, for the clients that ask for it by name."""

import re
from collections.abc import AsyncIterator
from typing import Any
from xml.sax.saxutils import escape

import orjson

from pons.errors import TooLarge
from pons.http.accept import weights
from pons_gateway.responses.large_text import LargeMember, LargeText

XML = "application/xml"
SAME_AS_JSON = frozenset(["application/json", "application/*", "*/*"])
DECLARATION = '<?xml version="1.0" encoding="utf-8"?>\n'
LONGEST_MEMBER = 8 * 1024 * 1024
"""Bytes of JSON of one tag that is told as XML, which takes many times as much memory."""
NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
NOT_IN_NAMES = re.compile(r"[\s<>&\"'/=]|^$")
"""What would make other elements of an object's key; any other key is an element verbatim."""


def wants_xml(accept: str) -> bool:
    """Whether an Accept header prefers XML; with a wildcard, or as much, JSON is preferred."""
    qualities = dict(weights(accept))
    json = max((qualities.get(name, 0.0) for name in SAME_AS_JSON), default=0.0)
    if any(name in qualities for name in ("application/*", "*/*")):
        return False
    return qualities.get(XML, 0.0) > json


def document(value: Any) -> bytes:
    """The whole document for a JSON value, as Orthanc transcribes it."""
    return f"{DECLARATION}{element('root', value)}".encode()


async def paged_document(
    pages: AsyncIterator[list[Any] | dict[str, Any] | LargeMember],
) -> AsyncIterator[bytes]:
    """The document for an array or an object that comes in pages."""
    yield f"{DECLARATION}<root>\n".encode()
    async for page in pages:
        if isinstance(page, LargeMember):
            name = NOT_IN_NAMES.sub("_", page.name)
            yield f"  <{name}>\n".encode()
            async for piece in _members(page.text, 2):
                yield piece
            yield f"  </{name}>\n".encode()
        else:  # what is written already can only be told once it is read
            yield "".join(_inside(orjson.loads(orjson.dumps(page)), 1)).encode()
    yield b"</root>\n"


async def large_document(text: LargeText) -> AsyncIterator[bytes]:
    """The document for an object that is written already."""
    yield f"{DECLARATION}<root>\n".encode()
    async for piece in _members(text, 1):
        yield piece
    yield b"</root>\n"


async def _members(text: LargeText, depth: int) -> AsyncIterator[bytes]:
    """What is inside the element of an object whose members stand on a line each."""
    kept = b""
    async for piece in text.pieces():
        *lines, kept = (kept + piece).split(b"\n")
        if len(kept) > LONGEST_MEMBER:
            raise TooLarge("A tag is too long to be told as XML", "ask for JSON")
        for line in lines:
            if line not in (b"{", b"}"):
                member = orjson.loads(b"{" + line.removesuffix(b",") + b"}")
                yield "".join(_inside(member, depth)).encode()


def element(name: str, value: Any, depth: int = 0) -> str:
    """One element with what is in it, indented by two spaces a level."""
    indent = "  " * depth
    if not isinstance(value, dict | list | tuple):
        return f"{indent}<{name}>{_text(value)}</{name}>\n"
    inner = _inside(value, depth + 1)
    if not inner:
        return f"{indent}<{name} />\n"
    return f"{indent}<{name}>\n{''.join(inner)}{indent}</{name}>\n"


def _inside(value: Any, depth: int) -> list[str]:
    if isinstance(value, dict):
        return [element(NOT_IN_NAMES.sub("_", key), of, depth) for key, of in value.items()]
    return [element("item", item, depth) for item in value]


def _text(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return escape(NOT_IN_XML.sub("\ufffd", str(value)))
