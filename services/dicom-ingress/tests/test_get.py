# SPDX-License-Identifier: Apache-2.0
"""C-GET by pynetdicom from real objects, of which some are lost or damaged."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import xxhash
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, RLELossless
from pynetdicom import AE, build_role, evt
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelGet as GET

from pons.catalog import InstanceToSend, Search
from pons.errors import Unavailable
from pons.objects import FileObjects, new_key
from pons.sending.element_bytes import PIXEL_DATA, NewElement
from pons_ingress.get import Get
from pons_ingress.service_classes import Permission
from pons_testing.object_folders import Lend

StartPort = Callable[..., Any]
LARGE = 3_000_000
"""Bytes of pixels: more than one piece."""


class Listed:
    """Stands in for the catalog and its list of instances."""

    def __init__(self) -> None:
        self.instances: list[InstanceToSend] = []
        self.away = False
        self.archive: Any = self
        self.asked: list[Search] = []

    async def search_ids(self, search: Search) -> AsyncIterator[list[str]]:
        self.asked.append(search)
        if self.away:
            raise Unavailable("The database cannot be reached now")
        yield [one.instance_id for one in self.instances]

    async def instances_to_send(self, resource_ids: list[str]) -> list[InstanceToSend]:
        return [one for one in self.instances if one.instance_id in resource_ids]


def file_of(number: int) -> bytes:
    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID = CTImageStorage, f"1.2.{number}"
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.PatientID = "1.3", "1.4", "A"
    ds.BitsAllocated, ds.PixelData = 8, bytes([number]) * LARGE
    ds["PixelData"].VR = "OB"
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    buffer = BytesIO()
    dcmwrite(buffer, ds, enforce_file_format=True)
    return buffer.getvalue()


@pytest.fixture
def served(
    start_port: StartPort, tmp_path: Path, lend_objects: Lend
) -> tuple[Any, Listed, FileObjects]:
    """A port that gives three instances."""
    lend_objects(tmp_path / "objects", "get")
    objects, catalog = FileObjects(tmp_path / "objects", "get"), Listed()
    for number in (1, 2, 3):
        content, key = file_of(number), new_key()
        asyncio.run(objects.put(key, content))
        catalog.instances.append(
            InstanceToSend(
                *(f"{number:040d}", (), key, len(content), len(content), ""),
                *(ExplicitVRLittleEndian, CTImageStorage, f"1.2.{number}", "1.4", "1.3", "A"),
                checksum=xxhash.xxh3_128(content).digest(),
            )
        )
    service = Get(catalog, objects, lambda: "latin1")
    port = start_port(more_services={Permission.GET: service}, always_allow_get=True)
    return port, catalog, objects


def get(port: Any, **named: str) -> tuple[list[Dataset], list[str], bool]:
    """The responses, what was received whole, and whether the association was aborted; `named` are
    more keywords of the identifier."""
    received: list[str] = []
    ended = threading.Event()

    def take(event: evt.Event) -> int:
        ds = event.dataset
        assert len(ds.PixelData) == LARGE
        received.append(str(ds.SOPInstanceUID))
        return 0

    entity = AE("GETTER")
    entity.add_requested_context(GET)
    entity.add_requested_context(CTImageStorage, ExplicitVRLittleEndian)
    assoc = entity.associate(
        "127.0.0.1",
        port.number,
        ext_neg=[build_role(CTImageStorage, scp_role=True)],  # type: ignore[list-item]
        evt_handlers=[(evt.EVT_C_STORE, take), (evt.EVT_ABORTED, lambda _: ended.set())],
    )
    assert assoc.is_established
    query = Dataset()
    query.QueryRetrieveLevel, query.StudyInstanceUID = "STUDY", "1.3"
    for keyword, value in named.items():
        setattr(query, keyword, value)
    responses = [status for status, _ in assoc.send_c_get(query, GET)]
    if "Status" in responses[-1]:
        assoc.release()
        return responses, received, False
    return responses, received, ended.wait(60)


def test_large_instances(served: tuple[Any, Listed, FileObjects]) -> None:
    """Instances of several pieces arrive whole, in order."""
    port, catalog, _ = served
    responses, received, _ = get(port)
    assert [one.Status for one in responses] == [0xFF00] * 3 + [0]
    assert received == ["1.2.1", "1.2.2", "1.2.3"]
    assert catalog.asked == [Search("Study", (("0020000D", "1.3"),), case_sensitive=True)]


def test_a_study_that_is_named_twice(served: tuple[Any, Listed, FileObjects]) -> None:
    """It has to fit AccessionNumber and UID: another patient's study may have the same number."""
    port, catalog, _ = served
    get(port, AccessionNumber="A1")
    both = (("00080050", "A1"), ("0020000D", "1.3"))
    assert catalog.asked == [Search("Study", both, case_sensitive=True)]


