# SPDX-License-Identifier: Apache-2.0
"""The whole service on a real nats-server and a real folder; only the index is away."""

import asyncio
import shutil
import ssl
import struct
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from unittest.mock import ANY
from uuid import UUID

import msgspec
import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.filereader import read_file_meta_info

from pons.errors import PonsError
from pons.header.meta import meta_end
from pons.health.readiness import Health
from pons.messages.events import Announcement
from pons.messages.names import Names
from pons.objects import FileObjects
from pons.ownership import Mark, mark_objects
from pons.settings import (
    DicomSettings,
    IngestSettings,
    NatsSettings,
    Settings,
    StorageSettings,
    StoreSettings,
)
from pons_embedded.ports import free_port
from pons_ingress.service import open_service
from pons_testing.certificates import Authority
from pons_testing.marks import mark_store
from pons_testing.nats import NatsServer, nats_server


@pytest.fixture(scope="module")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    with nats_server(tmp_path_factory.mktemp("nats")) as server:
        yield server


def send_file(wire: ModuleType, port: int, path: Path) -> list[int]:
    """The statuses of a C-STORE of the file, the same cut short, and a C-ECHO."""
    ds = dcmread(path)
    dataset = path.read_bytes()[132 + 12 + int(ds.file_meta.FileMetaInformationGroupLength) :]
    with wire.Peer(port).associate() as peer:
        peer.send(wire.store(ds.SOPInstanceUID, dataset))
        stored = peer.receive_status()
        peer.send(wire.store(ds.SOPInstanceUID, dataset[:400]))
        return [stored, peer.receive_status(), peer.echo()]


@pytest.mark.anyio
async def test_stored_and_announced(nats: NatsServer, wire: ModuleType, tmp_path: Path) -> None:
    """What a peer is told was stored is in the folder and announced; what is broken is neither."""
    settings = Settings(
        store=StoreSettings(name="ingress"),
        nats=NatsSettings(url=nats.embedded.url),
        storage=StorageSettings(path=tmp_path),
        dicom=DicomSettings(port=free_port()),
        ingest=IngestSettings(answer_timeout=0.1),
    )
    health = Health("dicom-ingress")
    path = Path(str(get_testdata_file("CT_small.dcm")))
    await mark_store(settings)
    async with open_service(settings, health), nats.bus("ingress") as bus:
        health.started = True
        assert await health.failures() == {}
        statuses = await asyncio.to_thread(send_file, wire, settings.dicom.port, path)
        assert statuses == [0, 0xC000, 0]
        message = await bus.stream.get_last_msg("ingress-ingest", Names("ingress").received)
        assert (await bus.stream.stream_info("ingress-ingest")).state.messages == 1
    announced = msgspec.msgpack.decode(message.data or b"", type=Announcement).instances[0]
    assert announced.sop_instance_uid == dcmread(path).SOPInstanceUID
    assert announced.origin.remote_aet == "PEER"
    (kept,) = (tmp_path / "ingress").glob("??/??/*")
    assert kept.name == str(announced.object_key)
    assert kept.stat().st_size == announced.size
    assert list(dcmread(kept)) == list(dcmread(path))


@pytest.mark.anyio
async def test_tls(nats: NatsServer, tmp_path: Path) -> None:
    """The port answers handshakes; files that do not fit are a warning of health, before anybody
    calls."""
    ours = Authority(tmp_path, "ours")
    mine = ours.issue("mine")
    settings = Settings(
        store=StoreSettings(name="secure"),
        nats=NatsSettings(url=nats.embedded.url),
        storage=StorageSettings(path=tmp_path),
        dicom=DicomSettings(
            port=free_port(),
            tls_certificate=str(mine.certificate),
            tls_private_key=str(mine.key),
            tls_trusted=str(ours.file),
        ),
    )
    await mark_store(settings)
    health = Health("dicom-ingress")
    async with open_service(settings, health):
        health.started = True
        assert await health.readiness() == {
            "service": "dicom-ingress",
            "ready": True,
            "failures": {},
            "tasks": ANY,
        }
        context = ssl.create_default_context(cafile=ours.file)
        context.load_cert_chain(mine.certificate, mine.key)
        address = ("127.0.0.1", settings.dicom.port)
        reader, writer = await asyncio.open_connection(*address, ssl=context)
        writer.write(b"\1\0\0\0\0\4" + bytes(4))
        assert (await reader.read(10))[:1] == b"\7"
        writer.close()
        shutil.copy(ours.issue("another").key, mine.key)
        report = await health.readiness()
        assert report["ready"]
        assert "dicom.tls_private_key is not that of" in report["warnings"]["certificates"]


