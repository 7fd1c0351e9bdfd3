# SPDX-License-Identifier: Apache-2.0
"""Large files pass through in bounded memory."""

import http.client
import os
import socket
import struct
import subprocess
from collections.abc import Callable, Iterator
from io import BytesIO

import psutil
import pytest
from pydicom import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset, write_file_meta_info
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    MaximumLengthNotification,
)
from pynetdicom.presentation import build_context

from outside import PeakMemory, Store, eventually, image, running

MEGABYTES = int(os.environ.get("PONS_TEST_LARGE_MB", "256"))
RESIDENT_LIMIT = 300 * 1024 * 1024
FRAME = bytes(range(256)) * 4096
"""A megabyte of pixels."""


@pytest.fixture(scope="module")
def large_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with running(Store("large", tmp_path_factory.mktemp("large") / "data")) as started:
        yield started


def multi_frame() -> tuple[Dataset, bytes]:
    """A multi-frame image without its pixels, and its dataset's bytes up to the pixels."""
    ds = image("LARGE", rows=16)
    ds.Rows, ds.Columns, ds.NumberOfFrames = 1024, 512, MEGABYTES
    del ds.PixelData
    body = DicomBytesIO()
    body.is_little_endian, body.is_implicit_VR = True, False
    write_dataset(body, ds)
    pixels = struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, MEGABYTES * len(FRAME))
    return ds, body.getvalue() + pixels


def test_a_large_c_store_takes_little_memory(large_store: Store) -> None:
    """dicom-ingress stays under 300 MB resident while a file far larger comes in."""
    ds, head = multi_frame()
    with PeakMemory(large_store, "ingress") as memory:
        assert send_in_pieces(large_store, ds, head) == 0
    assert memory.bytes < RESIDENT_LIMIT
    check_and_delete(large_store, ds, len(head))


def test_a_large_upload_takes_little_memory(large_store: Store) -> None:
    """The gateway stays under 300 MB resident while a file far larger comes in and goes out."""
    ds, head = multi_frame()
    with PeakMemory(large_store, "gateway") as memory:
        size = upload(large_store, ds, head)
        check_and_delete(large_store, ds, size - MEGABYTES * len(FRAME), exactly=True)
    assert memory.bytes < RESIDENT_LIMIT


def test_a_large_archive_takes_little_memory(large_store: Store) -> None:
    """Gateway and render stay under 300 MB resident while an archive far larger goes out."""
    ds, head = multi_frame()
    size = upload(large_store, ds, head)
    (patient,) = eventually("it is listed", lambda: large_store.get("/patients"))
    count = 0
    with (
        PeakMemory(large_store, "gateway") as gateway,
        PeakMemory(large_store, "render") as render,
        large_store.http.stream("GET", f"/patients/{patient}/archive", timeout=600) as response,
    ):
        for piece in response.iter_bytes():
            count += len(piece)
    assert count > size
    assert gateway.bytes < RESIDENT_LIMIT
    assert render.bytes < RESIDENT_LIMIT
    large_store.http.delete(f"/patients/{patient}")


def upload(store: Store, ds: Dataset, head: bytes) -> int:
    """Send the file by HTTP, without its bytes in memory; its size."""
    meta = part10_head(ds)

    def body() -> Iterator[bytes]:
        yield meta + head
        for _ in range(MEGABYTES):
            yield FRAME

    size = len(meta) + len(head) + MEGABYTES * len(FRAME)
    connection = http.client.HTTPConnection("127.0.0.1", store.http_port, timeout=600)
    connection.request("POST", "/instances", body(), {"Content-Length": str(size)})
    response = connection.getresponse()
    assert response.status == 200, response.read()
    response.read()
    connection.close()
    return size


def part10_head(ds: Dataset) -> bytes:
    file = BytesIO()
    file.write(bytes(128) + b"DICM")
    write_file_meta_info(file, ds.file_meta, enforce_standard=True)
    return file.getvalue()