def test_an_instance_that_is_lost(served: tuple[Any, Listed, FileObjects]) -> None:
    """One whose object is gone fails alone, and says why."""
    port, catalog, objects = served
    asyncio.run(objects.delete([catalog.instances[1].object_key]))
    responses, received, _ = get(port)
    assert responses[-1].Status == 0xB000
    assert responses[-1].NumberOfFailedSuboperations == 1
    assert responses[-1].ErrorComment
    assert received == ["1.2.1", "1.2.3"]


def test_an_instance_that_is_damaged(served: tuple[Any, Listed, FileObjects]) -> None:
    """Damage that shows once a part has left ends the association: the peer must not keep it."""
    port, catalog, _ = served
    wrong = bytes(16)
    catalog.instances[1] = replace(catalog.instances[1], checksum=wrong)
    responses, received, aborted = get(port)
    assert received == ["1.2.1"]
    assert aborted
    assert all(one.get("Status", 0xFF00) == 0xFF00 for one in responses)


def test_a_database_that_is_away(served: tuple[Any, Listed, FileObjects]) -> None:
    """The peer hears that nothing can be sent now; the association goes on."""
    port, catalog, _ = served
    catalog.away = True
    responses, received, aborted = get(port)
    assert [one.Status for one in responses] == [0xA702]
    assert "database" in responses[0].ErrorComment
    assert received == []
    assert not aborted


def compressed_file() -> bytes:
    ds = dcmread(BytesIO(file_of(1)))
    ds.file_meta.TransferSyntaxUID = RLELossless
    ds.PixelData = encapsulate([b"not looked at"])
    buffer = BytesIO()
    dcmwrite(buffer, ds, enforce_file_format=True)
    return buffer.getvalue()


def compressed_in(folder: Path) -> tuple[FileObjects, Listed]:
    """A store of one instance, whose pixels are compressed."""
    objects, catalog = FileObjects(folder / "objects", "get"), Listed()
    content, key = compressed_file(), new_key()
    asyncio.run(objects.put(key, content))
    catalog.instances.append(
        InstanceToSend(
            *("1", (), key, len(content), len(content), "", RLELossless, CTImageStorage),
            *("1.2.1", "1.4", "1.3", "A"),
            checksum=xxhash.xxh3_128(content).digest(),
        )
    )
    return objects, catalog


def test_pixels_that_take_long_to_decompress(start_port: StartPort, tmp_path: Path) -> None:
    """The peer hears meanwhile that it goes on, and gets them in the end."""
    objects, catalog = compressed_in(tmp_path)
    (key,) = (one.object_key for one in catalog.instances)
    asked = []

    @asynccontextmanager
    async def decompress(instance: InstanceToSend) -> AsyncIterator[dict[int, NewElement]]:
        asked.append(instance.object_key)
        await asyncio.sleep(0.5)
        yield {PIXEL_DATA: NewElement("OB", bytes([1]) * LARGE)}

    service = Get(catalog, objects, lambda: "latin1", decompress, tell_seconds=0.02)
    port = start_port(more_services={Permission.GET: service}, always_allow_get=True)
    responses, received, _ = get(port)
    assert (received, asked) == (["1.2.1"], [key])
    assert responses[-1].Status == 0
    left = [one.NumberOfRemainingSuboperations for one in responses[:-1]]
    assert left == [1] * (len(left) - 1) + [0]
    assert len(left) > 2


