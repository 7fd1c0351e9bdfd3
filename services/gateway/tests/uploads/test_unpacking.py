# SPDX-License-Identifier: Apache-2.0
"""How far uploads may unpack, and what is told of a ZIP that could be stored in part."""

import gzip
import io
import random
import struct
import zipfile
from typing import Any

import httpx
import pytest

from pons.errors import OutOfResources
from pons.settings import IngestSettings, Settings

from ..conftest import PATIENT, FakeIngest, Open, Store
from .test_uploads import FIRST, MEGABYTE, SECOND, zipped

pytestmark = pytest.mark.anyio

GZIP = {"Content-Encoding": "gzip"}
TIGHT = Settings(ingest=IngestSettings(unpack_ratio=50, unpack_free_mb=2))
LIMIT = (
    "beyond 2 MiB (setting ingest.unpack_free_mb) at most 50 times as many are taken "
    "(setting ingest.unpack_ratio)"
)
ZEROS = b"DICOM" + bytes(512 * 1024)
"""As an empty CT image: deflate makes it a thousand times smaller."""


def spools(store: Store) -> list[int]:
    """Sizes of the temporary files with something in them."""
    with store.backends.objects.spool() as spool:
        return [size for path in spool.path.parent.iterdir() if (size := path.stat().st_size)]


async def test_an_empty_image_is_taken_at_any_ratio(open_client: Open, store: Store) -> None:
    """As a gzip body and in a ZIP, several of them: they stay within the allowance."""
    async with open_client(TIGHT) as client:
        packed = gzip.compress(ZEROS)
        assert len(ZEROS) > 500 * len(packed)
        assert (await client.post("/instances", content=packed, headers=GZIP)).is_success
        several = zipped(*((str(n), ZEROS + bytes([n])) for n in range(3)))
        assert len((await client.post("/instances", content=several)).json()) == 3
    assert len(store.ingest.bodies) == 4


async def test_a_gzip_body_that_unpacks_too_far(open_client: Open, store: Store) -> None:
    """Ends as soon as it does, whatever would follow; the answer has the ratio and the limit."""
    async with open_client(TIGHT) as client:
        bomb = gzip.compress(b"DICOM" + bytes(64 * MEGABYTE))
        answer = await client.post("/instances", content=bomb, headers=GZIP)
        assert answer.status_code == 413
        assert answer.json()["Details"] == (
            f"The gzip body unpacks too far (4194304 bytes from {len(bomb)}, "
            f"{4194304 // len(bomb)} times as many; {LIMIT})"
        )
        noise = random.Random(1).randbytes(3 * MEGABYTE)
        honest = gzip.compress(b"DICOM" + noise)
        assert (await client.post("/instances", content=honest, headers=GZIP)).is_success
    assert len(store.ingest.bodies) == 1
    assert spools(store) == []


async def test_a_zip_that_unpacks_too_far(open_client: Open, store: Store) -> None:
    """All its files count together; what was stored before is told, and why the rest was not."""
    body = zipped(*((f"{n}.dcm", ZEROS + bytes([n])) for n in range(20)))
    async with open_client(TIGHT) as client:
        answer = (await client.post("/instances", content=body)).json()
    assert answer["HttpStatus"] == 413
    assert "The ZIP unpacks too far, with 3.dcm (2097" in answer["Details"]
    assert LIMIT in answer["Details"]
    assert [one["Status"] for one in answer["Stored"]] == ["Success"] * 3
    assert len(store.ingest.bodies) == 3


async def test_what_was_packed_twice_counts_once(open_client: Open) -> None:
    """A ZIP in a gzip body is measured by what was sent; a lie about its files does not help."""
    files = tuple((f"{n}.dcm", ZEROS + bytes([n])) for n in range(20))
    body = zipped(*files)
    async with open_client(TIGHT) as client:
        padded = zipped(*files, ("padding", bytes(MEGABYTE)), method=zipfile.ZIP_STORED)
        answer = await client.post("/instances", content=gzip.compress(padded), headers=GZIP)
        assert answer.status_code == 413
        size = struct.pack("<L", zipfile.ZipFile(io.BytesIO(body)).infolist()[-1].compress_size)
        last = body.rindex(b"PK\x01\x02")
        lying = body[:last] + body[last:].replace(size, struct.pack("<L", 1 << 30), 1)
        assert (await client.post("/instances", content=lying)).status_code == 413


def damaged(name: str, *files: tuple[str, bytes]) -> bytes:
    """A ZIP in which one file has other bytes than were packed."""
    body = bytearray(zipped(*files, method=zipfile.ZIP_STORED))
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        body[archive.getinfo(name).header_offset + 30 + len(name)] ^= 0xFF
    return bytes(body)


