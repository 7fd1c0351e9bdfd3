# SPDX-License-Identifier: Apache-2.0
"""pynetdicom's own AE as the peer, and large or many instances.

Each association of pynetdicom sends one request: its requestor loses a response that comes before
its own threads have seen that the previous request has ended.
"""

import hashlib
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil
import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom.association import Association

from pons.errors import OutOfResources

StartPort = Callable[..., Any]
CT = "1.2.840.10008.5.1.4.1.1.2"
VERIFICATION = "1.2.840.10008.1.1"
EXPLICIT = "1.2.840.10008.1.2.1"


def associate(port: Any, *contexts: tuple[str, list[str]], **options: Any) -> Association:
    ae = AE("SENDER")
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = 20
    for abstract_syntax, transfer_syntaxes in contexts:
        ae.add_requested_context(abstract_syntax, transfer_syntaxes)
    return ae.associate("127.0.0.1", port.number, **options)


def instance(sop_instance_uid: str, pixels: bytes = b"\1\2") -> Dataset:
    """A dataset to send."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID = CT
    ds.SOPInstanceUID = sop_instance_uid
    ds.PatientID = "P1"
    ds.add_new(0x7FE00010, "OW", pixels)
    return ds


def sent_as_file(content: bytes) -> Dataset:
    return dcmread(BytesIO(content))


@pytest.mark.parametrize(
    "name",
    [
        "CT_small.dcm",  # explicit VR little endian
        "rtplan.dcm",  # implicit VR little endian
        "MR_small_bigendian.dcm",
        "image_dfl.dcm",  # deflated
        "JPEG2000.dcm",
        "MR_small_RLE.dcm",
        "JPEG-lossy.dcm",
        "reportsi.dcm",
    ],
)
def test_real_files(port: Any, wire: ModuleType, name: str) -> None:
    """A file of each encoding is kept with its dataset bit by bit as it was sent."""
    path = Path(str(get_testdata_file(name)))
    ds = dcmread(path)
    transfer_syntax = ds.file_meta.TransferSyntaxUID
    sent = path.read_bytes()[132 + 12 + int(ds.file_meta.FileMetaInformationGroupLength) :]
    with port.connect(calling="SENDER") as peer:
        peer.associate((1, ds.SOPClassUID, transfer_syntax))
        peer.send(wire.fragment(1, 3, wire.command(1, ds.SOPClassUID, ds.SOPInstanceUID)))
        peer.send(wire.fragment(1, 0, sent[:1000]) + wire.fragment(1, 2, sent[1000:]))
        assert peer.receive_status() == 0
    content, origin = port.store.kept[0]
    kept = sent_as_file(content)
    assert kept.file_meta.TransferSyntaxUID == transfer_syntax
    assert origin.remote_aet == "SENDER"
    assert content[132 + 12 + int(kept.file_meta.FileMetaInformationGroupLength) :] == sent


@pytest.mark.parametrize("name", ["CT_small.dcm", "rtplan.dcm", "JPEG2000.dcm", "image_dfl.dcm"])
def test_files_from_pynetdicom(port: Any, name: str) -> None:
    """A file sent by pynetdicom is kept with every element that it had."""
    path = Path(str(get_testdata_file(name)))
    ds = dcmread(path)
    assoc = associate(port, (ds.SOPClassUID, [ds.file_meta.TransferSyntaxUID]))
    assert assoc.send_c_store(path).Status == 0
    assoc.release()
    assert assoc.is_released
    kept = sent_as_file(port.store.kept[0][0])
    assert list(kept) == list(ds)


def test_echo(port: Any) -> None:
    """C-ECHO with pynetdicom."""
    assoc = associate(port, (VERIFICATION, ["1.2.840.10008.1.2"]))
    assert assoc.send_c_echo().Status == 0
    assoc.release()
    assert assoc.is_released


def test_many_contexts(port: Any) -> None:
    """128 storage contexts in one association, then an instance in the last one."""
    ae = AE("SENDER")
    ae.requested_contexts = AllStoragePresentationContexts[:128]
    assoc = ae.associate("127.0.0.1", port.number)
    assert len(assoc.accepted_contexts) == 128
    ds = instance("1.2.3")
    ds.SOPClassUID = assoc.accepted_contexts[-1].abstract_syntax
    assert assoc.send_c_store(ds).Status == 0
    assoc.release()


def test_unknown_sop_class(start_port: StartPort) -> None:
    """A private SOP class is refused in the negotiation, or stored with the setting."""
    private = "1.2.840.113619.4.30"
    assoc = associate(start_port(), (private, [EXPLICIT]), (VERIFICATION, [EXPLICIT]))
    assert [context.result for context in assoc.rejected_contexts] == [3]
    assoc.release()
    port = start_port(accept_unknown_sop_classes=True)
    assoc = associate(port, (private, [EXPLICIT]))
    ds = instance("1.2.3")
    ds.SOPClassUID = private
    assert assoc.send_c_store(ds).Status == 0
    assoc.release()
    assert len(port.store.kept) == 1


def test_a_sop_class_that_is_not_received(start_port: StartPort) -> None:
    """It is refused in the negotiation, and on a context of another class."""
    port = start_port(rejected_sop_classes=[CT])
    mr = "1.2.840.10008.5.1.4.1.1.4"
    assoc = associate(port, (CT, [EXPLICIT]), (mr, [EXPLICIT]))
    assert [context.result for context in assoc.rejected_contexts] == [3]
    ds = instance("1.2.3")
    ds.SOPClassUID = mr
    assert assoc.send_c_store(ds).Status == 0
    assoc.release()
    assert len(port.store.kept) == 1


@pytest.mark.parametrize("maximum_length", [4096, 131072])
def test_pdu_lengths(start_port: StartPort, maximum_length: int) -> None:
    """Peers keep to the length that we announce, whichever that is."""
    port = start_port(maximum_pdu_length=maximum_length)
    assoc = associate(port, (CT, [EXPLICIT]))
    assert assoc.acceptor.maximum_length == maximum_length
    assert assoc.send_c_store(instance("1.2.3", os.urandom(1_000_000))).Status == 0
    assoc.release()


def test_rejected(start_port: StartPort) -> None:
    """A rejection is understood as one."""
    received: list[Any] = []
    associate(
        start_port(check_called_aet=True),
        (CT, [EXPLICIT]),
        ae_title="OTHER",
        evt_handlers=[(evt.EVT_PDU_RECV, lambda event: received.append(event.pdu))],
    )
    assert [(pdu.pdu_type, pdu.result_str, pdu.source_str, pdu.reason_str) for pdu in received] == [
        (3, "Rejected (Permanent)", "DUL service-user", "Called AE title not recognised")
    ]


def test_parallel_associations(port: Any, wire: ModuleType) -> None:
    """Twelve associations at once, ten instances each, and nothing is mixed up."""
    statuses: list[int] = []

    def send(number: int) -> None:
        with port.connect(calling=f"PEER{number}").associate() as peer:
            for count in range(10):
                uid = f"1.2.{number}.{count}"
                peer.send(wire.store(uid, wire.dataset(uid, bytes((number, count)) * 20_000)))
                statuses.append(peer.receive_status())

    threads = [threading.Thread(target=send, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert statuses == [0] * 120
    kept = {(origin.remote_aet, content[-40_000:]) for content, origin in port.store.kept}
    assert kept == {
        (f"PEER{number}", bytes((number, count)) * 20_000)
        for number in range(12)
        for count in range(10)
    }


def test_above_the_spool_limit(port: Any, tmp_path: Path) -> None:
    """A large instance goes through a spool file, which is gone afterwards; the bytes are right."""
    pixels = os.urandom(20_000_000)
    assoc = associate(port, (CT, [EXPLICIT]))
    assert assoc.send_c_store(instance("1.2.3", pixels)).Status == 0
    assoc.release()
    assert port.store.spooled == 1
    ds = sent_as_file(port.store.kept[0][0])
    assert hashlib.sha256(ds.PixelData).digest() == hashlib.sha256(pixels).digest()
    assert list(tmp_path.iterdir()) == []


def test_large_dataset_of_another_instance(port: Any, wire: ModuleType, tmp_path: Path) -> None:
    """The comparison with the command works for spooled datasets, too, and leaves no file."""
    with port.connect().associate() as peer:
        peer.send(wire.store("1.2.3", wire.dataset("1.2.4", bytes(10_000_000)), 60_000))
        assert peer.receive_status() == 0xA900
    assert list(tmp_path.iterdir()) == []


def test_abort_inside_a_large_dataset(port: Any, wire: ModuleType, tmp_path: Path) -> None:
    """A peer that leaves in the middle of a spooled dataset leaves no file."""
    with port.connect().associate() as peer:
        sent = wire.store("1.2.3", wire.dataset("1.2.3", bytes(20_000_000)), 60_000)
        peer.send(sent[:15_000_000])
        wire.until(lambda: len(list(tmp_path.iterdir())) == 1)
    wire.until(lambda: list(tmp_path.iterdir()) == [])
    assert port.store.kept == []


def test_no_room_for_a_large_dataset(port: Any, wire: ModuleType, tmp_path: Path) -> None:
    """Without a place to spool to, the rest of the dataset is skipped and the peer told why."""
    port.folder = tmp_path / "missing"
    with port.connect().associate() as peer:
        peer.send(wire.store("1.2.3", wire.dataset("1.2.3", bytes(20_000_000)), 60_000))
        assert peer.receive_status() == 0xA700
        peer.send(wire.store("1.2.4"))
        assert peer.receive_status() == 0


class RoomFor:
    """A disk that is full after so many writes."""

    def __init__(self, writes: int) -> None:
        self.left = writes

    def require(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise OutOfResources("The disk is full")


def test_a_dataset_without_room_gives_back_what_it_took(
    port: Any, wire: ModuleType, tmp_path: Path
) -> None:
    """As soon as the disk is full, not when the peer, which may never come to an end, does."""
    port.room = RoomFor(3)
    sent = wire.store("1.2.3", wire.dataset("1.2.3", bytes(20_000_000)), 60_000)
    with port.connect().associate() as peer:
        peer.send(sent[:15_000_000])
        wire.until(lambda: port.room.left < 0 and list(tmp_path.iterdir()) == [])
        peer.send(sent[15_000_000:])
        assert peer.receive_status() == 0xA700
        port.room = None
        peer.send(wire.store("1.2.4", wire.dataset("1.2.4", bytes(20_000_000)), 60_000))
        assert peer.receive_status() == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("writes", [100, 2], ids=["with room", "without"])
def test_a_dataset_that_never_ends(
    start_port: Any, wire: ModuleType, tmp_path: Path, logs: list[Any], writes: int
) -> None:
    """It ends the association, and nothing of it is left; one that has as much is taken."""
    port = start_port(max_dataset_mb=16)
    port.room = RoomFor(writes)
    longest = wire.dataset("1.2.4", bytes((16 << 20) - len(wire.dataset("1.2.4"))))
    with port.connect().associate() as peer:
        peer.send(wire.fragment(1, 3, wire.command(1, wire.CT, "1.2.3")))
        with suppress(ConnectionError):
            for _ in range(400):
                peer.send(wire.fragment(1, 0, bytes(60_000)))
        assert peer.receive() == (7, bytes(4))
    wire.until(lambda: list(tmp_path.iterdir()) == [])
    port.room = None
    with port.connect().associate() as peer:
        peer.send(wire.store("1.2.4", longest, 60_000))
        assert peer.receive_status() == 0
    (why,) = [line["why"] for line in logs if line["event"] == "association broken"]
    assert why == "A data set of more than 16 MB (dicom.max_dataset_mb)"


def test_memory_of_a_huge_instance(port: Any, wire: ModuleType) -> None:
    """Memory does not grow with the size of an instance (256 MB, or PONS_TEST_LARGE_MB)."""
    megabytes = int(os.environ.get("PONS_TEST_LARGE_MB", "256"))
    port.store.digest_only = True
    piece = os.urandom(1_000_000)
    pdus = b"".join(
        wire.fragment(1, 0, piece[at : at + 50_000]) for at in range(0, len(piece), 50_000)
    )
    sent = hashlib.sha256(wire.dataset("1.2.3"))
    process = psutil.Process()
    with port.connect().associate() as peer:
        peer.send(wire.fragment(1, 3, wire.command(1, wire.CT, "1.2.3")))
        peer.send(wire.fragment(1, 0, wire.dataset("1.2.3")))
        before = peak = process.memory_info().rss
        for _ in range(megabytes):
            peer.send(pdus)
            sent.update(piece)
            peak = max(peak, process.memory_info().rss)
        peer.send(wire.fragment(1, 2, b""))
        peer.socket.settimeout(120)
        assert peer.receive_status() == 0
        peak = max(peak, process.memory_info().rss)
    assert port.store.digests == [sent.digest()]
    assert peak - before < 64 * 1024 * 1024
