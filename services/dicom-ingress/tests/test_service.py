# SPDX-License-Identifier: Apache-2.0
"""The whole service on a real nats-server and a real folder; only the index is away."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import msgspec
import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file

from pons.events import Announcement
from pons.health import Health
from pons.names import Names
from pons.settings import (
    DicomSettings,
    IngestSettings,
    NatsSettings,
    Settings,
    StorageSettings,
    StoreSettings,
)
from pons.testing.marks import mark_store
from pons.testing.nats import NatsServer, nats_server
from pons_embedded.ports import free_port
from pons_ingress.service import open_service


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