async def test_zips_in_a_zip(client: httpx.AsyncClient, store: Store) -> None:
    """Their images are stored as well; what lies too deep, or is damaged, is told by its path."""
    inner = zipped(("2.dcm", SECOND), ("notes.txt", b"nothing"))
    answer = await client.post("/instances", content=zipped(("1.dcm", FIRST), ("p/s.zip", inner)))
    assert [one["Status"] for one in answer.json()] == ["Success"] * 2
    assert store.ingest.bodies == [FIRST, SECOND]
    deep = inner
    for _ in range(4):
        deep = zipped(("in.zip", deep))
    files = (("deep.zip", deep), ("cut.zip", inner[:-30]), ("3.dcm", FIRST + b"3"))
    answer = await client.post("/instances", content=zipped(*files))
    assert (answer.status_code, len(answer.json()["Stored"])) == (400, 1)
    assert answer.json()["Refused"] == [
        {
            "File": "deep.zip/in.zip/in.zip/in.zip",
            "Details": "The ZIP is not unpacked (ZIPs lie in each other more than 3 deep)",
        },
        {"File": "cut.zip", "Details": "The ZIP ends too early"},
    ]
    assert spools(store) == []


async def test_zips_in_a_zip_unpack_together(open_client: Open, store: Store) -> None:
    """However often it was packed, what comes out is measured by what was sent."""
    files = [zipped(*((f"{n}.dcm", ZEROS + bytes([i, n])) for n in range(2))) for i in range(4)]
    body = zipped(*((f"{i}.zip", file) for i, file in enumerate(files)))
    async with open_client(TIGHT) as client:
        answer = (await client.post("/instances", content=body)).json()
    assert answer["HttpStatus"] == 413
    assert "The ZIP unpacks too far, with 1.zip/1.dcm" in answer["Details"]
    assert len(answer["Stored"]) == len(store.ingest.bodies) == 3
    assert spools(store) == []


async def test_one_damaged_file_of_a_zip(client: httpx.AsyncClient, store: Store) -> None:
    """It is named, the others are stored, and told as they would be without it."""
    body = damaged("b.dcm", ("a.dcm", FIRST), ("b.dcm", b"DICOM x"), ("c.dcm", SECOND))
    answer = await client.post("/instances", content=body)
    assert answer.status_code == 400
    told = answer.json()
    reason = (
        "The file cannot be read from the ZIP "
        "(it is damaged, or packed by a method other than deflate, bzip2 and LZMA)"
    )
    assert told["Details"] == f"Not all files of the ZIP were stored (b.dcm: {reason})"
    assert (told["OrthancStatus"], told["RefusedCount"]) == (15, 1)
    assert told["Refused"] == [{"File": "b.dcm", "Details": reason}]
    assert [set(one) for one in told["Stored"]] == [
        {"ID", "ParentPatient", "ParentSeries", "ParentStudy", "Path", "Status"}
    ] * 2
    assert told["Stored"][0]["ParentPatient"] == PATIENT
    assert store.ingest.bodies == [FIRST, SECOND]


async def test_a_broken_instance_of_a_zip_is_told(client: httpx.AsyncClient, store: Store) -> None:
    """A file that says that it is DICOM and is refused; a DICOMDIR and a text are passed over."""
    prefix = bytes(128) + b"DICM"
    directory = prefix + b"\x02\x00\x02\x00UI\x14\x001.2.840.10008.1.3.10" + bytes((2, 0, 3, 0))
    padded = prefix + b"\x02\x00\x02\x00UI\x16\x001.2.840.10008.1.3.10\0\0"
    files = (
        ("DICOMDIR", directory),
        ("CD2/DICOMDIR", padded),
        ("a.dcm", prefix + b"cut"),
        ("b.dcm", FIRST),
        ("c.txt", b"x"),
    )
    answer = await client.post("/instances", content=zipped(*files))
    assert answer.status_code == 400
    assert answer.json()["Refused"] == [
        {"File": "a.dcm", "Details": "This is not a DICOM file"},
    ]
    assert store.ingest.bodies == [FIRST]


async def test_a_zip_stops_where_the_store_is_full(store: Store, open_client: Open) -> None:
    """What was stored until then is told, with the status of the reason."""

    class Full(FakeIngest):
        async def store(self, body: Any, origin: Any) -> Any:
            if self.bodies:
                raise OutOfResources("The store is full")
            return await super().store(body, origin)

    async with open_client(ingest=Full()) as client:
        answer = await client.post("/instances", content=zipped(("1", FIRST), ("2", SECOND)))
    assert answer.status_code == 507
    assert [one["Status"] for one in answer.json()["Stored"]] == ["Success"]
    assert answer.json()["Refused"] == [{"File": "2", "Details": "The store is full"}]