@pytest.mark.anyio
async def test_another_stores_objects_are_refused(nats: NatsServer, tmp_path: Path) -> None:
    """Nobody can send an instance to a store whose objects are another's: the port never opens."""
    settings = Settings(
        store=StoreSettings(name="mixed"),
        nats=NatsSettings(url=nats.embedded.url),
        storage=StorageSettings(path=tmp_path),
        dicom=DicomSettings(port=free_port()),
    )
    await mark_store(settings)
    objects = FileObjects(tmp_path, "mixed")
    await mark_objects(objects, Mark("mixed", UUID(int=1)))
    await objects.close()
    refusal = pytest.RaisesExc(PonsError, match="point to different stores")
    with pytest.RaisesGroup(refusal, flatten_subgroups=True):
        async with open_service(settings, Health("dicom-ingress")):
            pytest.fail("the DICOM port is open")


IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"


def short(tag: int, vr: bytes, value: bytes) -> bytes:
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr, len(value)) + value


def implicit(tag: int, value: bytes) -> bytes:
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(value)) + value


IDENTITY = (
    (0x00080016, b"1.2.840.10008.5.1.4.1.1.2\0"),
    (0x00080018, b"1.2.3\0"),
    (0x0020000D, b"1.2\0"),
    (0x0020000E, b"1.2.5\0"),
)
PLAIN = b"".join(short(tag, b"UI", value) for tag, value in IDENTITY)
BARE = b"".join(implicit(tag, value) for tag, value in IDENTITY)
OTHER = b"1.2.840.10008.1.2.4.70"
SECOND_GROUP = short(0x00020000, b"UL", b"\x1e\0\0\0") + short(0x00020010, b"UI", OTHER)
GARBAGE = PLAIN.replace(b"\x06\x001.2.3\0", b"\x08\x001.2.3\0\x10\0")
INVALID_VR = PLAIN[:48] + short(0x00081030, b"??", b"ABCD") + PLAIN[48:]
FRAGMENT = b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\x04\0\0\0\xff\xd8\xff\xd9"


@pytest.mark.parametrize(
    ("context", "sent", "transfer_syntax", "stored"),
    [
        (IMPLICIT, PLAIN, EXPLICIT, PLAIN),
        (EXPLICIT, BARE, IMPLICIT, BARE),
        (EXPLICIT, SECOND_GROUP + PLAIN, EXPLICIT, PLAIN),
        (EXPLICIT, SECOND_GROUP[12:] + PLAIN, EXPLICIT, PLAIN),
        (IMPLICIT, SECOND_GROUP + BARE, IMPLICIT, BARE),
        (IMPLICIT, implicit(0x00020010, OTHER) + BARE, IMPLICIT, BARE),
        (EXPLICIT, GARBAGE, EXPLICIT, GARBAGE),
        (EXPLICIT, INVALID_VR, EXPLICIT, INVALID_VR),
        (
            "1.2.840.10008.1.2.4.50",
            PLAIN + FRAGMENT + b"\xfe\xff\xdd\xe0\xff\xff\xff\xff",
            "1.2.840.10008.1.2.4.50",
            PLAIN + FRAGMENT + b"\xfe\xff\xdd\xe0\xff\xff\xff\xff",
        ),
        (
            EXPLICIT,
            b"\xe0\x7f\x10\x00OW\0\0\x02\0\0\0\1\2" + PLAIN,
            EXPLICIT,
            b"\xe0\x7f\x10\x00OW\0\0\x02\0\0\0\1\2" + PLAIN,
        ),
    ],
)
@pytest.mark.anyio
async def test_odd_datasets_are_stored_as_what_they_are(
    context: str,
    sent: bytes,
    transfer_syntax: str,
    stored: bytes,
    nats: NatsServer,
    wire: ModuleType,
    tmp_path: Path,
) -> None:
    """The context's encoding counts where the bytes do not tell another; no group 0002 is kept."""

    def send() -> int:
        with wire.Peer(settings.dicom.port).associate((1, wire.CT, context)) as peer:
            peer.send(wire.store("1.2.3", sent))
            return int(peer.receive_status())

    settings = Settings(
        store=StoreSettings(name="ingress"),
        nats=NatsSettings(url=nats.embedded.url),
        storage=StorageSettings(path=tmp_path),
        dicom=DicomSettings(port=free_port()),
        ingest=IngestSettings(answer_timeout=0.1),
    )
    await mark_store(settings)
    async with open_service(settings, Health("dicom-ingress")), nats.bus("ingress") as bus:
        assert await asyncio.to_thread(send) == 0
        message = await bus.stream.get_last_msg("ingress-ingest", Names("ingress").received)
    announced = msgspec.msgpack.decode(message.data or b"", type=Announcement).instances[0]
    assert announced.transfer_syntax == transfer_syntax
    assert (announced.sop_instance_uid, announced.study_uid) == ("1.2.3", "1.2")
    kept = FileObjects(tmp_path, "ingress").local_path(announced.object_key)
    assert kept is not None
    content = kept.read_bytes()
    assert content[meta_end(content) :] == stored
    assert read_file_meta_info(kept).TransferSyntaxUID == transfer_syntax