def check_and_delete(store: Store, ds: Dataset, before: int, exactly: bool = False) -> None:
    """The file is there, whole, its last frame as sent; then it is deleted."""
    listed = eventually("it is listed", lambda: store.get("/instances", expand=""))
    assert [one["MainDicomTags"]["SOPInstanceUID"] for one in listed] == [ds.SOPInstanceUID]
    size = listed[0]["FileSize"]
    assert size == before + MEGABYTES * len(FRAME) if exactly else size > MEGABYTES * len(FRAME)
    last = b""
    count = 0
    with store.http.stream("GET", f"/instances/{listed[0]['ID']}/file", timeout=600) as response:
        for piece in response.iter_bytes():
            count += len(piece)
            last = (last + piece)[-len(FRAME) :]
    assert count == size
    assert last == FRAME
    frame = store.http.get(f"/instances/{listed[0]['ID']}/frames/{MEGABYTES - 1}/raw")
    assert frame.content == FRAME
    store.http.delete(f"/instances/{listed[0]['ID']}")


def send_in_pieces(store: Store, ds: Dataset, head: bytes) -> int:
    """C-STORE on a plain socket, so that this side needs no memory either; the status."""
    with socket.create_connection(("127.0.0.1", store.dicom_port), timeout=600) as connection:
        connection.sendall(associate_request(store.aet))
        accepted = A_ASSOCIATE_AC()
        accepted.decode(receive(connection))
        room = (accepted.user_information.maximum_length or 65536) - 6
        connection.sendall(p_data(c_store_command(ds), 0b11))
        for piece in pieces(head, room):
            connection.sendall(p_data(piece, 0))
        for _ in range(MEGABYTES - 1):
            connection.sendall(b"".join(p_data(piece, 0) for piece in pieces(FRAME, room)))
        *most, final = pieces(FRAME, room)
        connection.sendall(b"".join(p_data(piece, 0) for piece in most) + p_data(final, 0b10))
        answer = receive(connection)
        connection.sendall(struct.pack(">BBII", 5, 0, 4, 0))
        receive(connection)
    position = answer.index(struct.pack("<HHI", 0, 0x0900, 2)) + 8
    return int(struct.unpack_from("<H", answer, position)[0])


def pieces(content: bytes, room: int) -> list[bytes]:
    return [content[start : start + room] for start in range(0, len(content), room)]


def p_data(fragment: bytes, control: int) -> bytes:
    return struct.pack(">BBIIBB", 4, 0, len(fragment) + 6, len(fragment) + 2, 1, control) + fragment


def c_store_command(ds: Dataset) -> bytes:
    def uid(text: str) -> bytes:
        return text.encode() + b"\0" * (len(text) % 2)

    values = (
        (0x0002, uid(ds.SOPClassUID)),
        (0x0100, struct.pack("<H", 1)),
        (0x0110, struct.pack("<H", 1)),
        (0x0700, struct.pack("<H", 0)),
        (0x0800, struct.pack("<H", 1)),
        (0x1000, uid(ds.SOPInstanceUID)),
    )
    command = b"".join(
        struct.pack("<HHI", 0, element, len(value)) + value for element, value in values
    )
    return struct.pack("<HHII", 0, 0, 4, len(command)) + command


def associate_request(called_aet: str) -> bytes:
    request = A_ASSOCIATE()
    request.application_context_name = "1.2.840.10008.3.1.1.1"
    request.calling_ae_title, request.called_ae_title = "TESTER", called_aet
    context = build_context(CTImageStorage, ExplicitVRLittleEndian)
    context.context_id = 1
    request.presentation_context_definition_list = [context]
    length = MaximumLengthNotification()
    length.maximum_length_received = 16384
    implementation = ImplementationClassUIDNotification()
    implementation.implementation_class_uid = "1.2.3.4"
    request.user_information = [length, implementation]
    pdu = A_ASSOCIATE_RQ()
    pdu.from_primitive(request)
    return bytes(pdu.encode())


def receive(connection: socket.socket) -> bytes:
    header = exactly(connection, 6)
    return header + exactly(connection, struct.unpack_from(">I", header, 2)[0])


def exactly(connection: socket.socket, count: int) -> bytes:
    received = bytearray()
    while len(received) < count:
        piece = connection.recv(count - len(received))
        assert piece, "the store closed the connection"
        received += piece
    return bytes(received)


def test_the_store_is_small_when_idle(fresh_store: Callable[..., Store]) -> None:
    """All processes of an idle store together take at most 450 MB, as `./pons status` says."""
    store = fresh_store("idle")
    status = subprocess.run(
        store.command("status"), check=True, capture_output=True, text=True, timeout=60
    )
    total = sum(
        process.memory_full_info().pss
        for process in [*psutil.Process(store.pid).children(recursive=True)]
    )
    assert total < 450 * 1000**2, status.stdout
