# SPDX-License-Identifier: Apache-2.0
"""Headers whose tags are too many for memory: told as small ones are, piece by piece."""

from pathlib import Path

import httpx
import orjson
import pytest

from pons.catalog import StoredHeader
from pons.dicom.orthanc_json import Style
from pons_gateway.responses.xml import document
from pons_testing.orthanc_json import format_header

from ..conftest import INSTANCE, SERIES, Store

pytestmark = pytest.mark.anyio

COUNT = 20_000


def header(last: str) -> StoredHeader:
    """A megabyte and more of private texts, and one that tells the headers apart."""
    elements = {"00100010": {"vr": "PN", "Value": [{"Alphabetic": "ROE^RICHARD"}]}}
    elements["00290010"] = {"vr": "LO", "Value": ["NOBODY"]}
    elements |= {f"0029{0x1000 + n:04X}": {"vr": "LO", "Value": [f"<{n}>"]} for n in range(COUNT)}
    elements["00390010"] = {"vr": "LO", "Value": [last]}
    parts = (orjson.dumps({tag: element})[1:-1] for tag, element in elements.items())
    return StoredHeader(b"{" + b",\n".join(parts) + b"}", b"{}", "OW")


def left_over(folder: Path) -> list[Path]:
    """Temporary files."""
    return list(folder.rglob("*.part"))


@pytest.fixture
def large(store: Store) -> list[StoredHeader]:
    """Two large headers with a small one between them."""
    small = StoredHeader(b'{"00290010":{"vr":"LO","Value":["NOBODY"]}}', b"{}", "OW")
    headers = [header("one"), small, header("three")]
    store.catalog.below = [list(zip(("one", "two", "three"), headers, strict=True))]
    store.catalog.header = headers[0]
    return headers


async def test_tags_of_an_instance(client: httpx.AsyncClient, large: list[StoredHeader]) -> None:
    """In each format, as the format says, with the length of the answer."""
    for style, query in (
        (Style.FULL, ""),
        (Style.SHORT, "?short"),
        (Style.SIMPLIFIED, "?simplify"),
    ):
        answer = await client.get(f"/instances/{INSTANCE}/tags{query}")
        assert answer.headers["content-type"] == "application/json; charset=utf-8"
        assert int(answer.headers["content-length"]) == len(answer.content)
        assert answer.json() == format_header(large[0].json, style, pixel_vr="OW")


async def test_tags_of_instances(
    client: httpx.AsyncClient, large: list[StoredHeader], tmp_path: Path
) -> None:
    """One object over small and large ones; the files that they waited in are gone after it."""
    answer = await client.get(f"/series/{SERIES}/instances-tags?short")
    assert answer.json() == {
        name: format_header(one.json, Style.SHORT, pixel_vr="OW")
        for name, one in zip(("one", "two", "three"), large, strict=True)
    }
    del answer
    assert left_over(tmp_path) == []


async def test_tags_as_xml(client: httpx.AsyncClient, large: list[StoredHeader]) -> None:
    """The same in the other form, of one instance and of several."""
    xml = {"accept": "application/xml"}
    shown = [format_header(one.json, Style.SHORT, pixel_vr="OW") for one in large]
    answer = await client.get(f"/instances/{INSTANCE}/tags?short", headers=xml)
    assert answer.content == document(shown[0])
    answer = await client.get(f"/series/{SERIES}/instances-tags?short", headers=xml)
    assert answer.content == document(dict(zip(("one", "two", "three"), shown, strict=True)))


@pytest.mark.usefixtures("large")
async def test_shared_tags(client: httpx.AsyncClient, store: Store) -> None:
    """What is the same in large headers and a small one, and in the large ones alone."""
    path = f"/series/{SERIES}/shared-tags?short"
    assert (await client.get(path)).json() == {"0029,0010": "NOBODY"}
    del store.catalog.below[0][1]
    shared = (await client.get(path)).json()
    assert len(shared) == COUNT + 2
    assert "0039,0010" not in shared


@pytest.mark.usefixtures("large")
async def test_a_module(client: httpx.AsyncClient) -> None:
    """The few tags that are asked for, of many."""
    answer = await client.get(f"/series/{SERIES}/module?simplify")
    assert answer.json() == {}
