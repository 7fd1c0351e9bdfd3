# SPDX-License-Identifier: Apache-2.0
"""Everything that `POST /instances` takes, and what it refuses."""

import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from pons.settings import HttpSettings, Settings

from ..conftest import PATIENT, SERIES, STUDY, Open, Store, opened_app

pytestmark = pytest.mark.anyio

MEGABYTE = 1024 * 1024
FIRST, SECOND = b"DICOM 1", b"DICOM 2"


def zipped(*files: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return content.getvalue()


async def test_file(client: httpx.AsyncClient, store: Store) -> None:
    """A stored file is answered with its identifiers, and again with AlreadyStored."""
    answer = await client.post("/instances", content=FIRST)
    assert answer.status_code == 200
    stored = answer.json()
    identifier = stored["ID"]
    assert stored == {
        "ID": identifier,
        "ParentPatient": PATIENT,
        "ParentSeries": SERIES,
        "ParentStudy": STUDY,
        "Path": f"/instances/{identifier}",
        "Status": "Success",
    }
    assert (await client.post("/instances", content=FIRST)).json()["Status"] == "AlreadyStored"
    origin = store.ingest.origins[0]
    assert (origin.kind, origin.remote_ip, origin.username) == ("RestApi", "127.0.0.1", "")


async def test_not_dicom(client: httpx.AsyncClient) -> None:
    """What is no DICOM file is BadFileFormat, and so is nothing at all."""
    for body, details in ((b"hello", "This is not a DICOM file"), (b"", "Received an empty")):
        answer = await client.post("/instances", content=body)
        assert answer.status_code == 400
        assert answer.json()["OrthancStatus"] == 15
        assert answer.json()["Details"].startswith(details)


async def test_large_file_goes_to_the_spool(client: httpx.AsyncClient, store: Store) -> None:
    """More than 8 MiB do not stay in memory."""

    async def chunks() -> Any:
        yield b"DICOM"
        for _ in range(9):
            yield bytes(MEGABYTE)

    assert (await client.post("/instances", content=chunks())).status_code == 200
    assert store.ingest.spooled == [9 * MEGABYTE + 5]


async def test_spool_is_removed_after_a_failure(
    client: httpx.AsyncClient, open_client: Open, store: Store
) -> None:
    """A large body that is refused leaves no file behind."""
    spools = store.backends.objects.spool().path.parent
    await client.post("/instances", content=bytes(9 * MEGABYTE))
    async with open_client(Settings(http=HttpSettings(max_body_mb=9))) as limited:
        body = io.BytesIO(bytes(10 * MEGABYTE))

        async def chunks() -> Any:
            while piece := body.read(MEGABYTE):
                yield piece

        assert (await limited.post("/instances", content=chunks())).status_code == 413
    assert [path for path in spools.iterdir() if path.stat().st_size] == []


async def test_client_goes_away(store: Store) -> None:
    """An upload whose client goes away is neither stored nor left on the disk."""
    app = opened_app(store.backends)
    spools = store.backends.objects.spool().path.parent
    pieces = [{"type": "http.request", "body": bytes(MEGABYTE), "more_body": True}] * 10
    messages = iter([*pieces, {"type": "http.disconnect"}])
    sent: list[Any] = []

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"content-length", b"99999999")]
    scope = {"type": "http", "method": "POST", "path": "/instances", "query_string": b""}
    await app({**scope, "headers": headers, "client": ("127.0.0.1", 1)}, receive, send)
    assert sent == []
    assert store.ingest.bodies == []
    assert [path for path in spools.iterdir() if path.stat().st_size] == []


async def test_gzip(client: httpx.AsyncClient, store: Store) -> None:
    """A gzip body is undone, also one of several gzip files in a row."""
    headers = {"Content-Encoding": "gzip"}
    for body in (gzip.compress(FIRST), gzip.compress(b"DIC") + gzip.compress(b"OM 1")):
        assert (await client.post("/instances", content=body, headers=headers)).is_success
    assert store.ingest.bodies == [FIRST, FIRST]


