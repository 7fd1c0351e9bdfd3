# SPDX-License-Identifier: Apache-2.0
"""The port as a whole: how it ends, what it refuses to be, what it tells."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from prometheus_client import REGISTRY

from pons.errors import PonsError
from pons.settings import DicomSettings
from pons_ingress.server import DicomServer

StartPort = Callable[..., Any]
USER_ABORT = (7, b"\0\0\0\0")


def value(name: str, **labels: str) -> float:
    """A metric as it is now."""
    return REGISTRY.get_sample_value(name, labels) or 0


def test_running_store_is_finished(start_port: StartPort, wire: ModuleType) -> None:
    """A stop lets the store that runs be answered, then ends the association; no new ones come."""
    port = start_port()
    port.store.gate = gate = threading.Event()
    with port.connect().associate() as busy, port.connect().associate() as idle:
        busy.send(wire.store("1.2.3"))
        assert port.store.entered.wait(60)
        port.begin_stop()
        assert idle.receive() == USER_ABORT
        with pytest.raises(ConnectionError), port.connect() as late:
            late.associate()
        gate.set()
        assert busy.receive_status() == 0
        assert busy.receive() == USER_ABORT
    port.stop()
    assert len(port.store.kept) == 1


def test_a_store_that_is_read_only_refuses(start_port: StartPort, wire: ModuleType) -> None:
    """Each C-STORE is answered "not authorized", its dataset kept nowhere; an echo still works."""
    port = start_port(read_only=True)
    with port.connect().associate() as peer:
        peer.send(wire.store("1.2.3"))
        assert peer.receive_status() == 0x0124
        assert peer.echo() == 0
    assert port.store.kept == []


def test_associations_go_on_for_a_while(start_port: StartPort, wire: ModuleType) -> None:
    """Whoever is in the middle of a series sends the rest of it, while nobody new is accepted."""
    port = start_port(drain_seconds=60)
    with port.connect().associate() as peer:
        peer.send(wire.store("1.2.3"))
        assert peer.receive_status() == 0
        port.begin_stop()
        wire.until(lambda: refuses(port))
        for number in range(4, 9):
            peer.send(wire.store(f"1.2.{number}"))
            assert peer.receive_status() == 0
        peer.send(b"\5\0\0\0\0\4\0\0\0\0")
        assert peer.receive() == (6, bytes(4))
    port.stop()
    assert len(port.store.kept) == 6


def test_associations_do_not_go_on_for_ever(start_port: StartPort, wire: ModuleType) -> None:
    """After that time one that is left is aborted, and what it was told it stored is stored."""
    port = start_port(drain_seconds=0.3)
    with port.connect().associate() as peer:
        stored = 0
        port.begin_stop()
        while True:
            peer.send(wire.store(f"1.2.{stored + 3}"))
            kind, content = peer.receive()
            if kind == USER_ABORT[0]:
                break
            stored += 1
    assert (kind, content) == USER_ABORT
    port.stop()
    assert len(port.store.kept) == stored


def refuses(port: Any) -> bool:
    try:
        port.connect().socket.close()
    except ConnectionError:
        return True
    return False


def test_dataset_under_way_is_finished(start_port: StartPort, wire: ModuleType) -> None:
    """A stop in the middle of a dataset lets the rest arrive and be stored."""
    port = start_port()
    sent = wire.store("1.2.3", wire.dataset("1.2.3", bytes(100_000)))
    with port.connect().associate() as peer, port.connect().associate() as idle:
        peer.send(sent[:50_000])
        assert idle.echo() == 0
        port.begin_stop()
        assert idle.receive() == USER_ABORT
        peer.send(sent[50_000:])
        assert peer.receive_status() == 0
        assert peer.receive() == USER_ABORT
    port.stop()


def test_stop_is_bounded(start_port: StartPort, wire: ModuleType) -> None:
    """A store that hangs is given up after the grace, its peer told by an abort."""
    port = start_port(grace=0.3)
    port.store.gate = threading.Event()
    with port.connect().associate() as busy:
        busy.send(wire.store("1.2.3"))
        assert port.store.entered.wait(60)
        started = time.monotonic()
        port.begin_stop()
        assert busy.receive() == USER_ABORT
        assert time.monotonic() - started < 15
    port.store.gate.set()


def test_silent_peers_do_not_hold_up_a_stop(start_port: StartPort) -> None:
    """Connections without an association, and peers that do not close, end with the port."""
    port = start_port()
    with port.connect() as silent, port.connect().associate() as released:
        released.send(b"\5\0\0\0\0\4\0\0\0\0")
        assert released.receive() == (6, bytes(4))
        started = time.monotonic()
        port.stop()
        assert time.monotonic() - started < 15
        assert silent.at_end()


async def listen(port: int, **settings: Any) -> None:
    async with DicomServer(DicomSettings(**settings), "127.0.0.1", port, {}, None, None):  # type: ignore[arg-type]
        pass


def test_busy_port(port: Any) -> None:
    """A port in use is one clear error."""
    with pytest.raises(PonsError, match=f"Cannot listen on 127.0.0.1:{port.number}"):
        asyncio.run(listen(port.number))


@pytest.mark.skipif(not hasattr(socket, "SO_REUSEPORT"), reason="needs SO_REUSEPORT")
def test_shared_port(start_port: StartPort) -> None:
    """Several processes may listen on one port when the setting says so."""
    first = start_port(processes=2)
    asyncio.run(listen(first.number, processes=2))
    with first.connect().associate() as peer:
        assert peer.echo() == 0


def test_outcomes_are_logged(port: Any, wire: ModuleType, logs: list[dict[str, Any]]) -> None:
    """One line per outcome, with UIDs and titles and nothing of the dataset."""
    with port.connect().associate() as peer:
        peer.send(wire.store("1.2.3"))
        assert peer.receive_status() == 0
        peer.send(wire.store("1.2.3", wire.dataset("1.2.4")))
        assert peer.receive_status() == 0xA900
        peer.send(b"\5\0\0\0\0\4\0\0\0\0")
        assert peer.receive() == (6, bytes(4))
    wire.until(lambda: len(logs) == 3)
    stored, refused, released = logs
    assert stored["event"] == "instance stored"
    assert (stored["sop_instance_uid"], stored["source"], stored["outcome"]) == (
        "1.2.3",
        "PEER",
        "Success",
    )
    assert (refused["event"], refused["status"]) == ("instance refused", "A900")
    assert refused["reason"] == "SOP Instance UID differs between request and dataset"
    assert (released["event"], released["requests"]) == ("association released", 2)


def test_refusals_are_logged(start_port: StartPort, wire: ModuleType, logs: list[Any]) -> None:
    """A rejection, an abort and a violation say who and why; a probe of the port says nothing."""
    port = start_port(check_called_aet=True)
    with port.connect(called="OTHER") as peer:
        peer.send(peer.request())
        assert peer.receive() == (3, b"\0\1\1\7")
    wire.until(lambda: len(logs) == 1)
    with port.connect().associate() as peer:
        peer.send(wire.fragment(9, 3, b"abc"))
        assert peer.receive()[0] == 7
    wire.until(lambda: len(logs) == 2)
    port.connect().socket.close()
    wire.until(lambda: len(logs) == 3)
    rejected, broken, probed = logs
    assert (rejected["event"], rejected["why"]) == (
        "association rejected",
        "this is PONS, not OTHER",
    )
    assert (broken["event"], broken["why"]) == (
        "association broken",
        "Presentation context 9 was not accepted",
    )
    assert probed["log_level"] == "debug"


def test_metrics(port: Any, wire: ModuleType) -> None:
    """Associations, instances by status, bytes and seconds are counted."""
    stored = value("pons_dicom_instances_total", outcome="Success", status="0000")
    refused = value("pons_dicom_instances_total", outcome="WrongDataset", status="A900")
    received = value("pons_dicom_received_bytes_total")
    seconds = value("pons_dicom_store_seconds_count")
    released = value("pons_dicom_associations_total", outcome="released")
    wire.until(lambda: value("pons_dicom_associations_open") == 0)
    with port.connect().associate() as peer:
        peer.send(wire.store("1.2.3"))
        assert peer.receive_status() == 0
        assert value("pons_dicom_associations_open") == 1
        peer.send(wire.store("1.2.3", wire.dataset("1.2.4")))
        assert peer.receive_status() == 0xA900
        peer.send(b"\5\0\0\0\0\4\0\0\0\0")
        assert peer.receive() == (6, bytes(4))
    wire.until(lambda: value("pons_dicom_associations_open") == 0)
    assert value("pons_dicom_associations_total", outcome="released") == released + 1
    assert value("pons_dicom_instances_total", outcome="Success", status="0000") == stored + 1
    assert value("pons_dicom_instances_total", outcome="WrongDataset", status="A900") == refused + 1
    assert value("pons_dicom_received_bytes_total") > received + 650
    assert value("pons_dicom_store_seconds_count") == seconds + 2
