# SPDX-License-Identifier: Apache-2.0
"""A peer that can misbehave, and bytes for it, written apart from the code under test."""

import select
import socket
import struct
import time
from collections.abc import Callable
from typing import Any, Self

CT = "1.2.840.10008.5.1.4.1.1.2"
VERIFICATION = "1.2.840.10008.1.1"
IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"


def item(kind: int, content: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(content)) + content


def pdu(kind: int, content: bytes) -> bytes:
    return struct.pack(">BxI", kind, len(content)) + content


def pdv(context: int, control: int, content: bytes) -> bytes:
    return struct.pack(">IBB", len(content) + 2, context, control) + content


def fragment(context: int, control: int, content: bytes) -> bytes:
    """One P-DATA PDU with one fragment; control 3 is a whole command, 2 the end of a dataset."""
    return pdu(4, pdv(context, control, content))


def element(number: int, value: bytes) -> bytes:
    return struct.pack("<HHI", 0, number, len(value)) + value


def command(
    field_number: int,
    sop_class: str = CT,
    instance: str = "",
    dataset: bool = True,
    message_id: int = 7,
) -> bytes:
    """A command set."""

    def uid(text: str) -> bytes:
        return text.encode() + b"\0" * (len(text) % 2)

    content = element(0x0002, uid(sop_class)) + element(0x0100, struct.pack("<H", field_number))
    content += element(0x0110, struct.pack("<H", message_id))
    content += element(0x0800, struct.pack("<H", 1 if dataset else 0x0101))
    if instance:
        content += element(0x1000, uid(instance))
    return element(0, struct.pack("<I", len(content))) + content


def dataset(instance: str = "1.2.3", more: bytes = b"", sop_class: str = CT) -> bytes:
    """A dataset in explicit VR little endian that says which instance it is, and `more`."""

    def ui(number: int, text: str) -> bytes:
        value = text.encode() + b"\0" * (len(text) % 2)
        return struct.pack("<HH2sH", 8, number, b"UI", len(value)) + value

    return ui(0x0016, sop_class) + ui(0x0018, instance) + more


def response(field_number: int, message_id: int, status: int) -> bytes:
    """The command set of a response without a dataset."""
    content = element(0x0100, struct.pack("<H", field_number))
    content += element(0x0120, struct.pack("<H", message_id))
    content += element(0x0800, struct.pack("<H", 0x0101))
    content += element(0x0900, struct.pack("<H", status))
    return element(0, struct.pack("<I", len(content))) + content


def acceptance(*context_ids: int, transfer: str = IMPLICIT) -> bytes:
    """An A-ASSOCIATE-AC of these contexts."""
    items = item(0x10, b"1.2.840.10008.3.1.1.1")
    for number in context_ids:
        items += item(0x21, bytes((number, 0, 0, 0)) + item(0x40, transfer.encode()))
    items += item(0x50, item(0x51, bytes(4)) + item(0x52, b"1.2.3.4"))
    return pdu(2, struct.pack(">HH", 1, 0) + bytes(64) + items)


def store(instance: str = "1.2.3", content: bytes | None = None, size: int = 16000) -> bytes:
    """A C-STORE of `content` on context 1 as P-DATA PDUs of `size` bytes of dataset."""
    content = dataset(instance) if content is None else content
    pdus = [fragment(1, 3, command(1, CT, instance))]
    for start in range(0, len(content), size):
        last = start + size >= len(content)
        pdus.append(fragment(1, 2 if last else 0, content[start : start + size]))
    return b"".join(pdus)


class Peer:
    """A peer made of a socket: sends any bytes, reads PDU by PDU."""

    def __init__(
        self, port: int, calling: str = "PEER", called: str = "PONS", receive_buffer: int = 0
    ) -> None:
        self.socket = socket.socket()
        self.socket.settimeout(30)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        try:
            self.socket.connect(("127.0.0.1", port))
        except OSError:
            self.socket.close()
            raise
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.calling = calling
        self.called = called

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def associate(self, *contexts: tuple[int, str, str], **options: Any) -> Self:
        """Associate, with CT in explicit VR little endian as context 1 when none is given."""
        self.send(self.request(*contexts, **options))
        kind, _ = self.receive()
        assert kind == 2, f"PDU type {kind}"
        return self

    def request(
        self, *contexts: tuple[int, str, str], maximum_length: int = 0, user_items: bytes = b""
    ) -> bytes:
        """An A-ASSOCIATE-RQ."""
        items = item(0x10, b"1.2.840.10008.3.1.1.1")
        for number, abstract, transfer in contexts or (
            (1, CT, EXPLICIT),
            (3, VERIFICATION, IMPLICIT),
        ):
            names = item(0x30, abstract.encode()) + item(0x40, transfer.encode())
            items += item(0x20, bytes((number, 0, 0, 0)) + names)
        length = item(0x51, struct.pack(">I", maximum_length))
        items += item(0x50, length + item(0x52, b"1.2.3.4") + user_items)
        titles = self.called.encode().ljust(16) + self.calling.encode().ljust(16)
        return pdu(1, struct.pack(">HH", 1, 0) + titles + bytes(32) + items)

    def receive(self) -> tuple[int, bytes]:
        """Type and content of the next PDU; type 0 when the connection has ended."""
        header = self._exactly(6)
        if len(header) < 6:
            return 0, b""
        kind, length = struct.unpack(">BxI", header)
        return kind, self._exactly(length)

    def receive_status(self) -> int:
        """The status in the next response."""
        kind, content = self.receive()
        assert kind == 4, f"PDU type {kind}"
        at = content.index(struct.pack("<HHI", 0, 0x0900, 2)) + 8
        return int.from_bytes(content[at : at + 2], "little")

    def drip(self, data: bytes) -> None:
        """Send byte by byte until the other side has something to say, or has closed."""
        for byte in data:
            if select.select([self.socket], [], [], 0.02)[0]:
                return
            self.send(bytes((byte,)))
        raise AssertionError("all was sent and nothing happened")

    def flood(self, data: bytes) -> int:
        """Send without reading; how many bytes went before nothing was taken for half a second."""
        self.socket.settimeout(0.5)
        sent = 0
        try:
            while sent < len(data):
                sent += self.socket.send(data[sent : sent + 100_000])
        except TimeoutError:
            pass
        self.socket.settimeout(30)
        return sent

    def echo(self) -> int:
        """The status of a C-ECHO on context 3."""
        self.send(fragment(3, 3, command(0x30, VERIFICATION, dataset=False)))
        return self.receive_status()

    def at_end(self) -> bool:
        """Whether the other side has closed the connection, with nothing more to read."""
        return self._exactly(1) == b""

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            try:
                piece = self.socket.recv(size - len(data))
            except ConnectionResetError:
                return data
            if not piece:
                return data
            data += piece
        return data


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until `condition` holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)