async def test_damaged_gzip(client: httpx.AsyncClient) -> None:
    """A gzip body that is none, or lacks its end, is refused."""
    whole = gzip.compress(FIRST * 1000)
    for body in (b"DICOM", whole[: len(whole) // 2]):
        headers = {"Content-Encoding": "gzip"}
        answer = await client.post("/instances", content=body, headers=headers)
        assert answer.status_code == 400
        assert answer.json()["Details"].startswith("The gzip body")


async def test_gzip_bomb(open_client: Open, store: Store) -> None:
    """A small gzip body cannot become more than the limit."""
    async with open_client(Settings(http=HttpSettings(max_zip_entry_mb=1))) as client:
        answer = await client.post(
            "/instances",
            content=gzip.compress(bytes(64 * MEGABYTE)),
            headers={"Content-Encoding": "gzip"},
        )
    assert answer.status_code == 413
    assert store.ingest.bodies == []


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
async def test_zip(client: httpx.AsyncClient, store: Store, method: int) -> None:
    """The DICOM files of a ZIP are stored, whatever their names; others are passed over."""
    files = (("a/b/1", FIRST), ("readme.txt", b"hello"), ("empty", b""), ("../2.dcm", SECOND))
    answer = await client.post("/instances", content=zipped(*files, method=method))
    assert [stored["Status"] for stored in answer.json()] == ["Success", "Success"]
    assert store.ingest.bodies == [FIRST, SECOND]


async def test_zip_without_files(client: httpx.AsyncClient) -> None:
    """A ZIP without a DICOM file is an empty array."""
    assert (await client.post("/instances", content=zipped())).json() == []
    assert (await client.post("/instances", content=zipped(("a", b"x")))).json() == []


async def test_large_zip(client: httpx.AsyncClient, store: Store) -> None:
    """A ZIP above 8 MiB with a file above 8 MiB passes through the spool, both of them."""
    large = b"DICOM" + bytes(9 * MEGABYTE)
    body = zipped(("1", large), ("2", FIRST), method=zipfile.ZIP_STORED)
    answer = await client.post("/instances", content=body)
    assert len(answer.json()) == 2
    assert store.ingest.spooled == [len(large)]


async def test_zip_in_gzip(client: httpx.AsyncClient, store: Store) -> None:
    """A ZIP may come as a gzip body."""
    body = gzip.compress(zipped(("1", FIRST)))
    answer = await client.post("/instances", content=body, headers={"Content-Encoding": "gzip"})
    assert len(answer.json()) == 1


async def test_zip_bomb(open_client: Open, store: Store) -> None:
    """A file in a ZIP cannot become more than the limit, also when the ZIP lies about its size."""
    body = bytearray(zipped(("1", bytes(3 * MEGABYTE))))
    lying = bytes(body).replace(struct.pack("<L", 3 * MEGABYTE), struct.pack("<L", 1000))
    async with open_client(Settings(http=HttpSettings(max_zip_entry_mb=1))) as client:
        honest = await client.post("/instances", content=bytes(body))
        liar = await client.post("/instances", content=lying)
    assert honest.status_code == 413
    assert liar.status_code == 400
    assert store.ingest.bodies == []


async def test_zip_with_overlapping_files(client: httpx.AsyncClient, store: Store) -> None:
    """Files that share their bytes are refused."""
    body = zipped(("1", FIRST * 100), ("2", FIRST * 100))
    directory = body.index(b"PK\x01\x02")
    second = body.index(b"PK\x01\x02", directory + 1)
    # the second entry's local header is said to be where the first one is
    overlapping = body[: second + 42] + struct.pack("<L", 0) + body[second + 46 :]
    answer = await client.post("/instances", content=overlapping)
    assert answer.status_code == 400
    assert answer.json()["Details"] == "Files in the ZIP overlap"


async def test_zip_with_an_endless_list(client: httpx.AsyncClient) -> None:
    """A ZIP whose list of files is larger than could be read into memory is refused."""
    body = zipped(("1", FIRST))
    end = body.rindex(b"PK\x05\x06")
    huge = body[: end + 12] + struct.pack("<L", 1 << 30) + body[end + 16 :]
    answer = await client.post("/instances", content=huge)
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "damage",
    [
        lambda body: body[:40],
        lambda body: body[: body.index(b"PK\x01\x02")],
        lambda body: body.replace(zlib.compress(FIRST * 99, 6)[2:10], bytes(8)),
        lambda body: b"PK\x03\x04" + bytes(100),
    ],
)
async def test_damaged_zip(client: httpx.AsyncClient, damage: Any) -> None:
    """A ZIP that cannot be read is a bad file, never an internal error."""
    answer = await client.post("/instances", content=damage(zipped(("1", FIRST * 99))))
    assert answer.status_code == 400
    assert answer.json()["OrthancStatus"] == 15


async def test_form(client: httpx.AsyncClient, store: Store) -> None:
    """Each part of a form is stored; the answer is empty."""
    files = [("file", ("1.dcm", FIRST)), ("file", ("2.zip", zipped(("2", SECOND))))]
    answer = await client.post("/instances", files=files)
    assert (answer.status_code, answer.content) == (200, b"")
    assert store.ingest.bodies == [FIRST, SECOND]


@pytest.mark.parametrize("size", [1, 7, 1000])
async def test_form_as_browsers_write_it(
    client: httpx.AsyncClient, store: Store, size: int
) -> None:
    """Spaces in headers, a last delimiter without its hyphens, and content that looks like one."""
    first, second = b"DICOM \r\n--bound\r\n-", b"DICOM \r\n\r\n2"
    headers = b'\r\nContent-Disposition  :   form-data ; name ="files[]" \r\n\r\n'
    body = b"--boundary" + headers + first + b"\r\n--boundary\r\n\r\n" + second
    body += b"\r\n--boundary"

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), size):
            yield body[start : start + size]

    content_type = {"content-type": "multipart/form-data  ;  boundary =  boundary "}
    answer = await client.post("/instances", content=pieces(), headers=content_type)
    assert answer.status_code == 200
    assert store.ingest.bodies == [first, second]


async def test_form_with_large_part(client: httpx.AsyncClient, store: Store) -> None:
    """A large part of a form goes to the spool."""
    large = b"DICOM" + bytes(9 * MEGABYTE)
    await client.post("/instances", files={"file": ("1.dcm", large)})
    assert store.ingest.spooled == [len(large)]


async def test_form_with_something_else(client: httpx.AsyncClient) -> None:
    """A part that is no DICOM file fails the form, as it would fail alone."""
    answer = await client.post("/instances", files={"file": ("a.txt", b"hello")})
    assert answer.status_code == 400
    assert answer.json()["OrthancStatus"] == 15


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"--x\r\n\r\n--x--"),
        ("multipart/form-data; boundary=x", b"nonsense"),
        ("multipart/form-data; boundary=x", b"--x\r\nA: b\r\n\r\nDICOM 1"),
    ],
)
async def test_damaged_form(client: httpx.AsyncClient, content_type: str, body: bytes) -> None:
    """A form without boundary, without parts or without its end is a bad request."""
    headers = {"Content-Type": content_type}
    answer = await client.post("/instances", content=body, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["OrthancStatus"] == 8
