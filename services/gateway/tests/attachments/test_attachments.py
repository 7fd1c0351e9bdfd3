# SPDX-License-Identifier: Apache-2.0
"""Attachments as clients of Orthanc read and write them; the objects are real."""

from hashlib import md5
from typing import Any

import httpx
import pytest

from ..conftest import NOBODY, STUDY, Store
from .attached import CONTENT, FILE, MD5, ONE, Catalog, attach

pytestmark = pytest.mark.anyio


async def test_lists(client: httpx.AsyncClient, store: Store, catalog: Catalog) -> None:
    """Attachments have the names that the store gives them; `full` tells their numbers."""
    for number in (1024, 1025, 1026):
        await attach(store, catalog, number)
    base = f"/studies/{STUDY}/attachments"
    assert (await client.get(base)).json() == ["notes", "sketch", "1026"]
    full = (await client.get(f"{base}?full")).json()
    assert full == {"notes": 1024, "sketch": 1025, "1026": 1026}
    assert (await client.get(f"/studies/{NOBODY}/attachments")).json()["OrthancStatus"] == 17


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(("path", "revision"), [(ONE, 2), (FILE, 0)])
async def test_what_is_told(
    client: httpx.AsyncClient,
    store: Store,
    catalog: Catalog,
    path: str,
    revision: int,
    packed: bool,
) -> None:
    """Sizes, MD5 and form are told of a client's file and of the DICOM file alike, with an ETag."""
    stored = await attach(store, catalog, 1 if path == FILE else 1024, packed=packed)
    content = await store.backends.objects.read(stored.object_key)
    told = {
        "size": "5120",
        "compressed-size": str(len(content)),
        "md5": MD5,
        "compressed-md5": md5(content).hexdigest(),
        "is-compressed": "1" if packed else "0",
    }
    for word, text in told.items():
        answer = await client.get(f"{path}/{word}")
        assert (answer.status_code, answer.text) == (200, text), word
        assert answer.headers["etag"] == f'"{revision}-{MD5}"'
    assert (await client.get(f"{path}/info")).json() == {
        "Uuid": str(stored.object_key),
        "ContentType": stored.number,
        "UncompressedSize": 5120,
        "CompressedSize": len(content),
        "UncompressedMD5": MD5,
        "CompressedMD5": told["compressed-md5"],
    }
    assert (await client.get(f"{path}/data")).content == CONTENT
    assert (await client.get(f"{path}/compressed-data")).content == content
    assert (await client.get(path)).json() == [
        "compress",
        "compressed-data",
        "compressed-md5",
        "compressed-size",
        "data",
        "info",
        "is-compressed",
        "md5",
        "size",
        "uncompress",
        "verify-md5",
    ]


async def test_media_types_and_names(
    client: httpx.AsyncClient, store: Store, catalog: Catalog
) -> None:
    """A file has the type of its kind; a compressed one is just bytes; `filename` names it."""
    await attach(store, catalog, 1)
    for number in (1024, 1025):
        await attach(store, catalog, number, packed=True)
    base = f"/studies/{STUDY}/attachments"
    for path, kind in (
        (f"{FILE}/data", "application/dicom"),
        (f"{FILE}/compressed-data", "application/dicom"),
        (f"{base}/notes/data", "application/octet-stream"),
        (f"{base}/sketch/data", "image/svg+xml"),
        (f"{base}/sketch/compressed-data", "application/octet-stream"),
    ):
        assert (await client.get(path)).headers["content-type"] == kind
    named = await client.get(f"{ONE}/data?filename=a.txt")
    assert named.headers["content-disposition"] == 'filename="a.txt"'
    named = await client.get(f"{ONE}/data?filename=%0d%0aa")
    assert "\r" not in named.headers["content-disposition"]


