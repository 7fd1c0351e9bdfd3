# SPDX-License-Identifier: Apache-2.0
"""Answers as XML, and compressed."""

import gzip
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Any
from xml.dom import minidom

import httpx
import pytest

from pons.settings import HttpSettings, Settings
from pons_gateway.responses.xml import document, paged_document, wants_xml

from ..conftest import PATIENT, Open, Store

pytestmark = pytest.mark.anyio

XML = {"accept": "application/xml"}


@pytest.mark.parametrize(
    ("accept", "xml"),
    [
        ("application/xml", True),
        ("Application/XML; q=0.5", True),
        ("application/xml;q=0.5, application/json;q=0.4", True),
        ("application/json, application/xml", False),
        ("application/xml, application/json", False),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", False),
        ("application/*", False),
        ("*/*", False),
        ("text/xml", False),
        ("application/xml;q=0", False),
        ("application/xml;q=nan?", False),
        ("", False),
    ],
)
def test_preference(accept: str, xml: bool) -> None:
    """XML is for clients that name it and do not take JSON as well; browsers take everything."""
    assert wants_xml(accept) is xml


def test_nested_answers() -> None:
    """Arrays are items, members are elements named after their keys, at any depth."""
    value = {"a": [1, {"b": [None, True]}, []], "c": {"d": "x<&>"}, "e": 1.5, "f": {}}
    assert document(value).decode() == (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        "<root>\n"
        "  <a>\n"
        "    <item>1</item>\n"
        "    <item>\n"
        "      <b>\n"
        "        <item>null</item>\n"
        "        <item>true</item>\n"
        "      </b>\n"
        "    </item>\n"
        "    <item />\n"
        "  </a>\n"
        "  <c>\n"
        "    <d>x&lt;&amp;&gt;</d>\n"
        "  </c>\n"
        "  <e>1.5</e>\n"
        "  <f />\n"
        "</root>\n"
    )


def test_hostile_keys_and_values() -> None:
    """A key cannot bring elements of its own, and no character breaks the document."""
    value = {"a><b": "\x00\ud800\x1f", "0010,0010": "kept", "": 1}
    text = document(value).decode()
    assert "<a__b>\ufffd\ufffd\ufffd</a__b>" in text
    assert "<0010,0010>kept</0010,0010>" in text
    assert "<_>1</_>" in text


async def test_pages() -> None:
    """A list in pages is one document."""

    async def pages() -> AsyncIterator[list[Any]]:
        yield ["a", {"b": 1}]
        yield ["c"]

    parts = [part async for part in paged_document(pages())]
    root = minidom.parseString(b"".join(parts)).documentElement
    assert root is not None
    assert len(root.getElementsByTagName("item")) == 3


async def test_answers_as_xml(client: httpx.AsyncClient, store: Store) -> None:
    """Objects, lists in one page and in several, and directories are told as XML."""
    answer = await client.get("/system", headers=XML)
    assert answer.headers["content-type"] == "application/xml; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "<Version>1.13.0</Version>" in answer.text
    assert f"<item>{PATIENT}</item>" in (await client.get("/patients", headers=XML)).text
    assert "<item>now</item>" in (await client.get("/tools", headers=XML)).text
    store.catalog.pages_of_ids = [["a"], ["b"], ["c"]]
    listed = await client.get("/patients", headers=XML)
    assert listed.headers["content-type"] == "application/xml; charset=utf-8"
    assert listed.text.count("<item>") == 3


async def test_what_stays_as_it_is(client: httpx.AsyncClient) -> None:
    """Errors stay JSON, and text stays text."""
    assert (await client.get("/nope", headers=XML)).json()["OrthancStatus"] == 17
    assert (await client.get("/tools/default-encoding", headers=XML)).text == "Latin1"


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br", "gzip"),
        ("deflate", "deflate"),
        ("gzip;q=0, deflate", "deflate"),
        ("*", "gzip"),
        ("br", None),
        ("identity", None),
        ("gzip;q=0", None),
    ],
)
async def test_compression(
    open_client: Open, document: dict[str, Any], accepted: str, coding: str | None
) -> None:
    """With the setting, long answers are compressed as the client takes them."""
    settings = Settings(http=HttpSettings(compress_answers=True))
    unpacking: dict[str | None, Callable[[bytes], bytes]] = {
        "gzip": gzip.decompress,
        "deflate": zlib.decompress,
        None: bytes.strip,
    }
    headers = {"accept-encoding": accepted}
    async with (
        open_client(settings, document) as client,
        client.stream("GET", "/openapi.json", headers=headers) as answer,
    ):
        raw = b"".join([chunk async for chunk in answer.aiter_raw()])
        assert answer.headers.get("content-encoding") == coding
        assert b'"openapi": "3.1.0"' in unpacking[coding](raw)


async def test_compression_of_lists(open_client: Open, store: Store) -> None:
    """A list that is streamed is compressed as it goes; short answers are left alone."""
    store.catalog.pages_of_ids = [["a" * 100], ["b" * 100], ["c" * 100]]
    async with open_client(Settings(http=HttpSettings(compress_answers=True))) as client:
        listed = await client.get("/patients", headers={"accept-encoding": "gzip"})
        assert listed.headers["content-encoding"] == "gzip"
        assert listed.json() == ["a" * 100, "b" * 100, "c" * 100]
        short = await client.get("/plugins", headers={"accept-encoding": "gzip"})
        assert "content-encoding" not in short.headers


async def test_nothing_is_compressed_without_the_setting(
    open_client: Open, document: dict[str, Any]
) -> None:
    """As in Orthanc, compression is off unless chosen."""
    async with open_client(document=document) as client:
        answer = await client.get("/openapi.json", headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in answer.headers
