# SPDX-License-Identifier: Apache-2.0
"""Tags in their formats, and files as they were received."""

import struct

import httpx
import pytest
import xxhash
import zstandard

from pons.catalog import StoredHeader, StoredObject
from pons.objects import new_key

from ..conftest import INSTANCE, NOBODY, Store

pytestmark = pytest.mark.anyio

HEADER = (
    b'{"00100010":{"vr":"PN","Value":[{"Alphabetic":"ROE^RICHARD"}]},'
    b'"00104000":{"vr":"LT","Value":["' + b"x" * 300 + b'"]}}'
)


@pytest.fixture
def header(store: Store) -> None:
    store.catalog.header = StoredHeader(HEADER, b"{}", "OW")


def trailed(padding: int) -> bytes:
    """A file whose trailing padding, after its pixel data, has so many bytes (PS3.10 7.2)."""
    uids = ((0x0008, 0x0018, b"1.2.3.4\0"), (0x0020, 0x000D, b"1.23"), (0x0020, 0x000E, b"1.24"))
    texts = b"".join(
        struct.pack("<HH2sH", group, element, b"UI", len(uid)) + uid for group, element, uid in uids
    )
    pixels = struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OW", 0, 2) + b"\0\0"
    end = struct.pack("<HH2sHL", 0xFFFC, 0xFFFC, b"OB", 0, padding) + bytes(padding)
    return texts + pixels + end


async def keep(store: Store, content: bytes, *, compression: str = "") -> None:
    """Put an object into the store, as the index would know it."""
    key = new_key()
    stored = zstandard.compress(content) if compression else content
    await store.backends.objects.put(key, stored)
    store.catalog.stored = StoredObject(
        object_key=key,
        size=len(content),
        stored_size=len(stored),
        compression=compression,
        transfer_syntax="1.2.840.10008.1.2.1",
        sop_class_uid="",
        sop_instance_uid="",
        pixel_offset=None,
        pixel_length=None,
        pixel_vr="",
        owner=INSTANCE,
        checksum=xxhash.xxh3_128_digest(content),
    )


@pytest.mark.usefixtures("header")
async def test_full(client: httpx.AsyncClient) -> None:
    """Tags come in full; long values and pixel data are listed without their value."""
    assert (await client.get(f"/instances/{INSTANCE}/tags")).json() == {
        "0010,0010": {"Name": "PatientName", "Type": "String", "Value": "ROE^RICHARD"},
        "0010,4000": {"Name": "PatientComments", "Type": "TooLong", "Value": None},
        "7fe0,0010": {"Name": "PixelData", "Type": "Null", "Value": None},
    }


@pytest.mark.usefixtures("header")
async def test_short_and_simplified(client: httpx.AsyncClient) -> None:
    """The other formats, by argument or by their own route."""
    short = (await client.get(f"/instances/{INSTANCE}/tags?short")).json()
    assert short == {"0010,0010": "ROE^RICHARD", "0010,4000": None, "7fe0,0010": None}
    simplified = {"PatientName": "ROE^RICHARD", "PatientComments": None, "PixelData": None}
    for path in ("tags?simplify", "simplified-tags"):
        assert (await client.get(f"/instances/{INSTANCE}/{path}")).json() == simplified


@pytest.mark.usefixtures("header")
async def test_ignore_length(client: httpx.AsyncClient) -> None:
    """Long values are shown for the tags that are named, in any spelling."""
    for names in ("PatientComments", "0010-4000", "PatientName,00104000", "0010,4000;PatientID"):
        tags = await client.get(f"/instances/{INSTANCE}/simplified-tags?ignore-length={names}")
        assert tags.json()["PatientComments"] == "x" * 300, names
    answer = await client.get(f"/instances/{INSTANCE}/tags?ignore-length=Nonsense")
    assert answer.status_code == 400
    assert answer.json()["OrthancStatus"] == 27


@pytest.mark.parametrize("path", ["tags", "tags?whole", "simplified-tags", "file"])
async def test_unknown_instance(client: httpx.AsyncClient, path: str) -> None:
    """What an unknown instance lacks is described."""
    answer = await client.get(f"/instances/{NOBODY}/{path}")
    assert (answer.status_code, answer.json()["OrthancStatus"]) == (404, 17)


@pytest.mark.parametrize("compression", ["", "zstd"])
@pytest.mark.parametrize("padding", [0, 9 * 1024 * 1024])
async def test_whole(
    client: httpx.AsyncClient, store: Store, padding: int, compression: str
) -> None:
    """`whole` shows what comes after the pixel data, for files of any size and form."""
    await keep(store, trailed(padding), compression=compression)
    tags = (await client.get(f"/instances/{INSTANCE}/tags?whole")).json()
    assert list(tags)[-2:] == ["7fe0,0010", "fffc,fffc"]
    assert tags["7fe0,0010"] == {"Name": "PixelData", "Type": "Null", "Value": None}
    assert tags["fffc,fffc"]["Name"] == "DataSetTrailingPadding"


@pytest.mark.parametrize("compression", ["", "zstd"])
@pytest.mark.parametrize("size", [10, 3 * 1024 * 1024 + 1])
async def test_file(client: httpx.AsyncClient, store: Store, size: int, compression: str) -> None:
    """A file comes back as it was, with its length and a name; HEAD finds nothing."""
    await keep(store, bytes(size), compression=compression)
    answer = await client.get(f"/instances/{INSTANCE}/file")
    assert answer.content == bytes(size)
    assert answer.headers["content-type"] == "application/dicom"
    assert answer.headers["content-length"] == str(size)
    assert answer.headers["content-disposition"] == f'filename="{INSTANCE}.dcm"'
    assert (await client.head(f"/instances/{INSTANCE}/file")).status_code == 404


async def test_a_file_is_not_transcoded(client: httpx.AsyncClient, store: Store) -> None:
    """Asked for another transfer syntax, the store says so instead of sending what it has."""
    await keep(store, b"x")
    path = f"/instances/{INSTANCE}/file?transcode="
    assert (await client.get(f"{path}1.2.840.10008.1.2.1")).content == b"x"
    for syntax in ("1.2.840.10008.1.2.4.50", "nope", ""):
        answer = await client.get(path + syntax)
        assert answer.status_code == 400
        assert repr(syntax) in answer.json()["Message"] + answer.json()["Details"]


async def test_file_name(client: httpx.AsyncClient, store: Store) -> None:
    """Browsers can be told a name, which cannot break out of its header."""
    await keep(store, b"x")
    answer = await client.get(f"/instances/{INSTANCE}/file?filename=a%20b.dcm")
    assert answer.headers["content-disposition"] == 'filename="a b.dcm"'
    for name in ("%22a%22.dcm", "a%0D%0A.dcm", "a%5C.dcm", "%C3%BCa.dcm"):
        answer = await client.get(f"/instances/{INSTANCE}/file?filename={name}")
        assert answer.headers["content-disposition"].startswith('filename="a.dcm"')