async def test_conditional_reads(client: httpx.AsyncClient, store: Store, catalog: Catalog) -> None:
    """Whoever has the revision gets 304; a header that names none is 400, with the right ETag."""
    await attach(store, catalog, 1)
    for word in ("", "/data", "/compressed-md5", "/is-compressed"):
        for header, status in (
            (f'"0-{MD5}"', 304),
            (f'"1-{MD5}"', 200),
            ('"0-x"', 200),
            ("x", 400),
        ):
            answer = await client.get(f"{FILE}{word}", headers={"If-None-Match": header})
            assert (answer.status_code, answer.headers["etag"]) == (status, f'"0-{MD5}"')
            assert status != 304 or answer.content == b""


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("128-131", 128, 131), ("5000-", 5000, 5119), ("-131", 0, 131), ("-", 0, 5119),
     ("5119-9999999", 5119, 5119)],
)  # fmt: skip
async def test_ranges(
    client: httpx.AsyncClient,
    store: Store,
    catalog: Catalog,
    asked: str,
    first: int,
    last: int,
    packed: bool,
) -> None:
    """Parts of a file, in Orthanc's reading: `-b` is the beginning up to b."""
    await attach(store, catalog, 1024, packed=packed)
    answer = await client.get(f"{ONE}/data", headers={"Range": f"bytes={asked}"})
    assert (answer.status_code, answer.content) == (206, CONTENT[first : last + 1])
    assert answer.headers["content-range"] == f"bytes {first}-{last}/5120"
    assert answer.headers["content-length"] == str(last + 1 - first)
    assert answer.headers["content-type"] == "application/octet-stream"


async def test_ranges_of_what_is_stored(
    client: httpx.AsyncClient, store: Store, catalog: Catalog
) -> None:
    """A range of compressed data counts in the bytes that are stored."""
    stored = await attach(store, catalog, 1024, packed=True)
    content = await store.backends.objects.read(stored.object_key)
    answer = await client.get(f"{ONE}/compressed-data", headers={"Range": "bytes=-20"})
    assert (answer.status_code, answer.content) == (206, content[:21])
    assert answer.headers["content-range"] == f"bytes 0-20/{len(content)}"


@pytest.mark.parametrize("asked", ["bytes=5120-", "bytes=9-8", "bytes=0-1,3-4", "lines=1-2", "x"])
async def test_ranges_that_are_not_there(
    client: httpx.AsyncClient, store: Store, catalog: Catalog, asked: str
) -> None:
    """What cannot be cut out of the file is 416."""
    await attach(store, catalog, 1024)
    answer = await client.get(f"{ONE}/data", headers={"Range": asked})
    assert (answer.status_code, answer.json()["OrthancStatus"]) == (416, 41)


@pytest.mark.parametrize("packed", [False, True])
async def test_large_files_come_in_pieces(
    client: httpx.AsyncClient, store: Store, catalog: Catalog, packed: bool
) -> None:
    """A file of several pieces, a long range of it, and an empty one."""
    content = bytes(3 << 20) + b"end"
    await attach(store, catalog, 1024, content, packed=packed)
    whole = await client.get(f"{ONE}/data")
    assert whole.content == content
    assert whole.headers["content-length"] == str(len(content))
    assert whole.headers["etag"] == f'"2-{md5(content).hexdigest()}"'
    part = await client.get(f"{ONE}/data", headers={"Range": "bytes=7-"})
    assert part.content == content[7:]
    await attach(store, catalog, 1024, b"")
    empty = await client.get(f"{ONE}/data")
    assert (empty.status_code, empty.content) == (200, b"")


async def test_what_is_not_there(client: httpx.AsyncClient) -> None:
    """An attachment that is not there is 404 without a body; a name of none is described."""
    for path in (ONE, f"{ONE}/data", f"/studies/{NOBODY}/attachments/notes/size"):
        answer = await client.get(path)
        assert (answer.status_code, answer.content) == (404, b"")
    for word in ("compress", "uncompress", "verify-md5"):
        assert (await client.post(f"{ONE}/{word}")).status_code == 404
    for method in ("GET", "PUT", "DELETE"):
        answer = await client.request(method, f"/studies/{STUDY}/attachments/yours")
        assert (answer.status_code, answer.json()["OrthancStatus"]) == (404, 7)


async def test_what_is_offered_is_there(
    client: httpx.AsyncClient, catalog: Catalog, store: Store, document: dict[str, Any]
) -> None:
    """The list below an attachment is that of its routes in the document."""
    await attach(store, catalog, 1024)
    paths = document["paths"]
    one = "/studies/{id}/attachments/{attachment}/"
    below = sorted(path.removeprefix(one) for path in paths if path.startswith(one))
    assert (await client.get(ONE)).json() == below


async def test_a_page_that_is_attached_runs_nothing(
    client: httpx.AsyncClient, catalog: Catalog, store: Store
) -> None:
    """A browser that is shown it has it in a sandbox."""
    page = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
    await attach(store, catalog, 1025, page)
    path = f"/studies/{STUDY}/attachments/sketch/data"
    answer = await client.get(path)
    assert (answer.content, answer.headers["content-type"]) == (page, "image/svg+xml")
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"
