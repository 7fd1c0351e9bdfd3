# SPDX-License-Identifier: Apache-2.0
"""Sending to DCMTK's storescp: another implementation of the other side."""

import shutil
import socket
import struct
import subprocess
import time
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.uid import DeflatedExplicitVRLittleEndian

from pons.bus import Bus
from pons.dicom.part10 import file_start
from pons_egress.association import Instance, open_association
from pons_egress.peer import Peer
from pons_embedded.ports import free_port

STORESCP = shutil.which("storescp")

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(STORESCP is None, reason="needs DCMTK (apt-get install dcmtk)"),
]

FILES = (
    "CT_small.dcm",
    "MR_small.dcm",
    "MR_small_implicit.dcm",
    "JPEG2000.dcm",
    "SC_rgb_jpeg_dcmtk.dcm",
    "MR_small_RLE.dcm",
    "examples_overlay.dcm",
)


@contextmanager
def storescp(folder: Path, *options: str) -> Iterator[int]:
    """storescp on a free port, which writes what it receives to `folder`."""
    port = free_port()
    command = [str(STORESCP), "-od", str(folder), *options, str(port)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 60
        while not listens(port):
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.02)
        yield port
    finally:
        process.terminate()
        process.wait()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def example(name: str) -> tuple[bytes, pydicom.Dataset]:
    path = Path(str(get_testdata_file(name, download=False)))
    dataset = pydicom.dcmread(path)
    dataset.PatientID = dataset.get("PatientID", "")
    return path.read_bytes(), dataset


def received_in(folder: Path) -> list[tuple[bytes, pydicom.Dataset]]:
    files = [path for path in folder.iterdir() if path.name != "log"]
    return [(path.read_bytes(), pydicom.dcmread(path)) for path in files]


def dataset_of(file: bytes) -> bytes:
    return file[144 + int.from_bytes(file[140:144], "little") :]


async def test_dcmtk_receives_what_is_stored(
    bus: Bus, store: Any, index: Any, sending: Any, tmp_path: Path
) -> None:
    """Compressed and uncompressed files of every kind arrive at storescp byte for byte."""
    sent = {}
    for name in FILES:
        content, dataset = example(name)
        await store.add(content, dataset)
        sent[dataset.SOPInstanceUID] = (dataset.file_meta.TransferSyntaxUID, dataset_of(content))
    received = tmp_path / "received"
    received.mkdir()
    with storescp(received, "+xa", "+B") as port:
        async with sending(bus, store, port) as sender:
            job = await sender.send(port)
    assert (job.document.state, job.document.error_details) == ("Success", "")
    arrived = {
        dataset.SOPInstanceUID: (dataset.file_meta.TransferSyntaxUID, dataset_of(content))
        for content, dataset in received_in(received)
    }
    assert arrived == sent


async def test_dcmtk_takes_only_implicit(
    bus: Bus, store: Any, index: Any, sending: Any, tmp_path: Path
) -> None:
    """For a storescp that wants implicit VR an explicit file is re-encoded, pixels untouched."""
    content, original = example("CT_small.dcm")
    await store.add(content, original)
    received = tmp_path / "received"
    received.mkdir()
    with storescp(received, "+xi", "+B") as port:
        async with sending(bus, store, port) as sender:
            job = await sender.send(port)
    assert (job.document.state, job.document.error_details) == ("Success", "")
    ((_, arrived),) = received_in(received)
    assert arrived.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2"
    assert arrived.PixelData == original.PixelData
    assert [element.tag for element in arrived] == [element.tag for element in original]


ODD_NAME = b"M\xfcller^Anna"
"""Eleven bytes, which the file itself does not pad."""


def odd(name: str, *, syntax: str) -> tuple[bytes, pydicom.Dataset]:
    """The example with a data set of odd length, because of a value that has one."""
    content, original = example(name)
    start = len(content) - len(dataset_of(content))
    tag = b"\x10\0\x10\0"
    at = content.index(tag, start)
    if syntax == "implicit":
        old = 8 + int.from_bytes(content[at + 4 : at + 8], "little")
        new = tag + struct.pack("<I", len(ODD_NAME)) + ODD_NAME
    else:
        old = 8 + int.from_bytes(content[at + 6 : at + 8], "little")
        new = tag + struct.pack("<2sH", b"PN", len(ODD_NAME)) + ODD_NAME
    odd = content[:at] + new + content[at + old :]
    assert len(dataset_of(odd)) % 2 == 1
    return odd, original