def asking(port: Any, wire: ModuleType, maximum_length: int = 0) -> Any:
    """A peer made of a socket that has asked for the study, as SCP of CT images."""
    role = len(CTImageStorage).to_bytes(2, "big") + CTImageStorage.encode() + b"\0\1"
    peer = port.connect().associate(
        (1, GET, wire.IMPLICIT),
        (3, wire.CT, wire.EXPLICIT),
        maximum_length=maximum_length,
        user_items=wire.item(0x54, role),
    )
    query = b"\x08\0\x52\0\6\0\0\0STUDY \x20\0\x0d\0\4\0\0\x001.3\0"
    peer.send(wire.fragment(1, 3, wire.command(0x10, GET)) + wire.fragment(1, 2, query))
    return peer


def test_nothing_is_decompressed_for_a_peer_that_is_gone(
    start_port: StartPort, wire: ModuleType, tmp_path: Path
) -> None:
    """It may have asked for minutes of work, and asks for them again."""
    objects, catalog = compressed_in(tmp_path)
    ended = threading.Event()

    @asynccontextmanager
    async def decompress(_instance: InstanceToSend) -> AsyncIterator[dict[int, NewElement]]:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()
        yield {}

    service = Get(catalog, objects, lambda: "latin1", decompress, tell_seconds=0.02)
    port = start_port(more_services={Permission.GET: service}, always_allow_get=True)
    with asking(port, wire) as peer:
        assert peer.receive()[0] == 4
        assert not ended.is_set()
    assert ended.wait(60)


def dataset_of_a_store(peer: Any) -> bytes:
    """Read a C-STORE request to its end."""
    content = b""
    while True:
        kind, pdu = peer.receive()
        assert kind == 4
        if pdu[5] & 1 == 0:
            content += pdu[6:]
            if pdu[5] == 2:
                return content


@pytest.mark.parametrize("ending", ["abort", "leave", "wrong answer"])
def test_peers_that_end_it_amid(
    served: tuple[Any, Listed, FileObjects], wire: ModuleType, logs: list[Any], ending: str
) -> None:
    """An association that breaks between two instances is told of once, and nothing is left."""
    port, _, _ = served
    with asking(port, wire) as peer:
        assert len(dataset_of_a_store(peer)) > LARGE
        if ending == "abort":
            peer.send(wire.pdu(7, bytes(4)))
        elif ending == "wrong answer":
            peer.send(wire.fragment(3, 3, wire.response(0x8001, 99, 0)))
            assert peer.receive() == (7, bytes((0, 0, 2, 5)))
    ended = {"abort": "aborted", "leave": "lost", "wrong answer": "broken"}[ending]
    wire.until(lambda: any(line["event"] == f"association {ended}" for line in logs))
    assert [line["log_level"] for line in logs] == ["warning"]
    assert logs[0]["why"]
    responses, received, _ = get(port)
    assert (responses[-1].Status, len(received)) == (0, 3)


def test_a_peer_that_takes_tiny_pdus(
    served: tuple[Any, Listed, FileObjects], wire: ModuleType
) -> None:
    """It is served with bounded memory, and so are others meanwhile, until it goes away."""
    port, _, _ = served
    with asking(port, wire, maximum_length=8) as slow:
        assert slow.receive()[0] == 4
        for _ in range(3):
            responses, received, _ = get(port)
            assert (responses[-1].Status, len(received)) == (0, 3)
        assert [len(slow.receive()[1]) for _ in range(1000)] == [8] * 1000