@pytest.mark.parametrize(
    ("name", "syntax", "option"),
    [
        ("CT_small.dcm", "explicit", "+xe"),
        ("CT_small.dcm", "explicit", "+xi"),
        ("MR_small_implicit.dcm", "implicit", "+xi"),
        ("JPEG2000.dcm", "explicit", "+xw"),
        ("MR_small_RLE.dcm", "explicit", "+xr"),
    ],
)
async def test_dcmtk_takes_data_sets_of_odd_length(
    bus: Bus, store: Any, index: Any, sending: Any, tmp_path: Path, name: str, syntax: str,
    option: str,
) -> None:  # fmt: skip
    """storescp aborts at an odd fragment (PS3.8 annex E), so the value is padded (PS3.5 7.1.1)."""
    content, original = odd(name, syntax=syntax)
    await store.add(content, original)
    received = tmp_path / "received"
    received.mkdir()
    with storescp(received, option, "+B") as port:
        async with sending(bus, store, port) as sender:
            job = await sender.send(port)
    assert (job.document.state, job.document.error_details) == ("Success", "")
    ((arrived, dataset),) = received_in(received)
    assert ODD_NAME + b" " in arrived
    assert dataset.PixelData == original.PixelData


async def test_dcmtk_takes_pieces_of_odd_length(tmp_path: Path) -> None:
    """storescp aborts at an odd fragment; a file's pieces, as a decompressor gives them, may be."""
    content, original = example("CT_small.dcm")
    dataset = dataset_of(content)
    way = str(original.SOPClassUID), str(original.file_meta.TransferSyntaxUID)

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(dataset), 1001):
            yield dataset[start : start + 1001]

    received = tmp_path / "received"
    received.mkdir()
    with storescp(received, "+xe", "+B") as port:
        peer = Peer("pacs", "PONS", "PEER", "127.0.0.1", port, 10.0, None)
        async with open_association(peer, [way], 16384) as association:
            instance = Instance(way[0], str(original.SOPInstanceUID))
            context_id = association.accepted.contexts[way]
            assert (await association.store(context_id, instance, pieces())).status == 0
    ((arrived, _),) = received_in(received)
    assert dataset_of(arrived) == dataset


async def test_dcmtk_takes_a_deflated_data_set_of_odd_length(
    bus: Bus, store: Any, index: Any, sending: Any, tmp_path: Path
) -> None:
    """It is padded as PS3.5 A.5 wants it, in the fragment that it ends."""
    content, original = example("CT_small.dcm")
    deflated = (deflate(dataset_of(content), level) for level in range(10))
    odd = next(one for one in deflated if len(one) % 2)
    uids = (original.SOPClassUID, original.SOPInstanceUID, DeflatedExplicitVRLittleEndian)
    file = file_start(*uids) + odd
    await store.add(file, pydicom.dcmread(BytesIO(file)))
    received = tmp_path / "received"
    received.mkdir()
    with storescp(received, "+xa", "+B") as port:
        async with sending(bus, store, port) as sender:
            job = await sender.send(port)
    assert (job.document.state, job.document.error_details) == ("Success", "")
    ((arrived, dataset),) = received_in(received)
    assert dataset_of(arrived) == odd + b"\0"
    assert dataset.PixelData == original.PixelData


def deflate(content: bytes, level: int) -> bytes:
    deflating = zlib.compressobj(level, wbits=-zlib.MAX_WBITS)
    return deflating.compress(content) + deflating.flush()


async def test_dcmtk_refuses(
    bus: Bus, store: Any, index: Any, sending: Any, tmp_path: Path
) -> None:
    """A storescp that refuses every association is told with its reason."""
    await store.add(*example("CT_small.dcm"))
    with storescp(tmp_path, "--refuse") as port:
        async with sending(bus, store, port) as sender:
            job = await sender.send(port)
    assert job.document.error_code == 9
    assert "association rejected: No reason given" in job.document.error_details
